"""Stopping, starting, and kill -9: no address moves, and nothing is written that need not be."""

import os
import random

import pytest

from lib import invariants
from lib.objects import HOLDER, MANAGED_BY, SATISFIED, pool
from lib.process import wait_until
from lib.watch import versions

pytestmark = pytest.mark.durable


def seeded():
    """Chance that can be repeated: SEED from the environment, printed either way."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"SEED={seed}")
    return random.Random(seed)


def test_an_orderly_restart_writes_nothing(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/24", "2001:db8::/64")
    cluster.create_services([f"s{i}" for i in range(20)])
    cluster.create_services([f"d{i}" for i in range(10)], ipFamilyPolicy="PreferDualStack",
                            ipFamilies=["IPv4", "IPv6"])
    cluster.create_services([f"n{i}" for i in range(5)], opted_in=False)
    cluster.create_service("waiting", loadBalancerClass="berth.dev/lb", ipFamilyPolicy="SingleStack",
                           ipFamilies=["IPv4"])
    cluster.wait_all_served(31, timeout=60)
    cluster.wait_pool_counts("blue", used=41)
    before = cluster.settled(lambda: versions(cluster.api))
    held = cluster.all_addresses()

    for _ in range(2):
        cluster.operator.stop()
        cluster.start()
        assert cluster.settled(lambda: versions(cluster.api)) == before
    assert cluster.all_addresses() == held
    # It works on: and what was held is not given out again.
    cluster.create_services([f"new{i}" for i in range(10)])
    cluster.wait_all_served(41, timeout=30)
    invariants.check(cluster.api)


def test_kill_9_in_the_middle_of_a_backlog(cluster, backlog, stopwatch):
    cluster.start()
    cluster.create_services([f"s{i}" for i in range(backlog)])
    recorder = cluster.record()
    served = lambda: sum(1 for c in recorder.snapshot() if c.held)
    cluster.create_pool("blue", "10.0.0.0/16")
    wait_until("a tenth has an address", lambda: served() >= backlog // 10, every=0.002)
    cluster.operator.kill9()
    stopwatch("killed")

    cluster.start()
    held = cluster.wait_all_served(backlog, timeout=120)
    stopwatch("all served")
    assert len({a for addresses in held.values() for a in addresses}) == backlog
    recorder.caught_up()
    assert recorder.moves() == [] and recorder.duplicates() == []
    invariants.check(cluster.api)


def test_kill_9_again_and_again(cluster):
    """At any point, also while records are written and Services come and go."""
    chance = seeded()
    cluster.start()
    cluster.create_pool("blue", "10.0.0.0/24")
    recorder = cluster.record()
    alive = []
    for round_ in range(6):
        names = [f"s{round_}-{i}" for i in range(30)]
        cluster.create_services(names)
        alive += names
        for name in chance.sample(alive, 10):
            alive.remove(name)
            cluster.api.delete("Service", name)
        goal = len(recorder.snapshot()) + chance.randrange(20)
        # Killed after some of its writes; where it has none left to do, it is killed idle.
        try:
            wait_until("some writes", lambda: len(recorder.snapshot()) >= goal, timeout=1, every=0.002)
        except AssertionError:
            pass
        cluster.operator.kill9()
        cluster.start()
    held = cluster.wait_all_served(len(alive), timeout=60)
    assert set(held) == {f"default/{n}" for n in alive}
    recorder.caught_up()
    assert recorder.moves() == [] and recorder.duplicates() == []
    wait_until("every record names a Service that is there", lambda: sorted(
        h for holders in invariants.records_of(cluster.api).values() for h in holders) == sorted(held))
    invariants.check(cluster.api)


def record(address, holder, pool_name="blue"):
    namespace, name = holder.split("/")
    return {"kind": "IPAddress",
            "metadata": {"name": address, "labels": {MANAGED_BY: "berth", "berth.dev/pool": pool_name},
                         "annotations": {HOLDER: holder, "berth.dev/allocated-at": "2026-01-02T03:04:05Z"}},
            "spec": {"parentRef": {"resource": "services", "namespace": namespace, "name": name}}}


def hold(cluster, name, *addresses):
    cluster.api.patch("Service", name, {"status": {"loadBalancer": {"ingress": [{"ip": a} for a in addresses]}}},
                      subresource="status", manager="berth")


def test_a_service_deleted_meanwhile_is_released(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.1")
    cluster.create_service("first")
    cluster.wait_addresses("first")
    cluster.operator.stop()
    with cluster.api_only():
        cluster.api.delete("Service", "first")
        cluster.create_service("second")
        assert cluster.addresses("second") == []
    cluster.start()
    assert cluster.wait_addresses("second") == ["192.0.2.1"]
    invariants.check(cluster.api)


def test_half_an_allocation_is_finished(cluster):
    """Crashed between the record and the status."""
    with cluster.api_only():
        cluster.api.create(pool("blue", "192.0.2.0/28"))
        cluster.create_service("web")
        cluster.api.create(record("192.0.2.5", "default/web"))
    cluster.start()
    assert cluster.wait_addresses("web") == ["192.0.2.5"]
    cluster.wait_condition("Service", "web", SATISFIED, "True", "satisfied")
    invariants.check(cluster.api)


def test_a_status_without_a_record_gets_one(cluster):
    """As after a switch from another product, or from --address-records=off."""
    with cluster.api_only():
        cluster.api.create(pool("blue", "192.0.2.0/28"))
        cluster.create_service("web")
        hold(cluster, "web", "192.0.2.7")
    cluster.start()
    cluster.wait_condition("Service", "web", SATISFIED, "True", "satisfied")
    wait_until("the record", lambda: invariants.records_of(cluster.api) == {"192.0.2.7": ["default/web"]})
    assert cluster.addresses("web") == ["192.0.2.7"]
    invariants.check(cluster.api)


def test_of_two_with_one_address_the_holder_by_record_keeps_it(cluster):
    with cluster.api_only():
        cluster.api.create(pool("blue", "192.0.2.0/28"))
        for name in ("a", "b"):
            cluster.create_service(name)
            hold(cluster, name, "192.0.2.7")
        cluster.api.create(record("192.0.2.7", "default/b"))
    cluster.start()
    wait_until("a has another address", lambda: cluster.addresses("a") not in ([], ["192.0.2.7"]))
    assert cluster.addresses("b") == ["192.0.2.7"]
    invariants.check(cluster.api)


def test_holders_keep_theirs_from_a_disabled_pool_across_a_restart(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/28")
    cluster.create_services(["a", "b"])
    held = cluster.wait_all_served(2, timeout=30)
    cluster.api.patch("CiliumLoadBalancerIPPool", "blue", {"spec": {"disabled": True}})
    cluster.operator.stop()
    cluster.start()
    cluster.create_service("late")
    cluster.wait_condition("Service", "late", SATISFIED, "False", "no_pool")
    assert cluster.all_addresses() == held
    cluster.api.patch("CiliumLoadBalancerIPPool", "blue", {"spec": {"disabled": False}})
    cluster.wait_addresses("late")
    invariants.check(cluster.api)
