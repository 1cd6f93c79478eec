"""berth plan: what it says is what the operator then does."""

import json
import os

import pytest

from lib import invariants
from lib.berth import run
from lib.kubectl import as_list
from lib.manifests import Manifests
from lib.objects import OPT_IN, SATISFIED, addresses_of, condition_of, key_of, pool, service
from lib.process import wait_until

SEEDS = int(os.environ.get("BERTH_E2E_PLANS", "2"))
FIRST_SEED = int(os.environ.get("SEED", "1"))
STEPS = 15


def plan(*argv, stdin="", code=None):
    """{ns/name: row} of the plan, and the exit code."""
    got, out, err = run("plan", *argv, "-o", "json", stdin=stdin)
    assert got in (0, 1), f"exit {got}: {err}"
    assert code is None or got == code, f"exit {got}: {out}{err}"
    return {f"{row['namespace']}/{row['name']}": row for row in json.loads(out)}


def against(cluster):
    return ["--against=cluster", f"--kubeconfig={cluster.kubeconfig}"]


def shown(cluster):
    """What the API shows, in the words of a plan: {ns/name: (addresses, reason)} of those that are ours."""
    found = {}
    for svc in cluster.api.list("Service"):
        condition = condition_of(svc, SATISFIED)
        if condition or addresses_of(svc):
            found[key_of(svc)] = (",".join(addresses_of(svc)), condition["reason"] if condition else None)
    return found


def foreseen(rows):
    """Those that are not ours any more have nothing left, not even the condition."""
    return {key: (row["after"], row["reason"]) for key, row in rows.items() if row["reason"]}


def check_came_true(cluster, rows, what):
    want = foreseen(rows)
    wait_until(f"what was planned ({what})", lambda: shown(cluster) == want, timeout=20,
               last=lambda: f"planned {want}\nshown   {shown(cluster)}")
    # It may have been so before the operator even looked.
    assert cluster.settled(lambda: shown(cluster), quiet=0.4) == want, what


@pytest.mark.durable
@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + SEEDS))
def test_the_plan_comes_true(cluster, seed):
    """First of objects that were there before the operator, then of one manifest after the other. Who has waited
    longest is served first, and that the API does not show: so the operator begins anew before each."""
    manifests = Manifests(seed)
    with cluster.api_only():
        for _ in range(STEPS):
            cluster.kubectl.apply(manifests.next())
        rows = plan(*against(cluster))
    cluster.start()
    check_came_true(cluster, rows, f"seed {seed}, at start")
    for step in range(STEPS):
        manifest = manifests.next()
        text = as_list([manifest])
        rows = plan(*against(cluster), "-f", "-", stdin=text)
        cluster.kubectl.apply(manifest)
        check_came_true(cluster, rows, f"seed {seed}, step {step}: {text}")
        cluster.operator.stop()
        cluster.start()
    settled = plan(*against(cluster))
    assert {row["verdict"] for row in settled.values()} <= {"keeps", "waits"}
    for key in list(settled)[:3]:
        _, out, err = run("explain", key, f"--kubeconfig={cluster.kubeconfig}", "-o", "json")
        explained = json.loads(out)
        assert (explained["reason"], explained["message"]) == (
            settled[key]["reason"], settled[key]["message"]), err


def test_a_pool_that_is_split_and_shrunk(cluster):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/26")
    cluster.create_services([f"s{i:02}" for i in range(60)])
    cluster.wait_all_served(60, 60)
    before = cluster.all_addresses()
    split = [pool("upper", "192.0.2.32/27"), pool("blue", "192.0.2.0/27")]
    rows = plan(*against(cluster), "-f", "-", stdin=as_list(split), code=0)
    assert {row["verdict"] for row in rows.values()} == {"keeps"}
    cluster.kubectl.apply(*split)
    check_came_true(cluster, rows, "split")
    assert cluster.all_addresses() == before

    shrunk = [pool("upper", "192.0.2.48/28")]
    rows = plan(*against(cluster), "-f", "-", stdin=as_list(shrunk), code=1)
    gone = {k for k, (a,) in before.items() if 32 <= int(a.rpartition(".")[2]) < 48}
    assert {k for k, row in rows.items() if row["verdict"] != "keeps"} == gone
    moved = {k for k in gone if rows[k]["verdict"] == "moves"}
    assert len(moved) == 48 - (60 - len(gone)) and len(gone - moved) > 0
    assert all("no pool contains it any more" in rows[k]["leaves"] for k in gone)
    cluster.kubectl.apply(*shrunk)
    check_came_true(cluster, rows, "shrunk")
    invariants.check(cluster.api)


def test_nothing_is_written_and_a_dump_says_the_same(cluster, tmp_path):
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/30")
    cluster.create_services([f"s{i}" for i in range(5)])
    cluster.wait_all_served(4, 30)

    def versions():
        return {(kind, key_of(o)): o["metadata"]["resourceVersion"]
                for kind in ("Service", "CiliumLoadBalancerIPPool", "IPAddress") for o in cluster.api.list(kind)}
    was = cluster.settled(versions)
    manifest = as_list([pool("blue", "192.0.2.0/31")])
    live = run("plan", *against(cluster), "-f", "-", stdin=manifest)
    assert live[0] == 1
    dump = tmp_path / "now.yaml"
    dump.write_text(cluster.kubectl("get", "services,ippools,ipaddresses,servicecidrs,nodes", "-A", "-o", "yaml"),
                    encoding="utf-8")
    assert run("plan", f"--against={dump}", "-f", "-", stdin=manifest) == live
    assert versions() == was
    for wide in ("wide", "yaml", "json"):
        assert run("plan", *against(cluster), "-f", "-", "-o", wide, stdin=manifest)[0] == 1


def test_lists_come_in_pages(cluster):
    """More Services than fit on one page, none of them ours."""
    cluster.start()
    cluster.create_pool("blue", "192.0.2.0/24")
    cluster.create_services([f"other{i}" for i in range(510)], opted_in=False)
    cluster.create_services(["aaa", "zzz"])
    cluster.wait_all_served(2, 30)
    rows = plan(*against(cluster), code=0)
    assert {k: row["verdict"] for k, row in rows.items()} == {"default/aaa": "keeps", "default/zzz": "keeps"}


@pytest.mark.only("apiserver")
def test_what_is_not_allowed_is_said_with_verb_and_resource(apiserver):
    apiserver.kubectl("create", "serviceaccount", "nobody", "-n", "default")
    try:
        apiserver.kubectl("create", "clusterrole", "berth-test-services", "--verb=get,list", "--resource=services")
        apiserver.kubectl("create", "clusterrolebinding", "berth-test-services",
                          "--clusterrole=berth-test-services", "--serviceaccount=default:nobody")
        token = apiserver.kubectl("create", "token", "nobody", "-n", "default").strip()
        with open(apiserver.kubeconfig, encoding="utf-8") as f:
            config = json.load(f)
        config["users"][0]["user"] = {"token": token}
        path = apiserver.file("nobody.kubeconfig")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)
        for argv in (["plan"], ["explain", "default/kubernetes"]):
            code, out, err = run(*argv, "--against=cluster", f"--kubeconfig={path}")
            assert (code, out) == (2, "")
            lines = err.splitlines()
            assert all(": grant the verb list on the resource " in line for line in lines), err
            named = {line.partition("on the resource ")[2].partition(":")[0] for line in lines}
            assert named == {"nodes", "ciliumloadbalancerippools.cilium.io", "ipaddresses.networking.k8s.io",
                             "servicecidrs.networking.k8s.io", "namespaces", "ippoolpolicies.berth.dev",
                             "ipreservations.berth.dev"}
    finally:
        for kind, name in (("clusterrolebinding", "berth-test-services"), ("clusterrole", "berth-test-services"),
                           ("serviceaccount", "nobody")):
            apiserver.kubectl("delete", kind, name, "--ignore-not-found")


@pytest.mark.only("apiserver")
def test_without_the_pool_kind_everything_is_kept(apiserver):
    apiserver.start()
    apiserver.create_pool("blue", "192.0.2.0/30")
    apiserver.create_service("a")
    addresses = apiserver.wait_addresses("a")
    apiserver.operator.stop()
    apiserver.kubectl("delete", "crd", "ciliumloadbalancerippools.cilium.io")
    rows = plan(*against(apiserver), code=0)
    assert rows["default/a"]["verdict"] == "keeps"
    assert rows["default/a"]["after"] == ",".join(addresses)
    rows = plan(*against(apiserver), "-f", "-", stdin=as_list([service("b")]), code=1)
    assert rows["default/b"]["verdict"] == "waits" and "cannot be read" in rows["default/b"]["message"]


# Without a cluster

def write(folder, **files):
    for name, objects in files.items():
        (folder / f"{name}.yaml").write_text("\n---\n".join(json.dumps(o, indent=1) for o in objects),
                                             encoding="utf-8")


def test_exit_codes_and_what_may_happen(tmp_path):
    blue = pool("blue", "192.0.2.0/31")
    write(tmp_path, a=[blue, service("a"), service("b")])
    manifests = ["-f", str(tmp_path)]
    assert run("plan", *manifests)[0] == 0
    (tmp_path / "b.yml").write_text(json.dumps(service("c")), encoding="utf-8")
    code, out, err = run("plan", *manifests)
    assert (code, err) == (1, "") and "3 Services, 2 gets, 1 waits" in out
    assert run("plan", *manifests, "--allow=waits")[0] == 0
    assert run("plan", *manifests, "--allow=moves,loses")[0] == 1
    held = dict(service("d"), status={"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}})
    green = pool("green", "192.0.2.8/30")
    write(tmp_path, base=[green, held])
    base = f"--against={tmp_path}/base.yaml"
    away = as_list([pool("green", "192.0.2.16/30")])
    assert run("plan", base, "-f", "-", "--allow=loses,waits", stdin=away)[0] == 1
    assert run("plan", base, "-f", "-", "--allow=moves", stdin=away)[0] == 0
    nowhere = as_list([pool("green", "192.0.2.16/30", disabled=True)])
    assert run("plan", base, "-f", "-", "--allow=moves", stdin=nowhere)[0] == 1
    assert run("plan", base, "-f", "-", "--allow=loses", stdin=nowhere)[0] == 0


def test_problems_are_told_where_they_stand_and_the_plan_goes_on(tmp_path):
    manifest = tmp_path / "pools.yaml"
    manifest.write_text("""\
apiVersion: cilium.io/v2
kind: CiliumLoadBalancerIPPool
metadata: {name: blue}
spec: {blocks: [{cidr: 192.0.2.0/31}]}
---
apiVersion: cilium.io/v2
kind: CiliumLoadBalancerIPPool
metadata: {name: bad}
spec: {blocks: [{start: 192.0.2.9, stop: 192.0.2.1}]}
""", encoding="utf-8")
    code, out, err = run("plan", "-f", str(manifest), "-f", "-", stdin=as_list([service("a")]))
    assert code == 1 and "default/a   gets" in out
    assert err == (f"berth plan: {manifest}: document at line 5: pool bad: spec.blocks[0]: start 192.0.2.9 is above "
                   "stop 192.0.2.1; want cidr, or start and for a range stop, of the same family and not below "
                   "start\n")
    assert run("plan", "-f", str(manifest), "--allow=waits,moves,loses")[0] == 1


@pytest.mark.parametrize("text, complaint", [
    ("a: b\n", "standard input: document at line 1: it has no kind: want apiVersion, kind and metadata.name"),
    ("---\napiVersion: v1\nkind: Service\n",
     "standard input: document at line 1: it has no metadata.name: want the name of the Service"),
    ("a: [\n", "standard input: line "),
])
def test_wrong_input(text, complaint):
    code, out, err = run("plan", "-f", "-", stdin=text)
    assert (code, out) == (2, "") and err.startswith(f"berth plan: {complaint}"), err
    assert len(err.splitlines()) == 1


def test_the_namespace_of_what_names_none(tmp_path):
    nameless = service("a")
    del nameless["metadata"]["namespace"]
    text = as_list([pool("blue", "192.0.2.0/31"), nameless, {"apiVersion": "v1", "kind": "Namespace",
                                                             "metadata": {"name": "x"}}])
    assert set(plan("-f", "-", stdin=text)) == {"default/a"}
    assert set(plan("-f", "-", "-n", "team-a", stdin=text)) == {"team-a/a"}


def test_the_operators_flags_count(tmp_path):
    plain = service("a", opted_in=False)
    text = as_list([pool("blue", "192.0.2.0/31"), plain])
    assert plan("-f", "-", stdin=text) == {}
    assert plan("-f", "-", "--service-opt-in=all", stdin=text)["default/a"]["verdict"] == "gets"
    (tmp_path / "service-opt-in").write_text("all", encoding="utf-8")
    assert plan("-f", "-", f"--config-dir={tmp_path}", stdin=text)["default/a"]["verdict"] == "gets"


def test_what_the_last_manifest_had_is_taken_away(cluster):
    cluster.start()
    cluster.kubectl.apply(pool("blue", "192.0.2.0/28"), service("a", annotations={"lbipam.cilium.io/ips": "192.0.2.7"}))
    cluster.wait_addresses("a")
    unasked = service("a")
    rows = plan(*against(cluster), "-f", "-", stdin=as_list([unasked]), code=0)
    assert rows["default/a"]["after"] == "192.0.2.7"
    mute = service("a", opted_in=False)
    assert OPT_IN not in mute["metadata"]["annotations"]
    rows = plan(*against(cluster), "-f", "-", stdin=as_list([mute]), code=1)
    assert rows["default/a"]["verdict"] == "loses"
    cluster.kubectl.apply(mute)
    check_came_true(cluster, rows, "not ours any more")
