"""The stock kubectl works on the embedded API as on the real server: each test runs on both."""

import json
import os
import re
import stat

import pytest

from lib.objects import OPT_IN, SATISFIED, addresses_of, pool, service
from lib.process import wait_until

MANIFEST = """\
apiVersion: cilium.io/v2
kind: CiliumLoadBalancerIPPool
metadata:
  name: blue
spec:
  blocks:
    - cidr: 192.0.2.0/28
---
apiVersion: v1
kind: Service
metadata:
  name: web
  labels:
    app: web
  annotations:
    io.cilium.operator.external-ips: "true"
spec:
  type: LoadBalancer
  selector:
    app: web
  ports:
    - name: http
      port: 80
      targetPort: 8080
    - name: https
      port: 443
      targetPort: 8443
"""


@pytest.fixture
def ready(cluster):
    cluster.start()
    return cluster


def apply(cluster, text):
    return cluster.kubectl("apply", "-f", "-", stdin=text)


def test_apply_creates_configures_and_leaves_unchanged(ready):
    assert apply(ready, MANIFEST).splitlines() == [
        "ciliumloadbalancerippool.cilium.io/blue created", "service/web created"]
    assert ready.wait_addresses("web") == ["192.0.2.0"]
    assert apply(ready, MANIFEST).splitlines() == [
        "ciliumloadbalancerippool.cilium.io/blue unchanged", "service/web unchanged"]

    # A port goes, one is changed, a label goes: three-way, and what berth wrote stays.
    changed = MANIFEST.replace("    - name: https\n      port: 443\n      targetPort: 8443\n", "")
    changed = changed.replace("targetPort: 8080", "targetPort: 9090").replace("  labels:\n    app: web\n", "")
    assert apply(ready, changed).splitlines() == [
        "ciliumloadbalancerippool.cilium.io/blue unchanged", "service/web configured"]
    svc = ready.api.get("Service", "web")
    assert [(p["name"], p["port"], p["targetPort"]) for p in svc["spec"]["ports"]] == [("http", 80, 9090)]
    assert "app" not in svc["metadata"].get("labels", {})
    assert addresses_of(svc) == ["192.0.2.0"]
    assert svc["metadata"]["annotations"][OPT_IN] == "true"

    wider = changed.replace("192.0.2.0/28", "192.0.2.0/27")
    assert "blue configured" in apply(ready, wider)
    ready.wait_pool_counts("blue", total=32)


def test_get_shows_what_it_always_shows(ready):
    apply(ready, MANIFEST)
    ready.wait_addresses("web")
    (row,) = ready.kubectl.table("svc", "web")
    assert list(row) == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]
    assert (row["NAME"], row["TYPE"], row["EXTERNAL-IP"]) == ("web", "LoadBalancer", "192.0.2.0")
    assert re.fullmatch(r"80(:\d+)?/TCP,443(:\d+)?/TCP", row["PORT(S)"])
    assert re.fullmatch(r"\d+s", row["AGE"])
    (wide,) = ready.kubectl.table("svc", "web", "-o", "wide")
    assert wide["SELECTOR"] == "app=web"
    assert ready.kubectl("get", "svc", "web", "-o", "name").strip() == "service/web"
    assert ready.kubectl("get", "svc", "web", "-o",
                         "jsonpath={.status.loadBalancer.ingress[0].ip}") == "192.0.2.0"
    assert "ip: 192.0.2.0" in ready.kubectl("get", "svc", "web", "-o", "yaml")
    assert ready.kubectl.json("svc", "web")["kind"] == "Service"
    assert ready.kubectl.json("svc")["kind"] == "List"
    (row,) = [r for r in ready.kubectl.table("svc", "-A") if r["NAME"] == "web"]
    assert row["NAMESPACE"] == "default"
    assert [r["NAME"] for r in ready.kubectl.table("svc", "-l", "app=web")] == ["web"]
    assert "No resources found" in ready.kubectl.run("get", "svc", "-l", "app!=web,app").stderr
    assert [r["NAME"] for r in ready.kubectl.table("svc", "--field-selector", "metadata.name=web")] == ["web"]
    assert ready.kubectl("get", "svc", "-l", "app=web", "--no-headers").split()[0] == "web"
    (row,) = ready.kubectl.table("ipaddresses", "192.0.2.0")
    assert row["PARENTREF"] == "services/default/web"
    assert "default" in [r["NAME"] for r in ready.kubectl.table("namespaces")]


def test_pending_until_there_is_a_pool(ready):
    ready.kubectl.apply(service("web"))
    (row,) = ready.kubectl.table("svc", "web")
    assert row["EXTERNAL-IP"] == "<pending>"


def test_create_and_expose_errors(ready):
    ready.kubectl("create", "-f", "-", stdin=MANIFEST)
    again = ready.kubectl.try_run("create", "-f", "-", stdin=MANIFEST)
    assert again.returncode == 1
    assert 'services "web" already exists' in again.stderr and "AlreadyExists" in again.stderr
    gone = ready.kubectl.try_run("get", "svc", "nobody")
    assert (gone.returncode, gone.stderr.strip()) == (
        1, 'Error from server (NotFound): services "nobody" not found')
    assert ready.kubectl.try_run("get", "teapots").returncode == 1
    nowhere = ready.kubectl.try_run("create", "-n", "nowhere", "-f", "-", stdin=json.dumps({
        k: v for k, v in service("x").items() if k != "metadata"} | {"metadata": {"name": "x"}}))
    assert 'namespaces "nowhere" not found' in nowhere.stderr
    bad = ready.kubectl.try_run("create", "-f", "-", stdin=json.dumps(service("Not_A_Name")))
    assert bad.returncode == 1 and "Invalid" in bad.stderr or "invalid" in bad.stderr
    empty = ready.kubectl.try_run("create", "-f", "-", stdin=json.dumps(service("no-ports", ports=[])))
    assert empty.returncode == 1 and "spec.ports" in empty.stderr


def test_generate_name(ready):
    ready.kubectl("create", "-f", "-", stdin=json.dumps(pool("blue", "192.0.2.0/28")))
    body = service("x")
    body["metadata"] = {"generateName": "many-", "annotations": {OPT_IN: "true"}}
    names = [ready.kubectl("create", "-f", "-", "-o", "name", stdin=json.dumps(body)).strip() for _ in range(3)]
    assert len(set(names)) == 3 and all(n.startswith("service/many-") for n in names)
    for name in names:
        ready.wait_addresses(name.removeprefix("service/"))


def test_edit(ready, tmp_path):
    apply(ready, MANIFEST)
    ready.wait_addresses("web")
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/port: 443/port: 8443/' \"$1\"\n")
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    out = ready.kubectl("edit", "svc", "web", env={"KUBE_EDITOR": str(editor)})
    assert out.strip() == "service/web edited"
    svc = ready.api.get("Service", "web")
    assert [p["port"] for p in svc["spec"]["ports"]] == [80, 8443]
    assert addresses_of(svc) == ["192.0.2.0"]

    editor.write_text("#!/bin/sh\nsed -i 's,192.0.2.0/28,198.51.100.0/28,' \"$1\"\n")
    ready.kubectl("edit", "ippool", "blue", env={"KUBE_EDITOR": str(editor)})
    wait_until("web has moved", lambda: ready.addresses("web") == ["198.51.100.0"])


def test_patches_of_three_kinds(ready):
    apply(ready, MANIFEST)
    ready.wait_addresses("web")
    # Strategic: ports merge by their number.
    ready.kubectl("patch", "svc", "web", "-p", '{"spec":{"ports":[{"port":80,"targetPort":9090}]}}')
    ports = {p["port"]: p["targetPort"] for p in ready.api.get("Service", "web")["spec"]["ports"]}
    assert ports == {80: 9090, 443: 8443}
    ready.kubectl("patch", "svc", "web", "-p", '{"spec":{"ports":[{"$patch":"delete","port":443}]}}')
    assert len(ready.api.get("Service", "web")["spec"]["ports"]) == 1
    # Merge: the list is replaced.
    ready.kubectl("patch", "svc", "web", "--type=merge", "-p",
                  '{"metadata":{"labels":{"app":null,"tier":"front"}},"spec":{"ports":[{"port":81}]}}')
    svc = ready.api.get("Service", "web")
    assert [p["port"] for p in svc["spec"]["ports"]] == [81]
    assert svc["metadata"]["labels"] == {"tier": "front"}
    # JSON patch, with a test that fails and one that holds.
    wrong = ready.kubectl.try_run("patch", "svc", "web", "--type=json", "-p", json.dumps([
        {"op": "test", "path": "/metadata/labels/tier", "value": "back"},
        {"op": "remove", "path": "/metadata/labels/tier"}]))
    assert wrong.returncode == 1
    ready.kubectl("patch", "svc", "web", "--type=json", "-p", json.dumps([
        {"op": "test", "path": "/metadata/labels/tier", "value": "front"},
        {"op": "replace", "path": "/metadata/labels/tier", "value": "back"},
        {"op": "add", "path": "/metadata/labels/a~1b", "value": "c"}]))
    assert ready.api.get("Service", "web")["metadata"]["labels"] == {"tier": "back", "a/b": "c"}
    # A custom resource takes no strategic patch; kubectl says so.
    refused = ready.kubectl.try_run("patch", "ippool", "blue", "-p", '{"spec":{"disabled":true}}')
    assert refused.returncode == 1
    ready.kubectl("patch", "ippool", "blue", "--type=merge", "-p", '{"spec":{"disabled":true}}')
    assert ready.addresses("web") == ["192.0.2.0"]


def test_status_is_a_subresource_of_its_own(ready):
    ready.kubectl.apply(service("web"))
    ready.wait_condition("Service", "web", SATISFIED, "False", "no_pool")
    ready.kubectl("patch", "svc", "web", "--type=merge", "-p",
                  '{"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.1"}]}}}')
    assert ready.addresses("web") == []
    ready.kubectl("patch", "svc", "web", "--type=merge", "--subresource=status", "-p",
                  '{"metadata":{"labels":{"a":"b"}},"spec":{"sessionAffinity":"ClientIP"},'
                  '"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.1"}]}}}')
    svc = ready.api.get("Service", "web")
    assert addresses_of(svc) == ["203.0.113.1"]
    assert svc["spec"].get("sessionAffinity", "None") == "None"


def test_annotate_and_label(ready):
    apply(ready, MANIFEST)
    ready.kubectl.apply(service("late", opted_in=False))
    ready.wait_addresses("web")
    assert ready.kubectl("annotate", "svc", "late", f"{OPT_IN}=true").strip() == "service/late annotated"
    ready.wait_addresses("late")
    refused = ready.kubectl.try_run("annotate", "svc", "late", f"{OPT_IN}=false")
    assert refused.returncode == 1 and "--overwrite" in refused.stderr
    ready.kubectl("annotate", "svc", "late", "--overwrite", f"{OPT_IN}=false")
    wait_until("late has none", lambda: ready.addresses("late") == [])
    ready.kubectl("annotate", "svc", "late", f"{OPT_IN}-")
    assert ready.kubectl("label", "svc", "late", "tier=back").strip() == "service/late labeled"
    assert [r["NAME"] for r in ready.kubectl.table("svc", "-l", "tier in (back,front)")] == ["late"]


def test_delete(ready):
    apply(ready, MANIFEST)
    ready.wait_addresses("web")
    out = ready.kubectl("delete", "-f", "-", stdin=MANIFEST)
    assert out.splitlines() == ['ciliumloadbalancerippool.cilium.io "blue" deleted',
                                'service "web" deleted from default namespace']
    assert ready.api.find("Service", "web") is None
    assert ready.kubectl.try_run("delete", "svc", "web").returncode == 1
    ready.kubectl("delete", "svc", "web", "--ignore-not-found")
    ready.create_services(["a", "b"], labels={"app": "x"})
    out = ready.kubectl("delete", "svc", "-l", "app=x")
    assert len(out.splitlines()) == 2
    wait_until("both are gone", lambda: ready.api.list("Service", labelSelector="app=x") == [])


def test_watch_shows_the_address_when_it_comes(ready):
    ready.kubectl.apply(service("web"))
    ready.wait_condition("Service", "web", SATISFIED, "False", "no_pool")
    watcher = ready.kubectl.start("get", "svc", "web", "--watch")
    try:
        lines = [watcher.stdout.readline(), watcher.stdout.readline()]
        assert lines[0].startswith("NAME") and "<pending>" in lines[1]
        ready.create_pool("blue", "192.0.2.0/28")
        while "192.0.2.0" not in lines[-1]:
            assert len(lines) < 10 and lines[-1], lines
            lines.append(watcher.stdout.readline())
    finally:
        watcher.terminate()
        watcher.wait(10)


def test_wait_for_an_address_and_a_condition(ready):
    ready.create_pool("blue", "192.0.2.0/28")
    ready.kubectl.apply(service("web"))
    out = ready.kubectl("wait", "svc/web", "--for=jsonpath={.status.loadBalancer.ingress[0].ip}", "--timeout=30s")
    assert out.strip() == "service/web condition met"
    ready.kubectl("wait", "svc/web", f"--for=condition={SATISFIED}", "--timeout=30s")


def test_describe(ready):
    apply(ready, MANIFEST)
    ready.wait_addresses("web")
    wait_until("the Event is there", lambda: [e for e in ready.api.list("Event")
                                              if e["reason"] == "IPAllocated"])
    text = ready.kubectl("describe", "svc", "web")
    for pattern in (r"Name:\s+web\n", r"Namespace:\s+default\n", r"Type:\s+LoadBalancer\n",
                    r"LoadBalancer Ingress:\s+192\.0\.2\.0", r"Port:\s+http\s+80/TCP", r"IPAllocated"):
        assert re.search(pattern, text), f"{pattern}\n{text}"
    text = ready.kubectl("describe", "ippool", "blue")
    for pattern in (r"Name:\s+blue\n", r"Cidr:\s+192\.0\.2\.0/28", r"cilium\.io/IPsTotal"):
        assert re.search(pattern, text), f"{pattern}\n{text}"
    (row,) = [r for r in ready.kubectl.table("events") if r["REASON"] == "IPAllocated"]
    assert (row["TYPE"], row["OBJECT"]) == ("Normal", "service/web")


def test_api_resources_and_version(ready):
    rows = {r["NAME"]: r for r in ready.kubectl.table_of("api-resources")}
    assert rows["services"]["SHORTNAMES"] == "svc" and rows["services"]["NAMESPACED"] == "true"
    assert rows["ciliumloadbalancerippools"]["SHORTNAMES"] == "ippools,ippool,lbippool,lbippools"
    assert rows["ciliumloadbalancerippools"]["APIVERSION"] == "cilium.io/v2"
    assert rows["ipaddresses"]["APIVERSION"] == "networking.k8s.io/v1"
    assert "Server Version: v1." in ready.kubectl("version")


def test_optimistic_concurrency(ready):
    ready.kubectl.apply(service("web"))
    ready.wait_condition("Service", "web", SATISFIED, "False", "no_pool")
    old = ready.kubectl("get", "svc", "web", "-o", "json")
    ready.kubectl("label", "svc", "web", "a=b")
    stale = ready.kubectl.try_run("replace", "-f", "-", stdin=old)
    assert stale.returncode == 1 and "Conflict" in stale.stderr and "the object has been modified" in stale.stderr
    new = json.loads(ready.kubectl("get", "svc", "web", "-o", "json"))
    new["metadata"]["labels"]["a"] = "c"
    assert ready.kubectl("replace", "-f", "-", stdin=json.dumps(new)).strip() == "service/web replaced"
    assert ready.api.get("Service", "web")["metadata"]["labels"]["a"] == "c"


@pytest.mark.durable
def test_what_is_applied_survives_a_restart(ready):
    apply(ready, MANIFEST)
    ready.wait_addresses("web")
    before = ready.settled(lambda: ready.api.get("Service", "web"))
    ready.operator.stop()
    ready.start()
    assert ready.api.get("Service", "web") == before
    assert "unchanged" in apply(ready, MANIFEST)


@pytest.mark.only("embedded")
def test_in_memory_nothing_survives(ready):
    apply(ready, MANIFEST)
    ready.wait_addresses("web")
    ready.operator.stop()
    ready.start()
    assert ready.api.find("Service", "web") is None
    assert not os.path.exists(ready.file("store.db"))


def test_server_side_apply(ready):
    def ssa(text, *args):
        return ready.kubectl("apply", "--server-side", *args, "-f", "-", stdin=text)

    assert ssa(MANIFEST).splitlines() == [
        "ciliumloadbalancerippool.cilium.io/blue serverside-applied", "service/web serverside-applied"]
    assert ready.wait_addresses("web") == ["192.0.2.0"]
    before = ready.settled(lambda: ready.api.get("Service", "web"))
    ssa(MANIFEST)
    assert ready.api.get("Service", "web") == before
    assert ready.kubectl("diff", "--server-side", "-f", "-", stdin=MANIFEST) == ""

    # Another manager has its own view of one port and of the pool.
    other = MANIFEST.replace("targetPort: 8080", "targetPort: 9090").replace("192.0.2.0/28", "192.0.2.0/27")
    refused = ready.kubectl.try_run("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=other)
    assert refused.returncode == 1
    assert 'conflict with "kubectl": .spec.blocks' in refused.stderr
    assert 'conflict with "kubectl": .spec.ports[port=80,protocol="TCP"].targetPort' in refused.stderr
    assert ready.api.get("Service", "web") == before
    differs = ready.kubectl.try_run("diff", "--server-side", "--force-conflicts", "-f", "-", stdin=other)
    assert differs.returncode == 1
    assert re.search(r"^\+ +targetPort: 9090$", differs.stdout, re.M), differs.stdout
    ssa(other, "--field-manager=other", "--force-conflicts")
    ready.wait_pool_counts("blue", total=32)
    svc = ready.api.get("Service", "web")
    assert {p["port"]: p["targetPort"] for p in svc["spec"]["ports"]} == {80: 9090, 443: 8443}

    # A field goes when the last who applied it drops it; what berth wrote stays.
    without = other.replace("    - name: https\n      port: 443\n      targetPort: 8443\n", "")
    ssa(without, "--field-manager=other")
    assert len(ready.api.get("Service", "web")["spec"]["ports"]) == 2
    ssa(without)
    svc = ready.api.get("Service", "web")
    assert [p["port"] for p in svc["spec"]["ports"]] == [80]
    assert addresses_of(svc) == ["192.0.2.0"]


def test_from_client_side_to_server_side_apply(ready):
    apply(ready, MANIFEST)
    ready.wait_addresses("web")
    changed = MANIFEST.replace("  labels:\n    app: web\n", "")
    differs = ready.kubectl.try_run("diff", "-f", "-", stdin=changed)
    assert differs.returncode == 1
    assert re.search(r"^- +app: web$", differs.stdout, re.M), differs.stdout
    ready.kubectl("apply", "--server-side", "-f", "-", stdin=changed)
    svc = ready.api.get("Service", "web")
    assert "app" not in svc["metadata"].get("labels", {})
    assert addresses_of(svc) == ["192.0.2.0"]
