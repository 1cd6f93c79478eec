"""The API server under load: Services made and cleared in bulk, its own limit, and what it counted."""

import contextlib
import http.client
import json
import os
import re
import subprocess
import threading
import time
import urllib.parse

from lib.objects import SATISFIED, service
from lib.rest import STRATEGIC, path_of

MANAGER = "berth"
STREAMS = 64
WRITES = ("POST", "PUT", "PATCH", "DELETE")


def name_of(i):
    return f"s{i:06d}"


def address_of(i):
    """Of the pool of the benchmark, 10.0.0.0/12."""
    return f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"


def status_patch(address):
    condition = {"type": SATISFIED, "status": "True", "reason": "satisfied", "message": "",
                 "lastTransitionTime": "2026-01-01T00:00:00Z"}
    return {"status": {"loadBalancer": {"ingress": [{"ip": address}]}, "conditions": [condition]}}


def status_path(i):
    return path_of("Service", "default", name_of(i), "status") + f"?fieldManager={MANAGER}"


def patch_request(i):
    return {"method": "PATCH", "path": status_path(i), "type": STRATEGIC, "body": status_patch(address_of(i))}


def record_request(i):
    """What an operator writes as the record of an address."""
    holder = f"default/{name_of(i)}"
    return {
        "method": "POST", "path": path_of("IPAddress") + f"?fieldManager={MANAGER}", "type": "application/json",
        "body": {
            "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
            "metadata": {
                "name": address_of(i),
                "labels": {"ipaddress.kubernetes.io/managed-by": MANAGER, "berth.dev/pool": "bench"},
                "annotations": {"berth.dev/holder": holder, "berth.dev/pool": "bench",
                                "berth.dev/allocated-at": "2026-01-01T00:00:00Z"}},
            "spec": {"parentRef": {"group": "", "resource": "services", "namespace": "default",
                                   "name": name_of(i)}}}}


class Watcher:
    """Sees every Service get its address. Reads the stream by patterns and not as JSON, so that it takes next
    to nothing from what is measured; the same watch runs beside all that is compared."""

    LINE = re.compile(rb'"type":"(\w+)".*?"name":"([^"]+)"')
    ADDRESS = re.compile(rb'"ingress":\[\{"ip":"([^"]+)"')
    VERSION = re.compile(rb'"resourceVersion":"(\d+)"')

    def __init__(self, api):
        self._api = api
        self._lock = threading.Condition()
        self.added, self.served, self.addresses = {}, {}, {}
        self.last = 0.0
        self.broken = None
        self._stopping = False
        self._version = api.call("GET", path_of("Service") + "?limit=1")["metadata"]["resourceVersion"]
        self._connection = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        """A server under load ends the watch of a client that is slow for a moment: it is resumed."""
        while not self._stopping:
            try:
                self._watch()
            except (OSError, ValueError, AttributeError, http.client.HTTPException):
                pass  # cut off, or shut down by stop(): http.client reports either in many ways
            except RuntimeError as e:
                with self._lock:
                    self.broken = e
                    self._lock.notify_all()
                return

    def _watch(self):
        self._connection = self._api.open(timeout=3600)
        query = urllib.parse.urlencode({"watch": "true", "resourceVersion": self._version})
        self._connection.request("GET", path_of("Service") + "?" + query, headers=self._api.headers())
        response = self._connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"watch: {response.status} {response.read(500)}")
        rest = b""
        while not self._stopping:
            piece = response.read1(1 << 18)
            if not piece:
                return
            *lines, rest = (rest + piece).split(b"\n")
            self._take(lines, time.monotonic())

    def _take(self, lines, now):
        with self._lock:
            for line in lines:
                if b'"type":"ERROR"' in line[:20]:
                    raise RuntimeError(f"watch: {line[:300]}")
                m = self.LINE.search(line)
                if not m:
                    continue
                self._version = self.VERSION.search(line)[1].decode()
                name, address = m[2].decode(), self.ADDRESS.search(line)
                if m[1] == b"ADDED":
                    self.added[name] = now
                if m[1] == b"DELETED" or not address:
                    self.served.pop(name, None)
                    self.addresses.pop(name, None)
                elif name not in self.served:
                    self.served[name] = self.last = now
                    self.addresses[name] = address[1].decode()
            self._lock.notify_all()

    def wait(self, what, ready, timeout):
        with self._lock:
            good = self._lock.wait_for(lambda: self.broken or ready(), timeout)
            if self.broken:
                raise self.broken
            assert good, f"not within {timeout} s: {what}; {len(self.served)} Services have an address"

    @staticmethod
    def _patience(count):
        """More than any machine needs that is worth measuring on."""
        return 120 + count / 50

    def wait_served(self, count):
        """Returns when (monotonic) the last of `count` got its address."""
        self.wait(f"{count} Services served", lambda: len(self.served) >= count, self._patience(count))
        return self.last

    def wait_cleared(self):
        self.wait("no Service served", lambda: not self.served, self._patience(len(self.served)))

    def stop(self):
        self._stopping = True
        with contextlib.suppress(OSError, AttributeError):
            self._connection.sock.shutdown(2)
        self._thread.join(10)


class Server:
    def __init__(self, api, load_program, folder, user_token=None, admin_token=None):
        self.api = api
        self.folder = folder
        self._load = load_program
        self._tokens = {"user": self._keep("user.token", user_token), "admin": self._keep("admin.token", admin_token)}
        self._user_token = user_token
        self._step = 0

    def _keep(self, name, text):
        if text is None:
            return None
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)
        return path

    def send(self, lines, who="admin"):
        """Sends {"requests", "failed", "seconds", "cpu"}; a request that fails ends the benchmark."""
        self._step += 1
        path = os.path.join(self.folder, f"requests-{self._step}")
        with open(path, "w", encoding="ascii") as f:
            for line in lines:
                f.write(json.dumps(line) + "\n")
        argv = [self._load, f"--server={self.api.url}", f"--in-flight={STREAMS}"]
        if self.api.ca_file:
            argv.append(f"--ca={self.api.ca_file}")
        if self._tokens[who]:
            argv.append(f"--token-file={self._tokens[who]}")
        done = subprocess.run([*argv, path], capture_output=True, text=True, check=False)
        os.unlink(path)
        if done.returncode != 0:
            raise RuntimeError(f"load: {done.stderr or done.stdout}")
        return json.loads(done.stdout)

    # Services

    def create_services(self, numbers):
        """Each "body" goes through the server's own defaults: no node port, a ClusterIP."""
        return self.send({"method": "POST", "path": path_of("Service", "default"), "type": "application/json",
                          "body": service(name_of(i))} for i in numbers)

    def clear(self, watcher):
        """Takes all addresses back: Services as they were before the first run, no records of ours."""
        nothing = {"status": {"loadBalancer": {"ingress": None},
                              "conditions": [{"$patch": "delete", "type": SATISFIED}]}}
        served = sorted(watcher.served)
        records = self.records()
        self.send({"method": "PATCH", "type": STRATEGIC, "body": nothing,
                   "path": path_of("Service", "default", n, "status") + f"?fieldManager={MANAGER}"} for n in served)
        self.send({"method": "DELETE", "path": path_of("IPAddress", name=n)} for n in records)
        watcher.wait_cleared()

    def records(self):
        return [r["metadata"]["name"] for r in
                self.api.list("IPAddress", labelSelector=f"ipaddress.kubernetes.io/managed-by={MANAGER}")]

    # Its limit

    def limit_load(self, watcher, count, records):
        """All patches, or all creates of a record and patches, as fast as it goes."""
        lines = [[record_request(i), patch_request(i)] if records else patch_request(i) for i in range(count)]
        start = time.monotonic()
        own = self.send(lines, "user")
        end = watcher.wait_served(count)
        # Writing the file of requests is no part of it.
        return {"seconds": own["seconds"], "cpu": own["cpu"], "with_start": end - start}

    def limit_h2load(self, watcher, count):
        uris, body = os.path.join(self.folder, "uris"), os.path.join(self.folder, "body")
        with open(uris, "w", encoding="ascii") as f:
            f.writelines(f"{self.api.url}{status_path(i)}\n" for i in range(count))
        with open(body, "w", encoding="ascii") as f:
            json.dump(status_patch(address_of(0)), f)
        argv = ["h2load", "-n", str(count), "-c", "1", "-m", str(STREAMS), "-i", uris, "-d", body,
                "-H", ":method: PATCH", "-H", f"content-type: {STRATEGIC}", "-H", "accept: application/json"]
        if self._user_token:
            argv += ["-H", f"authorization: Bearer {self._user_token}"]
        start = time.monotonic()
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        good = re.search(r"status codes: (\d+) 2xx", done.stdout)
        own = re.search(r"finished in ([\d.]+)(ms|s)", done.stdout)
        if not good or int(good[1]) != count or not own:
            raise RuntimeError(f"h2load: {done.stdout}")
        end = watcher.wait_served(count)
        return {"seconds": end - start, "own": float(own[1]) / (1000 if own[2] == "ms" else 1)}

    def streaming_list(self, kind="Service"):
        """Seconds until a client of its own has all objects, by the list that streams."""
        query = urllib.parse.urlencode({
            "watch": "true", "sendInitialEvents": "true", "allowWatchBookmarks": "true",
            "resourceVersionMatch": "NotOlderThan", "timeoutSeconds": "60"})
        start = time.monotonic()
        connection = self.api.open()
        connection.request("GET", path_of(kind) + "?" + query, headers=self.api.headers())
        response = connection.getresponse()
        tail = b""
        while b"k8s.io/initial-events-end" not in tail:
            piece = response.read1(1 << 18)
            if not piece:
                raise RuntimeError(f"the streaming list ended: {tail[-300:]}")
            tail = tail[-100:] + piece
        seconds = time.monotonic() - start
        connection.close()
        return seconds

    # What it counted

    def writes(self):
        """{(verb, resource): requests so far} of what an operator may write to."""
        found = {}
        pattern = re.compile(r'^apiserver_request_total\{(.*)\} (\S+)$')
        label = re.compile(r'(\w+)="([^"]*)"')
        _, _, text = self.api.raw("GET", "/metrics", accept="text/plain")
        for line in text.decode().splitlines():
            m = pattern.match(line)
            if not m:
                continue
            labels = dict(label.findall(m[1]))
            if labels.get("verb") in WRITES and labels.get("resource") in (
                    "services", "ipaddresses", "ciliumloadbalancerippools", "events"):
                key = (labels["verb"], labels["resource"])
                found[key] = found.get(key, 0) + int(float(m[2]))
        return found

    def patch_round_trip(self, name):
        """Seconds of one status patch with nothing else going on, as a client sees it."""
        body = json.dumps({"status": {"conditions": [{
            "type": "bench", "status": "True", "reason": "bench", "message": str(time.monotonic_ns()),
            "lastTransitionTime": "2026-01-01T00:00:00Z"}]}})
        path = path_of("Service", "default", name, "status") + "?fieldManager=bench"
        start = time.monotonic()
        code, _, data = self.api.raw("PATCH", path, body, STRATEGIC)
        assert code == 200, data[:300]
        return time.monotonic() - start
