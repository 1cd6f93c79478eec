"""A reverse proxy in front of an API server that answers by rule instead of passing on: a whole kind that is
404, a verb that is 403. Plain HTTP on loopback towards the operator, the operator's own token towards the
server."""

import http.client
import http.server
import json
import ssl
import threading

from .process import free_port


class RuleProxy:
    """rules: [(method or None, part of the path, code)]; may be changed at any time."""

    def __init__(self, server_port, ca_file=None):
        self.rules = []
        self.struck = 0
        self.server_port = server_port
        self._tls = ssl.create_default_context(cafile=ca_file) if ca_file else None
        self._lock = threading.Lock()
        self._streams = set()
        self.port = free_port()
        self._httpd = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._httpd.daemon_threads = True
        threading.Thread(target=self._httpd.serve_forever, name="rule proxy", daemon=True).start()

    def set(self, *rules):
        """The rules from now on. Watches under way are cut, so that they come by the new ones."""
        with self._lock:
            self.rules = list(rules)
            streams, self._streams = self._streams, set()
        for s in streams:
            try:
                s.shutdown(2)
            except OSError:
                pass

    def code_for(self, method, path):
        for wanted, part, code in self.rules:
            if wanted in (None, method) and part in path:
                self.struck += 1
                return code
        return None

    def connect(self):
        if self._tls:
            return http.client.HTTPSConnection("127.0.0.1", self.server_port, context=self._tls, timeout=300)
        return http.client.HTTPConnection("127.0.0.1", self.server_port, timeout=300)

    def close(self):
        self._httpd.shutdown()
        self._httpd.server_close()
        self.set()

    def _handler(proxy):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def _refuse(self, code):
                reason = {403: "Forbidden", 404: "NotFound"}[code]
                body = json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
                                   "code": code, "message": "a rule of the proxy"}).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _pass_on(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length else None
                code = proxy.code_for(self.command, self.path)
                if code:
                    self._refuse(code)
                    return
                far = proxy.connect()
                try:
                    headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                    far.request(self.command, self.path, body, headers)
                    self._relay(far.getresponse())
                except OSError:
                    self.close_connection = True
                finally:
                    far.close()

            def _relay(self, answer):
                length = answer.getheader("Content-Length")
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                if length is None:
                    self.send_header("Transfer-Encoding", "chunked")
                    with proxy._lock:
                        proxy._streams.add(self.connection)
                self.end_headers()
                if length is not None:
                    self.wfile.write(answer.read())
                    return
                while data := answer.read1(65536):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.write(b"0\r\n\r\n")

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on
        return Handler
