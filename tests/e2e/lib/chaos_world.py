"""What a chaos run is about: names, networks, and all objects as they stand at one moment, with what follows
from them for an address, told from the documents and not from the operator."""

import calendar
import collections
import ipaddress
import time

from .chaos_watch import Intent
from .objects import HOLDER, MANAGED_BY, addresses_of, key_of

NAMESPACES = ("default", "team-a", "team-b")
STEADY_BLOCKS = ("10.1.0.0/24", "fd00:1::/120")
MOVING_BLOCKS = {"moving-a": ("10.2.0.0/26", "fd00:2::/122"), "moving-b": ("10.2.1.0/26", "10.2.2.0/28"),
                 "moving-c": ("10.2.3.0/27",)}
# The only pool whose policies ever let holders keep what left it, and the only one that is deleted.
KEEPING, GOING = "moving-b", "moving-c"
CLUSTER_POOL, CLUSTER_CIDR, CLUSTER_MASK = "cluster-pool", "10.4.0.0/24", 28
FAMILIES = {4: "ipv4", 6: "ipv6"}
SECONDS = {"0s": 0, "2s": 2, "5m": 300, "10m": 600, "1h": 3600}
PROTECT = "berth.dev/protect"


def ranges_of(pool):
    """What the pool may have at most."""
    return [ipaddress.ip_network(b) for b in MOVING_BLOCKS.get(pool, STEADY_BLOCKS)]


def range_of(text):
    """(first, last) of "a", "a-b" or "a/n"."""
    if "/" in text:
        net = ipaddress.ip_network(text)
        return net[0], net[-1]
    first, _, last = text.partition("-")
    return ipaddress.ip_address(first), ipaddress.ip_address(last or first)


def within(ip, ranges):
    return any(a.version == ip.version and a <= ip <= b for a, b in ranges)


def wall_of(stamp):
    return calendar.timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ"))


def notes_of(obj):
    return obj["metadata"].get("annotations") or {}


class World:
    """One look at everything."""

    def __init__(self, api):
        self.now = time.time()
        self.services = [s for s in api.list("Service") if s["metadata"]["name"] != "kubernetes"]
        self.pools = api.list("CiliumLoadBalancerIPPool")
        self.policies = sorted(api.list("IPPoolPolicy"), key=key_of)
        self.reservations = api.list("IPReservation")
        self.nodes = api.list("Node")
        self.labels = {n["metadata"]["name"]: n["metadata"].get("labels") or {} for n in api.list("Namespace")}
        self.records, self.claims = {}, {}
        for record in api.list("IPAddress", labelSelector=f"{MANAGED_BY}=berth"):
            block = notes_of(record).get("berth.dev/block")
            if block:
                self.claims[block] = record
            else:
                self.records[record["metadata"]["name"]] = record
        self.holders = collections.defaultdict(list)  # address -> Services
        for svc in self.services:
            for address in addresses_of(svc):
                self.holders[address].append(svc)
        self._reserved = {}
        for r in self.reservations:
            for address in r["spec"]["addresses"] if not self.expired(r) else ():
                self._reserved[ipaddress.ip_address(address)] = r

    # Policies

    def policy_of(self, pool):
        """The spec in force for the pool of this name; {} = none."""
        return next((p["spec"] for p in self.policies if p["spec"].get("poolName") == pool), {})

    def excluded(self, pool):
        return [range_of(e) for e in self.policy_of(pool).get("exclude") or ()]

    def quota(self, pool, namespace):
        """None = no limit"""
        for q in self.policy_of(pool).get("quotas") or ():
            wanted = (q.get("namespaceSelector") or {}).get("matchLabels") or {}
            labels = self.labels.get(namespace, {})
            if namespace in q["namespaces"] if "namespaces" in q else wanted.items() <= labels.items():
                return q["maxAddresses"]
        return None

    def reuse_seconds(self, pool):
        return SECONDS[self.policy_of(pool).get("reuseAfter", "10m")]

    # Reservations

    def expired(self, reservation):
        return "expiresAt" in reservation["spec"] and wall_of(reservation["spec"]["expiresAt"]) <= self.now

    def reserved_for(self, ip):
        """(is it reserved?, the Service that it is kept for or None = nobody)"""
        r = self._reserved.get(ip)
        return r is not None, beneficiary(r) if r else None

    # Addresses

    def blocks_of(self, pool):
        return [ipaddress.ip_network(b["cidr"]) for b in pool["spec"].get("blocks") or []]

    def pool_at(self, ip):
        """The pool that contains the address now; None = none does."""
        for pool in self.pools:
            if any(ip in b for b in self.blocks_of(pool) if b.version == ip.version):
                return pool
        return None

    def used(self, pool, namespace):
        """How many addresses of the pool the namespace has; one that several share counts once."""
        blocks = self.blocks_of(pool)
        return sum(any(s["metadata"]["namespace"] == namespace for s in services)
                   and any(ipaddress.ip_address(a) in b for b in blocks) for a, services in self.holders.items())

    def cools(self, address):
        record = self.records.get(address)
        return record is not None and notes_of(record).get("berth.dev/state") == "cooling"

    def state_of(self, pool, ip, excluded):
        """What an address of the pool counts as."""
        address = str(ip)
        if address in self.holders:
            return "used"
        if self.reserved_for(ip)[0]:
            return "reserved"
        if self.cools(address):
            return "cooling"
        return "excluded" if within(ip, excluded) else "free"

    def states(self, pool, version):
        """{state: count} of one pool and family"""
        excluded = self.excluded(pool["metadata"]["name"])
        return collections.Counter(self.state_of(pool, ip, excluded) for b in self.blocks_of(pool)
                                   if b.version == version for ip in b)

    def barred(self):
        """{address: the one Service that may get it, or None}: what nobody holds now, and only a change of a
        policy or a reservation could set free."""
        found = {}
        for pool in self.pools:
            excluded = self.excluded(pool["metadata"]["name"])
            for block in self.blocks_of(pool):
                for ip in block if excluded else ():
                    if within(ip, excluded) and str(ip) not in self.holders:
                        found[str(ip)] = None
        for ip, r in self._reserved.items():
            if "expiresAt" not in r["spec"] and str(ip) not in self.holders and str(ip) not in found:
                found[str(ip)] = beneficiary(r)
        return found

    def waiting(self):
        """[(Service, what it intends)] of those that are ours and have nothing."""
        intents = [(s, Intent(s)) for s in self.services]
        return [(s, i) for s, i in intents if i.ours and not addresses_of(s)]

    def record_holders(self):
        """{address: [Services]} of what is held; claims and what cools are left out."""
        return {a: sorted(h for h in notes_of(r).get(HOLDER, "").split(",") if h)
                for a, r in self.records.items() if "berth.dev/released-at" not in notes_of(r)}


def beneficiary(reservation):
    ref = reservation["spec"].get("serviceRef")
    return f"{ref['namespace']}/{ref['name']}" if ref else None


def cidrs_of(node):
    return node.get("spec", {}).get("podCIDRs") or []
