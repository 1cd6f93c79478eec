"""/metrics: names, values, form."""

from lib.objects import SATISFIED
from lib.process import wait_until


def wait_value(cluster, value, name, **labels):
    wait_until(f"{name}{labels} is {value}", lambda: cluster.operator.metrics().value(name, **labels) == value,
               last=lambda: cluster.operator.metrics().value(name, **labels))


def test_values_follow_the_cluster(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/29", "2001:db8::/126")
    cluster.create_pool("green", "192.0.2.0/28")
    cluster.create_services([f"s{i}" for i in range(3)])
    cluster.create_service("six", ipFamilyPolicy="SingleStack", ipFamilies=["IPv6"])
    cluster.create_service("theirs", opted_in=False, externalIPs=["192.0.2.7"])
    cluster.wait_all_served(4, timeout=30)
    cluster.create_services([f"t{i}" for i in range(5)])
    wait_until("one waits", lambda: sum(
        c["reason"] == "out_of_ips" for s in cluster.api.list("Service")
        for c in s.get("status", {}).get("conditions") or [] if c["type"] == SATISFIED) == 1)

    wait_value(cluster, 9, "cilium_operator_lbipam_ips_used", pool="blue")
    wait_value(cluster, 3, "cilium_operator_lbipam_ips_available", pool="blue")
    wait_value(cluster, 1, "cilium_operator_lbipam_conflicting_pools")
    wait_value(cluster, 9, "cilium_operator_lbipam_services_matching")
    wait_value(cluster, 1, "cilium_operator_lbipam_services_unsatisfied")
    wait_value(cluster, 1, "berth_pool_low", pool="blue", family="ipv4")
    wait_value(cluster, 0, "berth_pool_low", pool="blue", family="ipv6")
    assert cluster.operator.metrics().value("berth_pool_low", pool="green", family="ipv4") is None


def test_pool_addresses_by_state_add_up(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/28", allowFirstLastIPs="No")
    cluster.create_services([f"s{i}" for i in range(3)])
    cluster.create_service("theirs", opted_in=False, externalIPs=["192.0.2.7"])
    cluster.wait_all_served(3, timeout=30)
    wanted = {"used": 3, "foreign": 1, "firstlast": 2, "reserved": 0, "excluded": 0, "cooling": 0, "free": 10}
    for state, count in wanted.items():
        wait_value(cluster, count, "berth_pool_addresses", pool="blue", family="ipv4", state=state)
    assert cluster.operator.metrics().total("berth_pool_addresses", pool="blue", family="ipv4") == 16


def test_what_is_counted_along_the_way(cluster):
    cluster.start()
    cluster.create_service("web")
    cluster.wait_condition("Service", "web", SATISFIED, "False", "no_pool")
    cluster.create_pool("blue", "192.0.2.0/28")
    cluster.wait_addresses("web")
    cluster.wait_pool_counts("blue", used=1)
    m = cluster.operator.metrics()
    assert m.total("berth_allocation_failures_total", reason="no_pool") >= 1
    wait_value(cluster, 1, "berth_allocation_seconds_count")
    buckets = {dict(labels)["le"]: v for (n, labels), v in m.items() if n == "berth_allocation_seconds_bucket"}
    assert buckets["+Inf"] == m.value("berth_allocation_seconds_count")
    assert m.total("berth_api_requests_total") > 0
    assert {dict(labels)["code"] for (n, labels) in m if n == "berth_api_requests_total"} >= {"200", "201"}
    assert m.value("berth_queue_depth") is not None
    assert m.total("berth_build_info") == 1
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"):
        assert m.value(name) > 0, name
    for name in ("cilium_operator_lbipam_event_processing_time_seconds_count", "berth_api_request_seconds_count"):
        assert m.total(name) > 0, name


def test_a_settled_cluster_sends_nothing(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/24")
    cluster.create_services([f"s{i}" for i in range(10)])
    cluster.wait_all_served(10, timeout=30)

    def writes():
        return {k: v for k, v in cluster.operator.metrics().items() if k[0] == "berth_api_requests_total"
                and dict(k[1])["verb"] not in ("get", "list", "watch")}
    before = cluster.settled(writes)
    # Something that changes nothing: the operator sees it and sends no write.
    cluster.api.patch("Service", "s1", {"metadata": {"annotations": {"note": "1"}}})
    cluster.api.patch("CiliumLoadBalancerIPPool", "blue", {"metadata": {"labels": {"a": "b"}}})
    cluster.create_service("plain", opted_in=False)
    assert cluster.settled(writes) == before


def test_the_form(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/28")
    wait_value(cluster, 16, "cilium_operator_lbipam_ips_available", pool="blue")
    status, headers, text = cluster.operator.http("/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    types = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    helps = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP ")}
    assert types and types == helps
    for name in cluster.operator.metrics().names():
        family = name
        for suffix in ("_bucket", "_sum", "_count"):
            if name.endswith(suffix) and name[:-len(suffix)] in types:
                family = name[:-len(suffix)]
        assert family in types, name

    _, headers, text = cluster.operator.http("/metrics", headers={
        "Accept": "application/openmetrics-text; version=1.0.0"})
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")
