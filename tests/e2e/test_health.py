"""/healthz, /readyz, orderly ends, and clients that behave badly."""

import http.client
import signal
import socket

import pytest

from lib.process import wait_until


def test_healthy_and_ready(cluster):
    operator = cluster.start()
    for path in ("/healthz", "/readyz", "/metrics"):
        assert operator.http(path)[0] == 200, path
    assert operator.http("/no-such-page")[0] == 404


def test_only_reading_is_allowed(cluster):
    operator = cluster.start()
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        c = http.client.HTTPConnection("127.0.0.1", operator.http_port, timeout=10)
        c.request(method, "/healthz", body="x")
        assert c.getresponse().status in (405, 501), method
        c.close()
    assert operator.http_status("/healthz") == 200


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(cluster, sig):
    operator = cluster.start()
    cluster.create_pool("blue", "192.0.2.0/28")
    cluster.create_service("web")
    cluster.wait_addresses("web")
    assert operator.process.stop(sig, timeout=10) == 0
    operator.check_sanitizers()


@pytest.mark.durable
def test_a_stop_in_the_middle_of_work_loses_nothing(cluster):
    cluster.start()
    cluster.create_services([f"s{i}" for i in range(100)])
    recorder = cluster.record()
    cluster.create_pool("blue", "10.0.0.0/24")
    wait_until("some are served", lambda: any(c.held for c in recorder.snapshot()), every=0.002)
    cluster.operator.stop()
    cluster.start()
    cluster.wait_all_served(100, timeout=60)
    recorder.caught_up()
    assert recorder.moves() == [] and recorder.duplicates() == []


def test_bad_clients_do_not_keep_others_out(cluster):
    operator = cluster.start()
    open_sockets = []
    try:
        for _ in range(100):
            s = socket.create_connection(("127.0.0.1", operator.http_port), timeout=5)
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")  # and never the rest
            open_sockets.append(s)
        wait_until("somebody else is answered", lambda: operator.http_status("/healthz") == 200, timeout=45)
        big = socket.create_connection(("127.0.0.1", operator.http_port), timeout=5)
        open_sockets.append(big)
        try:
            for _ in range(200):
                big.sendall(b"GET /" + b"a" * 65536)
        except OSError:
            pass  # refused: as it should be
        for junk in (b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"\r\n" * 100, b"GET / HTTP/9.9\r\n\r\n",
                     b"GET /%00%ff/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"):
            s = socket.create_connection(("127.0.0.1", operator.http_port), timeout=5)
            open_sockets.append(s)
            s.sendall(junk)
        assert operator.http_status("/healthz") == 200
        assert operator.running()
    finally:
        for s in open_sockets:
            s.close()
    assert operator.http_status("/readyz") == 200
