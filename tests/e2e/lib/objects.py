"""Objects as the tests write them, and questions about objects as the server returns them."""

import ipaddress

OPT_IN = "io.cilium.operator.external-ips"
SATISFIED = "cilium.io/IPAMRequestSatisfied"
MANAGED_BY = "ipaddress.kubernetes.io/managed-by"
HOLDER = "berth.dev/holder"


def service(name, namespace="default", opted_in=True, annotations=None, labels=None, port=80, **spec):
    """A LoadBalancer Service. It asks for no node ports: a range of 2,768 would run out first."""
    notes = dict({OPT_IN: "true"} if opted_in else {}, **(annotations or {}))
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "annotations": notes, "labels": labels or {}},
        "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False,
                 "ports": [{"name": "p", "port": port, "protocol": "TCP"}], **spec},
    }


def block(text):
    """A block of a pool from "10.0.0.0/24", "10.0.0.1" or "10.0.0.1-10.0.0.9"."""
    if "/" in text:
        return {"cidr": text}
    start, dash, stop = text.partition("-")
    return {"start": start, "stop": stop} if dash else {"start": start}


def pool(name, *blocks, selector=None, version="v2", **spec):
    body = {"blocks": [block(b) for b in blocks], **spec}
    if selector is not None:
        body["serviceSelector"] = selector
    return {"apiVersion": f"cilium.io/{version}", "kind": "CiliumLoadBalancerIPPool",
            "metadata": {"name": name}, "spec": body}


def key_of(obj):
    meta = obj["metadata"]
    return f"{meta['namespace']}/{meta['name']}" if "namespace" in meta else meta["name"]


def addresses_of(svc):
    """The addresses in the status of a Service, in their order."""
    ingress = (svc.get("status", {}).get("loadBalancer") or {}).get("ingress") or []
    return [i["ip"] for i in ingress if "ip" in i]


def condition_of(obj, kind):
    for c in obj.get("status", {}).get("conditions") or []:
        if c["type"] == kind:
            return c
    return None


def _number(text):
    return int(ipaddress.ip_address(text))


def block_holds(a_block, address):
    ip = ipaddress.ip_address(address)
    if "cidr" in a_block:
        net = ipaddress.ip_network(a_block["cidr"], strict=False)
        return net.version == ip.version and ip in net
    start = ipaddress.ip_address(a_block["start"])
    stop = a_block.get("stop") or a_block["start"]
    return start.version == ip.version and int(start) <= int(ip) <= _number(stop)


def pool_holds(a_pool, address):
    return any(block_holds(b, address) for b in a_pool["spec"].get("blocks") or [])
