"""Pools: counts, conditions, conflicts, and what a change of a pool does to the holders."""

import pytest

from lib import invariants
from lib.objects import SATISFIED, condition_of, pool
from lib.process import wait_until
from lib.rest import ApiError

KIND = "CiliumLoadBalancerIPPool"
CONFLICT = "cilium.io/PoolConflict"
VALID = "berth.dev/Valid"


def edit(cluster, name, **spec):
    return cluster.api.patch(KIND, name, {"spec": spec})


# blocks, further spec, total, available
SIZES = {
    "slash-28": (["192.0.2.0/28"], {}, "16", "16"),
    "without-ends": (["192.0.2.0/28"], {"allowFirstLastIPs": "No"}, "16", "14"),
    "slash-31": (["192.0.2.0/31"], {"allowFirstLastIPs": "No"}, "2", "2"),
    "slash-32": (["192.0.2.9/32"], {}, "1", "1"),
    "one-address": (["192.0.2.9"], {}, "1", "1"),
    "range": (["192.0.2.250-192.0.3.4"], {"allowFirstLastIPs": "No"}, "11", "11"),
    "several": (["192.0.2.0/28", "198.51.100.1-198.51.100.10", "2001:db8::/120"], {}, "282", "282"),
    "slash-64": (["2001:db8::/64"], {}, str(2 ** 64), str(2 ** 64)),
    "everything": (["::/0"], {}, str(2 ** 128), None),  # what is carved out of it depends on the cluster
    "across-64-bits": (["2001:db8::ffff:ffff:ffff:fff0-2001:db8:0:1::f"], {}, "32", "32"),
}


@pytest.mark.parametrize("case", SIZES)
def test_counts_are_exact(cluster, case):
    blocks, spec, total, available = SIZES[case]
    cluster.start()
    created = cluster.create_pool("blue", *blocks, **spec)
    cluster.wait_pool_counts("blue", total=total, available=available)
    p = cluster.api.get(KIND, "blue")
    for kind in ("cilium.io/IPsTotal", "cilium.io/IPsAvailable", "cilium.io/IPsUsed"):
        c = condition_of(p, kind)
        assert (c["status"], c["reason"]) == ("Unknown", "noreason")
        assert c["observedGeneration"] == created["metadata"]["generation"]
    counts = {k: int(condition_of(p, f"cilium.io/IPs{k}")["message"]) for k in ("Total", "Available", "Used")}
    assert counts["Used"] == counts["Total"] - counts["Available"]
    assert condition_of(p, CONFLICT)["status"] == "False"
    assert condition_of(p, CONFLICT)["reason"] == "resolved"


def test_counts_follow_what_is_used_and_the_generation(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/28")
    cluster.create_services([f"s{i}" for i in range(3)])
    cluster.wait_pool_counts("blue", total=16, available=13, used=3)
    edited = edit(cluster, "blue", blocks=[{"cidr": "192.0.2.0/29"}])
    cluster.wait_pool_counts("blue", total=8, available=5, used=3)
    wait_until("observedGeneration is the new one", lambda: condition_of(
        cluster.api.get(KIND, "blue"), "cilium.io/IPsTotal")["observedGeneration"] == edited["metadata"]["generation"])


def test_kubectl_shows_the_columns(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/28")
    cluster.create_pool("green", "192.0.2.8/29", disabled=True)
    cluster.wait_condition(KIND, "green", CONFLICT, "True")
    cluster.wait_pool_counts("blue", available=16)
    rows = {r["NAME"]: r for r in cluster.kubectl.table("ippools")}
    assert (rows["blue"]["DISABLED"], rows["blue"]["CONFLICTING"], rows["blue"]["IPS AVAILABLE"]) == (
        "false", "False", "16")
    assert (rows["green"]["DISABLED"], rows["green"]["CONFLICTING"]) == ("true", "True")
    for name in ("ippool", "lbippool", "lbippools", "ciliumloadbalancerippools.v2.cilium.io",
                 "ciliumloadbalancerippools.v2alpha1.cilium.io"):
        assert len(cluster.kubectl.table(name)) == 2


def test_overlapping_pools_conflict_until_the_rival_goes(cluster):
    cluster.start()
    cluster.create_pool("a", "192.0.2.0/28")
    cluster.create_pool("b", "192.0.2.8/29", "198.51.100.0/28")
    c = cluster.wait_condition(KIND, "b", CONFLICT, "True", "cidr_overlap")
    # Both ranges and the other pool.
    assert all(part in c["message"] for part in ("192.0.2.8", "192.0.2.0", '"a"')), c["message"]
    cluster.wait_condition(KIND, "a", CONFLICT, "False", "resolved")
    names = [f"s{i}" for i in range(17)]
    cluster.create_services(names)
    held = cluster.wait_all_served(16, timeout=30)
    assert not [a for addresses in held.values() for a in addresses if a.startswith("198.51.100.")]
    (left,) = [n for n in names if not cluster.addresses(n)]
    edit(cluster, "b", blocks=[{"cidr": "198.51.100.0/28"}])
    cluster.wait_condition(KIND, "b", CONFLICT, "False", "resolved")
    assert cluster.wait_addresses(left) == ["198.51.100.0"]
    assert {k: v for k, v in cluster.all_addresses().items() if k != f"default/{left}"} == held
    invariants.check(cluster.api)


def test_a_rival_that_is_disabled_or_deleted_is_none(cluster):
    cluster.start()
    cluster.create_pool("a", "192.0.2.0/28")
    cluster.create_pool("b", "192.0.2.0/28")
    cluster.wait_condition(KIND, "b", CONFLICT, "True", "cidr_overlap")
    edit(cluster, "a", disabled=True)
    cluster.wait_condition(KIND, "b", CONFLICT, "False", "resolved")
    edit(cluster, "a", disabled=False)
    cluster.wait_condition(KIND, "b", CONFLICT, "True", "cidr_overlap")
    cluster.api.delete(KIND, "a")
    cluster.wait_condition(KIND, "b", CONFLICT, "False", "resolved")


def test_a_pool_that_overlaps_itself_is_in_conflict(cluster):
    cluster.start()
    cluster.create_pool("a", "192.0.2.0/28", "192.0.2.15-192.0.2.20")
    cluster.wait_condition(KIND, "a", CONFLICT, "True", "cidr_overlap")


def test_pools_are_tried_by_name_and_by_selector(cluster):
    cluster.start()
    cluster.create_pool("a-labelled", "192.0.2.1", selector={"matchLabels": {"tier": "front"}})
    cluster.create_pool("b-namespace", "192.0.2.2", selector={
        "matchExpressions": [{"key": "io.kubernetes.service.namespace", "operator": "In", "values": ["team-a"]}]})
    cluster.create_pool("c-named", "192.0.2.3", selector={
        "matchLabels": {"io.kubernetes.service.name": "special"}})
    cluster.create_pool("d-any", "192.0.2.4", "192.0.2.5", selector={})
    cluster.create_namespace("team-a")
    cluster.create_service("front", labels={"tier": "front"})
    cluster.create_service("web", "team-a")
    cluster.create_service("special")
    # A user's label does not pass for the name.
    cluster.create_service("liar", labels={"io.kubernetes.service.name": "special"})
    assert cluster.wait_addresses("front") == ["192.0.2.1"]
    assert cluster.wait_addresses("web", "team-a") == ["192.0.2.2"]
    assert cluster.wait_addresses("special") == ["192.0.2.3"]
    assert cluster.wait_addresses("liar")[0] in ("192.0.2.4", "192.0.2.5")


def test_a_service_that_no_pool_selects_is_told(cluster):
    cluster.start()
    cluster.create_pool("a", "192.0.2.0/28", selector={"matchLabels": {"tier": "front"}})
    cluster.create_service("web")
    cluster.wait_condition("Service", "web", SATISFIED, "False", "no_pool")
    cluster.api.patch("Service", "web", {"metadata": {"labels": {"tier": "front"}}})
    cluster.wait_addresses("web")


def test_a_disabled_pool_gives_nothing_new_and_takes_nothing(cluster):
    cluster.start()
    cluster.create_pool("a", "192.0.2.0/28")
    recorder = cluster.record()
    cluster.create_service("before")
    held = cluster.wait_addresses("before")
    edit(cluster, "a", disabled=True)
    cluster.create_service("late")
    cluster.wait_condition("Service", "late", SATISFIED, "False", "no_pool")
    assert cluster.addresses("before") == held
    edit(cluster, "a", disabled=False)
    cluster.wait_addresses("late")
    recorder.caught_up()
    assert recorder.moves() == []


def test_a_block_added_serves_who_waits_and_touches_nobody_else(cluster):
    cluster.start()
    cluster.create_pool("a", "192.0.2.0/31")
    cluster.create_services(["x", "y"])
    cluster.wait_all_served(2, timeout=30)
    cluster.create_service("late")
    cluster.wait_condition("Service", "late", SATISFIED, "False", "out_of_ips")
    before = cluster.settled(lambda: {n: cluster.api.get("Service", n)["metadata"]["resourceVersion"]
                                      for n in ("x", "y")})
    edit(cluster, "a", blocks=[{"cidr": "192.0.2.0/31"}, {"start": "198.51.100.7"}])
    assert cluster.wait_addresses("late") == ["198.51.100.7"]
    assert {n: cluster.api.get("Service", n)["metadata"]["resourceVersion"] for n in ("x", "y")} == before


def test_a_block_removed_moves_only_those_who_were_in_it(cluster):
    cluster.start()
    cluster.create_pool("a", "192.0.2.0/31", "198.51.100.0/31")
    names = [f"s{i}" for i in range(4)]
    for name in names:  # one by one: the first two are in the first block
        cluster.create_service(name)
        cluster.wait_addresses(name)
    recorder = cluster.record()
    edit(cluster, "a", blocks=[{"cidr": "198.51.100.0/31"}, {"cidr": "203.0.113.0/28"}])
    wait_until("s0 and s1 have moved", lambda: all(
        cluster.addresses(n) and cluster.addresses(n)[0].startswith("203.0.113.") for n in ("s0", "s1")))
    recorder.caught_up()
    assert {key for key, _, _ in recorder.moves()} == {"default/s0", "default/s1"}
    assert all(after for _, _, after in recorder.moves()), "replaced in one patch"
    assert recorder.duplicates() == []
    assert [cluster.addresses(n) for n in ("s2", "s3")] == [["198.51.100.0"], ["198.51.100.1"]]
    invariants.check(cluster.api)


def test_a_block_split_in_two_moves_nobody(cluster):
    cluster.start()
    cluster.create_pool("a", "192.0.2.0/29")
    cluster.create_services([f"s{i}" for i in range(8)])
    cluster.wait_all_served(8, timeout=30)
    recorder = cluster.record()
    edit(cluster, "a", blocks=[{"cidr": "192.0.2.4/30"}, {"start": "192.0.2.0", "stop": "192.0.2.3"}])
    cluster.create_pool("b", "198.51.100.1")
    cluster.create_service("late")
    cluster.wait_addresses("late")
    recorder.caught_up()
    assert recorder.moves() == []
    assert set(recorder.writes()) <= {"default/late"}


def test_a_changed_selector_moves_who_no_longer_matches(cluster):
    cluster.start()
    cluster.create_pool("a", "192.0.2.0/28")
    cluster.create_service("front", labels={"tier": "front"})
    cluster.create_service("back", labels={"tier": "back"})
    held = cluster.wait_all_served(2, timeout=30)
    edit(cluster, "a", serviceSelector={"matchLabels": {"tier": "front"}})
    cluster.wait_condition("Service", "back", SATISFIED, "False", "no_pool")
    assert cluster.addresses("back") == []
    assert cluster.addresses("front") == held["default/front"]
    cluster.create_pool("b", "198.51.100.0/28")
    assert cluster.wait_addresses("back") == ["198.51.100.0"]
    invariants.check(cluster.api)


def test_a_deleted_pool_moves_its_holders_to_another(cluster):
    cluster.start()
    cluster.create_pool("a", "192.0.2.0/28")
    cluster.create_services(["x", "y"])
    cluster.wait_all_served(2, timeout=30)
    cluster.create_pool("b", "198.51.100.0/28")
    recorder = cluster.record()
    cluster.api.delete(KIND, "a")
    wait_until("both have moved", lambda: sorted(
        a for addresses in cluster.all_addresses().values() for a in addresses) == ["198.51.100.0", "198.51.100.1"])
    recorder.caught_up()
    assert recorder.duplicates() == []
    invariants.check(cluster.api)


def test_many_pools_deleted_at_once_are_held_for_a_while(cluster):
    """A pool that is back before the delay is over has lost nothing."""
    cluster.start("--mass-release-delay=1h")
    cluster.create_pool("a", "192.0.2.0/27")
    cluster.create_services([f"s{i}" for i in range(20)])
    held = cluster.wait_all_served(20, timeout=30)
    recorder = cluster.record()
    cluster.api.delete(KIND, "a")
    cluster.create_pool("other", "198.51.100.1")
    cluster.create_service("late")
    assert cluster.wait_addresses("late") == ["198.51.100.1"], "what has nothing to do with it goes on"
    cluster.create_pool("a", "192.0.2.0/27")
    cluster.wait_pool_counts("a", used=20)
    recorder.caught_up()
    assert recorder.moves() == []
    after = cluster.all_addresses()
    after.pop("default/late")
    assert after == held


def test_many_pools_deleted_at_once_are_released_after_the_delay(cluster):
    cluster.start("--mass-release-delay=1s")
    cluster.create_pool("a", "192.0.2.0/27")
    cluster.create_services([f"s{i}" for i in range(20)])
    cluster.wait_all_served(20, timeout=30)
    cluster.api.delete(KIND, "a")
    wait_until("nobody holds anything", lambda: cluster.all_addresses() == {})
    for i in range(20):
        cluster.wait_condition("Service", f"s{i}", SATISFIED, "False", "no_pool")
    invariants.check(cluster.api)


def test_an_invalid_pool_hurts_itself_alone(cluster):
    cluster.start()
    cluster.create_pool("a-bad", "192.0.2.9-192.0.2.1")
    cluster.create_pool("b-good", "198.51.100.0/28")
    c = cluster.wait_condition(KIND, "a-bad", VALID, "False", "invalid_block")
    assert "192.0.2.9" in c["message"]
    cluster.wait_condition(KIND, "b-good", VALID, "True")
    cluster.create_service("web")
    assert cluster.wait_addresses("web") == ["198.51.100.0"]
    edit(cluster, "a-bad", blocks=[{"start": "192.0.2.1", "stop": "192.0.2.9"}])
    cluster.wait_condition(KIND, "a-bad", VALID, "True")
    cluster.create_service("next")
    assert cluster.wait_addresses("next") == ["192.0.2.1"]


def test_host_bits_are_masked_off(cluster):
    cluster.start()
    cluster.create_pool("a", "192.0.2.77/28")
    cluster.wait_pool_counts("a", total=16)
    cluster.create_service("web")
    assert cluster.wait_addresses("web") == ["192.0.2.64"]
    wait_until("a Warning about the host bits", lambda: [
        e for e in cluster.api.list("Event") if e["involvedObject"]["name"] == "a" and e["type"] == "Warning"])


# Specs that are refused at apply, by the real server's CEL and by the embedded API alike.
REFUSED = {
    "empty-block": {"blocks": [{}]},
    "stop-without-start": {"blocks": [{"stop": "192.0.2.1"}]},
    "in-without-values": {"blocks": [{"cidr": "192.0.2.0/28"}], "serviceSelector": {
        "matchExpressions": [{"key": "a", "operator": "In", "values": []}]}},
    "bad-operator": {"blocks": [{"cidr": "192.0.2.0/28"}], "serviceSelector": {
        "matchExpressions": [{"key": "a", "operator": "Like", "values": ["b"]}]}},
    "bad-first-last": {"blocks": [{"cidr": "192.0.2.0/28"}], "allowFirstLastIPs": "Maybe"},
    "disabled-text": {"blocks": [{"cidr": "192.0.2.0/28"}], "disabled": "yes"},
    "blocks-no-list": {"blocks": {"cidr": "192.0.2.0/28"}},
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_right_is_refused_at_apply(cluster, case):
    cluster.start()
    body = pool("a")
    body["spec"] = REFUSED[case]
    with pytest.raises(ApiError) as e:
        cluster.api.create(body)
    assert (e.value.code, e.value.reason) == (422, "Invalid"), e.value
    assert "spec" in e.value.message
