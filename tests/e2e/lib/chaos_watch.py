"""The witnesses of a chaos run: watches of Services and Nodes that know nothing of the operator, and judge every
change by themselves. What they assert at each event:

- an address that comes into a status is in no other, unless both Services may share it;
- an address that leaves a status leaves for a reason: the Service, or one that it shared with, was changed,
  or the pools of that address were;
- what is excluded or reserved, and was free in the last quiet moment, goes to nobody but whom it is kept for;
- a PodCIDR never changes; and at no revision of the API overlap two PodCIDRs, or one of them and an address."""

import collections
import http.client
import ipaddress
import json
import threading
import time
import urllib.parse

from .objects import addresses_of, key_of
from .rest import ApiError, path_of

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


class Watcher:
    """Lists and watches one kind in a thread of its own, for as long as the server lives."""

    kind = ""

    def __init__(self, api_of):
        self._api_of = api_of
        self.violations = []
        self.events = 0
        self.lists = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._listed = threading.Event()
        self._connection = None
        self._thread = threading.Thread(target=self._run, name=f"witness of {self.kind}", daemon=True)

    def start(self):
        self._thread.start()
        if not self._listed.wait(30):
            raise AssertionError(f"the witness of {self.kind} saw no list")
        return self

    def stop(self):
        self._stop.set()
        connection = self._connection
        if connection and connection.sock:
            try:
                connection.sock.shutdown(2)
            except OSError:
                pass
        if self._thread.is_alive():
            self._thread.join(10)

    def versions(self):
        """{key: resourceVersion} as last seen."""
        raise NotImplementedError

    def _run(self):
        while not self._stop.is_set():
            try:
                self._list_and_watch()
            except (OSError, http.client.HTTPException, ValueError, ApiError):
                pass  # the server is down, or the stream broke in the middle of a line
            except Exception as e:
                self._blame(f"the witness of {self.kind} failed: {e!r}")
                raise
            if not self._stop.is_set():
                time.sleep(0.05)

    def _list_and_watch(self):
        api = self._api_of()
        answer = api.call("GET", path_of(self.kind))
        with self._lock:
            self.lists += 1
            self._take_list({key_of(i): i for i in answer["items"]})
        self._listed.set()
        query = urllib.parse.urlencode({"watch": "true", "allowWatchBookmarks": "true",
                                        "resourceVersion": answer["metadata"]["resourceVersion"]})
        self._connection = api.open(timeout=70)
        try:
            self._connection.request("GET", path_of(self.kind) + "?" + query, headers=api.headers())
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

    def _blame(self, what):
        self.violations.append(what)

    # With the lock held

    def _take_list(self, now):
        raise NotImplementedError

    def _take(self, kind, obj):
        raise NotImplementedError


class History:
    """Who had which part of the cluster pool, by the revisions of the API: two watches in one order."""

    def __init__(self, cluster_cidr, mask):
        self._net = ipaddress.ip_network(cluster_cidr)
        self._mask = mask
        self._changes = []
        self._last = {}    # key -> (revision of its last change, its blocks)
        self._had = {}     # key -> blocks, as of the last judgement
        self._lock = threading.Lock()

    def _blocks(self, networks):
        nets = [ipaddress.ip_network(n) for n in networks]
        return frozenset(b for n in nets if n.version == 4 and n.overlaps(self._net)
                         for b in ([n.supernet(new_prefix=self._mask)] if n.prefixlen >= self._mask
                                   else n.subnets(new_prefix=self._mask)))

    def note(self, key, revision, networks, listed=False):
        """The object has these from that revision on. listed: nobody saw what came since its last change, so that
        what it had may have gone right then."""
        with self._lock:
            blocks = self._blocks(networks)
            before, had = self._last.get(key, (0, frozenset()))
            if listed and had - blocks:
                self._changes.append((before, len(self._changes), key, had & blocks))
            if blocks != had:
                self._changes.append((int(revision) if revision else before, len(self._changes), key, blocks))
            self._last[key] = int(revision) if revision else before, blocks

    def judge(self):
        """What was wrong since the last time. To be called when both watches have seen everything."""
        with self._lock:
            changes, self._changes = sorted(self._changes), []
            users = collections.defaultdict(set)
            for key, blocks in self._had.items():
                for b in blocks:
                    users[b].add(key)
            wrong = []
            for revision, _, key, blocks in changes:
                for b in self._had.get(key, frozenset()) - blocks:
                    users[b].discard(key)
                for b in blocks - self._had.get(key, frozenset()):
                    others = [o for o in users[b] if o.startswith("Node ") or key.startswith("Node ")]
                    if others:
                        wrong.append(f"at revision {revision} {key} gets {b}, which {sorted(others)} has")
                    users[b].add(key)
                self._had[key] = blocks
            return wrong


class NodeWitness(Watcher):
    kind = "Node"

    def __init__(self, api_of, history):
        super().__init__(api_of)
        self._history = history
        self._nodes = {}

    def versions(self):
        with self._lock:
            return {key: n["metadata"]["resourceVersion"] for key, n in self._nodes.items()}

    def _gone(self, key, revision):
        self._nodes.pop(key, None)
        self._history.note(f"Node {key}", revision, ())

    def _there(self, node, listed):
        key, cidrs = key_of(node), node.get("spec", {}).get("podCIDRs") or []
        old = self._nodes.get(key)
        had = old.get("spec", {}).get("podCIDRs") if old else None
        if had and old["metadata"]["uid"] == node["metadata"]["uid"] and had != cidrs:
            self._blame(f"{had} of Node {key} became {cidrs}")
        self._nodes[key] = node
        self._history.note(f"Node {key}", node["metadata"]["resourceVersion"], cidrs, listed)

    def _take_list(self, now):
        for key in set(self._nodes) - set(now):
            self._gone(key, None)
        for node in now.values():
            self._there(node, True)

    def _take(self, kind, obj):
        if kind == "DELETED":
            self._gone(key_of(obj), obj["metadata"]["resourceVersion"])
        else:
            self._there(obj, False)


class Witness(Watcher):
    kind = "Service"

    def __init__(self, api_of, ranges_of, history):
        super().__init__(api_of)
        self._ranges_of = ranges_of
        self._history = history
        self.services = {}
        self.holders = {}  # address -> keys
        self._edited = []  # networks of the pools that were edited
        self._touched = set()
        self._barred = {}  # address -> the one who may get it; None = nobody

    # What the workload says before it writes. Needed where the watch was down and missed what came between.

    def touch(self, key):
        with self._lock:
            self._touched.add(key)

    def pool_edited(self, name):
        with self._lock:
            self._edited += self._ranges_of(name)

    def may_be_given(self, networks):
        """A policy or a reservation that these addresses are barred by is about to change."""
        with self._lock:
            self._barred = {a: who for a, who in self._barred.items() if not any(
                ipaddress.ip_address(a) in n for n in networks)}

    def quiet(self, barred):
        """A quiet moment: whatever left for an earlier reason has left."""
        with self._lock:
            self._edited = []
            self._touched.clear()
            self._barred = barred
            for seen in self.services.values():
                seen.intents = seen.intents[-1:]
                seen.held = dict.fromkeys(seen.held, False)

    def versions(self):
        with self._lock:
            return {key: seen.version for key, seen in self.services.items()}

    # Judging; with the lock held

    def _excuse(self, key):
        """The Service was changed: what it holds may go, and what others share with it."""
        for address in self.services[key].held:
            for holder in self.holders.get(address, ()):
                self.services[holder].held[address] = True

    def _may_leave(self, key, address, before, after, listed):
        if before.held[address] or not after.ours:
            return True
        ip = ipaddress.ip_address(address)
        if any(ip in r for r in self._edited):
            return True
        # Between two lists nobody saw what came in between.
        return listed and bool(self._touched & ({key} | self.holders.get(address, set())))

    def _forget(self, key, revision=None):
        seen = self.services.pop(key, None)
        for address in seen.held if seen else ():
            self.holders[address].discard(key)
        self._history.note(key, revision, ())

    def _take(self, kind, svc, listed=False):
        key = key_of(svc)
        if kind == "DELETED":
            if key in self.services:
                self._excuse(key)
            self._forget(key, svc["metadata"]["resourceVersion"])
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

    def _is_barred(self, key, address):
        if address not in self._barred:
            return False
        who = self._barred[address]
        # Who has it may share it.
        return who is None or key != who and who not in self.holders.get(address, ()) and who not in self._touched

    def _add_gained(self, key, svc, listed):
        seen = self.services[key]
        self._history.note(key, svc["metadata"]["resourceVersion"], addresses_of(svc), listed)
        for address in set(addresses_of(svc)) - set(seen.held):
            if self._is_barred(key, address):
                self._blame(f"{address} was given to {key}, and is kept for {self._barred[address]} "
                            f"(rv {svc['metadata']['resourceVersion']})")
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

    def _take_list(self, now):
        """All of it at one moment: first what is gone or lost, then what came."""
        for key in set(self.services) - set(now):
            self._excuse(key)
            self._forget(key)
        for key, svc in now.items():
            self._drop_lost(key, svc, True)
        for key, svc in now.items():
            self._add_gained(key, svc, True)
