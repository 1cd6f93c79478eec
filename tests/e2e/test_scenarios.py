"""The scenarios of tests/scenarios (see its README.md) with the real program, on both back ends. The same
files run on the core alone in tests/scenarios/run_core.c."""

import glob
import json
import os
import re
import time

import pytest
import yaml

from lib import scenario_nodes as nodes
from lib.controlplane import ROOT
from lib.objects import MANAGED_BY, OPT_IN, SATISFIED, condition_of, key_of
from lib.rest import ApiError

POOL = "CiliumLoadBalancerIPPool"
KINDS = {"service": "Service", "pool": POOL, "record": "IPAddress", "node": "Node",
         "ciliumNode": "CiliumNode", "serviceCIDR": "ServiceCIDR", "policy": "IPPoolPolicy", "reservation": "IPReservation",
         "namespace": "Namespace"}
ANNOTATIONS = {"ips": "lbipam.cilium.io/ips", "key": "lbipam.cilium.io/sharing-key",
               "namespaces": "lbipam.cilium.io/sharing-cross-namespace",
               "differentPods": "lbipam.cilium.io/sharing-permit-different-pods", "pools": "berth.dev/pool"}
COUNTS = {"total": "cilium.io/IPsTotal", "available": "cilium.io/IPsAvailable", "used": "cilium.io/IPsUsed"}
STATES = ("used", "foreign", "firstlast", "reserved", "excluded", "cooling", "free")
# The register also has the ClusterIPs, which are no business of the scenarios.
CLUSTER_IP_ALLOCATOR = "ipallocator.k8s.io"  # of kube-apiserver: one record for each ClusterIP
PATIENCE = 20  # seconds until an expectation must be met


def scenarios():
    found = []
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "scenarios", "*.yaml"))):
        with open(path, encoding="utf-8") as f:
            for s in yaml.safe_load(f):
                backends = s.get("backends", ["embedded", "apiserver"])
                if set(backends) & {"embedded", "apiserver"}:
                    restarts = "before" in s or nodes.mentions(s, "ciliumNode") or any(
                        k in step for step in s["steps"] for k in ("restart", "crash"))
                    found.append(pytest.param(s, id=re.sub(r"[^a-z0-9]+", "-", s["name"].lower()),
                                              marks=[pytest.mark.durable] if restarts else []))
    return found


def split(name):
    namespace, slash, rest = name.partition("/")
    return (namespace, rest) if slash else ("default", name)


def seconds(text):
    number, unit = re.fullmatch(r"([0-9.]+)(ms|s|m|h)", text).groups()
    return float(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]


def stamp(text):
    """"-1h" and "+30s" from now on; else the time as it stands there."""
    if text[0] not in "+-":
        return text
    by = seconds(text[1:]) * (1 if text[0] == "+" else -1)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + by))


# From the short forms to objects

def service_of(form):
    namespace, name = split(form["name"])
    notes, opt_in = {}, form.get("optIn", True)
    if isinstance(opt_in, str):
        notes[OPT_IN] = opt_in
    elif opt_in and "class" not in form:
        notes[OPT_IN] = "true"
    for member, key in ANNOTATIONS.items():
        if member in form:
            notes[key] = str(form[member])
    notes.update({k: str(v) for k, v in form.get("annotations", {}).items()})
    ports = []
    for i, port in enumerate(form.get("ports", [80])):
        number, _, protocol = str(port).partition("/")
        ports.append({"name": f"p{i}", "port": int(number), "protocol": protocol or "TCP"})
    spec = {"type": form.get("type", "LoadBalancer"), "ports": ports, **form.get("spec", {})}
    if spec["type"] == "LoadBalancer":
        spec["allocateLoadBalancerNodePorts"] = False
    if "class" in form:
        spec["loadBalancerClass"] = form["class"]
    if spec.get("externalTrafficPolicy") == "Cluster":
        del spec["externalTrafficPolicy"]  # the default
    return {"kind": "Service", "spec": spec,
            "metadata": {"name": name, "namespace": namespace, "annotations": notes,
                         "labels": {k: str(v) for k, v in form.get("labels", {}).items()}}}


def pool_of(form):
    blocks = []
    for b in form["blocks"]:
        if isinstance(b, str):
            start, dash, stop = b.partition("-")
            b = {"cidr": b} if "/" in b else {"start": start, **({"stop": stop} if dash else {})}
        blocks.append(b)
    spec = {"blocks": blocks}
    for member, field in (("selector", "serviceSelector"), ("disabled", "disabled"),
                          ("firstLast", "allowFirstLastIPs")):
        if member in form:
            spec[field] = form[member]
    meta = {"name": form["name"], "labels": form.get("labels", {})}
    if "finalizers" in form:
        meta["finalizers"] = form["finalizers"]
    return {"kind": POOL, "metadata": meta, "spec": spec}


def record_of(form):
    notes = {"berth.dev/holder": form["holders"]} if "holders" in form else {}
    labels = {MANAGED_BY: form.get("manager", "berth")}
    if form.get("releasing"):
        notes["berth.dev/state"] = "releasing"
    if "state" in form:
        notes["berth.dev/state"] = form["state"]
    if "pool" in form:
        notes["berth.dev/pool"] = labels["berth.dev/pool"] = form["pool"]
    for member, key in (("block", "berth.dev/block"), ("owner", "berth.dev/owner")):
        if member in form:
            notes[key] = form[member]
    for member, key in (("allocated", "berth.dev/allocated-at"), ("released", "berth.dev/released-at")):
        if member in form:
            notes[key] = stamp(form[member])
    if "history" in form:
        notes["berth.dev/history"] = json.dumps(
            [{k: v if k == "holder" else stamp(v) for k, v in h.items()} for h in form["history"]])
    namespace, name = split((form.get("holders") or "default/none").split(",")[0])
    return {"kind": "IPAddress",
            "metadata": {"name": form["address"], "annotations": notes, "labels": labels},
            "spec": {"parentRef": {"group": "", "resource": "services", "namespace": namespace, "name": name}}}


def policy_of(form):
    fields = {"pool": "poolName", "selector": "poolSelector"}
    return {"kind": "IPPoolPolicy", "metadata": {"name": form["name"]},
            "spec": {fields.get(k, k): v for k, v in form.items() if k != "name"}}


def reservation_of(form):
    spec = {"addresses": form["addresses"]}
    if "for" in form:
        namespace, name = split(form["for"])
        spec["serviceRef"] = {"namespace": namespace, "name": name}
    if "expires" in form:
        spec["expiresAt"] = stamp(form["expires"])
    return {"kind": "IPReservation", "metadata": {"name": form["name"]}, "spec": spec}


def object_of(form):
    if "service" in form:
        return service_of(form["service"])
    if "pool" in form:
        return pool_of(form["pool"])
    if "record" in form:
        return record_of(form["record"])
    if "policy" in form:
        return policy_of(form["policy"])
    if "reservation" in form:
        return reservation_of(form["reservation"])
    if "namespace" in form:
        return {"kind": "Namespace", "metadata": {"name": form["namespace"]["name"],
                                                  "labels": form["namespace"].get("labels", {})}}
    if "node" in form:
        return nodes.node_of(form["node"])
    if "ciliumNode" in form:
        return nodes.cilium_node_of(form["ciliumNode"])
    if "serviceCIDR" in form:
        return {"kind": "ServiceCIDR", "metadata": {"name": form["serviceCIDR"]["name"]},
                "spec": {"cidrs": form["serviceCIDR"]["cidrs"]}}
    return form


def with_nulls(new, old):
    """A merge patch that leaves nothing of what was asked for last time and is not now."""
    return {**{k: None for k in old if k not in new}, **new}


class Run:
    def __init__(self, cluster, scenario):
        self.cluster = cluster
        self.scenario = scenario
        self.flags = scenario.get("flags", [])
        self.last = {}          # what was applied: (kind, namespace, name) -> object
        self.own = set()        # (kind, key, resourceVersion) of our own writes, and (kind, key) of deletions
        self.versions = {}      # of the Services at the last expect
        self.seen_events = set()
        self.recorders = {}
        self.counted = {}       # kind -> changes looked at by the last expect
        # The embedded API comes with the operator: what that writes at its start cannot be watched.
        self.expected = False   # the last step was an expect
        self.later = {}         # the next expect
        self.blind = "before" in scenario and cluster.backend == "embedded"
        self.on_nodes = any("nodes" in step.get("expect", {}).get("writes", {}) for step in scenario["steps"])
        self.refusal = False    # the next start is to be refused

    # Steps

    def remember(self, obj):
        kind = obj.get("kind") or "?"
        self.own.add((kind, key_of(obj), obj["metadata"]["resourceVersion"]))

    def apply_all(self, forms):
        for form, younger in nodes.by_age(forms):
            if younger:
                nodes.next_second()
            self.apply(form)

    def apply(self, form):
        obj = object_of(form)
        api, kind, meta = self.cluster.api, obj["kind"], obj["metadata"]
        namespace = meta.get("namespace", "default")
        if namespace != "default":
            self.cluster.create_namespace(namespace)
        if kind == "Namespace":  # those of earlier scenarios stay
            theirs = self.cluster.create_namespace(meta["name"])["metadata"].get("labels", {})
            labels = with_nulls(meta["labels"], {k: v for k, v in theirs.items() if "kubernetes.io/" not in k})
            api.patch(kind, meta["name"], {"metadata": {"labels": labels}})
            return
        at = (kind, namespace, meta["name"])
        if at in self.last:
            old = self.last[at]
            patch = {"metadata": {part: with_nulls(meta.get(part, {}), old["metadata"].get(part, {}))
                                  for part in ("annotations", "labels")},
                     "spec": with_nulls(obj.get("spec", {}), old.get("spec", {}))}
            if obj.get("spec", {}).get("type") == "ClusterIP":
                patch["spec"].pop("allocateLoadBalancerNodePorts", None)
            if "finalizers" in meta:
                patch["metadata"]["finalizers"] = meta["finalizers"]
            if patch["spec"].get("serviceSelector"):  # a selector is replaced, not merged
                patch["spec"]["serviceSelector"] = with_nulls(
                    patch["spec"]["serviceSelector"], old["spec"].get("serviceSelector") or {})
            self.remember({"kind": kind, **api.patch(kind, meta["name"], patch, namespace)})
        else:
            self.remember({"kind": kind, **api.create(obj)})
        self.last[at] = obj
        status = nodes.status_of(form)
        if status:
            self.remember({"kind": kind, **api.patch(kind, meta["name"], {"status": status[1]}, subresource="status")})
        body = form.get("service", {})
        if "status" in body or "condition" in body:
            self.write_status(body["name"], body.get("status"), body.get("manager", "somebody"),
                              body.get("condition"))

    def write_status(self, name, ingress, manager, condition=None):
        namespace, short = split(name)
        status = {}
        if ingress is not None:
            status["loadBalancer"] = {"ingress": [{"ip": i} if isinstance(i, str) else i for i in ingress]}
        if condition:
            status["conditions"] = [{"type": SATISFIED, "message": "", "observedGeneration": 0,
                                     "lastTransitionTime": "2026-01-01T00:00:00Z", **condition}]
            del status["conditions"][0]["observedGeneration"]
        self.remember({"kind": "Service", **self.cluster.api.patch(
            "Service", short, {"status": status}, namespace, "status", manager=manager)})

    def delete(self, text):
        form, _, name = text.partition("/")
        kind = KINDS[form]
        namespace, short = split(name) if kind == "Service" else ("default", name)
        self.cluster.api.delete(kind, short, namespace)
        self.own.add((kind, f"{namespace}/{short}" if kind == "Service" else short))
        self.last.pop((kind, namespace, short), None)

    def start(self):
        if any(f.startswith("--cluster-pool") for f in self.flags):
            self.cluster.grant("cluster-pool")
        self.cluster.start(*self.flags, ready=not self.refusal)

    def again(self, flags, end):
        if self.expected:
            # What is counted next is what comes of the restart.
            self.quiet(1.2)
            self.begin_counting()
        if self.cluster.operator.running():
            end()
        self.flags = flags or self.flags
        self.start()

    def step(self, step):
        if "apply" in step:
            self.apply_all(step["apply"])
        elif "delete" in step:
            for text in step["delete"]:
                self.delete(text)
        elif "write-status" in step:
            w = step["write-status"]
            self.write_status(w["name"], w["ingress"], w.get("manager", "somebody"))
        elif "wait" in step:
            time.sleep(seconds(step["wait"]))  # the claim is about time
        elif "restart" in step:
            self.again(step["restart"], self.cluster.operator.stop)
        elif "crash" in step:
            self.again(step["crash"], self.cluster.operator.kill9)
        elif "expect" in step:
            self.expect(step["expect"])
        else:
            raise AssertionError(f"a step that is not known: {step}")

    # Expectations

    def service_faults(self, name, want):
        namespace, short = split(name)
        svc = self.cluster.api.get("Service", short, namespace)
        ingress = (svc["status"].get("loadBalancer") or {}).get("ingress") or []
        have = [i.get("ip") or i.get("hostname") for i in ingress]
        if "addresses" in want and have != want["addresses"]:
            yield f"{name} has {have}, not {want['addresses']}"
        if "count" in want and len(have) != want["count"]:
            yield f"{name} has {have}, not {want['count']} addresses"
        if "ingress" in want and [{k: v for k, v in i.items() if (k, v) != ("ipMode", "VIP")} for i in ingress] \
                != want["ingress"]:
            yield f"{name}: its ingress list is {ingress}"
        c = condition_of(svc, SATISFIED)
        if want.get("condition") is False:
            if c:
                yield f"{name} has the condition {c}"
            return
        if "reason" in want and (c is None or c["reason"] != want["reason"]
                                 or (c["status"] == "True") != (want["reason"] == "satisfied")):
            yield f"{name}: condition {c}, not {want['reason']}"
        parts = want.get("message", [])
        for part in [parts] if isinstance(parts, str) else parts:
            text = (c or {}).get("message", "")
            if part not in text if part else text:
                yield f"{name}: message {text!r} without {part!r}"
        if want.get("untouched") and svc["metadata"]["resourceVersion"] != self.versions.get(key_of(svc)):
            yield f"{name} was written to"

    @staticmethod
    def condition_faults(name, obj, want):
        for kind, wanted in want.items():
            part = ""
            if isinstance(wanted, list):
                wanted, part = wanted
            c = condition_of(obj, kind)
            if wanted is None or c is None:
                if wanted is not None or c is not None:
                    yield f"{name}: {kind} is {c}"
            elif (c["reason"] != wanted) if isinstance(wanted, str) else ((c["status"] == "True") != wanted):
                yield f"{name}: {kind} is {c}, not {wanted}"
            elif part not in c["message"]:
                yield f"{name}: {c['message']!r} without {part!r}"

    def count_faults(self, name, counts):
        metrics = self.cluster.operator.metrics() if counts else None
        for state, n in counts.items():
            assert state in STATES
            have = metrics.total("berth_pool_addresses", pool=name, state=state)
            if have != n:
                yield f"pool {name}: {have} {state}, not {n}"

    def pool_faults(self, name, want):
        if name == "cluster-pool" and set(want) == {"counts"}:  # the built-in one is no object
            yield from self.count_faults(name, want["counts"])
            return
        pool = self.cluster.api.find(POOL, name)
        if pool is None or want.get("gone"):
            if (pool is None) != bool(want.get("gone")):
                yield f"pool {name} is {pool and pool['metadata']}"
            return
        yield from self.condition_faults(f"pool {name}", pool, want.get("conditions", {}))
        if "finalizers" in want and pool["metadata"].get("finalizers", []) != want["finalizers"]:
            yield f"pool {name} has the finalizers {pool['metadata'].get('finalizers')}"
        if "deleting" in want and ("deletionTimestamp" in pool["metadata"]) != want["deleting"]:
            yield f"pool {name}: {pool['metadata']}"
        yield from self.count_faults(name, want.get("counts", {}))
        for member, kind in COUNTS.items():
            c = condition_of(pool, kind)
            if member in want and (c or {}).get("message") != str(want[member]):
                yield f"pool {name}: {member} {c}, not {want[member]}"
        for member, kind in (("conflict", "cilium.io/PoolConflict"), ("valid", "berth.dev/Valid")):
            if member not in want:
                continue
            c = condition_of(pool, kind) or {"status": "none", "reason": "none", "message": "none"}
            wanted = want[member]
            if (c["reason"] != wanted) if isinstance(wanted, str) else ((c["status"] == "True") != wanted):
                yield f"pool {name}: {member} {c}, not {wanted}"
            elif want.get("message", "") not in c["message"]:
                yield f"pool {name}: {c['message']!r} without {want['message']!r}"
        if "condition" in want and not condition_of(pool, want["condition"]):
            yield f"pool {name} has no condition {want['condition']}"
        for c in pool.get("status", {}).get("conditions", []):
            if c["type"] in (*COUNTS.values(), "berth.dev/Valid", "cilium.io/PoolConflict") \
                    and c.get("observedGeneration") != pool["metadata"]["generation"]:
                yield f"pool {name}: {c['type']} is of generation {c.get('observedGeneration')}"

    @staticmethod
    def record_note_faults(address, record, notes, want):
        if (record is None) != bool(want.get("gone")):
            yield f"the record of {address} is {record and record['metadata']}"
        if record is None:
            return
        for member, key in (("holders", "berth.dev/holder"), ("state", "berth.dev/state"),
                            ("pool", "berth.dev/pool")):
            if member in want and notes.get(key) != want[member]:
                yield f"the record of {address}: {key} is {notes.get(key)}, not {want[member]}"
        if "history" in want:
            have = [h["holder"] + ("" if "until" in h else "*")
                    for h in json.loads(notes.get("berth.dev/history", "[]"))]
            if have != want["history"]:
                yield f"the history of {address} is {have}, not {want['history']}"

    def reservation_faults(self, name, want):
        reservation = self.cluster.api.get("IPReservation", name)
        status = reservation.get("status", {})
        for member in ("phase", "holder"):
            if member in want and status.get(member, "") != want[member]:
                yield f"reservation {name}: {status}, not {want}"
        if want.get("message", "") not in status.get("message", ""):
            yield f"reservation {name}: {status}, not {want}"
        if "phase" in want and status.get("observedGeneration") != reservation["metadata"]["generation"]:
            yield f"reservation {name}: {status} is of another generation"

    def record_faults(self, want):
        for address, holders in want.get("records", {}).items():
            record = self.cluster.api.find("IPAddress", address)
            notes = (record or {"metadata": {}})["metadata"].get("annotations", {})
            if isinstance(holders, dict):
                yield from self.record_note_faults(address, record, notes, holders)
                continue
            if record and "berth.dev/released-at" in notes:
                record, notes = None, {}
            if (holders is None) != (record is None) or notes.get("berth.dev/holder") != holders:
                yield f"the record of {address} is {record and record['metadata']}, not of {holders}"
        if "records-count" in want:
            n = sum("berth.dev/released-at" not in r["metadata"].get("annotations", {})
                    for r in self.cluster.api.list("IPAddress", labelSelector=f"{MANAGED_BY}=berth"))
            if n != want["records-count"]:
                yield f"{n} records, not {want['records-count']}"

    def new_events(self):
        lines = []
        for e in self.cluster.api.list("Event"):
            about, stamp = e["involvedObject"], (e["metadata"]["uid"], e.get("count"))
            if stamp in self.seen_events:
                continue
            name = f"{about['namespace']}/{about['name']}" if about.get("namespace") else about["name"]
            lines.append((stamp, f"{e['type']} {e['reason']} {name}: {e['message']}"))
        return lines

    def faults(self, want):
        for name, w in want.get("services", {}).items():
            yield from self.service_faults(name, w)
        for name, w in want.get("pools", {}).items():
            yield from self.pool_faults(name, w)
        for name, w in want.get("policies", {}).items():
            yield from self.condition_faults(f"policy {name}", self.cluster.api.get("IPPoolPolicy", name),
                                             w.get("conditions", {}))
        for name, w in want.get("reservations", {}).items():
            yield from self.reservation_faults(name, w)
        yield from self.record_faults(want)
        yield from nodes.faults(self.cluster, want)
        if want.get("events"):
            text = "\n".join(line for _, line in self.new_events())
            for part in want["events"]:
                if part not in text:
                    yield f"no Event {part!r} among:\n{text}"

    def writes(self, kind):
        """Writes of berth to objects of the kind since the last expect."""
        recorder = self.recorders[kind]
        recorder.caught_up()
        changes = recorder.snapshot()[self.counted.get(kind, 0):]
        found = []
        for c in changes:
            if kind == "IPAddress" and c.manager == CLUSTER_IP_ALLOCATOR:
                continue
            if c.type == "DELETED":
                if kind == "IPAddress" and (kind, c.key) not in self.own:
                    found.append(c)
            elif (kind, c.key, c.version) not in self.own:
                found.append(c)
        return found

    def expect_refusal(self, part):
        operator = self.cluster.operator
        assert operator.process.popen.wait(30) == 2, operator.log_text()
        assert part in operator.log_text(), operator.log_text()

    def expect(self, want):
        if "refused" in want:
            self.expect_refusal(want["refused"])
            return
        deadline = time.monotonic() + PATIENCE
        while True:
            wrong = list(self.faults(want))
            if not wrong or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        assert not wrong, "\n".join(wrong)
        counts = want.get("writes", {})
        unmoved = counts or "no-events" in want or any(
            w.get("untouched") for w in want.get("services", {}).values())
        if unmoved:
            # Nothing more may come. Counts of pools are written up to a second later.
            self.quiet(1.2 if "pools" in counts else 0.5)
            wrong = list(self.faults(want))
        elif self.needs_rest(want):
            self.quiet(0.5)
        for part in want.get("no-events", []):
            wrong += [f"an Event: {line}" for _, line in self.new_events() if part in line]
        for member, kinds in (("services", ["Service"]), ("records", ["IPAddress"]), ("pools", [POOL]),
                              ("nodes", ["Node", "CiliumNode"])):
            if member not in counts or self.blind:
                continue
            found = [c for kind in kinds if kind in self.recorders for c in self.writes(kind)]
            if len(found) > counts[member] if member == "pools" else len(found) != counts[member]:
                wrong.append(f"{len(found)} writes to {member}, not {counts[member]}: {found}")
        assert not wrong, "\n".join(wrong)
        self.blind = False
        self.begin_counting()

    def needs_rest(self, want):
        """Does the next expectation say "no write" of what this one does not wait for?"""
        told = want.get("services", {})
        return "writes" in self.later or any(
            w.get("untouched") and name not in told for name, w in self.later.get("services", {}).items())

    def quiet(self, duration):
        self.cluster.settled(lambda: {k: len(r.snapshot()) for k, r in self.recorders.items()}, quiet=duration)

    def begin_counting(self):
        self.versions = {key_of(s): s["metadata"]["resourceVersion"] for s in self.cluster.api.list("Service")}
        self.seen_events |= {stamp for stamp, _ in self.new_events()}
        for kind, recorder in self.recorders.items():
            recorder.caught_up()
            self.counted[kind] = len(recorder.snapshot())

    # All together

    def play(self):
        before = self.scenario.get("before", [])
        cilium = nodes.mentions(self.scenario, "ciliumNode")
        if before or cilium:
            with self.cluster.api_only():
                if cilium:
                    nodes.serve_cilium_nodes(self.cluster)
                self.apply_all(before)
                self.versions = {key_of(s): s["metadata"]["resourceVersion"]
                                 for s in self.cluster.api.list("Service")}
                self.seen_events |= {stamp for stamp, _ in self.new_events()}
        if before and self.cluster.backend == "apiserver":
            self.record()
        self.start()
        if not self.recorders:
            self.record()
        steps = self.scenario["steps"]
        for i, (step, after) in enumerate(zip(steps, [*steps[1:], {}])):
            self.refusal = "refused" in after.get("expect", {})
            self.later = next((s["expect"] for s in steps[i + 1:] if "expect" in s), {})
            self.step(step)
            self.expected = "expect" in step and not self.refused(step)

    @staticmethod
    def refused(step):
        return "refused" in step.get("expect", {})

    def record(self):
        kinds = ["Service", "IPAddress", POOL]
        if self.on_nodes:
            kinds += ["Node"] + (["CiliumNode"] if nodes.mentions(self.scenario, "ciliumNode") else [])
        self.recorders = {k: self.cluster.record(k) for k in kinds}
        for kind, recorder in self.recorders.items():
            self.counted[kind] = len(recorder.snapshot())

    def clean(self):
        if nodes.mentions(self.scenario, "ciliumNode") and self.cluster.backend == "apiserver":
            for operator in self.cluster.operators:
                if operator.running():
                    operator.stop()
            self.cluster.kubectl("delete", "--ignore-not-found", "-f", nodes.CILIUM_NODES)
        for kind, _, name in self.last:
            if kind == "ServiceCIDR":  # a kind that the fixture leaves standing, as Namespaces
                try:
                    self.cluster.api.delete(kind, name)
                except (ApiError, OSError):
                    pass  # the embedded API may be gone already


@pytest.mark.parametrize("scenario", scenarios())
def test_scenario(cluster, backend, scenario):
    if backend not in scenario.get("backends", [backend]):
        pytest.skip(f"not on {backend}")
    run = Run(cluster, scenario)
    try:
        run.play()
    finally:
        run.clean()
