"""What a network does to a connection: slow, narrow, cut, half-open, slow to close. The operator comes back
by itself; nothing is lost, nothing given twice, no address moves."""

import pytest

from lib import invariants
from lib.process import wait_until

SUFFERINGS = {
    "latency": [("latency", "downstream", {"latency": 300, "jitter": 200})],
    "latency-both-ways": [("latency", "upstream", {"latency": 150}), ("latency", "downstream", {"latency": 150})],
    "bandwidth": [("bandwidth", "downstream", {"rate": 20}), ("bandwidth", "upstream", {"rate": 20})],
    "slices": [("slicer", "downstream", {"average_size": 64, "size_variation": 32, "delay": 100})],
    "slow-close": [("slow_close", "downstream", {"delay": 2000})],
    "reset": [("reset_peer", "downstream", {"timeout": 300})],
    "limit": [("limit_data", "downstream", {"bytes": 20000})],
}


def prepare(cluster, *flags):
    operator = cluster.start(*flags)
    recorder = cluster.record()
    cluster.create_pool("blue", "10.0.0.0/24")
    cluster.create_services([f"before{i}" for i in range(10)])
    held = cluster.wait_all_served(10, timeout=30)
    return operator, recorder, held


def finish(cluster, operator, recorder, held, count, timeout=60):
    after = cluster.wait_all_served(count, timeout)
    assert {k: v for k, v in after.items() if k in held} == {k: v for k, v in held.items() if k in after}
    recorder.caught_up()
    assert recorder.duplicates() == [] and recorder.moves() == []
    assert operator.running() and operator.http_status("/healthz") == 200
    wait_until("each address has its record", lambda: sorted(
        (a, h) for a, holders in invariants.records_of(cluster.api).items() for h in holders) == sorted(
            (a, key) for key, addresses in cluster.all_addresses().items() for a in addresses))
    invariants.check(cluster.api)


@pytest.mark.parametrize("suffering", SUFFERINGS)
def test_a_bad_network(linked, suffering):
    cluster, link = linked
    operator, recorder, held = prepare(cluster)
    for kind, stream, attributes in SUFFERINGS[suffering]:
        link.toxic(kind, stream, **attributes)
    cluster.create_services([f"during{i}" for i in range(10)])
    for i in range(5):
        cluster.api.delete("Service", f"before{i}")
    if suffering not in ("reset", "limit"):  # those break every connection before long
        cluster.wait_all_served(15, timeout=60)
    link.heal()
    finish(cluster, operator, recorder, held, 15)


def test_a_cut_is_mended(linked):
    """Nobody listens for a while; Services come and go meanwhile."""
    cluster, link = linked
    operator, recorder, held = prepare(cluster)
    link.cut()
    cluster.create_services([f"during{i}" for i in range(10)])
    for i in range(5):
        cluster.api.delete("Service", f"before{i}")
    wait_until("the operator noticed", lambda: operator.find_log("watch", level="warn"))
    assert set(cluster.all_addresses()) == {f"default/before{i}" for i in range(5, 10)}
    link.heal()
    finish(cluster, operator, recorder, held, 15)


def test_half_open_connections(linked):
    """What the server says is swallowed and no connection breaks: answers of writes that were carried out
    never come. New connections are swallowed too, until the network is well again."""
    cluster, link = linked
    operator, recorder, held = prepare(cluster)
    # Up to ten writes reach the server while their answers vanish.
    link.toxic("timeout", "downstream", timeout=0)
    cluster.api.in_parallel(lambda n: cluster.create_service(n), [f"during{i}" for i in range(10)])
    for i in range(5):
        cluster.api.delete("Service", f"before{i}")
    for _ in range(20):
        assert operator.http_status("/healthz") == 200
    # The dead connections end as a router's would that has forgotten them: with the next byte, by a reset.
    link.heal()
    link.cut()
    link.heal()
    finish(cluster, operator, recorder, held, 15)


def test_answers_that_are_lost(linked):
    """Connections break after the server got the request and before its answer is through."""
    cluster, link = linked
    operator, recorder, held = prepare(cluster)
    for round_ in range(4):
        link.toxic("timeout", "downstream", timeout=200)
        cluster.create_services([f"during{round_}-{i}" for i in range(5)])
        wait_until("connections break", lambda n=round_: len(operator.find_log("watch", level="warn")) > n)
        link.heal()
        cluster.wait_all_served(10 + 5 * (round_ + 1), timeout=60)
    finish(cluster, operator, recorder, held, 30)
