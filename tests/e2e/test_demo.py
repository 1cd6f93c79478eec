"""The demo: it shows addresses, stops by itself without a terminal, stays until Ctrl-C on one, leaves nothing."""

import contextlib
import os
import pty
import re
import select
import socket
import subprocess
import time

import pytest

from lib import berth
from lib.controlplane import ROOT
from lib.kubectl import parse_table

DEMO = os.path.join(ROOT, "tools", "demo.sh")


@pytest.fixture
def demo_env(kubectl_binary, tmp_path):
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    path = os.path.dirname(kubectl_binary) + os.pathsep + os.environ["PATH"]
    return berth.environment({"PATH": path, "TMPDIR": str(scratch), "HOME": str(tmp_path)})


def shown_services(text):
    """{name: external address} of the demo's `kubectl get svc`."""
    lines = text.replace("\r", "").splitlines()
    at = next(i for i, line in enumerate(lines) if re.match(r"NAME\s+TYPE\s+CLUSTER-IP", line))
    table = lines[at:lines.index("", at)] if "" in lines[at:] else lines[at:]
    return {row["NAME"]: row["EXTERNAL-IP"] for row in parse_table(table)}


def check_services(services):
    assert services["too-late"] == "<pending>"
    # kubectl cuts a list of addresses off after 16 columns: the first is whole.
    first = [services[name].partition(",")[0] for name in ("web", "both", "by-name", "gateway")]
    assert all(re.fullmatch(r"[0-9.]+", a) for a in first), services
    assert len(set(first)) == 4 and "," in services["both"]


def said(text):
    """Its lines, whatever the ages and the widths of the columns are."""
    return [re.sub(r"\b[0-9]+s$", "1s", " ".join(line.split())) for line in text.splitlines() if line]


def test_the_readme_shows_what_it_shows(demo_env):
    done = subprocess.run([DEMO, berth.BINARY], env=demo_env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120, check=True)
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        block = next(b for b in f.read().split("```") if "$ kubectl apply" in b)
    shown = said(done.stdout)
    assert [line for line in said(block) if line not in shown] == []


def test_without_a_terminal_it_ends_and_leaves_nothing(demo_env):
    done = subprocess.run([DEMO, berth.BINARY], env=demo_env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    check_services(shown_services(done.stdout))
    assert os.listdir(demo_env["TMPDIR"]) == []


def test_on_a_terminal_it_stays_until_ctrl_c(demo_env):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(DEMO, [DEMO, berth.BINARY], demo_env)
    text = ""

    def read(until, timeout=60):
        nonlocal text
        deadline = time.monotonic() + timeout
        while until is None or until not in text:
            assert time.monotonic() < deadline, text
            if select.select([terminal], [], [], 0.5)[0]:
                try:
                    data = os.read(terminal, 65536)
                except OSError:  # how Linux tells that the other side is closed
                    data = b""
                if not data:
                    assert until is None, text
                    return
                text += data.decode(errors="replace")
    try:
        read("Ctrl-C stops it.")
        check_services(shown_services(text))
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/metrics", text).group(1))
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        os.write(terminal, b"\x03")
        read(None)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        pid = 0
        assert status in (0, 130), text
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        assert os.listdir(demo_env["TMPDIR"]) == []
    finally:
        os.close(terminal)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 15)
            os.waitpid(pid, 0)
