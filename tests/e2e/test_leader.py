"""Several replicas: one leads, the others follow; whoever leads no more writes no more. Each replica writes under
a field manager of its own, so that a watch tells whose a write was."""

import http.client
import json
import os
import random
import signal

import pytest

from lib import invariants
from lib.process import wait_until
from lib.proxy import Proxy


def times(duration, deadline, period):
    return [f"--leader-election-lease-duration={duration}", f"--leader-election-renew-deadline={deadline}",
            f"--leader-election-retry-period={period}"]


# So that tests need not wait long. On a busy machine such a leader may lose the Lease by itself: only for tests that
# can live with that.
FAST = times("4s", "3s", "500ms")
# Where somebody is to lose it, but only because the test wants it.
CALM = times("12s", "9s", "500ms")
# Where nobody is to lose it, or where what happens must not be for any of these times.
SLOW = times("10m", "9m", "2m")
STEADY = times("10m", "9m", "500ms")
MANAGERS = ["berth", "berth-b", "berth-c"]
LEASE = "berth-operator"


class Replicas:
    """Replicas of one cluster, numbered; one that was ended can be started again under its number."""

    def __init__(self, cluster):
        self.cluster = cluster
        if cluster.backend == "embedded":
            cluster.start("--enable-lb-ipam=false")
        else:
            cluster.api.delete_all("Lease", cluster.replica_namespace)
        self.leases = cluster.record("Lease", LEASE)
        self.services = cluster.record("Service")
        self.records = cluster.record("IPAddress")
        self.running = {}

    def start(self, number, *flags, kubeconfig=None):
        managers = [MANAGERS[number], *[m for i, m in enumerate(MANAGERS) if i != number]]
        self.running[number] = self.cluster.replica(
            f"--field-manager={','.join(managers)}", *flags, kubeconfig=kubeconfig)
        return self.running[number]

    def lease(self):
        return self.cluster.api.get("Lease", LEASE, self.cluster.replica_namespace)

    def leader(self):
        """The number of the replica that says that it leads; None = nobody."""
        for number, operator in self.running.items():
            if operator.running():
                try:
                    if operator.metrics().value("berth_leader") == 1:
                        return number
                except (OSError, http.client.HTTPException):
                    pass
        return None

    def revive(self, flags, but=()):
        """Starts again who lost the Lease because the machine is busy."""
        for number, operator in list(self.running.items()):
            if number not in but and not operator.running() and operator.find_log("leadership is lost", level="error"):
                operator.check_sanitizers()
                self.cluster.operators.remove(operator)
                self.start(number, *flags)

    def wait_leader(self, but=(), timeout=60, revive=None):
        def somebody():
            if revive:
                self.revive(revive, but)
            number = self.leader()
            return None if number is None or number in but else (number,)
        return wait_until("somebody leads", somebody, timeout, every=0.02)[0]

    def wait_follower(self, number):
        self.running[number].wait_log("another replica leads")
        return self.running[number].wait_ready()

    def taken_over_at(self, number):
        """The resourceVersion of the Lease when this replica got it last."""
        mine = [line for line in self.running[number].log() if line["msg"] == "this replica leads now"]
        identity = mine[-1]["identity"]
        self.leases.caught_up()
        return next(c.version for c in self.leases.snapshot() if c.holder == identity)

    def check_silent_since(self, number, version):
        """Nothing that this replica wrote came later than the version."""
        for recorder in (self.services, self.records):
            recorder.caught_up()
            assert recorder.written_by(MANAGERS[number], version) == []

    def check(self):
        self.services.caught_up()
        assert self.services.duplicates() == [] and self.services.moves() == []
        invariants.check(self.cluster.api)


@pytest.fixture
def replicas(cluster):
    return Replicas(cluster)


def two(replicas, *flags):
    """The first leads, the second follows."""
    first = replicas.start(0, *flags)
    first.wait_log("this replica leads now")
    first.wait_ready()
    second = replicas.start(1, *flags)
    replicas.wait_follower(1)
    return first, second


def test_a_release_is_taken_up_at_once(replicas):
    """Not after the Lease's time, nor with the next look at it: both are minutes away."""
    cluster = replicas.cluster
    first, second = two(replicas, *SLOW)
    cluster.create_pool("blue", "10.0.0.0/24")
    cluster.create_services([f"s{i}" for i in range(20)])
    held = cluster.wait_all_served(20, timeout=30)
    before = replicas.lease()["spec"]
    first.stop()
    assert replicas.wait_leader() == 1
    after = replicas.lease()["spec"]
    assert after["leaseTransitions"] == before["leaseTransitions"] + 1
    cluster.create_services([f"new{i}" for i in range(20)])
    assert {k: v for k, v in cluster.wait_all_served(40, timeout=30).items() if k in held} == held
    replicas.leases.caught_up()
    changes = replicas.leases.snapshot()
    released = next(i for i, c in enumerate(changes) if not c.holder)
    assert changes[released - 1].holder == before["holderIdentity"]
    assert changes[released + 1].holder == after["holderIdentity"]
    # The Lease went last.
    replicas.check_silent_since(0, changes[released].version)
    assert second.find_log("this replica leads now") and not second.find_log("lost")
    replicas.check()


def test_events_and_metrics_say_who_leads(replicas):
    cluster = replicas.cluster
    first, second = two(replicas)
    assert first.metrics().value("berth_leader") == 1
    assert second.metrics().value("berth_leader") == 0
    holder = replicas.lease()["spec"]["holderIdentity"]
    assert second.wait_log("another replica leads", holder)
    event = wait_until("the Event", lambda: next(
        (e for e in cluster.api.list("Event", cluster.replica_namespace)
         if e["reason"] == "LeaderElection" and holder in e["message"]), None))
    assert event["involvedObject"]["kind"] == "Lease" and event["involvedObject"]["name"] == LEASE
    assert event["type"] == "Normal" and "became leader" in event["message"]


def test_a_follower_writes_nothing(replicas):
    cluster = replicas.cluster
    first, second = two(replicas)
    cluster.create_pool("blue", "10.0.0.0/28")
    cluster.create_services([f"s{i}" for i in range(30)])  # more than there are addresses
    cluster.wait_all_served(16, timeout=30)
    cluster.api.delete("Service", "s0")
    cluster.settled(cluster.all_addresses)
    assert second.http_status("/readyz") == 200
    metrics = second.metrics()
    verbs = {dict(labels)["verb"] for name, labels in metrics if name == "berth_api_requests_total"}
    assert verbs <= {"get", "list", "watch"}
    assert not {n for n in metrics.names() if n.startswith("cilium_operator_lbipam_services")}
    assert first.metrics().value("cilium_operator_lbipam_services_matching") == 29
    replicas.check_silent_since(1, "0")
    replicas.check()


def test_a_crashed_leader_is_followed(replicas):
    cluster = replicas.cluster
    first, _ = two(replicas, *FAST)
    cluster.create_pool("blue", "10.0.0.0/16")
    cluster.create_services([f"s{i}" for i in range(100)])
    first.kill9()
    assert replicas.wait_leader() == 1
    cluster.wait_all_served(100, timeout=60)
    replicas.check_silent_since(0, replicas.taken_over_at(1))
    replicas.check()


def test_a_leader_that_stood_still_writes_nothing_more(replicas):
    """Longer than the Lease lasts, in the middle of its work."""
    cluster = replicas.cluster
    first, _ = two(replicas, *CALM)
    cluster.create_services([f"s{i}" for i in range(200)])
    cluster.create_pool("blue", "10.0.0.0/16")
    wait_until("it is at work", lambda: any(c.held for c in replicas.services.snapshot()), every=0.002)
    os.kill(first.pid, signal.SIGSTOP)
    assert replicas.wait_leader(but=[0]) == 1
    os.kill(first.pid, signal.SIGCONT)
    assert first.process.popen.wait(60) == 1
    assert first.find_log("leadership is lost", level="error")
    cluster.wait_all_served(200, timeout=60)
    replicas.check_silent_since(0, replicas.taken_over_at(1))
    replicas.check()


@pytest.fixture
def proxied(replicas):
    """(proxy, kubeconfig): the way to the API for one of the replicas."""
    cluster = replicas.cluster
    with open(cluster.replica_kubeconfig, encoding="utf-8") as f:
        config = json.load(f)
    server = config["clusters"][0]["cluster"]["server"]
    proxy = Proxy(int(server.rpartition(":")[2]))
    config["clusters"][0]["cluster"]["server"] = f"{server.rpartition(':')[0]}:{proxy.port}"
    path = cluster.file("proxied.kubeconfig")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    proxy.listen()
    yield proxy, path
    proxy.close()


def test_a_leader_that_is_cut_off_writes_nothing_more(replicas, proxied):
    """The network swallows what it sends, with hundreds of requests queued; later it lets everything through."""
    cluster = replicas.cluster
    proxy, kubeconfig = proxied
    first = replicas.start(0, *CALM, "--max-in-flight=1000", kubeconfig=kubeconfig)
    first.wait_log("this replica leads now")
    first.wait_ready()
    replicas.start(1, *CALM)
    replicas.wait_follower(1)
    cluster.create_services([f"s{i}" for i in range(400)])
    cluster.create_pool("blue", "10.0.0.0/16")
    wait_until("it is at work", lambda: any(c.held for c in replicas.services.snapshot()), every=0.002)
    proxy.stall()
    assert replicas.wait_leader(but=[0]) == 1
    assert first.process.popen.wait(60) == 1
    assert first.find_log("leadership is lost", level="error")
    proxy.stall(False)
    cluster.wait_all_served(400, timeout=60)
    cluster.settled(cluster.all_addresses)
    replicas.check()


def test_a_follower_that_is_cut_off_does_not_disturb(replicas, proxied):
    """It takes the Lease for abandoned, and finds out that it is not."""
    cluster = replicas.cluster
    proxy, kubeconfig = proxied
    first = replicas.start(0, *CALM)
    first.wait_log("this replica leads now")
    second = replicas.start(1, *CALM, kubeconfig=kubeconfig)
    replicas.wait_follower(1)
    transitions = replicas.lease()["spec"]["leaseTransitions"]
    proxy.stall()
    second.wait_log("the Lease could not be read or written", timeout=90)
    proxy.stall(False)
    before = proxy.accepted
    proxy.cut()
    wait_until("it is back", lambda: proxy.accepted > before)
    cluster.create_pool("blue", "10.0.0.0/24")
    cluster.create_service("web")
    cluster.wait_addresses("web")
    assert replicas.leader() == 0 and second.running()
    assert replicas.lease()["spec"]["leaseTransitions"] == transitions
    replicas.check_silent_since(1, "0")


@pytest.mark.parametrize("count", [2, 3])
def test_the_leader_is_killed_again_and_again(replicas, count):
    """Also by an orderly end, and while Services come and go: no address moves or is given twice."""
    cluster = replicas.cluster
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"SEED={seed}")
    chance = random.Random(seed)
    for number in range(count):
        replicas.start(number, *FAST)
    cluster.create_pool("blue", "10.0.0.0/16")
    alive = []
    for round_ in range(5):
        number = replicas.wait_leader(revive=FAST)
        names = [f"s{round_}-{i}" for i in range(30)]
        cluster.create_services(names)
        alive += names
        for name in chance.sample(alive, 8):
            alive.remove(name)
            cluster.api.delete("Service", name)
        goal = len(replicas.services.snapshot()) + chance.randrange(30)
        try:
            wait_until("some writes", lambda: len(replicas.services.snapshot()) >= goal, timeout=1, every=0.002)
        except AssertionError:
            pass  # there was less to write: it is killed idle
        ended = replicas.running[number]
        ended.process.stop(signal.SIGTERM if chance.randrange(3) == 0 else signal.SIGKILL)
        ended.check_sanitizers()
        assert ended.process.popen.returncode in (0, -signal.SIGKILL) or ended.find_log("leadership is lost")
        next_one = replicas.wait_leader(but=[number], revive=FAST)
        replicas.check_silent_since(number, replicas.taken_over_at(next_one))
        replicas.start(number, *FAST)
    held = cluster.wait_all_served(len(alive), timeout=60)
    assert set(held) == {f"default/{n}" for n in alive}
    wait_until("every record names a Service that is there", lambda: sorted(
        h for holders in invariants.records_of(cluster.api).values() for h in holders) == sorted(held))
    replicas.check()


def test_a_lease_that_is_deleted_is_written_anew(replicas):
    cluster = replicas.cluster
    first, second = two(replicas, *STEADY)
    holder = replicas.lease()["spec"]["holderIdentity"]
    cluster.api.delete("Lease", LEASE, cluster.replica_namespace)
    again = wait_until("it is there again", lambda: cluster.api.find("Lease", LEASE, cluster.replica_namespace))
    assert again["spec"]["holderIdentity"] == holder
    assert first.running() and second.running() and replicas.leader() == 0


@pytest.mark.only("apiserver")
def test_without_the_right_to_the_lease_it_says_so(replicas):
    """The role is for the namespace of the operator alone."""
    cluster = replicas.cluster
    operator = cluster.replica("--namespace=default")
    operator.wait_log("grant this verb on this resource", "leases", level="error")
    status, _, why = operator.http("/readyz")
    assert status == 503 and "Lease default/berth-operator" in why and "403" in why


@pytest.mark.only("embedded")
def test_with_the_embedded_api_there_is_no_election(cluster):
    operator = cluster.start()
    assert operator.metrics().value("berth_leader") == 1
    assert cluster.api.list("Lease") == []
