"""What must be true in a quiet moment, read from the API and from the leader's metrics."""

import collections
import http.client
import ipaddress

from .chaos_watch import SHARING_KEY, Intent
from .invariants import records_of
from .objects import addresses_of, condition_of, key_of, pool_holds

FAMILIES = {4: "ipv4", 6: "ipv6"}


def problems(api, operators, witness):
    """[what is not right]; empty where all is."""
    services = [s for s in api.list("Service") if s["metadata"]["name"] != "kubernetes"]
    pools = api.list("CiliumLoadBalancerIPPool")
    versions = {key_of(s): s["metadata"]["resourceVersion"] for s in services}
    seen = {k: s["metadata"]["resourceVersion"] for k, s in witness.snapshot().items() if k in versions}
    if seen != versions:
        return ["the witness has not seen everything yet"]
    found = []
    holders = collections.defaultdict(list)
    for svc in services:
        for address in addresses_of(svc):
            holders[address].append(svc)
    _check_holders(holders, pools, found)
    _check_records(api, holders, found)
    _check_steady(services, found)
    metrics = _leader(operators)
    if metrics is None:
        return found + ["nobody leads"]
    _check_pools(pools, holders, metrics, found)
    _check_waiting(services, pools, metrics, found)
    return found


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


def _check_holders(holders, pools, found):
    for address, held_by in holders.items():
        for i, one in enumerate(held_by):
            for other in held_by[i + 1:]:
                if not Intent(one).may_share_with(Intent(other)):
                    found.append(f"{address} is in the status of {key_of(one)} and {key_of(other)}")
        for svc in held_by:
            if not Intent(svc).ours:
                found.append(f"{key_of(svc)} has {address} and is not ours")
        if not any(pool_holds(p, address) for p in pools):
            found.append(f"{address} of {key_of(held_by[0])} is in no pool")


def _check_records(api, holders, found):
    records = {a: sorted(h) for a, h in records_of(api).items()}
    wanted = {a: sorted(key_of(s) for s in held_by) for a, held_by in holders.items()}
    for address in sorted(set(records) | set(wanted)):
        if records.get(address) != wanted.get(address):
            found.append(f"{address} is recorded for {records.get(address)}, in the status of {wanted.get(address)}")


def _check_steady(services, found):
    groups = collections.defaultdict(set)
    for svc in services:
        name, held = svc["metadata"]["name"], addresses_of(svc)
        if svc["metadata"].get("labels", {}).get("tier") != "steady":
            continue
        if len(held) != (2 if name.startswith("dual") else 1):
            found.append(f"{name} has {held}")
        if name.startswith("group"):
            groups[svc["metadata"]["annotations"][SHARING_KEY]].update(held)
    for key, held in groups.items():
        if len(held) > 1:
            found.append(f"the group {key} has {sorted(held)}")


def _size(pool, version):
    total = 0
    for block in pool["spec"].get("blocks") or []:
        net = ipaddress.ip_network(block["cidr"])
        total += net.num_addresses if net.version == version else 0
    return total


def _check_pools(pools, holders, metrics, found):
    for pool in pools:
        name = pool["metadata"]["name"]
        for version, family in FAMILIES.items():
            states = {dict(labels)["state"]: n for (metric, labels), n in metrics.items()
                      if metric == "berth_pool_addresses" and dict(labels)["pool"] == name
                      and dict(labels)["family"] == family}
            size = _size(pool, version)
            if sum(states.values()) != size:
                found.append(f"pool {name} has {size} {family} addresses, but states {states}")
            used = sum(ipaddress.ip_address(a).version == version and pool_holds(pool, a) for a in holders)
            if states.get("used", 0) != used:
                found.append(f"pool {name}: {used} {family} addresses are in statuses, used={states.get('used')}")
        free = sum(n for (metric, labels), n in metrics.items() if metric == "berth_pool_addresses"
                   and dict(labels)["pool"] == name and dict(labels)["state"] == "free")
        said = {c: int((condition_of(pool, f"cilium.io/{c}") or {"message": "-1"})["message"])
                for c in ("IPsTotal", "IPsAvailable", "IPsUsed")}
        if said["IPsTotal"] != said["IPsAvailable"] + said["IPsUsed"] or said["IPsAvailable"] != free:
            found.append(f"pool {name} says {said} while {free} are free")


def _check_waiting(services, pools, metrics, found):
    """Whoever could have an address has one; whoever waits is told why."""
    giving = {p["metadata"]["name"] for p in pools if not p["spec"].get("disabled")}
    free = sum(n for (metric, labels), n in metrics.items() if metric == "berth_pool_addresses"
               and dict(labels)["pool"] in giving - {"steady"} and dict(labels)["family"] == "ipv4"
               and dict(labels)["state"] == "free")
    for svc in services:
        intent = Intent(svc)
        if not intent.ours or addresses_of(svc):
            continue
        condition = condition_of(svc, "cilium.io/IPAMRequestSatisfied")
        if condition is None or condition["status"] != "False":
            found.append(f"{key_of(svc)} waits and is not told why: {condition}")
        elif free > 0 and not intent.request:
            found.append(f"{key_of(svc)} waits ({condition['reason']}) while {free} addresses are free")
