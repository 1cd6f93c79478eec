"""What is not ours: never given out, never touched, and not lost when something around it goes away."""

import pytest

from lib import invariants
from lib.objects import SATISFIED, addresses_of
from lib.process import wait_until


def hold(cluster, name, *ingress):
    """Writes a status as another controller does."""
    cluster.api.patch("Service", name, {"status": {"loadBalancer": {"ingress": list(ingress)}}},
                      subresource="status", manager="other-controller")
    return cluster.api.get("Service", name)


@pytest.mark.parametrize("spec", [{}, {"loadBalancerClass": "example.com/other"}], ids=["classless", "other-class"])
def test_the_address_of_another_controller_is_never_given_out(cluster, spec):
    cluster.start()
    cluster.create_service("theirs", opted_in=False, **spec)
    theirs = hold(cluster, "theirs", {"ip": "192.0.2.1"})
    cluster.create_pool("blue", "192.0.2.0/30")
    names = [f"s{i}" for i in range(4)]
    cluster.create_services(names)
    cluster.wait_all_served(4, timeout=30)  # three of ours, and theirs
    (left,) = [n for n in names if not cluster.addresses(n)]
    cluster.wait_condition("Service", left, SATISFIED, "False", "out_of_ips")
    cluster.wait_pool_counts("blue", total=4, available=0)
    assert cluster.api.get("Service", "theirs") == theirs
    invariants.check(cluster.api, foreign=["default/theirs"])

    cluster.api.delete("Service", "theirs")
    assert cluster.wait_addresses(left) == ["192.0.2.1"]
    invariants.check(cluster.api)


def test_an_address_that_turns_foreign_later_is_left_alone(cluster):
    """The pool is there first; then another controller takes one of its addresses."""
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/31")
    cluster.create_service("theirs", opted_in=False)
    theirs = hold(cluster, "theirs", {"ip": "192.0.2.0"})
    cluster.wait_pool_counts("blue", available=1)
    cluster.create_service("web")
    assert cluster.wait_addresses("web") == ["192.0.2.1"]
    assert cluster.api.get("Service", "theirs") == theirs


def test_external_ips_and_node_addresses_are_reserved(cluster):
    cluster.start()
    cluster.create_service("ext", opted_in=False, externalIPs=["192.0.2.0"])
    cluster.api.create({"kind": "Node", "metadata": {"name": "n1"}})
    cluster.api.patch("Node", "n1", {"status": {"addresses": [
        {"type": "InternalIP", "address": "192.0.2.1"}, {"type": "Hostname", "address": "n1"}]}},
        subresource="status")
    cluster.create_pool("blue", "192.0.2.0/30")
    cluster.wait_pool_counts("blue", total=4, available=2)
    cluster.create_services(["a", "b", "c"])
    held = cluster.wait_all_served(2, timeout=30)
    assert sorted(a for addresses in held.values() for a in addresses) == ["192.0.2.2", "192.0.2.3"]


def told_of(cluster):
    """Whom berth has Events of; the API server has some of its own about ClusterIPs."""
    return {e["involvedObject"]["name"] for e in cluster.api.list("Event") if e["reportingComponent"] == "berth"}


def test_a_service_that_did_not_opt_in_is_never_written_to(cluster):
    """In the default mode, whatever happens around it."""
    cluster.start()
    names = ["plain", "clusterip", "held"]
    cluster.create_service("plain", opted_in=False)
    cluster.create_service("clusterip", opted_in=False, type="ClusterIP", allocateLoadBalancerNodePorts=None)
    cluster.create_service("held", opted_in=False)
    hold(cluster, "held", {"ip": "192.0.2.3"}, {"hostname": "lb.example.com"})
    before = {n: cluster.api.get("Service", n) for n in names}

    cluster.create_pool("blue", "192.0.2.0/28")
    cluster.create_services([f"s{i}" for i in range(10)])
    cluster.wait_all_served(11, timeout=30)
    cluster.api.patch("CiliumLoadBalancerIPPool", "blue", {"spec": {"disabled": True}})
    cluster.api.patch("CiliumLoadBalancerIPPool", "blue", {"spec": {"disabled": False}})
    cluster.create_service("last")
    cluster.wait_addresses("last")
    assert {n: cluster.api.get("Service", n) for n in names} == before
    wait_until("the last one's Event is there", lambda: "last" in told_of(cluster))
    assert not told_of(cluster) & set(names)


def test_what_another_wrote_on_a_service_of_ours_is_replaced_with_ours(cluster):
    """An opted-in Service served by a pool holds exactly what berth gave; until then nothing is taken."""
    cluster.start()
    cluster.create_service("web")
    hold(cluster, "web", {"ip": "203.0.113.9"}, {"hostname": "lb.example.com"})
    cluster.wait_condition("Service", "web", SATISFIED, "False", "no_pool")
    ingress = cluster.api.get("Service", "web")["status"]["loadBalancer"]["ingress"]
    assert [i.get("ip") or i.get("hostname") for i in ingress] == ["203.0.113.9", "lb.example.com"]
    cluster.create_pool("blue", "192.0.2.0/28")
    cluster.wait_condition("Service", "web", SATISFIED, "True", "satisfied")
    ingress = cluster.api.get("Service", "web")["status"]["loadBalancer"]["ingress"]
    assert [i.get("ip") or i.get("hostname") for i in ingress] == ["192.0.2.0"]


def serve_a_hundred(cluster):
    """{Service: (resourceVersion, addresses)} once a hundred are served and nothing is on its way."""
    cluster.create_pool("blue", "10.0.0.0/24")
    cluster.create_services([f"s{i}" for i in range(100)])
    cluster.wait_all_served(100, timeout=60)
    cluster.wait_pool_counts("blue", available=156)
    return cluster.settled(lambda: service_versions(cluster))


def delete_the_kind(cluster):
    cluster.kubectl("delete", "crd", "ciliumloadbalancerippools.cilium.io")
    wait_until("not ready without the pool kind", lambda: cluster.operator.http_status("/readyz") == 503)


@pytest.mark.only("apiserver")
def test_without_the_pool_kind_a_hundred_services_keep_their_addresses(cluster):
    # A short delay, so that it is not the delay alone that saves them.
    cluster.start("--mass-release-delay=1s")
    before = serve_a_hundred(cluster)
    try:
        delete_the_kind(cluster)
        assert cluster.operator.http_status("/healthz") == 200
        cluster.create_service("late")
        after = cluster.settled(lambda: service_versions(cluster), quiet=3)
        assert after.pop("default/late")[1] == []
        assert after == before
        # Nor does a start without the kind take anything away.
        cluster.operator.stop()
        cluster.start("--mass-release-delay=1s", ready=False)
        wait_until("alive", lambda: cluster.operator.http_status("/healthz") == 200)
        after = cluster.settled(lambda: service_versions(cluster), quiet=3)
        assert after.pop("default/late")[1] == []
        assert after == before
        cluster.operator.stop()
    finally:
        cluster.install_crds()


@pytest.mark.only("apiserver")
def test_the_pool_kind_that_comes_back_is_found_again(cluster):
    cluster.start()
    before = serve_a_hundred(cluster)
    try:
        delete_the_kind(cluster)
        cluster.create_service("late")
    finally:
        cluster.install_crds()
    cluster.create_pool("blue", "10.0.0.0/24")
    cluster.wait_addresses("late", timeout=60)
    after = cluster.settled(lambda: service_versions(cluster))
    after.pop("default/late")
    assert after == before
    wait_until("ready again", lambda: cluster.operator.http_status("/readyz") == 200)
    invariants.check(cluster.api)


def service_versions(cluster):
    return {f"{s['metadata']['namespace']}/{s['metadata']['name']}":
            (s["metadata"]["resourceVersion"], addresses_of(s)) for s in cluster.api.list("Service")}
