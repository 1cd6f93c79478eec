"""What must be true in a quiet moment, read from the API and from the leader's metrics."""

import collections
import http.client
import ipaddress

from .chaos_watch import SHARING_KEY, Intent
from .chaos_world import (CLUSTER_MASK, CLUSTER_POOL, FAMILIES, PROTECT, World, beneficiary, cidrs_of, notes_of,
                          wall_of, within)
from .objects import HOLDER, addresses_of, condition_of, key_of, pool_holds

LATE = 5  # seconds that a release of a cooling address may take after its time
SATISFIED = "cilium.io/IPAMRequestSatisfied"


class Quiet:
    """Looks at the API as often as asked, and remembers from one quiet moment to the next."""

    def __init__(self, witness, nodes):
        self._witness = witness
        self._nodes = nodes
        self._used = {}  # (pool, namespace) -> addresses in the last quiet moment
        self.world = None

    def problems(self, api, operators):
        """[what is not right]; empty where all is."""
        w = World(api)
        seen = self._witness.versions()
        for objects, known in ((w.services, seen), (w.nodes, self._nodes.versions())):
            now = {key_of(o): o["metadata"]["resourceVersion"] for o in objects}
            if {k: v for k, v in known.items() if k != "default/kubernetes"} != now:
                return ["the witnesses have not seen everything yet"]
        found = []
        _check_holders(w, found)
        _check_records(w, found)
        _check_steady(w, found)
        _check_reservations(w, found)
        _check_policies(w, found)
        _check_guards(w, found)
        _check_claims(w, found)
        _check_apart(w, found)
        metrics = _leader(operators)
        if metrics is None:
            return found + ["nobody leads"]
        _check_pools(w, metrics, found)
        _check_cluster_pool(w, metrics, found)
        _check_waiting(w, metrics, found)
        self.world = w
        return found

    def over_quota(self):
        """Namespaces above a quota that were not in the last quiet moment, or have more now. For an epoch in which
        no policy was changed and no pool edited; lowering a quota takes nothing away."""
        wrong, w = [], self.world
        for (pool, namespace), had in self._used.items():
            limit = w.quota(pool, namespace)
            now = next((w.used(p, namespace) for p in w.pools if key_of(p) == pool), 0)
            if limit is not None and now > max(limit, had):
                wrong.append(f"{namespace} has {now} addresses of pool {pool}, of which it may have {limit}; it had {had}")
        return wrong

    def remember(self):
        w = self.world
        self._used = {(key_of(p), ns): w.used(p, ns) for p in w.pools for ns in w.labels}


def _leader(operators):
    """The metrics of the one operator that leads, None where there is not just one."""
    leading = []
    for operator in operators:
        try:
            metrics = operator.metrics()
        except (OSError, http.client.HTTPException, AssertionError):
            continue
        if metrics.value("berth_leader") == 1:
            leading.append(metrics)
    return leading[0] if len(leading) == 1 else None


# Services and records

def _is_explained(w, address):
    """By a pool, by the cluster pool, or by a policy that lets its holder keep it."""
    if any(pool_holds(p, address) for p in w.pools):
        return True
    record = w.records.get(address)
    if record is None:
        return False
    pool = notes_of(record).get("berth.dev/pool")
    if pool == CLUSTER_POOL:
        block = str(ipaddress.ip_network(f"{address}/{CLUSTER_MASK}", strict=False))
        return block in w.claims and notes_of(w.claims[block])["berth.dev/owner"] == "external"
    return w.policy_of(pool).get("onShrink") == "Keep"


def _check_holders(w, found):
    for address, held_by in w.holders.items():
        for i, one in enumerate(held_by):
            for other in held_by[i + 1:]:
                if not Intent(one).may_share_with(Intent(other)):
                    found.append(f"{address} is in the status of {key_of(one)} and {key_of(other)}")
        for svc in held_by:
            if not Intent(svc).ours:
                found.append(f"{key_of(svc)} has {address} and is not ours")
        if not _is_explained(w, address):
            found.append(f"{address} of {key_of(held_by[0])} is in no pool")


def _check_records(w, found):
    records = w.record_holders()
    wanted = {a: sorted(key_of(s) for s in held_by) for a, held_by in w.holders.items()}
    for address in sorted(set(records) | set(wanted)):
        if records.get(address) != wanted.get(address):
            found.append(f"{address} is recorded for {records.get(address)}, in the status of {wanted.get(address)}")
    for address, record in w.records.items():
        notes = notes_of(record)
        if "berth.dev/released-at" not in notes or address in wanted:
            continue
        if notes.get("berth.dev/state") != "cooling":
            found.append(f"{address} was released by {notes.get(HOLDER)} and is {notes.get('berth.dev/state')}")
            continue
        pool = w.pool_at(ipaddress.ip_address(address))
        name = pool["metadata"]["name"] if pool else notes.get("berth.dev/pool")
        if not pool and name != CLUSTER_POOL:
            found.append(f"{address} cools, and is in no pool")
        elif wall_of(notes["berth.dev/released-at"]) + w.reuse_seconds(name) + LATE < w.now:
            found.append(f"{address} of pool {name} cools since {notes['berth.dev/released-at']}, too long")


def _check_steady(w, found):
    groups = collections.defaultdict(set)
    for svc in w.services:
        name, held = svc["metadata"]["name"], addresses_of(svc)
        if svc["metadata"].get("labels", {}).get("tier") != "steady":
            continue
        if len(held) != (2 if name.startswith("dual") else 1):
            found.append(f"{name} has {held}")
        if name.startswith("group"):
            groups[notes_of(svc)[SHARING_KEY]].update(held)
    for key, held in groups.items():
        if len(held) > 1:
            found.append(f"the group {key} has {sorted(held)}")


# Reservations and policies

def _phases(w, r):
    """The phases that a reservation may say, and whom it may name."""
    who = beneficiary(r)
    held_by = [[key_of(s) for s in w.holders.get(a, ())] for a in r["spec"]["addresses"]]
    bound = any(who in keys for keys in held_by)
    others = [k for keys in held_by if who not in keys for k in keys]
    if w.expired(r):
        return ["Expired"], {who} if bound else {""}
    if others:
        return ["Conflict"], set(others)
    if bound:
        return ["Bound"], {who}
    given = True
    for a in r["spec"]["addresses"]:
        ip = ipaddress.ip_address(a)
        pool = w.pool_at(ip)
        given = given and pool is not None and _is_usable(pool) and not within(ip, w.excluded(key_of(pool)))
    return (["Free"] if given else ["Unusable"]), {""}


def _check_reservations(w, found):
    for r in w.reservations:
        phases, names = _phases(w, r)
        status = r.get("status", {})
        if status.get("phase") not in phases or status.get("holder", "") not in names:
            found.append(f"reservation {key_of(r)} of {r['spec']} says {status}, not {phases} {sorted(map(str, names))}")


def _check_policies(w, found):
    for policy in w.policies:
        name, spec = key_of(policy), policy["spec"]
        pool = next((p for p in w.pools if key_of(p) == spec["poolName"]), None)
        first = next(p for p in w.policies if p["spec"]["poolName"] == spec["poolName"])
        in_force = pool is not None and first is policy
        held = in_force and any(within(ipaddress.ip_address(a), w.excluded(spec["poolName"])) and pool_holds(pool, a)
                                for a in w.holders)
        wanted = {"berth.dev/Valid": "True", "berth.dev/RecordsRequired": "False",
                  "berth.dev/Shadowed": "True" if pool is not None and not in_force else "False",
                  "berth.dev/ExcludedInUse": "True" if held else "False"}
        for kind, status in wanted.items():
            said = condition_of(policy, kind)
            if said is None or said["status"] != status:
                found.append(f"policy {name} says {said}, not {kind}={status}")


def _check_guards(w, found):
    for pool in w.pools:
        name, meta = key_of(pool), pool["metadata"]
        held = any(pool_holds(pool, a) for a in w.holders)
        wanted = bool(w.policy_of(name).get("protect")) and held
        guarded = PROTECT in meta.get("finalizers", ())
        if guarded != wanted:
            found.append(f"pool {name} has finalizers {meta.get('finalizers')}, is held: {held}, wanted: {wanted}")
        if "deletionTimestamp" in meta and not guarded:
            found.append(f"pool {name} is deleted and still there")


# Figures

def _states(metrics, pool, family):
    found = {dict(labels)["state"]: n for (metric, labels), n in metrics.items()
             if metric == "berth_pool_addresses" and dict(labels)["pool"] == pool and dict(labels)["family"] == family}
    return {state: n for state, n in found.items() if n}


def _check_pools(w, metrics, found):
    for pool in w.pools:
        name, free = key_of(pool), 0
        for version, family in FAMILIES.items():
            wanted = dict(w.states(pool, version))
            said = _states(metrics, name, family)
            if said != wanted:
                found.append(f"pool {name} has {family} {wanted}, and says {said}")
            free += wanted.get("free", 0)
        total = sum(b.num_addresses for b in w.blocks_of(pool))
        said = {c: int((condition_of(pool, f"cilium.io/{c}") or {"message": "-1"})["message"])
                for c in ("IPsTotal", "IPsAvailable", "IPsUsed")}
        if said != {"IPsTotal": total, "IPsAvailable": free, "IPsUsed": total - free}:
            found.append(f"pool {name} says {said} while {free} of {total} are free")


def _external_blocks(w):
    return [ipaddress.ip_network(b) for b, r in w.claims.items() if notes_of(r)["berth.dev/owner"] == "external"]


def _check_claims(w, found):
    """Each block is claimed for exactly who has it."""
    wanted = {c: f"node/{key_of(n)}" for n in w.nodes for c in cidrs_of(n)}
    for block, record in w.claims.items():
        owner = notes_of(record)["berth.dev/owner"]
        inside = [a for a in w.records if ipaddress.ip_address(a) in ipaddress.ip_network(block)]
        if owner == "external":
            if not inside:
                found.append(f"{block} is claimed for external addresses, and there are none")
        elif wanted.get(block) != owner:
            found.append(f"{block} is claimed for {owner}, and is {wanted.get(block)}'s")
    for block, owner in wanted.items():
        if block not in w.claims:
            found.append(f"{block} of {owner} has no claim")


def _check_apart(w, found):
    """PodCIDRs, from each other and from the addresses of Services."""
    nets = [(ipaddress.ip_network(c), f"Node {key_of(n)}") for n in w.nodes for c in cidrs_of(n)]
    for i, (net, owner) in enumerate(nets):
        found += [f"{net} of {owner} overlaps {other} of {whose}" for other, whose in nets[:i] if net.overlaps(other)]
        found += [f"{a} of {key_of(w.holders[a][0])} is in {net} of {owner}" for a in w.holders
                  if ipaddress.ip_address(a) in net]


def _check_cluster_pool(w, metrics, found):
    blocks = _external_blocks(w)
    size = sum(b.num_addresses for b in blocks)
    said = _states(metrics, CLUSTER_POOL, "ipv4")
    if sum(said.values()) != size:
        found.append(f"the cluster pool has {size} external addresses, and says {said}")
    held = sum(any(ipaddress.ip_address(a) in b for b in blocks) for a in w.holders)
    if said.get("used", 0) != held:
        found.append(f"the cluster pool: {held} addresses are in statuses, and it says {said}")
    taken, used = len(blocks) + sum(len(cidrs_of(n)) for n in w.nodes), metrics.value("berth_podcidr_used", family="ipv4")
    if used != taken:
        found.append(f"the cluster pool: {taken} blocks are taken, and it says {used}")
    total = metrics.value("berth_podcidr_total", family="ipv4")
    for node in w.nodes:
        if not cidrs_of(node) and used < total:
            found.append(f"Node {key_of(node)} has no PodCIDR while {total - used} are free")


# Who waits

def _is_usable(pool):
    return not pool["spec"].get("disabled") and "deletionTimestamp" not in pool["metadata"]


def _could_give(w, pool, namespace):
    """Might the pool give an IPv4 address to a Service of the namespace that asks for none?"""
    name = key_of(pool)
    policy, limit = w.policy_of(name), w.quota(name, namespace)
    if not _is_usable(pool) or policy.get("autoAssign") is False or (
            limit is not None and w.used(pool, namespace) >= limit):
        return 0
    excluded = w.excluded(name)
    early = policy.get("reuseEarly") is not False
    return sum((state := w.state_of(pool, ip, excluded)) == "free" or
               (state == "cooling" and early and not within(ip, excluded))
               for b in w.blocks_of(pool) if b.version == 4 for ip in b)


def _check_waiting(w, metrics, found):
    """Whoever could have an address has one; whoever waits is told why."""
    kept = {beneficiary(r) for r in w.reservations if not w.expired(r)}
    can = {}
    for pool in w.pools:
        for namespace in w.labels:
            if key_of(pool) != "steady":
                can[namespace] = can.get(namespace, 0) + _could_give(w, pool, namespace)
    cluster = _states(metrics, CLUSTER_POOL, "ipv4")
    free_blocks = (metrics.value("berth_podcidr_total", family="ipv4")
                   - metrics.value("berth_podcidr_used", family="ipv4"))
    for svc, intent in w.waiting():
        condition = condition_of(svc, SATISFIED)
        if condition is None or condition["status"] != "False" or not condition["message"]:
            found.append(f"{key_of(svc)} waits and is not told why: {condition}")
        if intent.request or key_of(svc) in kept:
            continue
        tier = svc["metadata"]["labels"]["tier"]
        if tier == "moving" and can.get(intent.namespace):
            found.append(f"{key_of(svc)} waits ({condition}) while it could have one of {can[intent.namespace]}")
        if tier == "cluster" and (free_blocks or cluster.get("free") or cluster.get("cooling")):
            found.append(f"{key_of(svc)} waits ({condition}) while there are {free_blocks} blocks, {cluster}")
