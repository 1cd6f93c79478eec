"""What the documentation points to is there."""

import functools
import glob
import os
import re

from lib.controlplane import ROOT

PAGES = sorted(glob.glob(os.path.join(ROOT, "*.md")) + glob.glob(os.path.join(ROOT, "docs", "**", "*.md"), recursive=True))


@functools.cache
def text_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def test_links_between_pages_lead_somewhere():
    dead = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(page)):
            if "://" not in target and not os.path.exists(os.path.join(os.path.dirname(page), target)):
                dead.append(f"{os.path.relpath(page, ROOT)}: {target}")
    assert PAGES and not dead


def test_tests_that_are_named_are_there():
    programs = {os.path.basename(p): p for p in glob.glob(os.path.join(ROOT, "tests", "**", "*.[cp]*"), recursive=True)}
    named = [(page, *found) for page in PAGES for found in re.findall(r"`(\w+\.(?:py|c))::(\w+)`", text_of(page))]
    assert len(named) > 20
    gone = [f"{file}::{name}" for _, file, name in named
            if file not in programs or not re.search(rf"\b{name}\(", text_of(programs[file]))]
    assert not gone
