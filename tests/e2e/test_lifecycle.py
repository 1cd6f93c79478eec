"""The life of addresses, with the defaults as shipped: who comes again, who shares the work, whose clock is
wrong. Single sentences of the specification are scenarios (tests/scenarios)."""

import calendar
import glob
import json
import threading
import time

import pytest

from lib import invariants
from lib.objects import OPT_IN, SATISFIED, service
from lib.process import wait_until

BACK_AND_FORTH = 200
FAKETIME = sorted(glob.glob("/usr/lib/*/faketime/libfaketime.so.1"))


def notes_of(api, address):
    record = api.find("IPAddress", address)
    return (record or {"metadata": {}})["metadata"].get("annotations", {})


def policy(name="p", **spec):
    return {"kind": "IPPoolPolicy", "metadata": {"name": name}, "spec": {"poolSelector": {}, **spec}}


def second_operator(cluster, *flags):
    """One more on the same API, as if there were no leader."""
    if cluster.backend == "apiserver":
        return cluster.start(*flags)
    operator = cluster._run([f"--kubeconfig={cluster.kubeconfig}", "--leader-elect=false", *flags], False, None)
    return operator.wait_ready()


def delete_all(api, names):
    api.in_parallel(lambda n: api.delete("Service", n), names)


# Deleted and created again

def test_200_services_that_come_again_have_their_addresses_though_200_others_compete(cluster):
    """`helm uninstall`, `helm install`: in one pool that has just room for all of them."""
    cluster.start()
    ours = [f"ours{i}" for i in range(BACK_AND_FORTH)]
    others = [f"other{i}" for i in range(BACK_AND_FORTH)]
    cluster.create_pool("blue", "10.0.0.0-10.0.1.143")  # 400
    cluster.create_services(ours)
    before = cluster.wait_all_served(len(ours), timeout=120)
    recorder = cluster.record()
    competing = threading.Thread(target=cluster.create_services, args=(others,))
    competing.start()
    delete_all(cluster.api, ours)
    competing.join()
    # Some come while others of the 200 are still waiting for theirs.
    cluster.create_services(list(reversed(ours)))
    after = cluster.wait_all_served(2 * BACK_AND_FORTH, timeout=120)
    assert {k: after[k] for k in before} == before
    recorder.caught_up(timeout=30)
    assert recorder.duplicates() == []
    invariants.check(cluster.api)


@pytest.mark.durable
def test_services_that_come_again_after_a_crash_have_their_addresses(cluster):
    cluster.start()
    ours, others = [f"ours{i}" for i in range(50)], [f"other{i}" for i in range(50)]
    cluster.create_pool("blue", "10.0.0.0-10.0.0.99")
    cluster.create_services(ours)
    before = cluster.wait_all_served(len(ours), timeout=60)
    delete_all(cluster.api, ours[:25])
    cluster.operator.kill9()
    with cluster.api_only():
        delete_all(cluster.api, ours[25:])
    cluster.start()
    cluster.create_services(others + ours)
    after = cluster.wait_all_served(100, timeout=60)
    assert {k: after[k] for k in before} == before
    invariants.check(cluster.api)


def test_a_protected_pool_goes_with_its_last_address(cluster):
    """Deleted while an address of it is held: it stays, gives nothing new, and goes when the address does."""
    kind = "CiliumLoadBalancerIPPool"
    cluster.start()
    cluster.api.create(policy(protect=True))
    cluster.create_pool("blue", "10.0.0.0/28")
    cluster.create_service("holds")
    cluster.wait_addresses("holds")
    wait_until("it is protected", lambda: cluster.api.get(kind, "blue")["metadata"].get("finalizers") == [
        "berth.dev/protect"])
    cluster.api.delete(kind, "blue")
    cluster.create_service("late")
    cluster.wait_condition("Service", "late", SATISFIED, "False")
    assert cluster.addresses("holds") and cluster.api.get(kind, "blue")["metadata"]["deletionTimestamp"]
    cluster.api.delete("Service", "holds")
    wait_until("it has gone", lambda: cluster.api.find(kind, "blue") is None)


# Two operators, nobody leads

def contest(cluster, count, *flags):
    """Half of `count` Services hold every address of a pool, the other half waits: in the first operator's
    queue in the order in which they came, in the second one's from the oldest on, which is the other way
    round. Then all addresses are released at once. Returns what a watch saw."""
    cluster.start(*flags)
    half = count // 2
    holders, waiting = [f"a{i}" for i in range(half)], [f"w{i}" for i in range(half)]
    cluster.create_pool("blue", f"10.0.0.0-10.0.{(half - 1) // 256}.{(half - 1) % 256}")
    cluster.create_services(holders)
    cluster.wait_all_served(half, timeout=120)
    for name in waiting:
        cluster.api.create(service(name, opted_in=False))
    for name in reversed(waiting):
        cluster.api.patch("Service", name, {"metadata": {"annotations": {OPT_IN: "true"}}})
    second_operator(cluster, *flags)
    wait_until("all wait", lambda: cluster.operators[0].metrics().value(
        "cilium_operator_lbipam_services_unsatisfied") == half and cluster.operators[1].metrics().value(
            "cilium_operator_lbipam_services_unsatisfied") == half, timeout=60)
    recorder = cluster.record()
    delete_all(cluster.api, holders)
    return recorder


def test_records_keep_1000_services_of_two_operators_apart(cluster):
    recorder = contest(cluster, 1000)
    held = cluster.wait_all_served(500, timeout=120)
    recorder.caught_up(timeout=30)
    assert recorder.duplicates() == []
    assert len({a for addresses in held.values() for a in addresses}) == 500
    assert all(o.metrics().total("berth_allocation_seconds_count") > 0 for o in cluster.operators), \
        "both have given addresses"
    cluster.settled(lambda: cluster.all_addresses())
    invariants.check(cluster.api)


def test_without_records_two_operators_give_an_address_twice(cluster):
    """That the test above can fail: the same, without what prevents it."""
    recorder = contest(cluster, 200, "--address-records=off")
    wait_until("an address is given twice", lambda: recorder.duplicates() != [], timeout=60)
    # They go on against each other until one goes; the watch may be cut off for being slow meanwhile.
    cluster.recorders.remove(recorder)
    cluster.operators[1].kill9()


# Clocks

def wall_of(stamp):
    return calendar.timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ"))


@pytest.mark.only("embedded")
@pytest.mark.parametrize("shift", ["+1d", "-1d"])
def test_a_clock_that_is_a_day_off_changes_no_time(cluster, shift):
    """Times are the API server's. The API is of another process, whose clock is right."""
    assert FAKETIME, "install the package faketime"
    wrong = {"LD_PRELOAD": FAKETIME[0], "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1",
             "DONT_FAKE_MONOTONIC": "1",
             "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=1:exitcode=99"}
    cluster.start("--enable-lb-ipam=false")
    operator = cluster._run([f"--kubeconfig={cluster.kubeconfig}", "--leader-elect=false"], False, wrong)
    operator.wait_ready()
    assert abs(wall_of(operator.log()[-1]["time"][:19] + "Z") - time.time()) > 80000, "its clock is wrong"
    cluster.api.create(policy(reuseAfter="6s", reuseEarly=False))
    cluster.create_pool("blue", "10.0.0.1")
    cluster.create_service("s")
    cluster.wait_addresses("s")
    given = wall_of(notes_of(cluster.api, "10.0.0.1")["berth.dev/allocated-at"])
    assert abs(given - time.time()) < 30
    cluster.api.delete("Service", "s")
    wait_until("it cools", lambda: notes_of(cluster.api, "10.0.0.1").get("berth.dev/state") == "cooling")
    began = time.monotonic()
    assert abs(wall_of(notes_of(cluster.api, "10.0.0.1")["berth.dev/released-at"]) - time.time()) < 30
    # Neither at once nor in a day, also not for whoever starts in between.
    operator.kill9()
    operator = cluster._run([f"--kubeconfig={cluster.kubeconfig}", "--leader-elect=false"], False, wrong)
    operator.wait_ready()
    wait_until("its record is gone", lambda: cluster.api.find("IPAddress", "10.0.0.1") is None, timeout=30)
    assert 3 < time.monotonic() - began < 20


# Histories

def test_a_pools_history_tells_whose_its_addresses_were(cluster):
    """In a ConfigMap of the operator's namespace, once the record is gone."""
    cluster.start()
    cluster.api.create(policy(reuseAfter="1s"))
    cluster.create_pool("told", "10.0.0.0/28")
    for generation in range(3):
        names = [f"g{generation}s{i}" for i in range(4)]
        cluster.create_services(names)
        cluster.wait_all_served(4, timeout=30)
        delete_all(cluster.api, names)
        wait_until("their records are gone", lambda: invariants.records_of(cluster.api, cooling=True) == {})
    namespace = "berth-system" if cluster.backend == "apiserver" else "default"

    def lines():
        found = cluster.api.find("ConfigMap", "berth-history-told", namespace)
        return found["data"]["history"].splitlines() if found else []
    wait_until("all twelve stand there", lambda: len(lines()) >= 12, last=lines)
    told = [json.loads(line) for line in lines()]
    assert {h["holder"] for h in told[-12:]} == {f"default/g{g}s{i}" for g in range(3) for i in range(4)}
    assert all(wall_of(h["from"]) <= wall_of(h["until"]) for h in told)
    assert all(h["address"].startswith("10.0.0.") for h in told)
    cluster.api.delete("ConfigMap", "berth-history-told", namespace)
