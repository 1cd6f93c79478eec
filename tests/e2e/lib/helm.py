"""Helm, and the chart as it comes out with given values."""

import functools
import glob
import os
import subprocess

import yaml

from . import controlplane
from .controlplane import ROOT

CHART = os.path.join(ROOT, "deploy", "chart")


@functools.cache
def binary():
    return os.path.join(controlplane.programs("helm"), "helm")


def helm(*argv, env=None):
    """The finished process; whether it worked is for the caller to see."""
    # The chart's CRDs are those of deploy/crds by a link, which Helm remarks upon each time.
    done = subprocess.run([binary(), *argv], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, **(env or {})})
    done.stderr = "\n".join(s for s in done.stderr.splitlines() if "found symbolic link" not in s)
    return done


def value_sets():
    """{name: arguments}: no values at all, and each file of the chart's ci folder."""
    found = {"default": []}
    for path in sorted(glob.glob(os.path.join(CHART, "ci", "*-values.yaml"))):
        found[os.path.basename(path).removesuffix("-values.yaml")] = ["--values", path]
    return found


def text_of(*argv, release="berth", hooks=False):
    """What the chart makes, as YAML: without what only Helm runs, or with it."""
    done = helm("template", release, CHART, "--namespace", "berth-system", *([] if hooks else ["--no-hooks"]), *argv)
    assert done.returncode == 0, done.stderr
    return done.stdout


def template(*argv, release="berth", hooks=False):
    """The same as objects."""
    return [o for o in yaml.safe_load_all(text_of(*argv, release=release, hooks=hooks)) if o]


def one(objects, kind, suffix=""):
    """The only object of the kind, whose name ends so."""
    found = [o for o in objects if o["kind"] == kind and o["metadata"]["name"].endswith(suffix)]
    assert len(found) == 1, f"{len(found)} {kind}s *{suffix}"
    return found[0]
