"""Slow, many and malformed clients of the HTTP endpoints: whatever they do, /healthz answers within a second. A
machine that has other things to do may keep one of ten waiting for longer, yet none as long as it would wait for
others to be cut off: a server that lets clients starve one makes all of them wait."""

import contextlib
import socket
import threading
import time

import pytest

from lib.process import wait_until

PROMPT = 1.0  # seconds, of nine in ten
STARVED = 10.0  # seconds, of any; others are cut off after IDLE
CLOSE = b"Host: berth\r\nConnection: close\r\n\r\n"
HEADERS_MAX = 16384
BODY_MAX = 1024
IDLE = 30  # seconds for a whole request


def dial(port):
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def read_all(s):
    """All until the server closes; what there is when the connection is cut."""
    got = b""
    with contextlib.suppress(ConnectionError):
        while piece := s.recv(65536):
            got += piece
    return got


def say(port, data):
    """The answer to these bytes and an end of sending. Empty where the server closed without a word."""
    with dial(port) as s:
        with contextlib.suppress(OSError):
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        return read_all(s)


def post(*lines, body=b""):
    return b"POST /healthz HTTP/1.1\r\n" + b"".join(line + b"\r\n" for line in lines) + CLOSE + body


def get(target=b"/healthz", *lines, method=b"GET"):
    return method + b" " + target + b" HTTP/1.1\r\n" + b"".join(line + b"\r\n" for line in lines) + CLOSE


# name -> (bytes, the status of the answer; None = no answer is right too)
MALFORMED = {
    "HTTP/1.0": (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
    "line feeds alone": (b"GET /healthz HTTP/1.1\nConnection: close\n\n", 200),
    "no Host": (b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 200),
    "two Hosts": (get(b"/healthz", b"Host: other"), 200),
    "odd Host": (b"GET /healthz HTTP/1.1\r\nHost: \xff\xfe@@[\r\nConnection: close\r\n\r\n", 200),
    "HEAD": (get(method=b"HEAD"), 200),
    "absolute form": (get(b"http://berth/healthz"), 200),
    "query": (get(b"/healthz?a=%zz&&=&b"), 200),
    "NUL in the path": (get(b"/%00"), 404),
    "dots": (get(b"/../../etc/passwd"), 404),
    "no slash": (get(b"healthz"), 404),
    "open bracket": (get(b"http://[::1"), 400),
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", 400),
    "HTTP/9.9": (b"GET /healthz HTTP/9.9\r\n" + CLOSE, 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500, None),
    "bytes": (bytes(range(256)) + b"\r\n\r\n", 400),
    "empty lines": (b"\r\n" * 100 + get(), 400),
    "header without colon": (get(b"/healthz", b"X y"), 400),
    "header that begins with a blank": (get(b"/healthz", b" X: y"), 400),
    "long request line": (get(b"/" + b"a" * HEADERS_MAX), 400),
    "request line without end": (b"GET /" + b"a" * 200_000, 400),
    "long header": (get(b"/healthz", b"X: " + b"a" * HEADERS_MAX), 400),
    "many headers": (get(b"/healthz", *[b"X-%d: some text" % i for i in range(2000)]), 400),
    "PUT": (get(method=b"PUT"), 405),
    "DELETE": (get(method=b"DELETE"), 405),
    "PATCH": (get(method=b"PATCH"), 405),
    "OPTIONS": (get(method=b"OPTIONS"), 405),
    "TRACE": (get(method=b"TRACE"), 405),
    "unknown method": (get(method=b"BREW"), 501),
    "POST": (post(b"Content-Length: 5", body=b"hello"), 405),
    "POST without length": (post(), 405),
    "POST, chunked": (post(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"), 405),
    "POST, expecting": (post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"), 405),
    "odd expectation": (post(b"Expect: coffee", b"Content-Length: 5", body=b"hello"), 417),
    "large body": (post(b"Content-Length: %d" % (BODY_MAX + 1), body=b"x" * (BODY_MAX + 1)), 413),
    "huge body announced": (post(b"Content-Length: 99999999999999999999"), 413),
    "huge body, expecting": (post(b"Expect: 100-continue", b"Content-Length: 5000000000"), 413),
    "negative length": (post(b"Content-Length: -5"), 400),
    "signed length": (post(b"Content-Length: +5", body=b"hello"), 400),
    "two lengths": (post(b"Content-Length: 0", b"Content-Length: 5", body=b"hello"), 400),
    "length and chunks": (post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
    "blank before a colon": (post(b"Transfer-Encoding : chunked", b"Content-Length: 5", body=b"0\r\n\r\n"), 400),
    "length is no number": (post(b"Content-Length: five"), 400),
    "huge chunk": (post(b"Transfer-Encoding: chunked", body=b"7fffffff\r\nhello"), 413),
    "negative chunk": (post(b"Transfer-Encoding: chunked", body=b"-5\r\nhello"), 413),
    "chunk size is no number": (post(b"Transfer-Encoding: chunked", body=b"zz\r\n"), 413),
    "many chunks": (post(b"Transfer-Encoding: chunked", body=b"1\r\nx\r\n" * (BODY_MAX + 1)), 413),
    "long Accept": (get(b"/metrics", b"Accept: " + b"text/plain;q=0.1," * 800), 200),
    "junk behind a request": (b"GET /healthz HTTP/1.1\r\nHost: berth\r\n\r\n" + b"\0junk" * 100_000, 200),
    "many requests at once": (b"GET /healthz HTTP/1.1\r\nHost: berth\r\n\r\n" * 500, 200),
}


class Prober(threading.Thread):
    """Asks /healthz again and again, each time on a new connection."""

    def __init__(self, operator):
        super().__init__(daemon=True)
        self.operator = operator
        self.asked = 0
        self.seconds = []
        self.failures = []
        self._over = threading.Event()

    def run(self):
        while not self._over.is_set():
            began = time.monotonic()
            try:
                answer = say_gently(self.operator.http_port)
                if not answer.startswith(b"HTTP/1.1 200"):
                    self.failures.append(answer)
            except OSError as e:
                self.failures.append(repr(e))
            self.asked += 1
            self.seconds.append(time.monotonic() - began)
            self._over.wait(0.02)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self._over.set()
        self.join()


def say_gently(port):
    with dial(port) as s:
        s.sendall(get())
        return read_all(s)


@contextlib.contextmanager
def health_answers(operator):
    with Prober(operator) as prober:
        yield prober
        at = prober.asked
        wait_until("it was asked at the end as well", lambda: prober.asked > at + 2)
    assert prober.failures == []
    took = sorted(prober.seconds)
    most = took[len(took) * 9 // 10]
    assert most < PROMPT, f"one of ten of {len(took)} answers took {most:.2f} s and more"
    assert took[-1] < STARVED, f"the slowest of {len(took)} answers took {took[-1]:.2f} s"


@pytest.fixture
def operator(cluster):
    return cluster.start()


@pytest.mark.only("embedded")
def test_malformed_requests(operator):
    wrong = {}
    with health_answers(operator):
        for name, (data, status) in MALFORMED.items():
            answer = say(operator.http_port, data)
            first = answer.split(b"\r\n")[0]
            if status is None and not answer:
                continue
            if not first.startswith((b"HTTP/1.1 %d " % (status or 400), b"HTTP/1.0 %d " % (status or 400))):
                wrong[name] = first
            if status == 405 and b"\r\nAllow: GET, HEAD\r\n" not in answer:
                wrong[name] = "no Allow"
            if name == "HEAD" and not answer.endswith(b"\r\n\r\n"):
                wrong[name] = "a body"
    assert wrong == {}


@pytest.mark.only("embedded")
def test_five_hundred_half_open_connections(operator):
    with contextlib.ExitStack() as stack, health_answers(operator):
        for i in range(500):
            s = stack.enter_context(dial(operator.http_port))
            with contextlib.suppress(OSError):
                s.sendall([b"GET /healthz HTTP/1.1\r\nHost: ", b"", b"G", b"POST /healthz HTTP/1.1\r\n"][i % 4])
    assert operator.running()


@pytest.mark.only("embedded")
def test_a_flood_of_connections(operator):
    """As fast as they come; each is dropped at once."""
    over = threading.Event()

    def flood():
        while not over.is_set():
            with contextlib.suppress(OSError), dial(operator.http_port) as s:
                s.sendall(b"GET /metr")

    with health_answers(operator) as prober:
        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        try:
            wait_until("it was asked many times", lambda: prober.asked > 100, timeout=60)
        finally:
            over.set()
            thread.join()


@pytest.mark.only("embedded")
def test_bytes_that_drip(operator):
    """Slowloris: a byte now and then, for longer than a request may take. All are cut off, and nobody waits."""
    with contextlib.ExitStack() as stack, health_answers(operator):
        drips = [stack.enter_context(dial(operator.http_port)) for _ in range(100)]
        for s in drips:
            s.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
            s.setblocking(False)
        began = time.monotonic()

        def all_cut():
            for s in list(drips):
                try:
                    s.send(b"x")
                    if s.recv(1000) == b"":
                        drips.remove(s)
                except BlockingIOError:
                    pass
                except OSError:
                    drips.remove(s)
            return not drips
        wait_until("all are cut off", all_cut, timeout=IDLE + 15, every=0.5)
        assert time.monotonic() - began > IDLE / 2


@pytest.mark.only("embedded")
def test_answers_that_nobody_takes(operator):
    """Requests without end, and not one answer read."""
    with contextlib.ExitStack() as stack, health_answers(operator):
        for _ in range(50):
            s = stack.enter_context(dial(operator.http_port))
            s.settimeout(0.2)
            with contextlib.suppress(OSError):
                for _ in range(200):
                    s.sendall(b"GET /metrics HTTP/1.1\r\nHost: berth\r\n\r\n" * 100)
    assert operator.running()


SCRAPERS = 50
SCRAPED_POOLS = 100
SCRAPED_SERVICES = 100


@pytest.mark.only("embedded")
def test_fifty_scrapers_do_not_keep_services_waiting(cluster):
    """All ask for /metrics again and again, while there is something to decide."""
    operator = cluster.start()
    cluster.api.in_parallel(lambda i: cluster.create_pool(f"pool-{i}", f"10.0.{i}.0/24"), range(SCRAPED_POOLS))
    over, statuses = threading.Event(), set()

    def scrape():
        while not over.is_set():
            with contextlib.suppress(OSError):
                statuses.add(operator.http("/metrics", timeout=60)[0])

    threads = [threading.Thread(target=scrape, daemon=True) for _ in range(SCRAPERS)]
    for thread in threads:
        thread.start()
    try:
        wait_until("they are answered", lambda: statuses)
        cluster.create_services([f"web-{i}" for i in range(SCRAPED_SERVICES)])
        cluster.wait_all_served(SCRAPED_SERVICES, timeout=60)
        assert operator.http_status("/healthz") == 200
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert statuses == {200}


@pytest.mark.only("embedded")
def test_the_embedded_api_survives_the_same(cluster):
    """It is on loopback only, yet a mistake of one client must not end the cluster of all others."""
    operator = cluster.start()
    port = int(cluster.api.url.rsplit(":", 1)[1])
    before = cluster.api.list("Namespace")
    for data, _ in MALFORMED.values():
        say(port, data)
    with contextlib.ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(dial(port)).sendall(b"PATCH /api/v1/namespaces/default/services/x HTTP/1.1\r\nHost: ")
        cluster.create_pool("blue", "192.0.2.0/28")
        cluster.create_service("web")
        cluster.wait_addresses("web")
    assert cluster.api.list("Namespace") == before
    assert operator.running()
