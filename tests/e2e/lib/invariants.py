"""What must be true whenever nothing is on its way; see check()."""

from .objects import HOLDER, MANAGED_BY, addresses_of, key_of, pool_holds


def check(api, foreign=(), records=True):
    """No address in the status of two Services; every address in a status lies in a pool, and has a record
    that names its holder; every record of ours names a Service that has the address. `foreign`: Services
    (ns/name) whose status another controller wrote."""
    services = api.list("Service")
    pools = api.list("CiliumLoadBalancerIPPool")
    wrong = []
    holders = {}
    for svc in services:
        for address in addresses_of(svc):
            holders.setdefault(address, []).append(key_of(svc))
    for address, keys in holders.items():
        if len(keys) > 1:
            wrong.append(f"{address} is in the status of {', '.join(keys)}")
    ours = {a: k[0] for a, k in holders.items() if not set(k) & set(foreign)}
    for address, key in ours.items():
        if not any(pool_holds(p, address) for p in pools):
            wrong.append(f"{address} of {key} is in no pool")
    if records:
        named = records_of(api)
        for address, key in ours.items():
            if key not in named.get(address, []):
                wrong.append(f"{address} of {key} has the record {named.get(address)}")
        for address, keys in named.items():
            for key in keys:
                if ours.get(address) != key:
                    wrong.append(f"the record {address} names {key}, whose status has it not")
    assert not wrong, "\n".join(wrong)


def records_of(api, cooling=False):
    """{address: [holders]} of our records. Released ones (cooling) are left out unless asked for."""
    found = {}
    for record in api.list("IPAddress", labelSelector=f"{MANAGED_BY}=berth"):
        notes = record["metadata"].get("annotations") or {}
        if "berth.dev/released-at" in notes and not cooling:
            continue
        found[record["metadata"]["name"]] = [h for h in notes.get(HOLDER, "").split(",") if h]
    return found
