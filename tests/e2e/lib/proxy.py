"""A TCP proxy on loopback between the operator and the server, to be cut, stalled and refused at will."""

import contextlib
import socket
import threading
import time


class Proxy:
    """Forwards 127.0.0.1:port to 127.0.0.1:target. Listens from listen() on, not before."""

    def __init__(self, target):
        self.target = target
        self.accepted = 0
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))  # bound, not listening: a connection is refused
        self.port = self._reserved.getsockname()[1]
        self._pairs = []
        self._lock = threading.Lock()
        self._stalled = threading.Event()
        self._refusing = threading.Event()
        self._closed = False

    def listen(self):
        self._reserved.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def _accept(self):
        while not self._closed:
            try:
                near, _ = self._reserved.accept()
            except OSError:
                return
            if self._refusing.is_set():
                near.close()
                continue
            self.accepted += 1
            try:
                far = socket.create_connection(("127.0.0.1", self.target), timeout=10)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._pairs.append((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    def _pump(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                while self._stalled.is_set() and not self._closed:
                    time.sleep(0.02)
                sink.sendall(data)
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """Breaks every connection; new ones are taken."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for s in pair:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)
                s.close()
        return len(pairs)

    def refuse(self, on=True):
        """New connections are closed at once."""
        (self._refusing.set if on else self._refusing.clear)()

    def stall(self, on=True):
        """Nothing is passed on, and nothing is closed: a half-open network."""
        (self._stalled.set if on else self._stalled.clear)()

    def close(self):
        self._closed = True
        with contextlib.suppress(OSError):
            self._reserved.shutdown(socket.SHUT_RDWR)
        self._reserved.close()
        self.cut()
