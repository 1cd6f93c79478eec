"""The network and the server fail under the operator: nothing is given twice, lost or moved."""

from lib import invariants
from lib.process import wait_until


def test_connections_that_are_cut_are_made_again(behind_proxy):
    cluster, proxy, flag = behind_proxy
    proxy.listen()
    operator = cluster.start(flag)
    cluster.create_pool("blue", "192.0.2.0/24")
    for round_ in range(5):
        assert proxy.cut() > 0
        names = [f"s{round_}-{i}" for i in range(10)]
        cluster.create_services(names)
        proxy.cut()
        cluster.wait_all_served(10 * (round_ + 1), timeout=60)
    assert operator.running() and operator.http_status("/healthz") == 200
    invariants.check(cluster.api)


def test_a_stalled_network_does_not_stop_the_loop(behind_proxy):
    cluster, proxy, flag = behind_proxy
    proxy.listen()
    operator = cluster.start(flag)
    cluster.create_pool("blue", "192.0.2.0/24")
    cluster.create_service("before")
    held = cluster.wait_addresses("before")
    proxy.stall()
    cluster.create_services([f"s{i}" for i in range(5)])
    for _ in range(20):
        assert operator.http_status("/healthz") == 200
    proxy.stall(False)
    cluster.wait_all_served(6, timeout=60)
    assert cluster.addresses("before") == held
    invariants.check(cluster.api)


def test_what_happened_while_it_was_cut_off_is_found(behind_proxy):
    """Services went and came meanwhile, and the server is another one, whose watches do not reach back."""
    cluster, proxy, flag = behind_proxy
    proxy.listen()
    operator = cluster.start(flag)
    cluster.create_pool("blue", "192.0.2.0/28")
    cluster.create_services([f"s{i}" for i in range(16)])
    held = cluster.wait_all_served(16, timeout=30)

    proxy.refuse()
    proxy.cut()
    for i in range(8):
        cluster.api.delete("Service", f"s{i}")
    cluster.create_services([f"new{i}" for i in range(8)])
    plane = cluster.control_plane
    plane.apiserver.kill()
    plane.start_apiserver(plane.port)
    cluster.api = plane.admin
    assert set(cluster.all_addresses()) == {f"default/s{i}" for i in range(8, 16)}

    proxy.refuse(False)
    after = cluster.wait_all_served(16, timeout=90)
    assert {k: v for k, v in held.items() if k in after} == {k: v for k, v in after.items() if k in held}
    assert sorted(after.values()) == sorted(held.values())
    assert operator.running()
    invariants.check(cluster.api)


def test_the_server_goes_and_comes_back(apiserver):
    """kube-apiserver is killed and started again under the operator."""
    operator = apiserver.start()
    apiserver.create_pool("blue", "192.0.2.0/24")
    apiserver.create_services([f"s{i}" for i in range(10)])
    held = apiserver.wait_all_served(10, timeout=30)
    plane = apiserver.control_plane
    plane.apiserver.kill()
    try:
        wait_until("the operator noticed", lambda: operator.find_log("watch", level="warn"))
        assert operator.http_status("/healthz") == 200
    finally:
        plane.start_apiserver(plane.port)
        apiserver.api = plane.admin
    apiserver.create_service("late")
    apiserver.wait_addresses("late", timeout=60)
    after = apiserver.all_addresses()
    after.pop("default/late")
    assert after == held
    invariants.check(apiserver.api)


def test_two_operators_at_once_give_nothing_twice(apiserver):
    """As a stale leader beside the new one: the records fence them from each other."""
    apiserver.start()
    apiserver.start()
    recorder = apiserver.record()
    apiserver.create_pool("blue", "10.0.0.0/24")
    names = [f"s{i}" for i in range(100)]
    apiserver.create_services(names)
    held = apiserver.wait_all_served(100, timeout=60)
    assert len({a for addresses in held.values() for a in addresses}) == 100
    recorder.caught_up()
    assert recorder.duplicates() == [] and recorder.moves() == []
    wait_until("each address has one record, and each record its Service", lambda: sorted(
        (a, h) for a, holders in invariants.records_of(apiserver.api).items() for h in holders) == sorted(
            (a, key) for key, addresses in held.items() for a in addresses))
    invariants.check(apiserver.api)
