"""toxiproxy: a TCP proxy that plays network faults (github.com/Shopify/toxiproxy). Built by
tests/controlplane/build.sh, run on loopback, told what to do over HTTP."""

import contextlib
import http.client
import json
import os

from .controlplane import programs
from .process import Process, free_port, wait_until


class Toxiproxy:
    """The server; link() gives a proxy in it."""

    def __init__(self, folder):
        self.port = free_port()
        self.process = Process("toxiproxy", [
            os.path.join(programs("toxiproxy"), "toxiproxy"), "-host", "127.0.0.1", "-port", str(self.port)],
            os.path.join(str(folder), "toxiproxy.log"))
        wait_until("toxiproxy answers", self._answers, timeout=20)

    def _answers(self):
        try:
            return self.call("GET", "/version")
        except OSError:
            return None

    def call(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            c.request(method, path, json.dumps(body) if body is not None else None,
                      {"Content-Type": "application/json"})
            r = c.getresponse()
            data = r.read()
            if r.status >= 300:
                raise AssertionError(f"toxiproxy: {method} {path}: {r.status} {data.decode(errors='replace')}")
            return json.loads(data) if data else {}
        finally:
            c.close()

    def link(self, name, target):
        return Link(self, name, target)

    def close(self):
        self.process.kill()


class Link:
    """Forwards 127.0.0.1:port to 127.0.0.1:target, with whatever toxics it has at the moment."""

    def __init__(self, server, name, target):
        self.server = server
        self.name = name
        self.port = free_port()
        server.call("POST", "/proxies", {"name": name, "listen": f"127.0.0.1:{self.port}",
                                         "upstream": f"127.0.0.1:{target}", "enabled": True})

    def toxic(self, kind, stream="downstream", toxicity=1.0, **attributes):
        """Adds one; see the README of toxiproxy for kinds and attributes. downstream: to the operator."""
        self.server.call("POST", f"/proxies/{self.name}/toxics", {
            "name": f"{kind}_{stream}", "type": kind, "stream": stream, "toxicity": toxicity,
            "attributes": attributes})

    def heal(self):
        """All toxics go, and a link that was cut is joined again. What they swallowed stays swallowed."""
        for toxic in self.server.call("GET", f"/proxies/{self.name}/toxics"):
            self.server.call("DELETE", f"/proxies/{self.name}/toxics/{toxic['name']}")
        self.server.call("POST", f"/proxies/{self.name}", {"enabled": True})

    def cut(self):
        """Every connection breaks, and new ones are refused until heal()."""
        self.server.call("POST", f"/proxies/{self.name}", {"enabled": False})

    @contextlib.contextmanager
    def suffering(self, kind, stream="downstream", toxicity=1.0, **attributes):
        self.toxic(kind, stream, toxicity, **attributes)
        yield self
        self.heal()
