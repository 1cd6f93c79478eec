"""The witness of a chaos run: a watch of Services that knows nothing of the operator, and judges every
change by itself. What it asserts at each event:

- an address that comes into a status is in no other, unless both Services may share it;
- an address that leaves a status leaves for a reason: the Service, or one that it shared with, was changed,
  or the pools of that address were."""

import ipaddress
import json
import threading
import time
import urllib.parse

from .objects import addresses_of, key_of
from .rest import path_of

SHARING_KEY = "lbipam.cilium.io/sharing-key"
REQUEST = "lbipam.cilium.io/ips"
OPT_IN = "io.cilium.operator.external-ips"


class Intent:
    """What a user wrote, as far as it decides about addresses."""

    def __init__(self, svc):
        spec, meta = svc["spec"], svc["metadata"]
        notes = meta.get("annotations") or {}
        self.namespace = meta["namespace"]
        self.ours = spec.get("type") == "LoadBalancer" and OPT_IN in notes and not meta.get("deletionTimestamp")
        self.request = notes.get(REQUEST)
        self.sharing = notes.get(SHARING_KEY)
        self.ports = frozenset((p["protocol"], p["port"]) for p in spec.get("ports") or [])
        self.families = tuple(spec.get("ipFamilies") or ())
        self.labels = tuple(sorted((meta.get("labels") or {}).items()))

    def key(self):
        return self.ours, self.request, self.sharing, self.ports, self.families, self.labels

    def may_share_with(self, other):
        return (self.sharing and self.sharing == other.sharing and self.namespace == other.namespace
                and not self.ports & other.ports)


class Seen:
    """One Service: all that was intended since the last quiet moment, and what it holds."""

    def __init__(self, svc):
        self.uid = svc["metadata"]["uid"]
        self.version = svc["metadata"]["resourceVersion"]
        self.object = svc
        self.intents = [Intent(svc)]
        self.held = {}  # address -> True once there is a reason why it may leave

    @property
    def intent(self):
        return self.intents[-1]


class Witness:
    def __init__(self, api_of, moving_ranges):
        self._api_of = api_of
        self._moving = [ipaddress.ip_network(r) for r in moving_ranges]
        self.services = {}
        self.holders = {}  # address -> keys
        self.violations = []
        self.events = 0
        self.lists = 0
        self._pools_edited = False
        self._touched = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._listed = threading.Event()
        self._connection = None
        self._thread = threading.Thread(target=self._run, name="witness", daemon=True)

    def start(self):
        self._thread.start()
        if not self._listed.wait(30):
            raise AssertionError("the witness saw no list")
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

    # What the workload says before it writes. Needed where the watch was down and missed what came between.

    def touch(self, key):
        with self._lock:
            self._touched.add(key)

    def pools_edited(self):
        with self._lock:
            self._pools_edited = True

    def quiet(self):
        """A quiet moment: whatever left for an earlier reason has left."""
        with self._lock:
            self._pools_edited = False
            self._touched.clear()
            for seen in self.services.values():
                seen.intents = seen.intents[-1:]
                seen.held = dict.fromkeys(seen.held, False)

    def snapshot(self):
        """{key: object} as last seen."""
        with self._lock:
            return {key: seen.object for key, seen in self.services.items()}

    # The watch

    def _run(self):
        while not self._stop.is_set():
            try:
                self._list_and_watch()
            except Exception:  # the server is down, or the stream broke in the middle of a line
                pass
            if not self._stop.is_set():
                time.sleep(0.05)

    def _list_and_watch(self):
        api = self._api_of()
        answer = api.call("GET", path_of("Service"))
        with self._lock:
            self._take_list(answer["items"])
        self._listed.set()
        query = urllib.parse.urlencode({"watch": "true", "allowWatchBookmarks": "true",
                                        "resourceVersion": answer["metadata"]["resourceVersion"]})
        self._connection = api.open(timeout=70)
        try:
            self._connection.request("GET", path_of("Service") + "?" + query, headers=api.headers())
            response = self._connection.getresponse()
            if response.status != 200:
                return
            for line in response:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                if event["type"] != "BOOKMARK":
                    with self._lock:
                        self.events += 1
                        self._take(event["type"], event["object"])
        finally:
            self._connection.close()

    # Judging; with the lock held

    def _blame(self, what):
        self.violations.append(what)

    def _excuse(self, key):
        """The Service was changed: what it holds may go, and what others share with it."""
        for address in self.services[key].held:
            for holder in self.holders.get(address, ()):
                self.services[holder].held[address] = True

    def _may_leave(self, key, address, before, after, listed):
        if before.held[address] or not after.ours:
            return True
        ip = ipaddress.ip_address(address)
        if self._pools_edited and any(ip.version == r.version and ip in r for r in self._moving):
            return True
        # Between two lists nobody saw what came in between.
        return listed and bool(self._touched & ({key} | self.holders.get(address, set())))

    def _forget(self, key):
        seen = self.services.pop(key, None)
        for address in seen.held if seen else ():
            self.holders[address].discard(key)

    def _take(self, kind, svc, listed=False):
        key = key_of(svc)
        if kind == "DELETED":
            if key in self.services:
                self._excuse(key)
            self._forget(key)
            return
        self._drop_lost(key, svc, listed)
        self._add_gained(key, svc, listed)

    def _drop_lost(self, key, svc, listed):
        seen = self.services.get(key)
        if seen and seen.uid != svc["metadata"]["uid"]:
            self._excuse(key)
            self._forget(key)
            seen = None
        if not seen:
            self.services[key] = Seen(svc)
            return
        intent, now = Intent(svc), set(addresses_of(svc))
        if intent.key() != seen.intent.key():
            self._excuse(key)
            seen.intents.append(intent)
        for address in set(seen.held) - now:
            if not self._may_leave(key, address, seen, intent, listed):
                self._blame(f"{address} left {key} for no reason (rv {svc['metadata']['resourceVersion']})")
            del seen.held[address]
            self.holders[address].discard(key)
        seen.object, seen.version = svc, svc["metadata"]["resourceVersion"]

    def _add_gained(self, key, svc, listed):
        seen = self.services[key]
        for address in set(addresses_of(svc)) - set(seen.held):
            for other in self.holders.get(address, ()):
                theirs = self.services[other]
                # It may have been decided while the other was still as it used to be.
                if any(seen.intent.may_share_with(i) for i in theirs.intents):
                    continue
                if not (listed and other in self._touched):
                    self._blame(f"{address} was given to {key} while {other} holds it "
                                f"(rv {svc['metadata']['resourceVersion']})")
            self.holders.setdefault(address, set()).add(key)
            # Who shares with somebody that was changed meanwhile may have to go again.
            seen.held[address] = any(len(self.services[o].intents) > 1 or o in self._touched
                                     for o in self.holders[address] - {key})

    def _take_list(self, items):
        """All of it at one moment: first what is gone or lost, then what came."""
        self.lists += 1
        now = {key_of(i): i for i in items}
        for key in set(self.services) - set(now):
            self._excuse(key)
            self._forget(key)
        for key, svc in now.items():
            self._drop_lost(key, svc, True)
        for key, svc in now.items():
            self._add_gained(key, svc, True)
