"""A watch of its own thread that remembers every change of every Service, so that a test can say
"at no moment did two hold one address" and not only "in the end"."""

import json
import threading
import time
import urllib.parse

from .objects import addresses_of, key_of
from .process import wait_until
from .rest import path_of


class Change:
    """One event: what `key` held from then on; held is None after its deletion."""

    def __init__(self, kind, obj):
        self.at = time.monotonic()
        self.type = kind
        self.key = key_of(obj)
        self.uid = obj["metadata"]["uid"]
        self.version = obj["metadata"]["resourceVersion"]
        self.manager = obj["metadata"].get("labels", {}).get("ipaddress.kubernetes.io/managed-by")
        self.held = None if kind == "DELETED" else tuple(addresses_of(obj))
        self.holder = obj.get("spec", {}).get("holderIdentity")  # of a Lease
        self.cidrs = () if kind == "DELETED" else tuple(obj.get("spec", {}).get("podCIDRs") or ())  # of a Node
        # Who wrote when, to the second. Fields do not tell: an entry loses those that others write.
        self.entries = {(e["manager"], e.get("subresource"), e["time"])
                        for e in obj["metadata"].get("managedFields", [])}

    def __repr__(self):
        return f"{self.type} {self.key} rv={self.version} {self.held}"


class Recorder:
    """Watches one kind, or its objects of one name, from the moment of start(). Survives a server that goes and comes back: it lists
    again then, and counts what it missed as one change."""

    def __init__(self, api, kind="Service", name=None):
        self.api = api
        self.kind = kind
        self.only = {"fieldSelector": f"metadata.name={name}"} if name else {}
        self.changes = []
        self.error = None
        self._known = {}  # key -> resourceVersion
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._listed = threading.Event()
        self._connection = None
        self._thread = threading.Thread(target=self._run, name=f"recorder of {kind}", daemon=True)

    def start(self, timeout=30):
        self._thread.start()
        if not self._listed.wait(timeout):
            raise AssertionError(f"the recorder of {self.kind} saw no list: {self.error}")
        return self

    def stop(self):
        self._stop.set()
        connection = self._connection
        if connection and connection.sock:
            try:
                connection.sock.shutdown(2)
            except OSError:
                pass
        self._thread.join(10)
        if self.error and not isinstance(self.error, OSError):
            raise AssertionError(f"the recorder of {self.kind} failed") from self.error

    def _add(self, kind, obj):
        key, version = key_of(obj), obj["metadata"]["resourceVersion"]
        with self._lock:
            if kind == "DELETED":
                self._known.pop(key, None)
            elif self._known.get(key) == version:
                return
            else:
                self._known[key] = version
            self.changes.append(Change(kind, obj))

    def _run(self):
        while not self._stop.is_set():
            try:
                self._list_and_watch()
            except Exception as e:  # a server that is down, or a stream cut in the middle of a line
                self.error = e
            if not self._stop.is_set():
                time.sleep(0.05)

    def _list_and_watch(self):
        answer = self.api.call("GET", path_of(self.kind) + "?" + urllib.parse.urlencode(self.only))
        self.error = None
        present = set()
        for item in answer["items"]:
            present.add(key_of(item))
            self._add("LISTED", item)
        with self._lock:
            gone = set(self._known) - present
        for key in gone:
            namespace, _, name = key.rpartition("/")
            meta = {"name": name, "uid": "", "resourceVersion": answer["metadata"]["resourceVersion"]}
            if namespace:
                meta["namespace"] = namespace
            self._add("DELETED", {"metadata": meta})
        self._listed.set()
        query = urllib.parse.urlencode({
            **self.only, "watch": "true", "allowWatchBookmarks": "true",
            "resourceVersion": answer["metadata"]["resourceVersion"]})
        self._connection = self.api.open(timeout=120)
        try:
            self._connection.request("GET", path_of(self.kind) + "?" + query, headers=self.api.headers())
            response = self._connection.getresponse()
            if response.status != 200:
                raise OSError(f"watch answered {response.status}: {response.read(500)}")
            for line in response:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                if event["type"] != "BOOKMARK":
                    self._add(event["type"], event["object"])
        finally:
            self._connection.close()

    def snapshot(self):
        with self._lock:
            return list(self.changes)

    def caught_up(self, timeout=10):
        """Waits until the recorder has seen every object as the server has it now."""
        def same():
            now = {key_of(o): o["metadata"]["resourceVersion"] for o in self.api.list(self.kind, **self.only)}
            with self._lock:
                return self._known == now
        wait_until(f"the recorder of {self.kind} has caught up", same, timeout)

    def writes(self, key=None):
        """How often an object was written after it was first seen: {key: count}, or the count of one."""
        seen, counts = set(), {}
        for c in self.snapshot():
            if c.type == "DELETED":
                continue
            if c.uid in seen:
                counts[c.key] = counts.get(c.key, 0) + 1
            seen.add(c.uid)
        return counts.get(key, 0) if key else counts

    def written_by(self, manager, after):
        """The changes later than the resourceVersion `after` that this manager made; not one in the very second of
        an earlier one of the same object."""
        seen, found = set(), []
        for c in self.snapshot():
            fresh = {(c.uid, *e) for e in c.entries if e[0] == manager} - seen
            seen |= fresh
            if fresh and c.type != "DELETED" and int(c.version) > int(after):
                found.append(c)
        return found

    def moves(self):
        """Every time a Service lost an address that it had: [(key, before, after)]."""
        before, found = {}, []
        for c in self.snapshot():
            if c.held is None:
                before.pop(c.key, None)
                continue
            uid, held = before.get(c.key, (c.uid, ()))
            if uid == c.uid and set(held) - set(c.held):
                found.append((c.key, held, c.held))
            before[c.key] = (c.uid, c.held)
        return found

    def duplicates(self):
        """Every moment at which two Services held one address: [(address, keys)]."""
        holders, held_by, found = {}, {}, []
        for c in self.snapshot():
            for address in held_by.pop(c.key, ()):
                holders[address].discard(c.key)
            if c.held is None:
                continue
            held_by[c.key] = c.held
            for address in c.held:
                keys = holders.setdefault(address, set())
                keys.add(c.key)
                if len(keys) > 1:
                    found.append((address, sorted(keys)))
        return found


def versions(api):
    """The resourceVersion of every Service, pool and record: equal twice = nothing was written between."""
    found = {}
    for kind in ("Service", "CiliumLoadBalancerIPPool", "IPAddress"):
        for obj in api.list(kind):
            found[f"{kind} {key_of(obj)}"] = obj["metadata"]["resourceVersion"]
    return found
