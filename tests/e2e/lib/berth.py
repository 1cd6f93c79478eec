"""The operator under test: started with flags, watched through its log, its HTTP endpoints and /proc."""

import http.client
import json
import os
import re
import signal
import subprocess

from .controlplane import ROOT
from .process import Process, free_port, wait_until

BINARY = os.path.abspath(os.environ.get("BERTH_BIN", os.path.join(ROOT, "build", "berth")))

# What the sanitizers print; none of it may stand in a log.
SANITIZER_REPORT = re.compile(r"ERROR: (?:Address|Leak|Undefined\w*|Memory|Thread)Sanitizer|runtime error:")


def environment(more=None):
    """The operator's: flags come from the test alone, and a sanitizer's report ends the process with a
    status that no test expects."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith("BERTH_") and k != "KUBECONFIG"}
    mine.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99")
    mine.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1:exitcode=99")
    return {**mine, **(more or {})}


def parse_logfmt(line):
    """{key: text} of a line such as: level=info msg="a \\"b\\"" n=3. None where it is no such line."""
    fields, at = {}, 0
    pattern = re.compile(r'([A-Za-z0-9_.-]+)=("(?:[^"\\]|\\.)*"|[^\s"=]*)(?:\s+|$)')
    line = line.rstrip("\n")
    while at < len(line):
        m = pattern.match(line, at)
        if not m:
            return None
        value = m.group(2)
        fields[m.group(1)] = json.loads(value) if value.startswith('"') else value
        at = m.end()
    return fields if "msg" in fields else None


def parse_json_line(line):
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and "msg" in fields else None


def parse_metrics(text):
    """{(name, ((label, value), ...)): number} of the Prometheus text format."""
    sample = re.compile(r"^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+\d+)?$")
    label = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)",?')
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        m = sample.match(line)
        assert m, f"no sample: {line!r}"
        labels = tuple(sorted(label.findall(m.group(2) or "")))
        found[(m.group(1), labels)] = float(m.group(3))
    return found


class Metrics(dict):
    def value(self, name, **labels):
        return self.get((name, tuple(sorted(labels.items()))))

    def names(self):
        return {name for name, _ in self}

    def total(self, name, **labels):
        """The sum over all samples of the name that carry these labels."""
        return sum(v for (n, ls), v in self.items() if n == name and set(labels.items()) <= set(ls))


class Berth:
    """One `berth operator` process."""

    def __init__(self, flags, log_path, env=None, json_log=False, program=None):
        program = program or BINARY
        self.http_port = free_port()
        self.json_log = json_log
        argv = [program, "operator", f"--http-address=127.0.0.1:{self.http_port}", *flags]
        if json_log:
            argv.append("--log-format=json")
        self.argv = argv
        self._log_from = os.path.getsize(log_path) if os.path.exists(log_path) else 0
        assert os.access(program, os.X_OK), f"no program at {program}: build it, or set BERTH_BIN"
        self.process = Process("berth", argv, log_path, environment(env))

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.running()

    # What it says

    def log_text(self):
        with open(self.process.log_path, encoding="utf-8", errors="replace") as f:
            f.seek(self._log_from)
            return f.read()

    def log(self):
        """The lines as {key: value}; a line that is none is an error."""
        lines, parse = [], parse_json_line if self.json_log else parse_logfmt
        text = self.log_text()
        for line in text[:text.rfind("\n") + 1].splitlines():
            fields = parse(line)
            assert fields is not None, f"not a line of the log: {line!r}"
            lines.append(fields)
        return lines

    def find_log(self, *words, level=None):
        """The raw lines that hold all the words (in any case)."""
        found = []
        for line in self.log_text().splitlines():
            low = line.lower()
            if all(w.lower() in low for w in words):
                if level is None or f"level={level}" in line or f'"level":"{level}"' in line:
                    found.append(line)
        return found

    def wait_log(self, *words, level=None, timeout=30):
        return wait_until(f"a log line with {words}", lambda: self.find_log(*words, level=level), timeout,
                          last=lambda: self.log_text()[-3000:])

    # What it serves

    def http(self, path, timeout=10, headers=None):
        """(status, headers, text)"""
        c = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=timeout)
        try:
            c.request("GET", path, headers=headers or {})
            r = c.getresponse()
            return r.status, r.headers, r.read().decode()
        finally:
            c.close()

    def http_status(self, path):
        """The status, or None where nobody answers."""
        try:
            return self.http(path)[0]
        except OSError:
            return None

    def wait_ready(self, timeout=60):
        def ready():
            if not self.running():
                raise AssertionError(
                    f"berth exited with {self.process.popen.returncode}: {self.log_text()[-3000:]}")
            return self.http_status("/readyz") == 200
        wait_until("/readyz answers 200", ready, timeout, last=lambda: self.log_text()[-3000:])
        return self

    def metrics(self):
        status, _, text = self.http("/metrics")
        assert status == 200, f"/metrics: {status}"
        return Metrics(parse_metrics(text))

    # What it uses

    def memory(self):
        """Bytes: {"VmRSS": ..., "RssAnon": ..., "VmHWM": ...}"""
        found = {}
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            for line in f:
                name, _, rest = line.partition(":")
                if rest.strip().endswith("kB"):
                    found[name] = int(rest.split()[0]) * 1024
        return found

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # How it ends

    def stop(self, timeout=30):
        """An orderly stop; anything but exit 0 is a failure."""
        status = self.process.stop(signal.SIGTERM, timeout)
        self.check_sanitizers()
        assert status == 0, f"berth exited with {status} on SIGTERM: {self.log_text()[-3000:]}"

    def kill9(self):
        self.process.kill()
        self.check_sanitizers()

    def check_sanitizers(self):
        text = self.log_text()
        report = SANITIZER_REPORT.search(text)
        assert not report, f"a sanitizer found something:\n{text[report.start():report.start() + 6000]}"

    def end(self):
        """For a fixture: whatever the test left running is stopped, in order."""
        if self.running():
            self.stop()
        else:
            self.check_sanitizers()


def run(*argv, stdin="", env=None, timeout=60):
    """Runs `berth ARGV` to its end: (exit status, standard output, standard error)."""
    done = subprocess.run([BINARY, *argv], input=stdin, text=True, capture_output=True, timeout=timeout,
                          env=environment(env), check=False)
    assert not SANITIZER_REPORT.search(done.stderr), done.stderr
    return done.returncode, done.stdout, done.stderr
