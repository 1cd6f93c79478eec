"""Kills the leader of several replicas again and again under load, and prints how long takeovers took:

    python3 tests/e2e/failover.py [--kills 100] [--replicas 3] [--orderly] [--defaults] [--backend apiserver]

Not a test of the gate: it takes minutes. Each time is from the kill to what an independent watch saw: the Lease of
the new leader, and the first status that it wrote. Ends with 1 if an address moved, was given twice, or was written
by who led no more."""

import argparse
import contextlib
import itertools
import os
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import controlplane, invariants  # noqa: E402
from lib.cluster import ApiserverCluster, EmbeddedCluster  # noqa: E402
from lib.process import wait_until  # noqa: E402
from lib.watch import Recorder  # noqa: E402

FAST = ["--leader-election-lease-duration=3s", "--leader-election-renew-deadline=2s",
        "--leader-election-retry-period=500ms"]
LEASE = "berth-operator"
ALIVE = 200  # Services at once; each second some come and go


class Load(threading.Thread):
    """Services come and go all the time, so that whoever leads has something to write."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.alive = []
        self.ended = threading.Event()
        self.turn = threading.Lock()  # whoever holds it makes the next change, or sees to it that there is none
        self.error = None

    def run(self):
        try:
            for number in itertools.count():
                if self.ended.is_set():
                    return
                with self.turn:
                    self.cluster.create_service(f"s{number}")
                    self.alive.append(f"s{number}")
                    if len(self.alive) > ALIVE:
                        self.cluster.api.delete("Service", self.alive.pop(0))
                time.sleep(0.02)
        except Exception as e:  # shown at the end
            self.error = e

    def end(self):
        self.ended.set()
        self.join()
        if self.error:
            raise self.error


def manager(number):
    return f"berth-{number}"


class Run:
    def __init__(self, cluster, options):
        self.cluster = cluster
        self.flags = [] if options.defaults else FAST
        self.orderly = options.orderly
        self.count = options.replicas
        self.leases = cluster.record("Lease", LEASE)
        self.services = cluster.record("Service")
        self.records = cluster.record("IPAddress")
        self.operators = {}
        self.identities = {}
        self.late = []
        self.lost = 0
        self.load = None
        self.victim = None

    def start(self, number):
        names = ["berth", *[manager(n) for n in range(self.count)]]
        names.remove(manager(number))
        self.operators[number] = self.cluster.replica(
            f"--field-manager={','.join([manager(number), *names])}", *self.flags)

    def leader(self):
        """(number, the change of the Lease by which it leads); None = nobody."""
        changes = self.leases.snapshot()
        holder = changes[-1].holder if changes else None
        if not holder:
            return None
        for number, operator in self.operators.items():
            if operator.running() and operator.find_log("this replica leads now", holder):
                return number, next(c for c in changes if c.holder == holder)
        return None

    def supervise(self):
        """Starts again who ended by itself, having lost the Lease: the server may be too busy for short ones."""
        for number, operator in list(self.operators.items()):
            if number != self.victim and not operator.running():
                self.lost += 1
                operator.check_sanitizers()
                self.cluster.operators.remove(operator)
                self.start(number)

    def wait_leader(self, but=None, timeout=120):
        def somebody():
            self.supervise()
            found = self.leader()
            return found if found and found[0] != but else None
        return wait_until("somebody leads", somebody, timeout, every=0.005, last=self.describe)

    def describe(self):
        lines = [f"Lease: {self.leases.snapshot()[-3:]}, {self.leases.snapshot()[-1].holder}"]
        for number, operator in self.operators.items():
            said = [line for line in operator.log_text().splitlines() if "status written" not in line]
            lines += [f"replica {number}, running: {operator.running()}", *said[-6:]]
        return "\n".join(lines)

    def wrote_since(self, number, version):
        return next((c for c in self.services.snapshot()
                     if c.held and int(c.version) > int(version) and
                     any(e[0] == manager(number) for e in c.entries)), None)

    def kill(self):
        """(seconds to the new leader's Lease, seconds to its first write)"""
        number, _ = self.wait_leader()
        operator = self.operators[number]
        # Somewhere in the middle of its work.
        seen = len(self.services.snapshot())
        wait_until("it works", lambda: len(self.services.snapshot()) > seen + 5, every=0.001)
        if not operator.running():
            return None
        self.victim = number
        at = time.monotonic()
        operator.process.popen.send_signal(signal.SIGTERM if self.orderly else signal.SIGKILL)
        successor, lease = self.wait_leader(but=number)
        wrote = wait_until("its first write", lambda: self.wrote_since(successor, lease.version) or
                           not self.operators[successor].running(), 120, every=0.005)
        operator.process.popen.wait(30)
        for recorder in (self.services, self.records):
            self.late += recorder.written_by(manager(number), lease.version)
        operator.check_sanitizers()
        self.cluster.operators.remove(operator)
        self.start(number)
        self.victim = None
        # It is to follow before the next kill, and its earlier writes are not to be taken for new ones.
        wait_until("it follows, or leads", lambda: not self.operators[number].running() or
                   self.operators[number].find_log("replica leads"), 60)
        self.forget()
        return None if wrote is True else (lease.at - at, wrote.at - at)

    def forget(self):
        """Recorders that only begin now: who leads anew may have written before."""
        for name in ("services", "records"):
            old = getattr(self, name)
            with self.load.turn if self.load else contextlib.nullcontext():
                old.caught_up(timeout=120)  # the watch may be cut off for being slow
            assert old.moves() == [] and old.duplicates() == [], (old.moves(), old.duplicates())
            fresh = Recorder(self.cluster.api, old.kind).start()
            setattr(self, name, fresh)
            self.cluster.recorders.append(fresh)
            self.cluster.recorders.remove(old)
            old.stop()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def table(title, rows):
    print(f"| {title} | min | p50 | p90 | max |")
    print("|---|---:|---:|---:|---:|")
    for name, values in rows:
        figures = [min(values), percentile(values, 0.5), percentile(values, 0.9), max(values)]
        print(f"| {name} | " + " | ".join(f"{v:.2f} s" for v in figures) + " |")


def measure(cluster, options):
    run = Run(cluster, options)
    cluster.create_pool("blue", "10.0.0.0/16")
    for number in range(options.replicas):
        run.start(number)
    run.wait_leader()
    load = run.load = Load(cluster)
    load.start()
    leases, writes = [], []
    try:
        while len(leases) < options.kills:
            took = run.kill()
            if took:
                leases.append(took[0])
                writes.append(took[1])
                print(f"{len(leases)}: {took[0]:.2f} s, {took[1]:.2f} s", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("interrupted; this is what was measured", file=sys.stderr)
    finally:
        load.end()
    cluster.wait_all_served(len(load.alive), timeout=120)
    wait_until("records and Services agree", lambda: agree(cluster), timeout=60, every=0.5)
    run.forget()
    how = "stops in order" if options.orderly else "kill -9"
    lasts = "defaults, 15 s" if options.defaults else "Lease of 3 s"
    table(f"{how}, {len(leases)} times, {options.replicas} replicas, {cluster.backend}, {lasts}",
          [("until another holds the Lease", leases), ("until its first status", writes)])
    print(f"\nWritten by who led no more: {len(run.late)}; addresses moved or given twice: 0; "
          f"Lease lost without a kill: {run.lost}")
    return 1 if run.late else 0


def agree(cluster):
    try:
        invariants.check(cluster.api)
        return True
    except AssertionError:
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--orderly", action="store_true", help="SIGTERM in place of kill -9")
    parser.add_argument("--defaults", action="store_true", help="the operator's default durations")
    parser.add_argument("--backend", choices=["apiserver", "embedded"], default="apiserver")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="berth-failover-")
    plane = None
    if options.backend == "apiserver":
        plane = controlplane.ControlPlane(folder)
        plane.start()
        cluster = ApiserverCluster(folder, plane)
        cluster.install()
    else:
        cluster = EmbeddedCluster(folder, "kubectl", durable=False)
        cluster.start("--enable-lb-ipam=false")
    try:
        return measure(cluster, options)
    finally:
        cluster.end()
        if plane:
            plane.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
