"""What scenarios say of nodes and of blocks of the cluster pool: objects out of the short forms, and expectations."""

import os
import time

from .controlplane import ROOT
from .process import wait_until

CILIUM_NODES = os.path.join(ROOT, "tests", "crds", "ciliumnodes.yaml")
FORMS = {"node": "Node", "ciliumNode": "CiliumNode"}


def mentions(scenario, form):
    """Do objects of this form come in it?"""
    lists = [scenario.get("before", [])] + [s["apply"] for s in scenario["steps"] if "apply" in s]
    return any(form in item for forms in lists for item in forms)


def node_of(form):
    """With a label, as each kubelet sets: of an object made with no field at all kube-apiserver notes no managers."""
    cidrs = form.get("cidrs")
    return {"kind": "Node", "metadata": {"name": form["name"], "labels": {"kubernetes.io/hostname": form["name"]}},
            "spec": {"podCIDR": cidrs[0], "podCIDRs": cidrs} if cidrs else {}}


def cilium_node_of(form):
    meta = {"name": form["name"]}
    if form.get("owned"):
        meta["ownerReferences"] = [{"apiVersion": "v1", "kind": "Node", "name": form["name"],
                                    "uid": "00000000-0000-4000-8000-00000000000f"}]
    return {"kind": "CiliumNode", "metadata": meta,
            "spec": {"ipam": {"podCIDRs": form["cidrs"]}} if "cidrs" in form else {}}


def status_of(form):
    """(kind, status) that the form wants to stand there; None: it wants none."""
    if form.get("node", {}).get("addresses"):
        addresses = [{"type": "InternalIP" if a[0].isdigit() else "Hostname", "address": a}
                     for a in form["node"]["addresses"]]
        return "Node", {"addresses": addresses}
    if "error" in form.get("ciliumNode", {}):
        return "CiliumNode", {"ipam": {"operator-status": {"error": form["ciliumNode"]["error"]}}}
    return None


def _age(form):
    """Seconds; 0 = it is made now."""
    text = next(iter(form.values())).get("created", "0s") if len(form) == 1 else "0s"
    return float(text.lstrip("-")[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def by_age(forms):
    """The oldest first, each with whether it must be younger than the one before: the server stamps what is made
    with the second in which it is."""
    last = None
    for form in sorted(forms, key=_age, reverse=True):
        age = _age(form)
        yield form, last is not None and age != last
        last = age


def next_second():
    now = int(time.time())
    wait_until("the next second", lambda: int(time.time()) > now, timeout=3, every=0.02)


def serve_cilium_nodes(cluster):
    cluster.kubectl("apply", "-f", CILIUM_NODES)
    cluster.wait_condition("CustomResourceDefinition", "ciliumnodes.cilium.io", "Established", "True")


def _cidrs(node):
    spec = node.get("spec", {})
    return spec.get("podCIDRs") or spec.get("ipam", {}).get("podCIDRs") or []


def _node_faults(api, kind, name, want):
    node = api.find(kind, name)
    if node is None or want.get("gone"):
        if (node is None) != bool(want.get("gone")):
            yield f"{kind} {name}: {node}"
        return
    have = _cidrs(node)
    if "cidrs" in want and have != want["cidrs"]:
        yield f"{kind} {name} has {have}, not {want['cidrs']}"
    if "count" in want and len(have) != want["count"]:
        yield f"{kind} {name} has {have}, not {want['count']}"
    error = node.get("status", {}).get("ipam", {}).get("operator-status", {}).get("error") or ""
    part = want.get("error")
    if part is not None and (part not in error if part else error):
        yield f"{kind} {name}: error {error!r}, not {part!r}"


def faults(cluster, want):
    for member, kind in (("nodes", "Node"), ("ciliumNodes", "CiliumNode")):
        for name, w in want.get(member, {}).items():
            yield from _node_faults(cluster.api, kind, name, w)
    for block, owner in want.get("claims", {}).items():
        record = cluster.api.find("IPAddress", block.partition("/")[0])
        notes = record["metadata"].get("annotations", {}) if record else {}
        have = notes.get("berth.dev/owner")
        if have != owner or (owner and notes.get("berth.dev/block") != block):
            yield f"{block} is claimed by {have}, not by {owner}"
        elif owner and "berth.dev/state" in notes:
            yield f"the claim of {block} has a state"
    for family, text in want.get("podcidrs", {}).items():
        metrics = cluster.operator.metrics()
        have = "/".join(f"{metrics.value(f'berth_podcidr_{n}', family=family):.0f}" for n in ("used", "total"))
        if have != text:
            yield f"PodCIDRs of {family}: {have}, not {text}"
