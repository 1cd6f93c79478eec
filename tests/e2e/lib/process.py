"""Child processes that end with the test run, free ports, and waiting for a condition."""

import contextlib
import ctypes
import itertools
import random
import signal
import socket
import subprocess
import time

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


# Below the ports that the kernel gives to outgoing connections, each of which could take a port between the
# moment it is found free and its use; runs side by side begin at different places.
_PORTS = range(10000, 32000)
_next_port = itertools.cycle(_PORTS)
for _ in range(random.SystemRandom().randrange(len(_PORTS))):
    next(_next_port)


def free_port():
    """A port of 127.0.0.1 that nobody listens on, and that this run has not given out lately."""
    for port in itertools.islice(_next_port, len(_PORTS)):
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


def wait_until(what, predicate, timeout=30, every=0.05, last=None):
    """Returns the first true result of predicate(); fails naming `what`, and last() where given."""
    deadline = time.monotonic() + timeout
    while True:
        got = predicate()
        if got:
            return got
        if time.monotonic() > deadline:
            seen = f"; last seen: {last()}" if last else ""
            raise AssertionError(f"not within {timeout} s: {what}{seen}")
        time.sleep(every)


class Process:
    """A child whose standard output and error go to a file, and which dies with the test runner.
    env replaces the whole environment."""

    def __init__(self, name, argv, log_path, env=None):
        self.name = name
        self.log_path = log_path
        self._log = open(log_path, "ab")
        def die_with_parent():
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

        self.popen = subprocess.Popen(
            [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
            env=env, preexec_fn=die_with_parent)
        self.pid = self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def log_text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def stop(self, sig=signal.SIGTERM, timeout=30):
        """Sends the signal and waits; a process that does not go is killed. Returns the exit status."""
        if self.running():
            self.popen.send_signal(sig)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"{self.name} did not stop within {timeout} s of {sig.name}") from None
        finally:
            self._log.close()

    def kill(self):
        """kill -9, whatever state it is in."""
        if self.running():
            self.popen.kill()
        self.popen.wait()
        self._log.close()
