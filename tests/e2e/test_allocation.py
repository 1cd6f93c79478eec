"""A Service that opted in gets an address of its own, and gives it back."""

import pytest

from lib import invariants
from lib.objects import HOLDER, MANAGED_BY, OPT_IN, SATISFIED, addresses_of, condition_of
from lib.process import wait_until


def events_of(cluster, name, namespace="default"):
    """{reason: type} of the Events about a Service."""
    return {e["reason"]: e["type"] for e in cluster.api.list("Event", namespace)
            if e["involvedObject"]["name"] == name}


def test_a_service_gets_an_address_with_record_condition_and_event(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/28")
    cluster.create_service("web")
    assert cluster.wait_addresses("web") == ["192.0.2.0"], "the lowest free address of the first block"

    condition = cluster.wait_condition("Service", "web", SATISFIED, "True", "satisfied")
    assert "observedGeneration" not in condition, "Services have no generation"
    record = cluster.api.get("IPAddress", "192.0.2.0")
    assert record["metadata"]["labels"][MANAGED_BY] == "berth"
    assert record["metadata"]["labels"]["berth.dev/pool"] == "blue"
    assert record["metadata"]["annotations"][HOLDER] == "default/web"
    assert "berth.dev/allocated-at" in record["metadata"]["annotations"]
    parent = record["spec"]["parentRef"]
    assert (parent["resource"], parent["namespace"], parent["name"]) == ("services", "default", "web")

    wait_until("the Event IPAllocated", lambda: events_of(cluster, "web").get("IPAllocated") == "Normal")
    row = cluster.kubectl.table("service", "web")[0]
    assert row["EXTERNAL-IP"] == "192.0.2.0"
    managers = {m["manager"] for m in cluster.api.get("Service", "web")["metadata"]["managedFields"]
                if m.get("subresource") == "status"}
    assert managers == {"berth"}
    invariants.check(cluster.api)


def test_every_service_gets_its_own_address(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/27")
    recorder = cluster.record()
    cluster.create_namespace("team-a")
    cluster.create_services([f"s{i}" for i in range(16)])
    cluster.create_services([f"s{i}" for i in range(16)], "team-a")
    held = cluster.wait_all_served(32, timeout=60)
    assert sorted(a for addresses in held.values() for a in addresses) == sorted(
        f"192.0.2.{i}" for i in range(32))
    recorder.caught_up()
    assert recorder.moves() == [] and recorder.duplicates() == []
    invariants.check(cluster.api)


def test_without_a_pool_the_condition_says_so(cluster):
    cluster.start()
    cluster.create_service("web")
    cluster.wait_condition("Service", "web", SATISFIED, "False", "no_pool")
    assert cluster.addresses("web") == []
    wait_until("the Event AllocationFailed",
               lambda: events_of(cluster, "web").get("AllocationFailed") == "Warning")
    cluster.create_pool("blue", "192.0.2.7")
    assert cluster.wait_addresses("web") == ["192.0.2.7"]
    cluster.wait_condition("Service", "web", SATISFIED, "True", "satisfied")


def test_a_full_pool_serves_who_waits_when_one_goes(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/30")
    names = [f"s{i}" for i in range(4)]
    cluster.create_services(names)
    cluster.wait_all_served(4, timeout=30)
    cluster.create_service("late")
    cluster.wait_condition("Service", "late", SATISFIED, "False", "out_of_ips")
    (freed,) = cluster.addresses("s2")
    cluster.api.delete("Service", "s2")
    assert cluster.wait_addresses("late") == [freed]
    cluster.wait_condition("Service", "late", SATISFIED, "True", "satisfied")
    invariants.check(cluster.api)


# Who is served, by mode: what stands for the Service, and the modes in which it is ours.
OPT_IN_CASES = {
    "annotated": ({"annotations": {OPT_IN: "true"}}, {"annotation", "all"}),
    "annotated-t": ({"annotations": {OPT_IN: "T"}}, {"annotation", "all"}),
    "annotated-1": ({"annotations": {OPT_IN: "1"}}, {"annotation", "all"}),
    "annotated-false": ({"annotations": {OPT_IN: "false"}}, set()),
    "annotated-0": ({"annotations": {OPT_IN: "0"}}, set()),
    "plain": ({}, {"all"}),
    "empty": ({"annotations": {OPT_IN: ""}}, {"all"}),
    "unreadable": ({"annotations": {OPT_IN: "yes"}}, {"all"}),
    "our-class": ({"loadBalancerClass": "berth.dev/lb"}, {"annotation", "class", "all"}),
    "other-class": ({"loadBalancerClass": "example.com/lb"}, set()),
    "annotated-other-class": ({"annotations": {OPT_IN: "true"}, "loadBalancerClass": "example.com/lb"}, set()),
    "no-balancer": ({"annotations": {OPT_IN: "true"}, "type": "ClusterIP",
                     "allocateLoadBalancerNodePorts": None}, set()),
}


@pytest.mark.parametrize("mode", ["annotation", "class", "all"])
def test_opt_in(cluster, mode):
    cluster.start(*([] if mode == "annotation" else [f"--service-opt-in={mode}"]))
    cluster.create_pool("blue", "192.0.2.0/24")
    before = {}
    for name, (spec, _) in OPT_IN_CASES.items():
        before[name] = cluster.create_service(name, opted_in=False, **spec)
    served = {name for name, (_, modes) in OPT_IN_CASES.items() if mode in modes}
    cluster.wait_all_served(len(served), timeout=30)
    # One more, so that all before it has been looked at.
    cluster.create_service("last", opted_in=False, loadBalancerClass="berth.dev/lb")
    cluster.wait_addresses("last")
    assert set(cluster.all_addresses()) == {f"default/{n}" for n in served | {"last"}}
    for name in set(OPT_IN_CASES) - served:
        now = cluster.api.get("Service", name)
        assert now["metadata"]["resourceVersion"] == before[name]["metadata"]["resourceVersion"], name
    wait_until("the Event InvalidAnnotation",
               lambda: events_of(cluster, "unreadable").get("InvalidAnnotation") == "Warning")
    invariants.check(cluster.api)


def test_lb_class_replaces_the_default(cluster):
    cluster.start("--service-opt-in=class", "--lb-class=example.com/a,example.com/b")
    cluster.create_pool("blue", "192.0.2.0/24")
    for name, lb_class in (("default-class", "berth.dev/lb"), ("a", "example.com/a"), ("b", "example.com/b")):
        cluster.create_service(name, opted_in=False, loadBalancerClass=lb_class)
    cluster.wait_all_served(2, timeout=30)
    assert set(cluster.all_addresses()) == {"default/a", "default/b"}


V4, V6 = "192.0.2.0", "2001:db8::"

# flags, spec, what it holds, the condition's reason
FAMILY_CASES = {
    "nothing-said": ([], {}, [V4], "satisfied"),
    "single-v4": ([], {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"]}, [V4], "satisfied"),
    "single-v6": ([], {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]}, [V6], "satisfied"),
    "single-v6-off": (["--enable-ipv6=false"], {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]},
                      [], "family_disabled"),
    "prefer": ([], {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv6"]}, [V4, V6], "satisfied"),
    "prefer-v4-off": (["--enable-ipv4=false"],
                      {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv6"]}, [V6], "satisfied"),
    "require": ([], {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6", "IPv4"]}, [V4, V6], "satisfied"),
    # What can be had is given all the same.
    "require-v6-off": (["--enable-ipv6=false"],
                       {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"]},
                       [V4], "family_disabled"),
}


@pytest.mark.parametrize("case", FAMILY_CASES)
def test_families(cluster, case):
    flags, spec, held, reason = FAMILY_CASES[case]
    cluster.start(*flags)
    cluster.create_pool("blue", "192.0.2.0/24", "2001:db8::/64")
    cluster.create_service("web", **spec)
    cluster.wait_condition("Service", "web", SATISFIED, "True" if reason == "satisfied" else "False", reason)
    assert cluster.addresses("web") == held
    invariants.check(cluster.api)


def test_a_preferred_family_is_added_when_it_becomes_possible(cluster):
    cluster.start()
    cluster.create_pool("four", "192.0.2.0/24")
    recorder = cluster.record()
    cluster.create_service("web", ipFamilyPolicy="PreferDualStack", ipFamilies=["IPv4", "IPv6"])
    cluster.wait_condition("Service", "web", SATISFIED, "True", "satisfied", message="IPv6")
    assert cluster.addresses("web") == [V4]
    cluster.create_pool("six", "2001:db8::/64")
    assert cluster.wait_addresses("web", count=2) == [V4, V6]
    recorder.caught_up()
    assert recorder.moves() == []


def test_a_required_family_that_has_no_pool_is_named(cluster):
    cluster.start()
    cluster.create_pool("four", "192.0.2.0/24")
    cluster.create_service("web", ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv4", "IPv6"])
    cluster.wait_condition("Service", "web", SATISFIED, "False", "no_pool", message="IPv6")
    cluster.create_pool("six", "2001:db8::/64")
    assert cluster.wait_addresses("web", count=2) == [V4, V6]
    cluster.wait_condition("Service", "web", SATISFIED, "True", "satisfied")


def test_a_family_no_longer_wanted_is_released(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/24", "2001:db8::1")
    cluster.create_service("web", ipFamilyPolicy="PreferDualStack", ipFamilies=["IPv4", "IPv6"])
    cluster.wait_addresses("web", count=2)
    cluster.create_service("six", ipFamilyPolicy="SingleStack", ipFamilies=["IPv6"])
    cluster.wait_condition("Service", "six", SATISFIED, "False", "out_of_ips")
    svc = cluster.api.get("Service", "web")
    cluster.api.patch("Service", "web", {"spec": {
        "ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"], "clusterIPs": svc["spec"].get("clusterIPs", [])[:1]}})
    assert cluster.wait_addresses("six") == ["2001:db8::1"]
    assert cluster.addresses("web") == [V4]
    invariants.check(cluster.api)


def delete(cluster, name):
    cluster.api.delete("Service", name)


def become_cluster_ip(cluster, name):
    cluster.api.patch("Service", name, {"spec": {"type": "ClusterIP", "allocateLoadBalancerNodePorts": None}})


def opt_out(cluster, name):
    cluster.api.patch("Service", name, {"metadata": {"annotations": {OPT_IN: None}}})


def opt_out_by_false(cluster, name):
    cluster.api.patch("Service", name, {"metadata": {"annotations": {OPT_IN: "false"}}})


@pytest.mark.parametrize("leave", [delete, become_cluster_ip, opt_out, opt_out_by_false])
def test_an_address_is_released(cluster, leave):
    cluster.start()
    cluster.create_pool("one", "192.0.2.1")
    recorder = cluster.record()
    cluster.create_service("first")
    cluster.wait_addresses("first")
    cluster.create_service("second")
    cluster.wait_condition("Service", "second", SATISFIED, "False", "out_of_ips")

    leave(cluster, "first")
    assert cluster.wait_addresses("second") == ["192.0.2.1"]
    cluster.wait_condition("Service", "second", SATISFIED, "True", "satisfied")
    recorder.caught_up()
    assert recorder.duplicates() == []
    first = cluster.api.find("Service", "first")
    if leave is delete:
        assert first is None
    else:
        assert addresses_of(first) == []
        assert condition_of(first, SATISFIED) is None, "nothing of ours stays on a Service that left"
    assert cluster.api.get("IPAddress", "192.0.2.1")["metadata"]["annotations"][HOLDER] == "default/second"
    invariants.check(cluster.api)


def test_a_service_being_deleted_keeps_its_address_until_it_is_gone(cluster):
    cluster.start()
    cluster.create_pool("one", "192.0.2.1")
    cluster.create_service("first")
    cluster.wait_addresses("first")
    cluster.api.patch("Service", "first", {"metadata": {"finalizers": ["test.invalid/wait"]}})
    cluster.api.delete("Service", "first")
    assert cluster.api.get("Service", "first")["metadata"]["deletionTimestamp"]
    cluster.create_service("second")
    cluster.wait_condition("Service", "second", SATISFIED, "False", "out_of_ips")
    assert cluster.addresses("first") == ["192.0.2.1"]
    cluster.api.patch("Service", "first", {"metadata": {"finalizers": None}})
    assert cluster.wait_addresses("second") == ["192.0.2.1"]


def test_conditions_of_others_are_kept(cluster):
    cluster.start()
    cluster.create_service("web")
    other = {"type": "example.com/Mine", "status": "True", "reason": "Because", "message": "m",
             "lastTransitionTime": "2026-01-02T03:04:05Z"}
    cluster.wait_condition("Service", "web", SATISFIED, "False", "no_pool")
    ours = cluster.api.get("Service", "web")["status"]["conditions"]
    cluster.api.patch("Service", "web", {"status": {"conditions": [*ours, other]}}, subresource="status",
                      manager="someone-else")
    cluster.create_pool("blue", "192.0.2.0/24")
    cluster.wait_condition("Service", "web", SATISFIED, "True", "satisfied")
    assert condition_of(cluster.api.get("Service", "web"), "example.com/Mine") == other


def test_without_records_none_is_written(cluster):
    cluster.start("--address-records=off")
    cluster.create_pool("one", "192.0.2.1")
    cluster.create_service("first")
    cluster.wait_addresses("first")
    cluster.create_service("second")
    cluster.wait_condition("Service", "second", SATISFIED, "False", "out_of_ips")
    cluster.api.delete("Service", "first")
    assert cluster.wait_addresses("second") == ["192.0.2.1"]
    assert invariants.records_of(cluster.api, cooling=True) == {}
    invariants.check(cluster.api, records=False)


def test_a_record_of_another_product_is_respected(cluster):
    cluster.start()
    cluster.api.create({"kind": "IPAddress", "metadata": {"name": "192.0.2.0", "labels": {
        MANAGED_BY: "example.com"}}, "spec": {"parentRef": {
            "resource": "services", "namespace": "default", "name": "elsewhere"}}})
    cluster.create_pool("two", "192.0.2.0/31")
    cluster.create_service("web")
    assert cluster.wait_addresses("web") == ["192.0.2.1"]
    cluster.create_service("late")
    cluster.wait_condition("Service", "late", SATISFIED, "False", "out_of_ips")
    cluster.api.delete("IPAddress", "192.0.2.0")
    assert cluster.wait_addresses("late") == ["192.0.2.0"]


def test_a_service_that_comes_and_goes_at_once_leaves_nothing(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/28")
    recorder = cluster.record()

    def come_and_go(name):
        cluster.create_service(name)
        cluster.api.delete("Service", name)
    for round_ in range(5):
        cluster.api.in_parallel(come_and_go, [f"s{round_}-{i}" for i in range(20)])
    cluster.create_services([f"stay{i}" for i in range(16)])
    cluster.wait_all_served(16, timeout=30)
    recorder.caught_up()
    assert recorder.duplicates() == [] and recorder.moves() == []
    wait_until("every record names a Service that is there", lambda: sorted(
        h for holders in invariants.records_of(cluster.api).values() for h in holders) == sorted(
            cluster.all_addresses()))
    invariants.check(cluster.api)
