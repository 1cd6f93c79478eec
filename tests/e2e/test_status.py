"""berth status and berth cleanup: how a cluster stands."""

import contextlib
import json
import os
import subprocess
import time

import pytest
import yaml

from lib.berth import BINARY, environment, run
from lib.cluster import MANIFESTS
from lib.controlplane import write_kubeconfig
from lib.objects import SATISFIED
from lib.process import wait_until

HOUR = 3600
VIEWER = os.path.join(MANIFESTS, "viewer.yaml")
PROTECT = "berth.dev/protect"


@pytest.fixture(autouse=True)
def no_old_lease(cluster):
    """Tests come in any order, and the server is the same."""
    if cluster.backend == "apiserver" and cluster.api.find("Lease", "berth-operator", cluster.replica_namespace):
        cluster.api.delete("Lease", "berth-operator", cluster.replica_namespace)


def status(cluster, *argv):
    """(exit code, what it says as a document)"""
    code, out, err = run("status", f"--kubeconfig={cluster.kubeconfig}", "-o", "json", *argv)
    assert code in (0, 1), err
    return code, json.loads(out)


def start(cluster):
    """An operator that is elected, where there is an election."""
    if cluster.backend == "embedded":
        return cluster.start()
    return cluster.replica().wait_ready()


def wait_leader(cluster):
    return wait_until("somebody leads", lambda: status(cluster)[1]["leader"]["leads"], timeout=40)


def test_all_is_well(cluster):
    operator = start(cluster)
    namespace, first = cluster.replica_namespace, int(time.time() // HOUR) - 3
    cluster.api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
        "name": "berth-forecast", "namespace": namespace}, "data": {"samples": f"blue ipv4 {first} 1 3 5 7\n"}})
    try:
        wait_leader(cluster)
        cluster.create_pool("blue", "192.0.2.0/29", "2001:db8::/126")
        cluster.create_service("web")
        cluster.wait_addresses("web")
        cluster.wait_condition("Service", "web", SATISFIED, "True")
        code, said = status(cluster)
        assert (code, said["well"], said["problems"]) == (0, True, [])
        v4, v6 = said["pools"]
        assert (v4["name"], v4["family"], v4["size"], v4["used"], v4["free"]) == ("blue", "IPv4", "8", "1", "7")
        assert (v4["exhaustionSeconds"], v4["state"]) == (int(3.5 * HOUR), "ok")
        assert (v6["family"], v6["size"], "exhaustionSeconds" in v6) == ("IPv6", "4", False)
        assert said["services"] == said["reservations"] == []
        code, out, err = run("status", f"--kubeconfig={cluster.kubeconfig}")
        assert (code, err) == (0, "")
        assert ["blue", "IPv4", "8", "1", "0", "0", "7", "3h", "-", "ok"] in [line.split() for line in out.splitlines()]
        assert out.endswith("All is well.\n") and "\033" not in out
        code, out, _ = run("status", f"--kubeconfig={cluster.kubeconfig}", "-o", "yaml")
        assert yaml.safe_load(out)["pools"] == said["pools"]
        operator.kill9()
        if cluster.backend == "apiserver":
            wait_until("its Lease is too old", lambda: status(cluster)[0] == 1, timeout=40)
            assert status(cluster)[1]["problems"] == ["nobody leads: the Lease was not renewed in time"]
    finally:
        if cluster.backend == "apiserver":
            cluster.api.delete("ConfigMap", "berth-forecast", namespace)


def test_what_is_wrong(cluster):
    start(cluster)
    wait_leader(cluster)
    cluster.create_pool("blue", "192.0.2.0/31")
    cluster.create_services(["a", "b"])
    cluster.wait_all_served(2, timeout=30)
    cluster.create_pool("clash", "192.0.2.0/28")
    cluster.create_pool("one", "198.51.100.1/32", serviceSelector={"matchLabels": {"no": "body"}})
    cluster.create_service("late")
    cluster.wait_condition("Service", "late", SATISFIED, "False", "out_of_ips")
    cluster.api.create({"apiVersion": "berth.dev/v1alpha1", "kind": "IPReservation", "metadata": {"name": "far"},
                        "spec": {"addresses": ["203.0.113.9"]}})
    wait_until("the reservation is judged", lambda: cluster.api.get("IPReservation", "far").get("status", {}).get("phase"))
    wait_until("all of it is told", lambda: len(status(cluster)[1]["problems"]) == 3, last=lambda: status(cluster))
    code, said = status(cluster)
    assert code == 1 and not said["well"]
    assert sorted(said["problems"]) == ["1 Service without what it wants", "pool blue: exhausted for IPv4",
                                        "pool clash: conflict for IPv4"]
    late, = said["services"]
    assert (late["namespace"], late["name"], late["reason"], late["addresses"]) == ("default", "late", "out_of_ips", [])
    assert late["message"]
    far, = said["reservations"]
    assert (far["name"], far["phase"]) == ("far", "Unusable")


@contextlib.contextmanager
def watching(cluster, tmp_path):
    with open(tmp_path / "watched", "w+", encoding="utf-8") as out:
        process = subprocess.Popen([BINARY, "status", "--watch", "-o", "wide", f"--kubeconfig={cluster.kubeconfig}"],
                                   stdout=out, env=environment())

        def text():
            with open(tmp_path / "watched", encoding="utf-8") as f:
                return f.read()
        try:
            yield process, text
        finally:
            process.terminate()
            process.wait(timeout=10)


def test_watch_tells_what_changes_and_nothing_else(cluster, tmp_path):
    start(cluster)
    wait_leader(cluster)
    cluster.create_pool("blue", "192.0.2.0/31")
    with watching(cluster, tmp_path) as (process, text):
        wait_until("it is told", lambda: "All is well." in text(), last=text)
        cluster.create_services(["a", "b", "c"])
        wait_until("the one that waits is told", lambda: "Problem: 1 Service without what it wants" in text(), last=text)
        before = text()
        renewed = cluster.api.list("Lease", cluster.replica_namespace) if cluster.backend == "apiserver" else None
        if renewed is not None:
            wait_until("the Lease is renewed", lambda: cluster.api.list("Lease", cluster.replica_namespace) != renewed)
        assert text() == before and "\033" not in before
        cluster.create_pool("green", "198.51.100.0/30")
        left = "Problem: pool blue: exhausted for IPv4\n"
        wait_until("it waits no longer", lambda: text()[len(before):].endswith(left)
                   and "out_of_ips" not in text().rpartition("POOL ")[2], last=text)
        assert "green" in text()[len(before):] and process.poll() is None
    assert process.returncode == 1


@pytest.mark.only("apiserver")
def test_nobody_has_ever_led(cluster):
    code, said = status(cluster)
    assert code == 1 and said["problems"][0].startswith("nobody is known to lead: there is no such Lease; ")
    assert said["pools"] == []


@pytest.mark.only("apiserver")
def test_without_an_election_it_is_enough_to_say_so(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/31")
    cluster.create_service("web")
    cluster.wait_condition("Service", "web", SATISFIED, "True")
    code, said = status(cluster, "--leader-elect=false")
    assert (code, said["problems"], said["leader"]["leads"]) == (0, [], True)


@pytest.mark.durable
def test_the_cluster_pool_is_told(cluster):
    cluster.grant("cluster-pool")
    flags = ["--cluster-pool-ipv4-cidr=10.0.0.0/23", "--node-resource=nodes"]
    cluster.start(*flags)
    cluster.create_services(["a", "b"])
    cluster.wait_all_served(2, timeout=30)
    for name in ("n1", "n2"):
        cluster.api.create({"kind": "Node", "metadata": {"name": name}})
        cluster.operator.wait_log("PodCIDRs written" if name == "n1" else "PodCIDRExhausted", name)
    wait_until("Services are settled", lambda: not status(cluster, *flags)[1]["services"])
    code, said = status(cluster, *flags, "--leader-elect=false")
    assert said["blocks"] == [{"block": "10.0.0.0/24", "used": 2}]
    assert said["podCIDRs"] == [{"family": "IPv4", "total": 2, "used": 2}]
    assert said["nodes"] == [{"name": "n2", "podCIDRs": [], "message": "has no PodCIDR"}]
    assert (code, said["problems"]) == (1, ["1 node without a good PodCIDR"])
    if cluster.backend == "apiserver":
        cluster.api.delete_all("Node")


@contextlib.contextmanager
def account(cluster, name, cluster_role, role):
    """The kubeconfig of somebody who has these roles."""
    kubectl, namespace = cluster.kubectl, cluster.replica_namespace
    who = f"--serviceaccount={namespace}:{name}"
    try:
        kubectl("create", "serviceaccount", name, "-n", namespace)
        kubectl("create", "clusterrolebinding", name, f"--clusterrole={cluster_role}", who)
        kubectl("create", "rolebinding", name, f"--role={role}", who, "-n", namespace)
        token = kubectl("create", "token", name, "-n", namespace).strip()
        wait_until("its rights are known", lambda: kubectl.try_run(
            "auth", "can-i", "list", "leases", "-n", namespace,
            f"--as=system:serviceaccount:{namespace}:{name}").returncode == 0)
        plane = cluster.control_plane
        yield write_kubeconfig(cluster.file(f"{name}.kubeconfig"), plane.url, plane.ca_file, token, namespace)
    finally:
        kubectl.try_run("delete", "clusterrolebinding", name)
        kubectl.try_run("delete", "serviceaccount,rolebinding", name, "-n", namespace)


@pytest.mark.only("apiserver")
def test_the_viewers_roles_are_enough_to_ask(cluster, tmp_path):
    start(cluster)
    wait_leader(cluster)
    cluster.create_pool("blue", "192.0.2.0/31")
    cluster.create_service("web")
    cluster.wait_condition("Service", "web", SATISFIED, "True")
    cluster.kubectl("apply", "-f", VIEWER)
    try:
        with account(cluster, "harbour-guest", "berth-operator-viewer", "berth-operator-viewer") as kubeconfig:
            flags = [f"--kubeconfig={kubeconfig}"]
            own = ["-n", cluster.replica_namespace]
            pool = "--cluster-pool-ipv4-cidr=10.0.0.0/16"
            for argv in (["status", *own], ["history", "192.0.2.0", *own], ["explain", "default/web"],
                         ["plan", "--against=cluster"], ["explain", "default/web", pool]):
                code, out, err = run(*argv, *flags)
                assert (code, err) == (0, "") and out, argv
            # Elsewhere it sees nothing, and is told what it would need.
            code, _, err = run("status", *flags)
            assert code == 2 and "grant the verb list on the resource leases.coordination.k8s.io" in err
    finally:
        cluster.kubectl("delete", "-f", VIEWER)


@pytest.mark.only("apiserver")
def test_without_the_forecast_all_else_is_told(cluster, tmp_path):
    """As in the operator's own Pod, whose role reads ConfigMaps by name and lists none."""
    start(cluster)
    wait_leader(cluster)
    cluster.create_pool("blue", "192.0.2.0/31")
    with account(cluster, "twin", "berth-operator", "berth-operator") as kubeconfig:
        argv = ["status", f"--kubeconfig={kubeconfig}", "-n", cluster.replica_namespace]
        code, out, err = run(*argv)
        assert code == 0 and out.endswith("All is well.\n") and len(err.splitlines()) == 1
        assert "no forecast: not allowed: grant the verb list on the resource configmaps" in err
        with open(tmp_path / "watched", "w+", encoding="utf-8") as out, open(tmp_path / "said", "w", encoding="utf-8") as err:
            process = subprocess.Popen([BINARY, *argv, "--watch"], stdout=out, stderr=err, env=environment())
            wait_until("it is told", lambda: "All is well." in (tmp_path / "watched").read_text(encoding="utf-8"))
            process.terminate()
            assert process.wait(timeout=10) == 0
        code, _, err = run("history", "192.0.2.0", *argv[1:])
        assert code == 2 and "grant the verb list on the resource configmaps" in err


def finalizers(cluster, pool):
    return cluster.api.get("CiliumLoadBalancerIPPool", pool)["metadata"].get("finalizers", [])


def test_cleanup_takes_our_finalizers_off_and_no_others(cluster):
    operator = start(cluster) if cluster.backend == "apiserver" else cluster.start("--enable-lb-ipam=false")
    cluster.create_pool("blue", "192.0.2.0/31")
    cluster.create_pool("green", "198.51.100.0/31")
    if cluster.backend == "apiserver":
        operator.stop()
    cluster.api.patch("CiliumLoadBalancerIPPool", "blue", {"metadata": {"finalizers": ["example.com/other", PROTECT]}})
    code, out, err = run("cleanup", f"--kubeconfig={cluster.kubeconfig}")
    assert (code, out, err) == (0, f"pool blue: {PROTECT} is taken off\n", "")
    assert finalizers(cluster, "blue") == ["example.com/other"]
    for _ in range(2):
        assert run("cleanup", f"--kubeconfig={cluster.kubeconfig}") == (
            0, f"no pool has the finalizer {PROTECT}\n", "")
    cluster.api.patch("CiliumLoadBalancerIPPool", "blue", {"metadata": {"finalizers": None}})
