"""Objects as large as an API server lets through. None of them may hold up any other."""

import pytest

from lib.berth import run
from lib.objects import MANAGED_BY, SATISFIED, condition_of, service
from lib.process import wait_until
from lib.rest import ApiError

MINUTE = 60


def try_create(cluster, obj):
    """False where this server does not let such an object through."""
    try:
        cluster.api.create(obj)
    except ApiError as e:
        assert e.code in (400, 413, 422, 500), e
        return False
    return True


def set_status_conditions(cluster, name, n, text):
    conditions = [{"type": f"example.com/c{i}", "status": "True", "reason": "Large", "message": text,
                   "lastTransitionTime": "2026-01-01T00:00:00Z"} for i in range(n)]
    cluster.api.patch("Service", name, {"status": {"conditions": conditions}}, subresource="status")


def others_are_served(cluster, name):
    cluster.create_service(name)
    cluster.wait_addresses(name, timeout=MINUTE)
    assert cluster.operator.running()
    cluster.operator.check_sanitizers()


@pytest.fixture
def served(cluster):
    cluster.start()
    cluster.create_pool("blue", "10.0.0.0/24")
    return cluster


def test_five_thousand_requested_addresses(served):
    wanted = ",".join(f"10.{i // 250 % 250}.{i % 250}.1" for i in range(5000))
    filler = "x" * (250_000 - len(wanted))
    assert try_create(served, service("many", annotations={"lbipam.cilium.io/ips": wanted, "filler": filler}))
    got = wait_until("it is told what is wrong", lambda: condition_of(served.api.get("Service", "many"), SATISFIED),
                     timeout=MINUTE)
    assert got["status"] == "False" and len(got["message"]) < 2000
    others_are_served(served, "other")


def test_thousands_of_labels(served):
    if try_create(served, service("labelled", labels={f"label-{i:05}": "v" * 63 for i in range(5000)})):
        served.wait_addresses("labelled", timeout=MINUTE)
    others_are_served(served, "other")


def test_a_hundred_ports(served):
    ports = [{"name": f"p{i}", "port": 1000 + i, "protocol": "TCP"} for i in range(100)]
    notes = {"lbipam.cilium.io/sharing-key": "k"}
    assert try_create(served, service("wide", annotations=notes, ports=ports))
    served.wait_addresses("wide", timeout=MINUTE)
    others_are_served(served, "other")


def test_conditions_that_make_megabytes(served):
    """Of signs that are written as six characters each: 1.3 MB for the server, more than 4 MiB on the wire."""
    assert try_create(served, service("talkative"))
    served.wait_addresses("talkative", timeout=MINUTE)
    try:
        set_status_conditions(served, "talkative", 38, "<" * 32_000)
    except ApiError as e:
        assert e.code in (413, 422), e
    others_are_served(served, "other")
    served.api.patch("Service", "talkative", {"spec": {"type": "ClusterIP"}})
    wait_until("it has given its address back",
               lambda: not served.addresses("talkative"), timeout=MINUTE)
    others_are_served(served, "third")


def test_a_pool_of_thousands_of_blocks(served):
    """The most that our CRD allows; one more is the server's to refuse."""
    blocks = [f"10.{1 + i // 250}.{i % 250}.0/30" for i in range(4097)]
    with pytest.raises(ApiError, match="at most 4096"):
        served.create_pool("many", *blocks)
    served.create_pool("many", *blocks[:4096])
    served.wait_pool_counts("many", total=4 * 4096, timeout=MINUTE)
    others_are_served(served, "other")


def test_a_selector_of_many_terms(served):
    terms = [{"key": f"k{i}", "operator": "NotIn", "values": [f"v{j}" for j in range(64)]} for i in range(64)]
    served.create_pool("choosy", "10.9.0.0/24", selector={"matchExpressions": terms})
    served.wait_pool_counts("choosy", total=256, timeout=MINUTE)
    others_are_served(served, "other")


def test_ingress_of_somebody_else_without_end(served):
    served.create_service("foreign", loadBalancerClass="example.com/other")
    ingress = [{"ip": f"172.16.{i // 250}.{i % 250}", "hostname": "h" * 60} for i in range(5000)]
    served.api.patch("Service", "foreign", {"status": {"loadBalancer": {"ingress": ingress}}}, subresource="status")
    others_are_served(served, "other")


def policy(name, **spec):
    return {"apiVersion": "berth.dev/v1alpha1", "kind": "IPPoolPolicy", "metadata": {"name": name},
            "spec": {"poolName": "blue", **spec}}


def told(cluster, name):
    return wait_until(f"{name} is told why", lambda: condition_of(cluster.api.get("Service", name), SATISFIED),
                      timeout=MINUTE)


def test_annotations_longer_than_is_taken(served):
    for i, key in enumerate(("lbipam.cilium.io/sharing-key", "lbipam.cilium.io/sharing-cross-namespace", "berth.dev/pool")):
        assert try_create(served, service(f"long-{i}", annotations={key: "x" * 200_000}))
        got = told(served, f"long-{i}")
        assert got["reason"] == "invalid_request" and "16384 bytes" in got["message"], got
    others_are_served(served, "other")


def test_external_ips_without_end(served):
    """Whoever may create Services may write them, and they count as taken."""
    ips = [f"172.{16 + i // 62500}.{i // 250 % 250}.{1 + i % 250}" for i in range(50_000)] + ["10.0.0.0"]
    if try_create(served, service("many", type="ClusterIP", opted_in=False, allocateLoadBalancerNodePorts=None,
                                  externalIPs=ips)):
        served.create_service("first")
        assert served.wait_addresses("first", timeout=MINUTE) == ["10.0.0.1"]
    others_are_served(served, "other")


def test_the_most_that_a_policy_may_say(served):
    exclude = [f"10.0.0.{i}" for i in range(4)] + [f"192.168.{i // 250}.{i % 250}" for i in range(508)]
    quotas = [{"namespaces": [f"n{i}-{j}" for j in range(256)], "maxAddresses": 1} for i in range(64)]
    for spec in ({"exclude": exclude + ["10.9.9.9"]}, {"quotas": quotas + quotas[:1]}):
        with pytest.raises(ApiError, match="at most"):
            served.api.create(policy("more", **spec))
    served.api.create(policy("most", exclude=exclude, quotas=quotas, reuseAfter="0s"))
    served.wait_condition("IPPoolPolicy", "most", "berth.dev/Valid", status="True", timeout=MINUTE)
    served.create_service("first")
    assert served.wait_addresses("first", timeout=MINUTE) == ["10.0.0.4"]
    others_are_served(served, "other")


def test_a_node_of_ten_thousand_addresses(served):
    served.api.create({"apiVersion": "v1", "kind": "Node",
                       "metadata": {"name": "wide", "annotations": {"example.com/x": "y" * 200_000}}})
    addresses = [{"type": f"Internal-{i}", "address": f"172.16.{i // 250}.{i % 250}"} for i in range(10_000)]
    addresses.append({"type": "ExternalIP", "address": "10.0.0.0"})
    served.api.patch("Node", "wide", {"status": {"addresses": addresses}}, subresource="status")
    served.wait_pool_counts("blue", available=255, timeout=MINUTE)
    served.create_service("first")
    assert served.wait_addresses("first", timeout=MINUTE) == ["10.0.0.1"]


@pytest.mark.parametrize("notes", [
    {},
    {"berth.dev/holder": ",,//,\x1b[2J,"},
    {"berth.dev/holder": "no/body", "berth.dev/state": "sold", "berth.dev/allocated-at": "yesterday"},
    {"berth.dev/holder": "x" * 200_000, "berth.dev/history": "{]"},
], ids=["nothing", "no names", "nobody", "long"])
def test_a_record_that_somebody_made_by_hand(served, notes):
    """Under our label: it names nobody who has the address, so it goes, and the address is given out."""
    served.api.create({"apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
                       "metadata": {"name": "10.0.0.0", "labels": {MANAGED_BY: "berth"}, "annotations": notes},
                       "spec": {"parentRef": {"group": "", "resource": "services", "namespace": "no", "name": "body"}}})
    others_are_served(served, "other")
    served.api.create(service("asks", annotations={"lbipam.cilium.io/ips": "10.0.0.0"}))
    assert served.wait_addresses("asks", timeout=MINUTE) == ["10.0.0.0"]


def test_a_history_full_of_junk(served):
    """Somebody wrote into the ConfigMap of a pool's history what has no place there."""
    name, ns = "berth-history-blue", served.replica_namespace
    junk = "\x1b[2J no line of ours\n" * 40_000
    served.api.create({"apiVersion": "v1", "kind": "ConfigMap",
                       "metadata": {"name": name, "namespace": ns, "labels": {"app.kubernetes.io/part-of": "berth"},
                                    "annotations": {"berth.dev/pool": "blue"}},
                       "data": {"history": junk}})
    served.api.create(policy("at-once", reuseAfter="0s"))
    try:
        served.wait_condition("IPPoolPolicy", "at-once", "berth.dev/Valid", status="True", timeout=MINUTE)
        served.create_service("web")
        served.wait_addresses("web", timeout=MINUTE)
        served.api.delete("Service", "web")
        kept = wait_until("the release stands in it", lambda: (
            text := served.api.get("ConfigMap", name, ns)["data"]["history"]) and "default/web" in text and text,
            timeout=8, last=lambda: __import__("urllib.request").request.urlopen(f"http://127.0.0.1:{served.operator.http_port}/metrics").read().decode())
        assert len(kept) < 950_000 and len(kept.splitlines()) <= 1000
        code, out, err = run("history", "default/web", f"--kubeconfig={served.kubeconfig}", f"--namespace={ns}")
        assert code == 0 and "10.0.0.0" in out and "\x1b" not in out + err, out + err
    finally:
        served.api.delete("ConfigMap", name, ns)
    others_are_served(served, "other")


def test_what_others_wrote_does_not_steer_a_terminal(served):
    """An administrator asks why a Service has nothing; its owner chose what stands in the annotations."""
    evil = "\x1b]0;owned\x07\x1b[2J\u009b2J\u202e\r\nState     satisfied"
    notes = {"lbipam.cilium.io/ips": evil, "lbipam.cilium.io/sharing-key": evil, "berth.dev/pool": evil}
    assert try_create(served, service("evil", annotations=notes))
    assert told(served, "evil")["reason"] == "invalid_request"
    namespace = f"--namespace={served.replica_namespace}"
    for verb in (["explain", "default/evil"], ["status", namespace],
                 ["plan", "--against=cluster"]):
        _, out, err = run(*verb, f"--kubeconfig={served.kubeconfig}")
        shown = out + err
        assert "evil" in shown, (verb, shown)
        assert not any(c < " " and c != "\n" or c in "\x7f\x9b\u202e" for c in shown), (verb, shown)
        assert not any(line.startswith("State     satisfied") for line in shown.splitlines()), shown
    assert "\x1b" not in served.operator.log_text()
