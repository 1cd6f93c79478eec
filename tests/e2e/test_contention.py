"""A second manager of the same statuses, such as a MetalLB or a Cilium operator that was left running by mistake: it
puts its own back as soon as berth has written. berth must not fight it at full speed, and must say so."""

import json
import threading

import pytest

from lib.objects import SATISFIED, addresses_of, condition_of
from lib.process import wait_until
from lib.rest import ApiError, path_of

SERVICES = 10
THEIRS = "controller"
# Two writes over ours are answered; what comes on top was on its way before berth knew.
WRITES = 4


def no_pool(svc):
    return [{"type": SATISFIED, "status": "False", "reason": "no_pool", "message": "There are no enabled pools that "
             "match this service", "lastTransitionTime": "2026-01-01T00:00:00Z"}]


# What the other one wants to see: {"loadBalancer": ...} or {"conditions": ...} from a Service as it stands.
WISHES = {
    "another address": lambda svc: {"loadBalancer": {"ingress": [{"ip": "203.0.113.9"}]}},
    "nothing": lambda svc: {"loadBalancer": {"ingress": None}},
    "one more": lambda svc: {"loadBalancer": {"ingress": [
        *[{"ip": a} for a in addresses_of(svc) if a != "203.0.113.9"], {"ip": "203.0.113.9"}]}},
    "a name": lambda svc: {"loadBalancer": {"ingress": [
        *[{"ip": a} for a in addresses_of(svc)], {"hostname": "lb.example.com"}]}},
    "another condition": lambda svc: {"conditions": no_pool(svc)},
}


def is_granted(svc, wish):
    """Does the status say already what the other one wants?"""
    if "conditions" in wish:
        said = condition_of(svc, SATISFIED)
        return said is not None and said["message"] == wish["conditions"][0]["message"]
    have = (svc["status"].get("loadBalancer") or {}).get("ingress") or []
    return [(i.get("ip"), i.get("hostname")) for i in have] == [
        (i.get("ip"), i.get("hostname")) for i in wish["loadBalancer"]["ingress"] or []]


class Rival(threading.Thread):
    """A controller of objects of one kind: watches them, and writes at once what it wants over what it finds."""

    def __init__(self, api, kind, wish, granted):
        super().__init__(daemon=True)
        self.api, self.kind, self.wish, self.granted = api, kind, wish, granted
        self.writes = 0
        self.ended = threading.Event()
        self.error = None

    def run(self):
        connection = self.api.open(timeout=60)
        try:
            answer = self.api.call("GET", path_of(self.kind))
            for obj in answer["items"]:
                self.look_at(obj)
            connection.request("GET", path_of(self.kind) + "?watch=true&resourceVersion="
                               + answer["metadata"]["resourceVersion"], headers=self.api.headers())
            for line in connection.getresponse():
                event = json.loads(line)
                if self.ended.is_set():
                    return
                if event["type"] in ("ADDED", "MODIFIED"):
                    self.look_at(event["object"])
        except Exception as e:  # shown by end()
            self.error = e
        finally:
            connection.close()

    def look_at(self, obj):
        if obj["metadata"]["name"] == "kubernetes" or not obj.get("status", {}).get("conditions"):
            return
        wish = self.wish(obj)
        if self.granted(obj, wish):
            return
        try:
            self.api.patch(self.kind, obj["metadata"]["name"],
                           {"metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]}, "status": wish},
                           subresource="status", manager=THEIRS)
            self.writes += 1
        except ApiError as e:
            if e.code != 409:
                raise

    def end(self):
        self.ended.set()
        assert self.error is None, self.error


def told(cluster, kind):
    return {e["involvedObject"]["name"]: e for e in cluster.api.list("Event")
            if e["reason"] == "Contended" and e["involvedObject"]["kind"] == kind}


def patches(operator, resource):
    return operator.metrics().total("berth_api_requests_total", verb="patch", resource=resource)


@pytest.mark.parametrize("wish", WISHES, ids=lambda w: w.replace(" ", "-"))
def test_a_second_manager_of_services_is_not_fought(cluster, wish):
    operator = cluster.start()
    cluster.create_pool("blue", "192.0.2.0/27")
    names = [f"s{i}" for i in range(SERVICES)]
    cluster.create_services(names)
    held = cluster.wait_all_served(SERVICES, timeout=30)
    cluster.settled(lambda: patches(operator, "services"))
    before = patches(operator, "services")
    rival = Rival(cluster.api, "Service", WISHES[wish], is_granted)
    rival.start()
    wait_until("each of them is told", lambda: set(told(cluster, "Service")) == set(names), timeout=30,
               last=lambda: (patches(operator, "services") - before, rival.writes, rival.error))
    for event in told(cluster, "Service").values():
        # Of a list that is gone the API keeps nobody's name.
        assert event["type"] == "Warning" and (wish == "nothing" or f'"{THEIRS}"' in event["message"]), event
    assert operator.find_log("Contended", "default/s0", level="warn")
    # It holds still from now on: nothing more is written, on either side.
    quiet = cluster.settled(lambda: (patches(operator, "services"), rival.writes), quiet=3)
    assert quiet[0] - before <= WRITES * SERVICES
    rival.end()
    # What they held is nobody else's.
    cluster.create_services([f"more{i}" for i in range(32 - SERVICES)])
    wait_until("the others are served", lambda: all(
        cluster.addresses(f"more{i}") for i in range(32 - SERVICES)), timeout=30)
    given = {a for i in range(32 - SERVICES) for a in cluster.addresses(f"more{i}")}
    assert not given & {a for addresses in held.values() for a in addresses}


def counts_other(pool):
    """As an operator that counts otherwise: cooling and reserved addresses are available ones to Cilium."""
    return {"conditions": [dict(c, message="7") if c["type"] == "cilium.io/IPsAvailable" else c
                           for c in pool["status"]["conditions"]]}


def test_a_second_manager_of_pools_is_not_fought(cluster):
    operator = cluster.start()
    cluster.create_pool("blue", "192.0.2.0/27")
    cluster.wait_pool_counts("blue", available=32)
    before = patches(operator, "ciliumloadbalancerippools")
    rival = Rival(cluster.api, "CiliumLoadBalancerIPPool", counts_other,
                  lambda p, _: condition_of(p, "cilium.io/IPsAvailable")["message"] == "7")
    rival.start()
    wait_until("it is told", lambda: "blue" in told(cluster, "CiliumLoadBalancerIPPool"), timeout=30,
               last=lambda: (patches(operator, "ciliumloadbalancerippools") - before, rival.writes, rival.error))
    event = told(cluster, "CiliumLoadBalancerIPPool")["blue"]
    assert event["type"] == "Warning" and f'"{THEIRS}"' in event["message"], event
    # Services are served all the same, and nothing is written to the pool meanwhile.
    cluster.create_service("web")
    cluster.wait_addresses("web")
    quiet = cluster.settled(lambda: (patches(operator, "ciliumloadbalancerippools"), rival.writes), quiet=3)
    assert quiet[0] - before <= WRITES
    rival.end()
