"""Objects as large as an API server lets through. None of them may hold up any other."""

import pytest

from lib.objects import SATISFIED, condition_of, service
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
