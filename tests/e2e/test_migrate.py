"""From Cilium's operator and from MetalLB to berth: docs/migrate.md, step by step. Every Service keeps its address."""

import json

import pytest

from lib import cilium_config
from lib.berth import run
from lib.objects import SATISFIED, addresses_of, pool, service
from lib.process import wait_until

pytestmark = pytest.mark.durable

ALL = "--service-opt-in=all"
# What berth is told beside cilium-config where Cilium's operator goes on with its other work.
LB_IPAM_ALONE = [ALL, "--enable-lb-ipam=true", "--default-lb-service-ipam=lbipam", "--ipam=none",
                 "--cluster-pool-ipv4-cidr=", "--cluster-pool-ipv6-cidr="]


def serve(cluster, name, addresses, manager, condition=True, **spec):
    """A Service as somebody else has served it."""
    cluster.api.create(service(name, opted_in=False, **spec))
    status = {"loadBalancer": {"ingress": [{"ip": a} for a in addresses]}}
    if condition:
        status["conditions"] = [{"type": SATISFIED, "status": "True", "reason": "satisfied", "message": "",
                                 "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    cluster.api.patch("Service", name, {"status": status}, subresource="status", manager=manager)


def ingress(cluster):
    return {k: v for k, v in cluster.all_addresses().items() if v}


def planned(cluster, *flags):
    """{Service: verdict} of what berth would do."""
    code, out, err = run("plan", "--against=cluster", f"--kubeconfig={cluster.kubeconfig}", "-o", "json", *flags)
    assert code in (0, 1), err
    return code, {f"{s['namespace']}/{s['name']}": s["verdict"] for s in json.loads(out)}


def records(cluster):
    return {r["metadata"]["name"]: r["metadata"]["annotations"]["berth.dev/holder"]
            for r in cluster.api.list("IPAddress")
            if "berth.dev/holder" in r["metadata"].get("annotations", {})}


def test_ciliums_own_configmap_is_taken_as_it_is(cluster, tmp_path):
    cluster.grant("cluster-pool")
    folder = cilium_config.write(tmp_path / "etc")
    operator = cluster.start(f"--config-dir={folder}", ALL)
    unknown = {line["file"] for line in operator.log() if line["msg"] == "not a flag of berth"}
    assert unknown == set(cilium_config.FOREIGN)
    cluster.create_service("six", opted_in=False, ipFamilies=["IPv6"], ipFamilyPolicy="SingleStack")
    cluster.wait_condition("Service", "six", SATISFIED, "False", "family_disabled")
    cluster.create_service("web", opted_in=False, loadBalancerClass="io.cilium/bgp-control-plane")
    assert cluster.wait_addresses("web") == ["10.0.0.1"]
    cluster.api.delete_all("Node")


@pytest.mark.parametrize("ipam", ["kubernetes", "eni", "multi-pool", "delegated-plugin"])
def test_other_modes_of_cilium_give_nodes_nothing(cluster, tmp_path, ipam):
    folder = cilium_config.write(tmp_path / "etc", ipam=ipam, cluster_pool_ipv4_cidr=None, cluster_pool_ipv4_mask_size=None)
    cluster.start(f"--config-dir={folder}", ALL)
    cluster.create_pool("blue", "192.0.2.0/28")
    cluster.create_service("web", opted_in=False)
    assert cluster.wait_addresses("web") == ["192.0.2.0"]


def test_from_ciliums_lb_ipam(cluster, tmp_path):
    """Its operator stays for everything else, with LB-IPAM switched off in the ConfigMap that berth reads too."""
    with cluster.api_only():
        cluster.api.create(pool("blue", "192.0.2.0/28", selector={"matchLabels": {"tier": "edge"}}))
        cluster.kubectl.apply(pool("old", "198.51.100.0/30", version="v2alpha1"))
        key = {"annotations": {"lbipam.cilium.io/sharing-key": "k"}, "labels": {"tier": "edge"}}
        serve(cluster, "one", ["192.0.2.9"], "cilium-operator-lb-ipam", **key)
        serve(cluster, "two", ["192.0.2.9"], "cilium-operator-lb-ipam", port=81, **key)
        serve(cluster, "asked", ["192.0.2.3"], "cilium-operator-lb-ipam", labels={"tier": "edge"},
              annotations={"lbipam.cilium.io/ips": "192.0.2.3"})
        serve(cluster, "plain", ["198.51.100.2"], "cilium-operator-lb-ipam")
        serve(cluster, "clouds", ["203.0.113.5"], "cloud-controller", condition=False, loadBalancerClass="example.com/cloud")
        before = ingress(cluster)
        assert planned(cluster, *LB_IPAM_ALONE) == (0, {k: "keeps" for k in before if k != "default/clouds"})
    folder = cilium_config.write(tmp_path / "etc", enable_lb_ipam="false", default_lb_service_ipam="none")
    cluster.start(f"--config-dir={folder}", *LB_IPAM_ALONE)
    wait_until("each has a record", lambda: records(cluster) == {
        "192.0.2.9": "default/one,default/two", "192.0.2.3": "default/asked", "198.51.100.2": "default/plain"},
        last=lambda: records(cluster))
    assert ingress(cluster) == before
    cluster.create_service("new", opted_in=False)
    assert cluster.wait_addresses("new") == ["198.51.100.0"]


def test_a_configmap_that_switches_lb_ipam_off_switches_berths_off(cluster, tmp_path):
    folder = cilium_config.write(tmp_path / "etc", enable_lb_ipam="false", ipam="kubernetes",
                                 cluster_pool_ipv4_cidr=None, cluster_pool_ipv4_mask_size=None)
    operator = cluster.start(f"--config-dir={folder}", ALL)
    operator.wait_log("no Service is served", "--enable-lb-ipam=false")


def test_from_metallb(cluster):
    """Pools first, while MetalLB still gives out addresses; then its controller goes, and berth takes all Services."""
    with cluster.api_only():
        asked = {"annotations": {"metallb.universe.tf/loadBalancerIPs": "192.0.2.7", "metallb.universe.tf/address-pool": "lan"}}
        shared = {"annotations": {"metallb.io/allow-shared-ip": "dns"}}
        serve(cluster, "asked", ["192.0.2.7"], "controller", condition=False, **asked)
        serve(cluster, "dns-tcp", ["192.0.2.3"], "controller", condition=False, port=53, **shared)
        serve(cluster, "dns-alt", ["192.0.2.3"], "controller", condition=False, port=5353, **shared)
        serve(cluster, "plain", ["192.0.2.9"], "controller", condition=False)
        before = ingress(cluster)
    # Side by side: MetalLB's addresses are nobody else's.
    operator = cluster.start()
    cluster.create_pool("lan", "192.0.2.0/28")
    cluster.wait_pool_counts("lan", total=16, available=13)
    cluster.create_service("first")
    assert cluster.wait_addresses("first") == ["192.0.2.0"]
    flags = [ALL, "--accept-metallb-annotations"]
    assert planned(cluster, *flags) == (0, {k: "keeps" for k in [*before, "default/first"]})
    operator.stop()
    cluster.start(*flags)
    wait_until("each has a record", lambda: len(records(cluster)) == 4, last=lambda: records(cluster))
    for name in ("asked", "dns-tcp", "dns-alt", "plain"):
        cluster.wait_condition("Service", name, SATISFIED, "True", "satisfied")
    assert ingress(cluster) == {**before, "default/first": ["192.0.2.0"]}
    assert records(cluster)["192.0.2.3"] in ("default/dns-tcp,default/dns-alt", "default/dns-alt,default/dns-tcp")


def test_a_pool_that_lacks_an_address_is_told_by_the_plan(cluster):
    """Before anything happens: the range in the pool is not the one that MetalLB had."""
    cluster.start("--enable-lb-ipam=false")
    serve(cluster, "far", ["203.0.113.7"], "controller", condition=False)
    cluster.create_pool("lan", "192.0.2.0/28")
    assert planned(cluster, ALL) == (1, {"default/far": "moves"})
    assert addresses_of(cluster.api.get("Service", "far")) == ["203.0.113.7"]
