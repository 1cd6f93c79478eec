"""What an API server does on its bad days: it dies, forgets, refuses, is replaced, disagrees. The operator
goes on as soon as it can; nothing is lost, nothing given twice, no address moves."""

import contextlib
import json
import os
import random
import subprocess
import threading
import time

import pytest

from lib import invariants
from lib.apart import rewritten_kubeconfig
from lib.berth import BINARY
from lib.objects import SATISFIED
from lib.process import wait_until
from lib.rest import ApiError
from lib.ruleproxy import RuleProxy
from lib.watch import versions

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
DAY = 86400


def seeded():
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"SEED={seed}")
    return random.Random(seed)


def records_agree(cluster, timeout=60):
    wait_until("each address has its record", lambda: sorted(
        (a, h) for a, holders in invariants.records_of(cluster.api).items() for h in holders) == sorted(
            (a, key) for key, addresses in cluster.all_addresses().items() for a in addresses), timeout)


def finish(cluster, recorder, count, timeout=60):
    held = cluster.wait_all_served(count, timeout)
    recorder.caught_up()
    assert recorder.duplicates() == [] and recorder.moves() == []
    records_agree(cluster)
    invariants.check(cluster.api)
    return held


def create_surely(cluster, name):
    """Creates a Service, and again while the server is away."""
    def made():
        try:
            cluster.create_service(name)
            return True
        except ApiError as e:
            return e.reason == "AlreadyExists"
        except OSError:
            return False
    wait_until(f"{name} is made", made, timeout=60)


# ---- processes die --------------------------------------------------------------------------------------


def test_kill_9_of_all_parts_under_load(apart):
    """Operator, API server and etcd, at random moments, while Services come."""
    chance = seeded()
    apart.start()
    apart.create_pool("blue", "10.0.0.0/24")
    recorder = apart.record()
    names = [f"s{i}" for i in range(100)]
    writer = threading.Thread(target=lambda: apart.api.in_parallel(
        lambda n: create_surely(apart, n), names, 4), daemon=True)
    writer.start()

    def kill_operator():
        apart.operator.kill9()
        apart.start(ready=False)

    def kill_server():
        apart.kill_server()
        if apart.backend == "embedded":
            apart.start_server()
        else:
            apart.restart_server()

    def kill_etcd():
        plane = apart.control_plane
        plane.etcd.kill()
        plane.start_etcd(plane.etcd_port)

    victims = [kill_operator, kill_operator, kill_server] + ([kill_etcd] if apart.backend == "apiserver" else [])
    chance.shuffle(victims)
    for victim in victims:
        time.sleep(chance.uniform(0, 0.3))
        victim()
    writer.join(60)
    assert not writer.is_alive()
    finish(apart, recorder, 100)


# ---- the past is forgotten ------------------------------------------------------------------------------


def test_compaction_makes_watches_begin_anew(linked):
    """The operator is cut off, the log is compacted meanwhile: what it missed is found by a fresh list."""
    cluster, link = linked
    operator = cluster.start()
    cluster.create_pool("blue", "10.0.0.0/24")
    cluster.create_services([f"s{i}" for i in range(10)])
    held = cluster.wait_all_served(10, timeout=30)
    link.cut()
    for i in range(5):
        cluster.api.delete("Service", f"s{i}")
    cluster.create_services([f"late{i}" for i in range(5)])
    cluster.compact()
    link.heal()
    after = cluster.wait_all_served(10, timeout=60)
    assert {k: v for k, v in held.items() if k in after} == {k: v for k, v in after.items() if k in held}
    records_agree(cluster)
    invariants.check(cluster.api)
    assert operator.running()


@pytest.mark.only("embedded")
def test_410_in_the_middle_of_all(apart):
    apart.faults("seed=3;410:0.3,agent=berth;cut:0.5,ms=300,agent=berth")
    apart.start()
    recorder = apart.record()
    apart.create_pool("blue", "10.0.0.0/24")
    for i in range(40):
        apart.create_service(f"s{i}")
    apart.wait_all_served(40, timeout=60)
    apart.faults("")
    finish(apart, recorder, 40)


# ---- refusals -------------------------------------------------------------------------------------------


@pytest.mark.only("embedded")
@pytest.mark.parametrize("plan", [
    "409:0.15", "429:0.1,retry-after=1", "500:0.2;503:0.1", "drop:0.2;latency:0.3,ms=80", "lost:0.5"])
def test_a_server_with_a_bad_day(apart, plan):
    apart.faults("seed=5;" + ";".join(f"{rule},agent=berth" for rule in plan.split(";")))
    apart.start(ready=False)
    recorder = apart.record()
    apart.create_pool("blue", "10.0.0.0/24")
    apart.create_services([f"s{i}" for i in range(20)])
    apart.wait_all_served(20, timeout=60)
    for i in range(10):
        apart.api.delete("Service", f"s{i}")
    apart.create_services([f"late{i}" for i in range(5)])
    apart.wait_all_served(15, timeout=60)
    assert apart.struck() > 0
    apart.faults("")
    finish(apart, recorder, 15)


@pytest.fixture
def ruled(apart):
    """(cluster, proxy): the operator reaches the API through a proxy that answers by rule."""
    ca = apart.control_plane.ca_file if apart.backend == "apiserver" else None
    proxy = RuleProxy(apart.server_port, ca)
    apart.operator_kubeconfig = rewritten_kubeconfig(
        apart.operator_kubeconfig, apart.file("ruled.kubeconfig"), f"http://127.0.0.1:{proxy.port}")
    yield apart, proxy
    proxy.close()


def test_no_records_where_their_kind_is_not_served(ruled):
    """A server without IPAddress: addresses are given all the same. When the kind comes, they get records."""
    cluster, proxy = ruled
    proxy.set((None, "/apis/networking.k8s.io/", 404))
    operator = cluster.start()
    recorder = cluster.record()
    cluster.create_pool("blue", "10.0.0.0/24")
    cluster.create_services([f"s{i}" for i in range(5)])
    held = cluster.wait_all_served(5, timeout=30)
    assert invariants.records_of(cluster.api) == {}
    assert operator.find_log("does not serve", "ipaddresses")
    proxy.set()
    assert finish(cluster, recorder, 5) == held
    operator.wait_log("records are served now")


def test_cluster_ips_by_flag_where_their_kind_is_not_served(ruled):
    """A server without ServiceCIDR: --service-cluster-ip-range says what they would. Where they are served it says
    nothing."""
    cluster, proxy = ruled
    proxy.set((None, "/apis/networking.k8s.io/", 404))
    flags = ["--cluster-pool-ipv4-cidr=172.20.0.0/22", "--node-resource=none",
             "--service-cluster-ip-range=172.20.0.0/23,fd00:1::/112"]
    if cluster.backend == "apiserver":
        cluster.grant("cluster-pool")
    operator = cluster.start(*flags)
    assert operator.find_log("does not serve", "servicecidrs")
    cluster.create_service("web")
    assert cluster.wait_addresses("web") == ["172.20.2.1"]
    cluster.create_service("asks", annotations={"lbipam.cilium.io/ips": "172.20.1.7"})
    cluster.wait_condition("Service", "asks", SATISFIED, "False", "reserved", "ServiceCIDR")
    proxy.set()
    assert cluster.wait_addresses("asks", timeout=60) == ["172.20.1.7"]
    assert cluster.addresses("web") == ["172.20.2.1"]


@pytest.mark.parametrize("plural", ["ipaddresses", "services", "ippoolpolicies", "ipreservations", "nodes"])
def test_a_404_of_a_kind_that_the_server_lists_is_waited_out(ruled, plural):
    """As of a proxy in front of it, or of a server that just starts: it does not count as a kind without objects,
    so that nothing is given that is not free. Neither at a start, nor while it runs."""
    cluster, proxy = ruled
    operator = cluster.start()
    recorder = cluster.record()
    cluster.create_pool("blue", "10.0.0.0/29")
    cluster.api.create({"kind": "IPReservation", "metadata": {"name": "r"}, "spec": {"addresses": ["10.0.0.7"]}})
    cluster.api.create({"kind": "IPPoolPolicy", "metadata": {"name": "p"},
                        "spec": {"poolName": "blue", "exclude": ["10.0.0.6"]}})
    cluster.wait_pool_counts("blue", available=6)
    cluster.create_services([f"s{i}" for i in range(3)])
    held = cluster.wait_all_served(3, timeout=30)
    cluster.settled(lambda: versions(cluster.api))
    proxy.set((None, f"/{plural}?", 404))  # lists and watches
    operator.wait_log(f"resource={plural}", "404")
    assert cluster.all_addresses() == held
    operator.kill9()
    operator = cluster.start(ready=False)
    operator.wait_log(f"resource={plural}", "404")
    wait_until("it says so", lambda: operator.http_status("/readyz") == 503)
    cluster.create_services([f"t{i}" for i in range(4)])
    assert cluster.settled(cluster.all_addresses) == held
    proxy.set()
    operator.wait_ready()
    # Of eight addresses three are held, one is reserved, one is excluded.
    wait_until("the pool is given out", lambda: len(cluster.all_addresses()) == 6)
    assert {a for addresses in cluster.settled(cluster.all_addresses).values() for a in addresses} == {
        f"10.0.0.{i}" for i in range(6)}
    finish(cluster, recorder, 6)


def test_pools_that_are_not_served_are_kept(ruled):
    """The kind of the pools answers 404 for a while: what they gave is kept, nothing new is given."""
    cluster, proxy = ruled
    operator = cluster.start()
    recorder = cluster.record()
    cluster.create_pool("blue", "10.0.0.0/24")
    cluster.create_services([f"s{i}" for i in range(5)])
    held = cluster.wait_all_served(5, timeout=30)
    proxy.set((None, "/ciliumloadbalancerippools", 404))
    operator.wait_log("does not serve", "ciliumloadbalancerippools")
    cluster.create_service("late")
    cluster.wait_condition("Service", "late", SATISFIED, "False")
    assert cluster.all_addresses() == held
    proxy.set()
    after = finish(cluster, recorder, 6)
    assert {k: v for k, v in after.items() if k in held} == held


def test_a_whole_kind_that_is_404_is_no_object_that_is_gone(ruled):
    """Writing and reading single Services answers 404 for a while, their watch goes on."""
    cluster, proxy = ruled
    operator = cluster.start()
    recorder = cluster.record()
    cluster.create_pool("blue", "10.0.0.0/24")
    proxy.set(("PATCH", "/services/", 404), ("GET", "/services/", 404))
    cluster.create_service("web")
    operator.wait_log("a write failed", "404")
    wait_until("it is tried again", lambda: proxy.struck >= 2)
    proxy.set()
    finish(cluster, recorder, 1)


def test_a_right_that_is_missing_and_comes_back(ruled):
    """403 on one verb of one resource: the log says which, the rest goes on, and so does this when it may."""
    cluster, proxy = ruled
    operator = cluster.start()
    recorder = cluster.record()
    cluster.create_pool("blue", "10.0.0.0/24")
    cluster.create_service("before")
    held = cluster.wait_all_served(1, timeout=30)
    proxy.set(("PATCH", "/services/", 403))
    cluster.create_service("late")
    operator.wait_log("not allowed", "verb=patch", "resource=services")
    assert operator.http_status("/healthz") == 200
    assert cluster.all_addresses() == held
    proxy.set()
    finish(cluster, recorder, 2, timeout=90)


# ---- another server -------------------------------------------------------------------------------------


@contextlib.contextmanager
def server_with(cluster, *flags):
    """The API server is started again with more flags, and at the end without."""
    plane = cluster.control_plane
    plane.apiserver.kill()
    plane.start_apiserver(plane.port, *flags)
    cluster.api = plane.admin
    try:
        yield
    finally:
        plane.apiserver.kill()
        plane.start_apiserver(plane.port)
        cluster.api = plane.admin


@pytest.mark.only("apiserver")
def test_goaway_and_no_streaming_list(apart):
    """The server comes back without streaming lists, and closes one connection in fifty by GOAWAY."""
    operator = apart.start()
    apart.create_pool("blue", "10.0.0.0/24")
    apart.create_services([f"before{i}" for i in range(5)])
    held = apart.wait_all_served(5, timeout=30)
    with server_with(apart, "--feature-gates=WatchList=false", "--goaway-chance=0.02"):
        recorder = apart.record()
        apart.create_services([f"s{i}" for i in range(100)])
        after = finish(apart, recorder, 105, timeout=90)
        assert {k: v for k, v in after.items() if k in held} == held
        recorder.stop()
    assert operator.running()


def token_of_secret(cluster, name):
    """A token that is valid as long as the Secret is there."""
    namespace = "/api/v1/namespaces/berth-system"
    secret = cluster.api.call("POST", f"{namespace}/secrets", {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}})
    answer = cluster.api.call("POST", f"{namespace}/serviceaccounts/berth-operator/token", {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {
            "expirationSeconds": 3600, "boundObjectRef": {"kind": "Secret", "apiVersion": "v1", "name": name,
                                                          "uid": secret["metadata"]["uid"]}}})
    return answer["status"]["token"]


def user_kubeconfig(cluster, name, **user):
    path = cluster.file(name)
    with open(cluster.operator_kubeconfig, encoding="utf-8") as f:
        config = json.load(f)
    config["users"][0]["user"] = user
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    return path


def replace(path, text):
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(path + ".new", path)


@pytest.mark.only("apiserver")
def test_the_token_is_rotated(apart):
    """The token file is replaced and the old token is refused from then on."""
    apart.create_pool("blue", "10.0.0.0/24")
    file = apart.file("token")
    try:
        replace(file, token_of_secret(apart, "first"))
        operator = apart.start(f"--kubeconfig={user_kubeconfig(apart, 'token.kubeconfig', tokenFile=file)}")
        apart.create_service("before")
        held = apart.wait_addresses("before")
        replace(file, token_of_secret(apart, "second"))
        apart.api.call("DELETE", "/api/v1/namespaces/berth-system/secrets/first")
        apart.create_service("after")
        apart.wait_addresses("after", timeout=60)
        assert apart.addresses("before") == held and operator.running()
        invariants.check(apart.api)
    finally:
        for name in ("first", "second"):
            with contextlib.suppress(ApiError):
                apart.api.call("DELETE", f"/api/v1/namespaces/berth-system/secrets/{name}")


def certificate_maker(folder):
    """A CA in the folder. Returns its file, and what writes cert.pem and key.pem for the operator's account."""
    name = "/CN=system:serviceaccount:berth-system:berth-operator"

    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=clients", "-days", "2",
            "-keyout", "ca.key", "-out", "ca.pem")
    with open(os.path.join(folder, "ca.conf"), "w", encoding="utf-8") as f:
        f.write("[ca]\ndefault_ca=c\n[c]\ndatabase=index\nnew_certs_dir=.\ncertificate=ca.pem\nprivate_key=ca.key\n"
                "default_md=sha256\nserial=serial\npolicy=p\nunique_subject=no\nx509_extensions=e\n"
                "[p]\ncommonName=supplied\n[e]\nextendedKeyUsage=clientAuth\n")
    with open(os.path.join(folder, "index"), "w", encoding="utf-8"):
        pass

    def make(until):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", name, "-keyout", "new.key", "-out", "new.csr")
        openssl("ca", "-batch", "-config", "ca.conf", "-rand_serial", "-notext", "-in", "new.csr", "-out", "new.pem",
                "-startdate", time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() - DAY)),
                "-enddate", time.strftime("%Y%m%d%H%M%SZ", time.gmtime(until)))
        os.replace(os.path.join(folder, "new.pem"), os.path.join(folder, "cert.pem"))
        os.replace(os.path.join(folder, "new.key"), os.path.join(folder, "key.pem"))
    return os.path.join(folder, "ca.pem"), make


@pytest.mark.only("apiserver")
def test_the_client_certificate_is_replaced(apart):
    """It expires under way; another one under the same names is taken up without a restart."""
    folder = apart.file("certificates")
    os.makedirs(folder)
    ca, make = certificate_maker(folder)
    apart.create_pool("blue", "10.0.0.0/24")
    with server_with(apart, f"--client-ca-file={ca}"):
        expires = time.time() + 15
        make(expires)
        path = user_kubeconfig(apart, "cert.kubeconfig", **{
            "client-certificate": "certificates/cert.pem", "client-key": "certificates/key.pem"})
        operator = apart.start(f"--kubeconfig={path}")
        apart.create_service("before")
        held = apart.wait_addresses("before")
        wait_until("it has expired", lambda: time.time() > expires + 1, timeout=30)
        apart.create_service("after")
        wait_until("the log says 401", lambda: operator.find_log("401"), timeout=30)
        assert not apart.addresses("after")
        make(time.time() + DAY)
        apart.wait_addresses("after", timeout=60)
        assert apart.addresses("before") == held and operator.running()
        invariants.check(apart.api)


# ---- clocks ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.path.exists(FAKETIME), reason="libfaketime is not installed")
def test_the_wall_clock_jumps(apart):
    """A day ahead, and two back, under way: nobody waits for it, nothing is released or given twice."""
    clock = apart.file("clock")
    replace(clock, "+0")
    preload = FAKETIME
    with open(BINARY, "rb") as f:
        if b"__asan_init" in f.read():  # its library wants to be the first
            found = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
            preload = f"{found.stdout.strip()}:{FAKETIME}"
    operator = apart.start(env={
        "LD_PRELOAD": preload, "FAKETIME_TIMESTAMP_FILE": clock, "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"})
    recorder = apart.record()
    apart.create_pool("blue", "10.0.0.0/24")
    count = 0
    for jump in (0, DAY, -2 * DAY, 400 * DAY):
        replace(clock, f"{jump:+d}")
        apart.create_services([f"s{count + i}" for i in range(5)])
        count += 5
        apart.wait_all_served(count, timeout=20)
        if jump:
            operator.wait_log(time.strftime("%Y-%m-", time.gmtime(time.time() + jump)))
    finish(apart, recorder, count)


# ---- others write too -----------------------------------------------------------------------------------


def test_a_second_manager_writes_the_same_statuses(apart):
    """It puts its own address into ten of ours again and again. Nobody else is disturbed, the operator does
    not write without end, and what is written in the end is settled."""
    operator = apart.start()
    recorder = apart.record()
    apart.create_pool("blue", "10.0.0.0/24")
    apart.create_services([f"fought{i}" for i in range(10)])
    apart.create_services([f"calm{i}" for i in range(10)])
    held = apart.wait_all_served(20, timeout=30)
    until = time.monotonic() + 3
    wrote = 0
    while time.monotonic() < until:
        for i in range(10):
            apart.api.patch("Service", f"fought{i}", {"status": {"loadBalancer": {"ingress": [
                {"ip": f"203.0.113.{i}"}]}}}, subresource="status", manager="other")
            wrote += 1
    recorder.caught_up()
    assert recorder.duplicates() == []
    after = apart.all_addresses()
    assert all(after[k] == v for k, v in held.items() if "calm" in k)
    ours = sum(1 for c in recorder.snapshot() if "fought" in c.key and c.held and c.held[0].startswith("10.")) - 10
    assert ours <= wrote
    apart.settled(lambda: {s["metadata"]["name"]: s["metadata"]["resourceVersion"]
                           for s in apart.api.list("Service")}, quiet=1.5, timeout=60)
    assert operator.running()
    apart.create_service("late")
    apart.wait_addresses("late")


def test_records_deleted_by_hand_come_back(apart):
    operator = apart.start()
    recorder = apart.record()
    apart.create_pool("blue", "10.0.0.0/24")
    apart.create_services([f"s{i}" for i in range(20)])
    held = apart.wait_all_served(20, timeout=30)
    apart.api.delete_all("IPAddress", labelSelector="ipaddress.kubernetes.io/managed-by=berth")
    assert finish(apart, recorder, 20) == held
    assert len(invariants.records_of(apart.api)) == 20
    assert operator.running()


# ---- the disk is full -----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(folder)], capture_output=True,
                             check=False)
    if mounted.returncode != 0:
        pytest.skip("no file systems can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.only("embedded")
def test_the_disk_of_the_embedded_store_is_full(apart, small_disk):
    """Writes are refused, what was written stays and can be read; with room again all goes on."""
    apart.server.stop()
    apart.store = str(small_disk / "store.db")
    apart.start_server()
    operator = apart.start()
    apart.create_pool("blue", "10.0.0.0/24")
    apart.create_services([f"s{i}" for i in range(5)])
    held = apart.wait_all_served(5, timeout=30)
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as f:
        while f.write(b"x" * 4096):
            pass
    refused = None
    for i in range(200):
        try:
            apart.create_service(f"full{i}", annotations={"padding": "x" * 8000})
        except ApiError as e:
            refused = e
            break
    assert refused is not None and refused.code == 500 and "full" in refused.message
    assert {k: v for k, v in apart.all_addresses().items() if k in held} == held
    assert apart.server.http_status("/healthz") == 200 and operator.http_status("/healthz") == 200
    ballast.unlink()
    apart.create_service("late")
    apart.wait_addresses("late", timeout=60)
    assert {k: v for k, v in apart.all_addresses().items() if k in held} == held
    records_agree(apart)
    invariants.check(apart.api)
    operator.stop()
    apart.server.stop()
