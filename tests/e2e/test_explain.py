"""berth explain: why a Service has what it has."""

import json

import pytest

from lib.berth import run
from lib.objects import SATISFIED, condition_of, key_of, service


def explain(cluster, name, *argv):
    """(exit code, what it says as a document)"""
    code, out, err = run("explain", name, f"--kubeconfig={cluster.kubeconfig}", "-o", "json", *argv)
    assert code in (0, 1), err
    return code, json.loads(out)


def test_it_says_what_the_condition_says(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/31")
    cluster.create_pool("edge", "198.51.100.0/30", serviceSelector={"matchLabels": {"tier": "edge"}})
    for name in ("a", "b"):
        cluster.create_service(name)
        cluster.wait_addresses(name)
    asking = {
        "full": {},
        "taken": {"lbipam.cilium.io/ips": "192.0.2.0"},
        "outside": {"lbipam.cilium.io/ips": "203.0.113.1"},
        "elsewhere": {"lbipam.cilium.io/ips": "198.51.100.1"},
        "wrong": {"lbipam.cilium.io/ips": "192.0.2.300"},
        "nowhere": {"berth.dev/pool": "grey"},
    }
    for name, notes in asking.items():
        cluster.create_service(name, annotations=notes)
        cluster.wait_condition("Service", name, SATISFIED, "False")

    def versions():
        return {key_of(s): s["metadata"]["resourceVersion"] for s in cluster.api.list("Service")}
    before = cluster.settled(versions)
    for name in [*asking, "a", "b"]:
        code, said = explain(cluster, name)
        condition = condition_of(cluster.api.get("Service", name), SATISFIED)
        assert (said["reason"], said["message"]) == (condition["reason"], condition["message"])
        assert code == (0 if condition["status"] == "True" else 1)
        assert said["satisfied"] == (code == 0) and said["ours"]
        assert [p["name"] for p in said["pools"]] == ["blue", "edge"]
        assert said["advice"].endswith(".")
        assert said["before"] == said["after"]
    assert versions() == before, "asking has written something"


def test_for_people(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/31", disabled=True)
    cluster.create_service("a")
    cluster.wait_condition("Service", "a", SATISFIED, "False")
    code, out, err = run("explain", "default/a", f"--kubeconfig={cluster.kubeconfig}")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert ["blue", "everything", "IPv4", "2", "is", "disabled"] in [line.split() for line in lines]
    assert lines[-1] == 'To do: set spec.disabled of pool "blue" to false.'


def test_the_advice_helps(cluster):
    cluster.start()
    cluster.create_service("a", labels={"team": "a"}, annotations={"berth.dev/pool": "green"})
    cluster.create_pool("green", "192.0.2.0/31", serviceSelector={"matchLabels": {"team": "b"}}, disabled=True)
    cluster.wait_condition("Service", "a", SATISFIED, "False", message="green")
    code, said = explain(cluster, "a")
    assert code == 1 and "labels that pool \"green\" selects (team=b)" in said["advice"]
    cluster.api.patch("Service", "a", {"metadata": {"labels": {"team": "b"}}})
    cluster.wait_condition("Service", "a", SATISFIED, "False", message="is disabled")
    code, said = explain(cluster, "a")
    assert code == 1 and "set spec.disabled of pool \"green\" to false" in said["advice"]
    cluster.api.patch("CiliumLoadBalancerIPPool", "green", {"spec": {"disabled": False}})
    held = cluster.wait_addresses("a")
    cluster.wait_condition("Service", "a", SATISFIED, "True")
    code, said = explain(cluster, "a")
    assert code == 0 and said["advice"] == f"Nothing is to be done: it has {held[0]}."


def test_not_ours_and_not_there(cluster):
    cluster.start()
    cluster.create_service("a", opted_in=False)
    code, said = explain(cluster, "a")
    assert (code, said["ours"]) == (1, False) and "external-ips" in said["notOurs"]
    code, said = explain(cluster, "a", "--service-opt-in=all")
    assert (code, said["ours"]) == (1, True)
    code, out, err = run("explain", "default/b", f"--kubeconfig={cluster.kubeconfig}")
    assert (code, out, err) == (2, "", "berth explain: there is no Service default/b in the cluster\n")
    code, out, err = run("explain", "b", "-n", "x", f"--kubeconfig={cluster.kubeconfig}")
    assert (code, err) == (2, "berth explain: there is no Service x/b in the cluster\n")


@pytest.mark.parametrize("argv", [[], ["a/b/c"], ["/b"], ["a/"]])
def test_wrong_use(argv):
    code, out, err = run("explain", *argv)
    assert (code, out) == (2, "") and "NAMESPACE/NAME" in err


def test_a_file_instead_of_a_cluster(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(service("a")), encoding="utf-8")
    code, out, err = run("explain", "default/a", f"--against={path}")
    assert (code, err) == (1, "") and out.endswith(
        "To do: create a CiliumLoadBalancerIPPool with a block of IPv4 addresses.\n")
    code, out, err = run("explain", "default/a", f"--against={tmp_path}/nothing")
    assert (code, out) == (2, "") and f"{tmp_path}/nothing" in err


def test_nobody_answers(tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": "http://127.0.0.1:1"}}], "users": [],
        "contexts": [{"name": "x", "context": {"cluster": "x"}}]}), encoding="utf-8")
    code, out, err = run("explain", "default/a", f"--kubeconfig={path}")
    assert (code, out) == (2, "") and err.startswith("berth explain: cluster: list of services: no answer")
