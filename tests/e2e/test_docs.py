"""What the documentation points to is there."""

import functools
import glob
import os
import re

from lib.berth import run
from lib.controlplane import ROOT

FOLDERS = ("docs", "deploy", "src", "tests", "tools", "examples")
PAGES = sorted(glob.glob(os.path.join(ROOT, "*.md")) + [
    page for folder in FOLDERS for page in glob.glob(os.path.join(ROOT, folder, "**", "*.md"), recursive=True)])
# Flags of others that our pages speak of: of kubectl, helm, kube-controller-manager, meson, and of our own tools.
OTHERS_FLAGS = {"all", "allocate-node-cidrs", "buildtype", "create-namespace", "minutes", "no-hooks", "only",
                "replicas", "reset-then-reuse-values", "rounds", "server-side", "set", "type"}


@functools.cache
def text_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def anchors_of(page):
    """What a link into the page may name: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text_of(page), flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_links_between_pages_lead_somewhere():
    dead, n = [], 0
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", re.sub(r"`[^`\n]*`", "", text_of(page))):
            path = os.path.normpath(os.path.join(os.path.dirname(page), target)) if target else page
            if "://" in target:
                continue
            n += 1
            if not os.path.exists(path) or (anchor and anchor not in anchors_of(path)):
                dead.append(f"{os.path.relpath(page, ROOT)}: {target}#{anchor}")
    assert n > 50 and not dead


def test_flags_that_are_named_are_there():
    known = set(OTHERS_FLAGS)
    for verb in ("operator", "plan", "explain", "status", "history", "cleanup"):
        code, out, _ = run(verb, "--help")
        assert code == 0
        known |= set(re.findall(r"^  (?:-\w, )?--([a-z0-9-]+)", out, re.M)) | {"help"}
    pages = [p for p in PAGES if os.path.dirname(p) in (ROOT, os.path.join(ROOT, "docs"))]
    named = {(os.path.relpath(p, ROOT), flag) for p in pages
             for flag in re.findall(r"(?<![\w-])--([a-z][a-z0-9-]+)", text_of(p))}
    assert len(named) > 80
    assert sorted(n for n in named if n[1] not in known) == []


def test_tests_that_are_named_are_there():
    programs = {os.path.basename(p): p for p in glob.glob(os.path.join(ROOT, "tests", "**", "*.[cp]*"), recursive=True)}
    named = [(page, *found) for page in PAGES for found in re.findall(r"`(\w+\.(?:py|c))::(\w+)`", text_of(page))]
    assert len(named) > 20
    gone = [f"{file}::{name}" for _, file, name in named
            if file not in programs or not re.search(rf"\b{name}\(", text_of(programs[file]))]
    assert not gone
