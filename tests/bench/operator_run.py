"""One `berth operator` under measurement."""

import os
import re
import socket
import time

from lib.berth import Berth
from lib.process import wait_until


def ready_seconds(operator, start, timeout=30):
    """Polls /readyz without the price of a client library: a millisecond counts here."""
    request = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    while True:
        try:
            with socket.create_connection(("127.0.0.1", operator.http_port), 1) as s:
                s.sendall(request)
                if s.recv(100).startswith(b"HTTP/1.1 200"):
                    return time.monotonic() - start
        except OSError:
            pass
        if not operator.running() or time.monotonic() - start > timeout:
            raise AssertionError(f"berth does not get ready: {operator.log_text()[-2000:]}")
        time.sleep(0.001)


def run_seconds(pid):
    """CPU seconds of all threads, to the nanosecond; /proc/PID/stat counts in hundredths."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


class OperatorRun:
    """wall_start goes with the log's times, start with time.monotonic()."""

    def __init__(self, flags, folder, program=None):
        self.log_path = os.path.join(folder, "berth.log")
        self.start = time.monotonic()
        self.wall_start = time.time()
        self.operator = Berth(list(flags), self.log_path, program=program)
        self.pid = self.operator.pid

    def lists_complete(self, timeout=60):
        """Seconds from the start of the process, by the log."""
        pattern = re.compile(r'time=(\S+) .*msg="all lists are complete"')
        found = wait_until("all lists are complete", lambda: pattern.search(self.operator.log_text()), timeout,
                           every=0.2)
        whole, _, fraction = found[1].rstrip("Z").partition(".")
        wall = _seconds(whole) + float(f"0.{fraction or 0}")
        return wall - self.wall_start

    def requests(self):
        """{(verb, resource): count} of its own counters."""
        found = {}
        for (name, labels), value in self.operator.metrics().items():
            if name == "berth_api_requests_total":
                d = dict(labels)
                key = (d["verb"], d["resource"])
                found[key] = found.get(key, 0) + int(value)
        return found

    def settle(self, quiet=1.5, timeout=300):
        """Waits until it sends nothing any more; returns when (monotonic) the last request was seen."""
        deadline = time.monotonic() + timeout
        before, since = self.requests(), time.monotonic()
        while time.monotonic() - since < quiet:
            assert time.monotonic() < deadline, f"not settled: {before}"
            time.sleep(0.1)
            now = self.requests()
            if now != before:
                before, since = now, time.monotonic()
        return since

    def cpu(self):
        return run_seconds(self.pid)

    def memory(self):
        """kB"""
        m = self.operator.memory()
        return {name: m[name] // 1024 for name in ("RssAnon", "VmHWM", "VmRSS")}

    def stop(self):
        self.operator.stop()


def _seconds(text):
    import calendar
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))
