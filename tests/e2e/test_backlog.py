"""Many Services at once: BERTH_E2E_BACKLOG of them (500 by default; the issue asks for 3,000)."""

from lib import invariants
from lib.objects import SATISFIED, condition_of
from lib.process import wait_until


def test_a_backlog_is_served_once_each(cluster, backlog, stopwatch):
    operator = cluster.start()
    names = [f"s{i}" for i in range(backlog)]
    cluster.create_services(names)
    stopwatch(f"{backlog} Services created")
    # All have been looked at and say why they wait.
    wait_until("every Service waits with its reason", lambda: all(
        (condition_of(s, SATISFIED) or {}).get("reason") == "no_pool"
        for s in cluster.api.list("Service") if s["metadata"]["name"] != "kubernetes"), timeout=120, every=0.5)
    stopwatch("all wait")
    recorder = cluster.record()
    cluster.create_pool("blue", "10.0.0.0/16")
    held = cluster.wait_all_served(backlog, timeout=180)
    stopwatch("all served")

    assert len({a for addresses in held.values() for a in addresses}) == backlog
    recorder.caught_up(timeout=30)
    assert recorder.moves() == [] and recorder.duplicates() == []
    assert recorder.writes() == {f"default/{n}": 1 for n in names}, "one status patch each"
    invariants.check(cluster.api)
    cluster.wait_pool_counts("blue", total=65536, used=backlog)
    print("memory", operator.memory())


def test_a_backlog_is_released_and_given_again(cluster, backlog):
    """Every address of a full pool changes hands."""
    cluster.start()
    count = backlog // 4
    cluster.create_pool("blue", f"10.0.0.0-10.0.{count // 256}.{count % 256 - 1}"
                        if count % 256 else f"10.0.0.0-10.0.{count // 256 - 1}.255")
    cluster.create_services([f"a{i}" for i in range(count)])
    first = cluster.wait_all_served(count, timeout=120)
    recorder = cluster.record()
    cluster.create_services([f"b{i}" for i in range(count)])
    cluster.api.in_parallel(lambda n: cluster.api.delete("Service", n), [f"a{i}" for i in range(count)])
    wait_until("the second half holds what the first had",
               lambda: len(cluster.all_addresses()) == count, timeout=120, every=0.5)
    second = cluster.all_addresses()
    assert set(second) == {f"default/b{i}" for i in range(count)}
    assert sorted(second.values()) == sorted(first.values())
    recorder.caught_up(timeout=30)
    assert recorder.duplicates() == []
    invariants.check(cluster.api)


def test_waiting_services_do_not_slow_a_served_one(cluster, backlog, stopwatch):
    """A pool is exhausted and many wait; a Service that another pool serves is served at once."""
    operator = cluster.start()
    cluster.create_pool("full", "192.0.2.1", selector={"matchLabels": {"pool": "full"}})
    cluster.create_pool("roomy", "10.0.0.0/16", selector={"matchLabels": {"pool": "roomy"}})
    cluster.create_services([f"w{i}" for i in range(backlog // 2)], labels={"pool": "full"})
    wait_until("all but one wait", lambda: sum(
        (condition_of(s, SATISFIED) or {}).get("reason") == "out_of_ips"
        for s in cluster.api.list("Service")) == backlog // 2 - 1, timeout=120, every=0.5)
    before = operator.cpu_seconds()
    recorder = cluster.record()
    for i in range(20):
        cluster.create_service(f"r{i}", labels={"pool": "roomy"})
        cluster.wait_addresses(f"r{i}")
    stopwatch("twenty served one by one")
    recorder.caught_up()
    assert not [k for k in recorder.writes() if k.startswith("default/w")], "who waits is not written to"
    print(f"cpu of the operator for them: {operator.cpu_seconds() - before:.2f} s")
