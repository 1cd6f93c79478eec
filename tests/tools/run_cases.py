#!/usr/bin/env python3
"""Sends the cases of tests/unit/embedded/cases to a server that has berth's CRDs, and cleans up behind each file.

    run_cases.py [--token TOKEN] URL FILE...
"""
import argparse
import json
import ssl
import sys
import urllib.error
import urllib.request


class Server:
    def __init__(self, url, token):
        self.url = url
        self.token = token
        self.context = ssl.create_default_context()
        self.context.check_hostname = False  # a test server signs its own certificate
        self.context.verify_mode = ssl.CERT_NONE

    def send(self, method, path, body=None, content_type=None, accept=None):
        data = None
        if body is not None:
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", content_type or "application/json")
        request.add_header("Accept", accept or "application/json")
        if self.token:
            request.add_header("Authorization", "Bearer " + self.token)
        try:
            context = self.context if self.url.startswith("https") else None
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()


def compare(want, is_, path=""):
    if want == "$absent":
        return [] if is_ is None else [f"{path} is there"]
    if want == "$any":
        return [f"{path} is not there"] if is_ is None else []
    if isinstance(want, str) and want.startswith("~"):
        return [] if isinstance(is_, str) and want[1:] in is_ else [f"{path}: {is_!r} does not contain {want[1:]!r}"]
    if isinstance(want, dict):
        have = is_ if isinstance(is_, dict) else {}
        return [w for k, v in want.items() for w in compare(v, have.get(k), f"{path}.{k}")]
    if isinstance(want, list):
        have = is_ if isinstance(is_, list) else []
        wrong = [] if len(have) == len(want) else [f"{path} has {len(have)} items, want {len(want)}"]
        for i, v in enumerate(want):
            wrong += compare(v, have[i] if i < len(have) else None, f"{path}[{i}]")
        return wrong
    return [] if want == is_ else [f"{path} is {is_!r}, want {want!r}"]


def run_file(server, name):
    with open(name, encoding="utf-8") as f:
        steps = json.load(f)["steps"]
    failed = 0
    made = []
    for number, step in enumerate(steps, 1):
        if step.get("only") == "embedded":
            continue
        code, body = server.send(step["method"], step["path"], step.get("body"), step.get("type"), step.get("accept"))
        wrong = [] if code == step.get("status", 200) else [f"status is {code}, want {step.get('status', 200)}"]
        if "expect" in step:
            try:
                wrong += compare(step["expect"], json.loads(body))
            except ValueError:
                wrong.append("the answer is no JSON")
        if step["method"] == "POST" and code == 201:
            made.append(step["path"].split("?")[0] + "/" + json.loads(body)["metadata"]["name"])
        if wrong:
            failed += 1
            print(f"{name}, step {number}, {step['name']}:", *wrong, "  " + body.decode()[:1000], sep="\n")
    for path in reversed(made):
        server.send("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")
        server.send("DELETE", path)
    print(f"{name}: {len(steps)} steps, {failed} failed")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--token")
    parser.add_argument("url")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    server = Server(args.url, args.token)
    sys.exit(1 if sum(run_file(server, name) for name in args.files) else 0)


if __name__ == "__main__":
    main()
