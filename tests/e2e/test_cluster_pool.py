"""PodCIDRs for nodes and external addresses out of one space: docs/cluster-pool.md."""

import ipaddress
import os
import random
import signal
import time

import pytest

from lib import cilium_config
from lib.berth import run
from lib.process import wait_until

pytestmark = pytest.mark.durable

CIDR = "--cluster-pool-ipv4-cidr="
NODES = "--node-resource=nodes"
CRD = os.path.join(os.path.dirname(__file__), "..", "crds", "ciliumnodes.yaml")


def create_node(cluster, name, cidrs=None):
    spec = {"podCIDR": cidrs[0], "podCIDRs": cidrs} if cidrs else {}
    return cluster.api.create({"kind": "Node", "metadata": {"name": name}, "spec": spec})


def cidrs_of(node):
    spec = node.get("spec", {})
    return spec.get("podCIDRs") or spec.get("ipam", {}).get("podCIDRs") or []


def wait_cidrs(cluster, name, kind="Node", timeout=20):
    return wait_until(f"{kind} {name} has a PodCIDR", lambda: cidrs_of(cluster.api.get(kind, name)), timeout=timeout)


def claims(cluster):
    """block -> owner"""
    notes = [r["metadata"].get("annotations", {}) for r in cluster.api.list("IPAddress")]
    return {n["berth.dev/block"]: n["berth.dev/owner"] for n in notes if "berth.dev/block" in n}


def taken(cluster):
    """What nodes and Services have, as networks with their owner."""
    found = [(ipaddress.ip_network(c), "node/" + n["metadata"]["name"])
             for n in cluster.api.list("Node") for c in cidrs_of(n)]
    for key, addresses in cluster.all_addresses().items():
        found += [(ipaddress.ip_network(a), key) for a in addresses]
    return sorted(found, key=lambda f: (f[0].version, int(f[0].network_address), f[0].prefixlen))


def assert_apart(cluster):
    """Sorted networks overlap only if two in a row do."""
    all_of_them = taken(cluster)
    for (a, one), (b, other) in zip(all_of_them, all_of_them[1:]):
        assert not a.overlaps(b), f"{a} of {one} overlaps {b} of {other}"


@pytest.fixture
def pool(cluster):
    """Nodes are no namespaced rubbish that the fixture takes away by itself."""
    cluster.grant("cluster-pool")
    yield cluster
    if cluster.backend == "apiserver":
        cluster.api.delete_all("Node")


def test_nodes_and_services_share_one_space(pool):
    pool.start(CIDR + "10.0.0.0/8")
    create_node(pool, "n1")
    first = wait_cidrs(pool, "n1")
    pool.create_service("web")
    address = pool.wait_addresses("web")[0]
    create_node(pool, "n2")
    wait_cidrs(pool, "n2")
    assert_apart(pool)
    owners = claims(pool)
    assert owners[first[0]] == "node/n1"
    block = str(ipaddress.ip_network(f"{address}/24", strict=False))
    assert owners[block] == "external"
    assert address not in (block.split("/")[0], str(ipaddress.ip_network(block)[-1]))
    metrics = pool.operator.metrics()
    assert metrics.value("berth_podcidr_used", family="ipv4") == 3
    assert metrics.value("berth_pool_addresses", pool="cluster-pool", family="ipv4", state="used") == 1

    pool.operator.kill9()
    pool.start(CIDR + "10.0.0.0/8")
    create_node(pool, "n3")
    wait_cidrs(pool, "n3")
    assert_apart(pool)
    assert pool.wait_addresses("web") == [address] and cidrs_of(pool.api.get("Node", "n1")) == first


def test_a_full_pool_serves_who_waits_at_once(pool):
    pool.start(CIDR + "10.7.0.0/23", NODES)
    create_node(pool, "a")
    wait_cidrs(pool, "a")
    pool.create_service("web")
    pool.wait_addresses("web")
    create_node(pool, "waits")
    pool.operator.wait_log("PodCIDRExhausted", level="warn")
    wait_until("an Event tells of it", lambda: any(
        e["reason"] == "PodCIDRExhausted" and e["involvedObject"]["name"] == "waits"
        for e in pool.api.list("Event")))
    since = time.monotonic()
    pool.api.delete("Node", "a")
    wait_cidrs(pool, "waits", timeout=5)
    assert time.monotonic() - since < 1
    # The last Service of a block gives it to a node, though its address would rest for a while.
    create_node(pool, "next")
    pool.operator.wait_log("PodCIDRExhausted", "next", level="warn")
    pool.api.delete("Service", "web")
    wait_cidrs(pool, "next", timeout=10)
    assert set(claims(pool).values()) == {"node/waits", "node/next"}


@pytest.fixture
def cilium(pool):
    """The kind is served, as where Cilium is installed."""
    if pool.backend == "embedded":
        operator = pool.start("--enable-lb-ipam=false")
        pool.kubectl("apply", "-f", CRD)
        operator.stop()
    else:
        pool.kubectl("apply", "-f", CRD)
        pool.wait_condition("CustomResourceDefinition", "ciliumnodes.cilium.io", "Established", "True")
    yield pool
    if pool.backend == "apiserver":
        for operator in pool.operators:
            if operator.running():
                operator.stop()
        pool.kubectl("delete", "-f", CRD)


def create_cilium_node(cluster, name, cidrs=None):
    spec = {"ipam": {"podCIDRs": cidrs}} if cidrs else {}
    return cluster.api.create({"kind": "CiliumNode", "metadata": {"name": name}, "spec": spec})


def test_cilium_nodes(cilium):
    cilium.start(CIDR + "10.8.0.0/24")
    create_cilium_node(cilium, "c1")
    assert wait_cidrs(cilium, "c1", "CiliumNode") == ["10.8.0.0/24"]
    create_cilium_node(cilium, "c2", ["10.8.0.0/24"])
    error = lambda: cilium.api.get("CiliumNode", "c2").get("status", {}).get("ipam", {}).get(
        "operator-status", {}).get("error")
    wait_until("the second holder is told", error)
    assert "overlaps the PodCIDR 10.8.0.0/24 of node c1" in error()
    cilium.api.delete("CiliumNode", "c1")
    wait_until("the error is gone", lambda: not error())
    wait_until("it has the claim", lambda: claims(cilium) == {"10.8.0.0/24": "node/c2"})


def test_the_kind_of_cilium_nodes_goes_and_comes_back(cilium):
    """Its nodes are there all the while, and have what they had; Services are served meanwhile."""
    cilium.start(CIDR + "10.15.0.0/16", "--node-resource=ciliumnodes")
    names = ["c1", "c2"]
    for name in names:
        create_node(cilium, name)
        create_cilium_node(cilium, name)
    had = {name: wait_cidrs(cilium, name, "CiliumNode") for name in names}
    cilium.kubectl("delete", "-f", CRD)
    cilium.operator.wait_log("does not serve", "ciliumnodes")
    cilium.create_service("web")
    assert cilium.wait_addresses("web") == ["10.15.2.1"]
    assert {o for o in claims(cilium).values()} == {"node/c1", "node/c2", "external"}
    cilium.kubectl("apply", "-f", CRD)
    cilium.wait_condition("CustomResourceDefinition", "ciliumnodes.cilium.io", "Established", "True")
    wait_until("the kind is served", lambda: cilium.kubectl.try_run("get", "ciliumnodes").returncode == 0)
    for name in ("c3", *reversed(names)):
        create_cilium_node(cilium, name)
    assert {name: wait_cidrs(cilium, name, "CiliumNode") for name in names} == had
    assert wait_cidrs(cilium, "c3", "CiliumNode") == ["10.15.3.0/24"]
    assert_apart(cilium)


def test_from_ciliums_operator(cilium, tmp_path):
    """docs/migrate.md: its ConfigMap as it is, and nodes that have what it gave them, not in the order of their names."""
    had = {"c1": ["10.0.2.0/24"], "c2": ["10.0.0.0/24"]}
    with cilium.api_only():
        for name, cidrs in had.items():
            create_node(cilium, name)
            create_cilium_node(cilium, name, cidrs)
        create_node(cilium, "new")
        create_cilium_node(cilium, "new")
    config = cilium_config.write(tmp_path / "etc")
    cilium.start(f"--config-dir={config}", "--node-resource=ciliumnodes")
    assert wait_cidrs(cilium, "new", "CiliumNode") == ["10.0.1.0/24"]
    assert {name: cidrs_of(cilium.api.get("CiliumNode", name)) for name in had} == had
    assert claims(cilium) == {"10.0.0.0/24": "node/c2", "10.0.1.0/24": "node/new", "10.0.2.0/24": "node/c1"}


def test_what_nobody_stands_behind_is_collected(cilium):
    """CiliumNodes without a Node, and claims of nodes that are not there."""
    cilium.start(CIDR + "10.14.0.0/16", "--nodes-gc-interval=1s")
    create_node(cilium, "stays")
    create_cilium_node(cilium, "stays")
    wait_cidrs(cilium, "stays", "CiliumNode")
    create_cilium_node(cilium, "goes")
    cilium.api.create({"kind": "IPAddress", "metadata": {
        "name": "10.14.9.0", "labels": {"ipaddress.kubernetes.io/managed-by": "berth"},
        "annotations": {"berth.dev/block": "10.14.9.0/24", "berth.dev/owner": "node/ghost"}},
        "spec": {"parentRef": {"resource": "nodes", "name": "ghost"}}})
    wait_until("the CiliumNode is deleted", lambda: cilium.api.find("CiliumNode", "goes") is None)
    wait_until("only the one that stays has a claim", lambda: set(claims(cilium).values()) == {"node/stays"})
    assert cidrs_of(cilium.api.get("CiliumNode", "stays"))


def test_two_writers_never(pool):
    operator = pool.start("--enable-lb-ipam=false")
    create_node(pool, "a", ["10.9.0.0/24"])
    create_node(pool, "b")
    operator.stop()
    operator = pool.start(CIDR + "10.9.0.0/16")
    operator.wait_log("no PodCIDRs are given out", level="warn")
    pool.create_service("web")
    pool.wait_addresses("web")
    assert cidrs_of(pool.api.get("Node", "b")) == []
    assert_apart(pool)


def test_flags_that_do_not_go_with_what_is_in_use(pool):
    pool.start(CIDR + "10.10.0.0/16", NODES)
    create_node(pool, "a")
    cidr = wait_cidrs(pool, "a")[0]
    pool.operator.stop()
    operator = pool.start(CIDR + "10.11.0.0/16", NODES, ready=False)
    assert operator.process.popen.wait(30) == 2
    assert f"the PodCIDR {cidr} of node a is in use, and not inside --cluster-pool-ipv4-cidr" in operator.log_text()


def test_who_is_refused_does_not_keep_the_lease(pool):
    """Replicas of an upgrade with wrong flags: one that still has the old ones goes on at once."""
    if pool.backend == "embedded":
        pool.start("--enable-lb-ipam=false")
    good = pool.replica(CIDR + "10.16.0.0/16", NODES).wait_ready()
    create_node(pool, "a")
    wait_cidrs(pool, "a")
    good.stop()
    bad = pool.replica(CIDR + "10.17.0.0/16", NODES)
    assert bad.process.popen.wait(30) == 2
    assert "is in use, and not inside --cluster-pool-ipv4-cidr" in bad.log_text()
    assert not pool.api.get("Lease", "berth-operator", pool.replica_namespace)["spec"].get("holderIdentity")


def test_wrong_flags_end_the_start():
    code, _, err = run("operator", CIDR + "10.0.0.0/8,10.1.0.0/16", "--cluster-pool-ipv4-mask-size=4")
    assert code == 2
    assert len(err.splitlines()) == 3, err


def test_churn_with_kill_9(pool):
    """Nodes and Services come and go at random while operators are killed; nothing ever overlaps."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"SEED={seed}")
    chance = random.Random(seed)
    flags = (CIDR + "10.12.0.0/20", "--cluster-pool-ipv4-mask-size=26", NODES)
    pool.start(*flags)
    nodes, services = set(), set()
    for round_ in range(3):
        for i in range(40):
            name = f"n{chance.randrange(40)}"
            if name in nodes:
                pool.api.delete("Node", name)
                nodes.remove(name)
            else:
                create_node(pool, name)
                nodes.add(name)
            name = f"s{chance.randrange(60)}"
            if name in services:
                pool.api.delete("Service", name)
                services.remove(name)
            else:
                pool.create_service(name)
                services.add(name)
            if i % 8 == 0:
                assert_apart(pool)
        if round_ < 2:
            pool.operator.kill9()
            pool.start(*flags)
    wait_until("all nodes are served", lambda: all(cidrs_of(n) for n in pool.api.list("Node")), timeout=60)
    pool.wait_all_served(len(services), timeout=60)
    assert_apart(pool)
    for name in sorted(nodes):
        pool.api.delete("Node", name)
    wait_until("their claims are gone", lambda: all(o == "external" for o in claims(pool).values()), timeout=30)


def overlaps(cluster):
    all_of_them = taken(cluster)
    return [(one, other) for (a, one), (b, other) in zip(all_of_them, all_of_them[1:]) if a.overlaps(b)]


def two_at_once(pool, records):
    """Two operators without an election. They begin at opposite ends of the same space, so they would give the same
    blocks to different nodes."""
    space = [f"10.13.{i}.0/24" for i in range(20)]
    for cidrs in (space, space[::-1]):
        pool.start(CIDR + ",".join(cidrs), "--cluster-pool-ipv4-mask-size=27", "--address-records=" + records, NODES)
    nodes_at_once(pool)
    pool.api.in_parallel(pool.create_service, [f"s{i:03}" for i in range(60)])


def nodes_at_once(pool):
    """All are there before any operator looks, so that they go for the same nodes at the same moment."""
    both = pool.operators[-2:]
    for operator in both:
        os.kill(operator.pid, signal.SIGSTOP)
    names = [f"n{i:03}" for i in range(150)]
    pool.api.in_parallel(lambda name: create_node(pool, name), names)
    for operator in reversed(both):
        os.kill(operator.pid, signal.SIGCONT)
    wait_until("all nodes are served", lambda: all(cidrs_of(n) for n in pool.api.list("Node")), timeout=60)


@pytest.mark.only("apiserver")
def test_two_operators_give_no_block_twice(pool):
    two_at_once(pool, "on")
    pool.wait_all_served(60, timeout=60)
    assert overlaps(pool) == []


@pytest.mark.only("apiserver")
def test_without_records_two_operators_do(pool):
    """What the one before shows is the records' doing."""
    for _ in range(10):
        two_at_once(pool, "off")
        if overlaps(pool):
            return
        # One was ahead of the other all the time, and its writes were seen before the next.
        for operator in pool.operators[-2:]:
            operator.kill9()
        pool.reset()
    pytest.fail("no block was given twice in any of ten rounds")


def test_plan_and_explain_know_it(tmp_path):
    manifests = tmp_path / "all.yaml"
    manifests.write_text("""
apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {podCIDR: 10.0.0.0/24, podCIDRs: [10.0.0.0/24]}
---
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {io.cilium.operator.external-ips: "true"}}
spec: {type: LoadBalancer, ports: [{port: 80}]}
""", encoding="utf-8")
    code, out, _ = run("plan", "-f", str(manifests), CIDR + "10.0.0.0/8")
    assert code == 0 and "10.0.1.1" in out, out
    code, out, _ = run("explain", "default/web", f"--against={manifests}", CIDR + "10.0.0.0/24")
    assert code == 1 and out.endswith("To do: add a network to --cluster-pool-ipv4-cidr.\n"), out
    claimed = tmp_path / "claimed.yaml"
    claimed.write_text(manifests.read_text(encoding="utf-8") + """
---
apiVersion: networking.k8s.io/v1
kind: IPAddress
metadata:
  name: 10.0.1.0
  labels: {ipaddress.kubernetes.io/managed-by: berth}
  annotations: {berth.dev/block: 10.0.1.0/24, berth.dev/owner: external}
---
apiVersion: networking.k8s.io/v1
kind: IPAddress
metadata:
  name: 10.0.1.1
  labels: {ipaddress.kubernetes.io/managed-by: berth}
  annotations: {berth.dev/holder: default/other}
""", encoding="utf-8")
    code, out, _ = run("explain", "default/web", f"--against={claimed}", CIDR + "10.0.0.0/8",
                       "--external-ips-from-cluster-pool=false")
    assert code == 1 and out.endswith("To do: create a pool for it, or say --external-ips-from-cluster-pool.\n"), out
    code, _, err = run("plan", f"--against={claimed}")
    assert code == 2 and "the block 10.0.1.0/24 of external addresses is in use" in err, err
    assert "give the flags that the operator has" in err.splitlines()[-1]
    reserved = tmp_path / "pool.yaml"
    reserved.write_text("""
apiVersion: cilium.io/v2
kind: CiliumLoadBalancerIPPool
metadata: {name: cluster-pool}
spec: {blocks: [{cidr: 192.0.2.0/24}]}
""", encoding="utf-8")
    code, _, err = run("plan", "-f", str(reserved))
    assert code == 1 and "metadata.name" in err, err
