"""The stock kubectl, with a kubeconfig and a home of its own."""

import json
import os
import subprocess


class KubectlError(AssertionError):
    def __init__(self, argv, done):
        self.returncode, self.stdout, self.stderr = done.returncode, done.stdout, done.stderr
        super().__init__(f"kubectl {' '.join(argv)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")


class Kubectl:
    def __init__(self, binary, kubeconfig, home):
        self.binary = binary
        self.env = dict(os.environ, KUBECONFIG=str(kubeconfig), HOME=str(home))

    def run(self, *argv, stdin=None, env=None, timeout=60):
        """The finished process; a failure raises KubectlError."""
        done = self.try_run(*argv, stdin=stdin, env=env, timeout=timeout)
        if done.returncode != 0:
            raise KubectlError(argv, done)
        return done

    def try_run(self, *argv, stdin=None, env=None, timeout=60):
        return subprocess.run(
            [self.binary, *argv], input=stdin if stdin is not None else "", text=True, capture_output=True,
            env=dict(self.env, **(env or {})), timeout=timeout, check=False)

    def start(self, *argv):
        """A kubectl that goes on running, as with --watch; the caller ends it."""
        return subprocess.Popen([self.binary, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, env=self.env)

    def __call__(self, *argv, **kwargs):
        return self.run(*argv, **kwargs).stdout

    def json(self, *argv):
        return json.loads(self("get", *argv, "-o", "json"))

    def apply(self, *objects, **kwargs):
        """Client-side apply of objects given as dictionaries."""
        return self("apply", "-f", "-", stdin=as_list(objects), **kwargs)

    def table(self, *argv):
        """`kubectl get` as rows: a list of {column: cell}, cut where the header's columns begin."""
        return self.table_of("get", *argv)

    def table_of(self, *argv):
        return parse_table(self(*argv).splitlines())


def as_list(objects):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def parse_table(lines):
    header = lines[0]
    # A column's name may hold one space ("IPS AVAILABLE"); columns stand three spaces apart.
    starts, names, at = [], [], 0
    for name in [n for n in header.split("   ") if n.strip()]:
        at = header.index(name.strip(), at)
        starts.append(at)
        names.append(name.strip())
        at += len(name.strip())
    rows = []
    for line in lines[1:]:
        ends = starts[1:] + [len(line)]
        rows.append({n: line[s:e].strip() for n, s, e in zip(names, starts, ends)})
    return rows
