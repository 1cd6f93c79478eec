"""The test control plane and the harness themselves, with no operator."""

import pytest

from lib import invariants, objects
from lib.berth import Metrics, parse_logfmt, parse_metrics
from lib.kubectl import parse_table
from lib.process import free_port
from lib.rest import Api, ApiError
from lib.watch import Change, Recorder, versions


@pytest.fixture
def as_operator(apiserver, installed):
    return Api(apiserver.control_plane.url, installed["token"], apiserver.control_plane.ca_file)


def test_the_server_is_the_version_we_name(apiserver):
    assert apiserver.api.call("GET", "/version")["gitVersion"] == "v1.34.2"
    assert "v1.34.2" in apiserver.kubectl("version")


def test_kubectl_creates_gets_and_deletes(apiserver):
    apiserver.kubectl.apply(objects.service("web"))
    assert apiserver.kubectl.json("service", "web")["spec"]["type"] == "LoadBalancer"
    row = apiserver.kubectl.table("service", "web")[0]
    assert (row["NAME"], row["TYPE"], row["EXTERNAL-IP"]) == ("web", "LoadBalancer", "<pending>")
    apiserver.kubectl("delete", "service", "web")
    assert apiserver.api.find("Service", "web") is None


def test_the_crds_apply_and_serve_both_versions(apiserver):
    if not apiserver.crds:
        pytest.skip("deploy/crds is empty")
    apiserver.create_pool("a", "192.0.2.0/24")
    for version in ("v2", "v2alpha1"):
        got = apiserver.api.call("GET", f"/apis/cilium.io/{version}/ciliumloadbalancerippools/a")
        assert got["spec"]["blocks"] == [{"cidr": "192.0.2.0/24"}]
    assert apiserver.kubectl.table("ippools")[0]["NAME"] == "a"


def test_the_operators_role_lists_and_patches_status_and_no_more(apiserver, as_operator):
    svc = apiserver.create_service("web")
    assert len(as_operator.list("Service")) == 2
    for kind in ("Node", "IPAddress", "ServiceCIDR"):
        as_operator.list(kind)
    patched = as_operator.patch("Service", "web", {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}},
                                subresource="status")
    assert objects.addresses_of(patched) == ["192.0.2.1"]
    assert patched["metadata"]["resourceVersion"] != svc["metadata"]["resourceVersion"]

    refused = [
        lambda: as_operator.patch("Service", "web", {"metadata": {"labels": {"a": "b"}}}),
        lambda: as_operator.delete("Service", "web"),
        lambda: as_operator.create(objects.service("other")),
        lambda: as_operator.list("ConfigMap", "default"),
        lambda: as_operator.call("GET", "/api/v1/secrets"),
        lambda: as_operator.list("CustomResourceDefinition"),
    ]
    for attempt in refused:
        with pytest.raises(ApiError) as e:
            attempt()
        assert e.value.code == 403


def test_reset_leaves_an_empty_server(apiserver):
    apiserver.create_namespace("team-a")
    apiserver.create_services([f"s{i}" for i in range(5)], "team-a")
    apiserver.create_service("held")
    apiserver.api.patch("Service", "held", {"metadata": {"finalizers": ["test.invalid/held"]}})
    apiserver.api.create({"kind": "IPAddress", "metadata": {"name": "192.0.2.9", "labels": {
        objects.MANAGED_BY: "berth"}}, "spec": {"parentRef": {
            "resource": "services", "namespace": "default", "name": "held"}}})
    apiserver.reset()
    assert [objects.key_of(s) for s in apiserver.api.list("Service")] == ["default/kubernetes"]
    assert apiserver.api.list("IPAddress", labelSelector=f"{objects.MANAGED_BY}=berth") == []


def test_the_recorder_sees_every_change(apiserver):
    def hold(name, *addresses):
        apiserver.api.patch("Service", name, {"status": {"loadBalancer": {
            "ingress": [{"ip": a} for a in addresses]}}}, subresource="status")

    recorder = apiserver.record()
    for name in ("a", "b"):
        apiserver.create_service(name)
    hold("a", "192.0.2.1")
    hold("b", "192.0.2.2")
    recorder.caught_up()
    assert recorder.moves() == [] and recorder.duplicates() == []
    assert recorder.writes() == {"default/a": 1, "default/b": 1}

    hold("b", "192.0.2.1")
    hold("b", "192.0.2.3")
    recorder.caught_up()
    assert recorder.moves() == [("default/b", ("192.0.2.2",), ("192.0.2.1",)),
                                ("default/b", ("192.0.2.1",), ("192.0.2.3",))]
    assert recorder.duplicates() == [("192.0.2.1", ["default/a", "default/b"])]
    assert recorder.writes("default/b") == 3

    apiserver.api.delete("Service", "a")
    apiserver.create_service("a")
    hold("a", "192.0.2.4")
    recorder.caught_up()
    assert len(recorder.moves()) == 2, "a new Service of the same name has not moved"


def test_invariants_find_what_is_wrong(apiserver):
    if not apiserver.crds:
        pytest.skip("deploy/crds is empty")

    def hold(name, address):
        apiserver.api.patch("Service", name, {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}},
                            subresource="status")

    apiserver.create_pool("a", "192.0.2.0/28", "198.51.100.1-198.51.100.3")
    apiserver.create_services(["x", "y"])
    invariants.check(apiserver.api)
    hold("x", "192.0.2.1")
    with pytest.raises(AssertionError, match="has the record None"):
        invariants.check(apiserver.api)
    invariants.check(apiserver.api, records=False)
    hold("y", "192.0.2.1")
    with pytest.raises(AssertionError, match="is in the status of"):
        invariants.check(apiserver.api, records=False)
    hold("y", "192.0.2.16")
    with pytest.raises(AssertionError, match="is in no pool"):
        invariants.check(apiserver.api, records=False)
    invariants.check(apiserver.api, records=False, foreign=["default/y"])


def test_versions_show_a_write(apiserver):
    if not apiserver.crds:
        pytest.skip("deploy/crds is empty")
    apiserver.create_service("web")
    before = versions(apiserver.api)
    assert versions(apiserver.api) == before
    apiserver.api.patch("Service", "web", {"metadata": {"labels": {"a": "b"}}})
    after = versions(apiserver.api)
    assert [k for k in after if after[k] != before[k]] == ["Service default/web"]


def test_a_recorder_without_a_server_says_so():
    recorder = Recorder(Api(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(AssertionError, match="saw no list"):
        recorder.start(timeout=0.2)
    recorder.stop()


def test_a_change_of_nothing_is_no_move():
    def svc(kind, version, *ips):
        return Change(kind, {"metadata": {"namespace": "n", "name": "s", "uid": "u", "resourceVersion": version},
                             "status": {"loadBalancer": {"ingress": [{"ip": i} for i in ips]}}})
    r = Recorder(None)
    r.changes = [svc("ADDED", "1"), svc("MODIFIED", "2", "192.0.2.1"), svc("MODIFIED", "3", "192.0.2.1", "2001:db8::1")]
    assert r.moves() == [] and r.duplicates() == [] and r.writes("n/s") == 2
    r.changes.append(svc("MODIFIED", "4", "2001:db8::1"))
    assert len(r.moves()) == 1


def test_log_lines_are_parsed():
    assert parse_logfmt('time=2026-01-02T03:04:05.000006Z level=info msg="a \\"b\\"" n=3 name=x') == {
        "time": "2026-01-02T03:04:05.000006Z", "level": "info", "msg": 'a "b"', "n": "3", "name": "x"}
    for line in ("no fields here", 'level=info msg="open', "level=info"):
        assert parse_logfmt(line) is None


def test_metrics_are_parsed():
    m = Metrics(parse_metrics('# HELP a b\na{x="1",y="q\\"z"} 3\na{x="2",y="n"} 4.5\nb 1e3\n'))
    assert m.value("a", x="1", y='q\\"z') == 3
    assert m.value("b") == 1000 and m.value("c") is None
    assert m.total("a") == 7.5 and m.total("a", x="2") == 4.5
    with pytest.raises(AssertionError, match="no sample"):
        parse_metrics("what is this\n")


def test_tables_are_cut_at_the_columns():
    rows = parse_table(["NAME   IPS AVAILABLE   AGE", "a      254             3s", "bb                     5s"])
    assert rows == [{"NAME": "a", "IPS AVAILABLE": "254", "AGE": "3s"},
                    {"NAME": "bb", "IPS AVAILABLE": "", "AGE": "5s"}]
