#!/usr/bin/env python3
"""Prints "PASSED FAILED SKIPPED" of one runner's results file, and the name of each failure on standard error.

count-results.py meson testlog.json EXIT_STATUS   one line of JSON per test program; TAP inside is counted
count-results.py junit results.xml EXIT_STATUS    pytest's --junitxml

A runner that ended badly is never lost: where its file names no failure but the status says so, where there
is no file, or where nothing ran, one failure is counted.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

RESULT = re.compile(r"^(not ok|ok) \d+(?: - )?(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\b")


def count_tap(text):
    """(passed, failed, skipped, planned, names of failures) of a program's output."""
    passed = failed = skipped = planned = 0
    names = []
    for line in text.splitlines():
        if m := PLAN.match(line):
            planned += int(m.group(1))
        elif m := RESULT.match(line):
            if re.search(r"#\s*skip", m.group(2), re.IGNORECASE):
                skipped += 1
            elif m.group(1) == "ok":
                passed += 1
            else:
                failed += 1
                names.append(m.group(2))
    return passed, failed, skipped, planned, names


def count_meson(path):
    passed = failed = skipped = 0
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            test = json.loads(line)
            p, bad, s, planned, names = count_tap(test.get("stdout") or "")
            good = test["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
            if p + bad + s == 0:
                if test["result"] == "SKIP":
                    s = 1
                elif good:
                    p = 1
            # Ended before its plan was through, or with a status that no result explains.
            if (not good or p + bad + s < planned) and bad == 0:
                bad = 1
                names.append(f"ended with {test['result']} (exit {test.get('returncode')})")
            for name in names:
                print(f"FAILED {test['name']}: {name}", file=sys.stderr)
            passed, failed, skipped = passed + p, failed + bad, skipped + s
    return passed, failed, skipped


def count_junit(path):
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            print(f"FAILED {case.get('classname')}.{case.get('name')}", file=sys.stderr)
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main():
    kind, path, status = sys.argv[1], sys.argv[2], int(sys.argv[3])
    try:
        passed, failed, skipped = {"meson": count_meson, "junit": count_junit}[kind](path)
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as e:
        print(f"FAILED no results of {kind}: {e}", file=sys.stderr)
        passed, failed, skipped = 0, 1, 0
    if status != 0 and failed == 0:
        print(f"FAILED {kind} ended with {status}, which no result explains", file=sys.stderr)
        failed = 1
    if passed + failed + skipped == 0:
        print(f"FAILED {kind} ran nothing", file=sys.stderr)
        failed = 1
    print(passed, failed, skipped)


if __name__ == "__main__":
    main()
