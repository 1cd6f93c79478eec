"""A chaos run: two operators, a churning workload, seeded faults, and after each few rounds a quiet moment in
which everything must be right again. What is wrong at any moment is told by the witness (chaos_watch.py);
what must be right in quiet moments stands in chaos_quiet.py."""

import collections
import contextlib
import random
import signal
import time

from .berth import Berth
from .chaos_load import Workload
from .chaos_quiet import Quiet
from .chaos_watch import History, NodeWitness, Witness
from .chaos_world import CLUSTER_CIDR, CLUSTER_MASK, ranges_of
from .process import wait_until

OPERATORS = 2
FLAGS = ["--leader-election-lease-duration=3s", "--leader-election-renew-deadline=2s",
         "--leader-election-retry-period=500ms", "--mass-release-delay=0s", "--log-level=warn",
         f"--cluster-pool-ipv4-cidr={CLUSTER_CIDR}", f"--cluster-pool-ipv4-mask-size={CLUSTER_MASK}",
         "--node-resource=nodes"]
ROUNDS_TO_QUIET = 3
QUIET_SECONDS = 120

# What the embedded API can be told to do to the operators. Rules of one round are drawn from these.
RULES = ["latency:0.2,ms=150", "latency:0.02,ms=2500", "403:0.05",
         "404:0.05,not=leases", "404,resource=ipaddresses", "409:0.2", "410:0.3",
         "429:0.15,retry-after=1", "429:0.1,retry-after=0", "500:0.15", "503:0.15,retry-after=1", "drop:0.15",
         "lost:0.25", "cut:0.5,ms=800", "403,verb=patch,resource=services",
         "404,resource=ciliumloadbalancerippools", "lost,resource=ipaddresses,verb=create",
         "lost,resource=services,verb=patch", "lost,resource=nodes,verb=patch", "409:0.5,resource=nodes",
         "500:0.5,resource=ippoolpolicies+ipreservations", "403,resource=ipreservations", "403,resource=ippoolpolicies",
         "lost,resource=ciliumloadbalancerippools,verb=patch"]

TOXICS = [("latency", {"latency": 200, "jitter": 200}), ("bandwidth", {"rate": 10}), ("timeout", {"timeout": 0}),
          ("timeout", {"timeout": 300}), ("reset_peer", {"timeout": 100}), ("slow_close", {"delay": 1000}),
          ("slicer", {"average_size": 50, "size_variation": 20, "delay": 200}), ("limit_data", {"bytes": 5000})]


class Violation(Exception):
    pass


class Chaos:
    def __init__(self, cluster, toxiproxy, seed, say=print):
        self.cluster = cluster
        self.seed = seed
        self.chance = random.Random(seed)
        self.say = say
        self.counts = collections.Counter()
        self.last = collections.deque(maxlen=25)
        self.quiets = self.rounds = 0
        self.embedded = cluster.backend == "embedded"
        self.links = [toxiproxy.link(f"chaos-{seed}-{i}-{cluster.server_port}", cluster.server_port)
                      for i in range(OPERATORS)]
        self.kubeconfigs = []
        for link in self.links:
            cluster.through(link.port)
            self.kubeconfigs.append(cluster.operator_kubeconfig)
        self.operators = [None] * OPERATORS
        self.frozen = {}  # number of an operator -> until when
        self.sick = {}    # number of a link -> until when
        self.plan = ""
        cluster.grant("cluster-pool")
        self.history = History(CLUSTER_CIDR, CLUSTER_MASK)
        self.witness = Witness(lambda: cluster.api, ranges_of, self.history)
        self.nodes = NodeWitness(lambda: cluster.api, self.history)
        self.checks = Quiet(self.witness, self.nodes)
        self.workload = Workload(lambda: cluster.api, self.witness, random.Random(seed + 1))

    # The operators

    def _start(self, i):
        self.operators[i] = Berth([f"--kubeconfig={self.kubeconfigs[i]}", *FLAGS],
                                  self.cluster.file(f"operator-{i}.log"))

    def _supervise(self):
        """Starts again whoever ended; a leader that could not renew ends by itself."""
        for i, operator in enumerate(self.operators):
            if operator is not None and not operator.running():
                self._check_end(i, operator)
                self._start(i)

    def _check_end(self, i, operator):
        operator.check_sanitizers()
        status = operator.process.popen.returncode
        if status not in (1, -signal.SIGKILL):
            raise Violation(f"operator {i} exited with {status}: {operator.log_text()[-2000:]}")
        self.counts["(operator exits)"] += status == 1

    # Faults

    def _count(self, what, detail=""):
        self.counts[what] += 1
        self.last.append(f"{what} {detail}".strip())

    def _kill_operator(self):
        i = self.chance.randrange(OPERATORS)
        self.operators[i].process.kill()
        self.frozen.pop(i, None)
        self._count("kill-operator", str(i))

    def _freeze_operator(self):
        i = self.chance.randrange(OPERATORS)
        if i in self.frozen or not self.operators[i].running():
            return
        self.operators[i].process.popen.send_signal(signal.SIGSTOP)
        self.frozen[i] = time.monotonic() + self.chance.uniform(0.2, 5)
        self._count("freeze-operator", str(i))

    def _sicken(self):
        i = self.chance.randrange(OPERATORS)
        if i in self.sick:
            return
        kind, attributes = self.chance.choice(TOXICS)
        stream = self.chance.choice(["upstream", "downstream"])
        self.links[i].toxic(kind, stream, **attributes)
        self.sick[i] = time.monotonic() + self.chance.uniform(0.2, 2)
        self._count(kind, f"{stream} {i}")

    def _cut(self):
        i = self.chance.randrange(OPERATORS)
        self.links[i].cut()
        self.sick[i] = time.monotonic() + self.chance.uniform(0.1, 1.5)
        self._count("cut-link", str(i))

    def _compact(self):
        with contextlib.suppress(OSError):
            self.cluster.compact()
            self._count("compact")

    def _kill_server(self):
        if self.embedded:
            self._note_struck()
        self.cluster.kill_server()
        self._count("kill-server")
        time.sleep(self.chance.uniform(0, 0.5))
        if self.embedded:
            self.cluster.start_server()
            self.cluster.faults(self.plan)
        else:
            self.cluster.restart_server()

    def _kill_etcd(self):
        plane = self.cluster.control_plane
        plane.etcd.kill()
        self._count("kill-etcd")
        time.sleep(self.chance.uniform(0, 0.5))
        plane.start_etcd(plane.etcd_port)

    def _events(self):
        """(what to do, weight)"""
        if self.embedded:
            return [(self._kill_operator, 12), (self._freeze_operator, 10), (self._sicken, 40), (self._cut, 15),
                    (self._compact, 20), (self._kill_server, 3)]
        return [(self._kill_operator, 16), (self._freeze_operator, 10), (self._sicken, 48), (self._cut, 14),
                (self._compact, 8), (self._kill_server, 2), (self._kill_etcd, 2)]

    def _set_plan(self, rules):
        self._note_struck()
        self.plan = ";".join([f"seed={self.chance.randrange(1 << 30)}"] + [r + ",agent=berth" for r in rules])
        self.cluster.faults(self.plan)
        if rules:
            self.last.append("plan " + self.plan)

    def _note_struck(self):
        for rule in self.cluster.api.call("GET", "/faults")["rules"]:
            if rule["struck"]:
                self.counts[rule["fault"]] += rule["struck"]

    def _heal_what_is_due(self, everything=False):
        now = time.monotonic()
        for i, until in list(self.sick.items()):
            if everything or now >= until:
                self.links[i].heal()
                del self.sick[i]
        for i, until in list(self.frozen.items()):
            if everything or now >= until:
                if self.operators[i].running():
                    self.operators[i].process.popen.send_signal(signal.SIGCONT)
                del self.frozen[i]

    @property
    def faults(self):
        return sum(n for what, n in self.counts.items() if not what.startswith("("))

    # The run

    def _check_witness(self):
        if self.workload.error:
            raise self.workload.error
        wrong = self.witness.violations + self.nodes.violations
        if wrong:
            raise Violation("; ".join(wrong[:5]))

    def _round(self):
        self.rounds += 1
        if self.embedded:
            self._set_plan(self.chance.sample(RULES, self.chance.randrange(1, 4)))
        self.workload.resume()
        events, weights = zip(*self._events())
        # In most rounds the embedded API does the harm, in the others processes and connections die as well.
        calm = self.embedded and self.chance.random() < 0.7
        until = time.monotonic() + self.chance.uniform(1.5, 3)
        while time.monotonic() < until:
            if not calm:
                self.chance.choices(events, weights)[0]()
            time.sleep(self.chance.uniform(0.05, 0.3))
            self._heal_what_is_due()
            self._supervise()
            self._check_witness()

    def quiet(self):
        """All faults end; then all must become right, and stay so."""
        self.quiets += 1
        self.workload.pause()
        self._heal_what_is_due(everything=True)
        if self.embedded:
            self._set_plan([])
        found = []

        def all_is_right():
            self._supervise()
            found[:] = self.checks.problems(self.cluster.api, self.operators)
            return not found
        for _ in range(2):
            try:
                wait_until("all is right again", all_is_right, QUIET_SECONDS, every=0.3)
            except AssertionError as e:
                raise Violation(f"{e}: " + "; ".join(found[:8])) from None
            time.sleep(0.3)
        self._check_witness()
        wrong = self.history.judge()
        if not self.workload.policies_changed:
            wrong += self.checks.over_quota()
        if wrong:
            raise Violation("; ".join(wrong[:5]))
        self.workload.policies_changed = False
        self.checks.remember()
        self.witness.quiet(self.checks.world.barred())

    def stop_in_order(self):
        """The last thing: whoever still runs ends within its time, with status 0, and nothing was lost on the way;
        the server too, where that is ours."""
        server = getattr(self.cluster, "server", None)
        for operator in [*self.operators, *([server] if server else [])]:
            if operator.running():
                operator.stop()
                self.counts["(ends in order)"] += 1

    def run(self, faults):
        """Returns the line of counts; a Violation says what was wrong, the seed, and the last faults."""
        began = time.monotonic()
        try:
            for i in range(OPERATORS):
                self._start(i)
            self.workload.prepare()
            self.witness.start()
            self.nodes.start()
            self.workload.start()
            self.quiet()
            told = 0
            while self.faults < faults:
                # What nobody edits must stand still, so in some epochs nobody edits it.
                self.workload.edit_pools = self.chance.random() < 0.5
                self.workload.edit_rules = self.chance.random() < 0.5
                for _ in range(ROUNDS_TO_QUIET):
                    self._round()
                self.quiet()
                if self.faults >= told + max(faults // 20, 1):
                    told = self.faults
                    self.say(f"{told} faults, {self.quiets} quiet moments, {time.monotonic() - began:.0f} s")
            self.workload.stop()
            self.stop_in_order()
            return self.summary(began)
        except (Violation, AssertionError) as e:
            last = "\n  ".join(self.last)
            raise Violation(f"VIOLATION: {e}\nSEED={self.seed} BACKEND={self.cluster.backend}, "
                            f"after {self.faults} faults; the last ones:\n  {last}\n"
                            f"logs: {self.cluster.folder}\n{self.summary(began, 1)}") from None
        finally:
            self.end()

    def summary(self, began, violations=0):
        kinds = " ".join(f"{k}={n}" for k, n in sorted(self.counts.items()))
        return (f"chaos: backend={self.cluster.backend} seed={self.seed} faults={self.faults} violations={violations} "
                f"quiet={self.quiets} changes={self.workload.done} events={self.witness.events + self.nodes.events} "
                f"seconds={time.monotonic() - began:.0f}; {kinds}")

    def end(self):
        self.workload.stop()
        self.witness.stop()
        self.nodes.stop()
        with contextlib.suppress(OSError, AssertionError):
            self._heal_what_is_due(everything=True)
        for operator in self.operators:
            if operator is not None:
                operator.process.kill()
                operator.check_sanitizers()
