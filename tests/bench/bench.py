#!/usr/bin/env python3
"""Whole-program benchmarks: berth against a kube-apiserver of its own and against the embedded API, each
figure with its goal beside it. What is told as a ratio was measured in this run, on the same server, with
Services in the same state."""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("build", help="Meson's build folder")
    p.add_argument("--services", type=int, default=3000, help="waiting Services on kube-apiserver (default 3000)")
    p.add_argument("--big", type=int, default=20000, metavar="N",
                   help="then one round with N Services, if the minutes allow (default 20000, 0 = none)")
    p.add_argument("--rounds", type=int, default=3, help="of which the median counts (default 3)")
    p.add_argument("--minutes", type=float, default=15,
                   help="what would take longer than that in all is left out, and the table says so (default 15)")
    p.add_argument("--sizes", default="1000,3000,10000,20000,50000,100000",
                   help="Services on the embedded API, for cost against size")
    p.add_argument("--only", default="", help="parts, with commas between: "
                   "binary,core,empty,backlog,restart,latency,settled,embedded")
    p.add_argument("--static", metavar="FILE", default=os.path.join(ROOT, "build-static", "berth"),
                   help="the static program, measured beside the other where it is there (default build-static/berth)")
    p.add_argument("--json", help="write all figures to this file")
    p.add_argument("--append", metavar="FILE", help="append the table to this Markdown file")
    p.add_argument("--plot", metavar="FILE", help="draw cost against size into this SVG file")
    return p.parse_args()


OPTIONS = arguments()


def program(*places):
    for place in places:
        path = os.path.abspath(os.path.join(OPTIONS.build, place))
        if os.access(path, os.X_OK):
            return path
    sys.exit(f"bench: no {places[0]} in {OPTIONS.build}: build it first")


BERTH = program("berth", "src/cmd/berth")
STATIC = os.path.abspath(OPTIONS.static) if os.access(OPTIONS.static, os.X_OK) else None
os.environ["BERTH_BIN"] = BERTH  # read when lib.berth is imported

from lib.cluster import ApiserverCluster  # noqa: E402
from lib.controlplane import ControlPlane, write_kubeconfig  # noqa: E402
from lib.objects import pool, service  # noqa: E402
from lib.process import Process, free_port, wait_until  # noqa: E402
from lib.rest import Api  # noqa: E402

from cost_plot import Panel, draw  # noqa: E402
from operator_run import OperatorRun, ready_seconds  # noqa: E402
from results import Results, machine, median, percentile  # noqa: E402
from server import Server, Watcher, name_of  # noqa: E402

POOL = pool("bench", "10.0.0.0/12")
LATENCY_SAMPLES = 200
SETTLED_SECONDS = 30
GIVEN_BACK_SECONDS = 11  # what a burst took is freed when it was not used for 5 s, twice looked at
MB = 1024  # kB

results = Results("make bench" if len(sys.argv) == 2 else "tests/bench/bench.py " + " ".join(sys.argv[1:]))


def wanted(part):
    return not OPTIONS.only or part in OPTIONS.only.split(",")


def title(text):
    print(f"{text} ({time.monotonic() - BEGIN:.0f} s)", flush=True)


BEGIN = time.monotonic()


def minutes_gone():
    return (time.monotonic() - BEGIN) / 60


# Without a server

def binary_size(folder):
    def stripped(path):
        out = os.path.join(folder, "berth.stripped")
        subprocess.run(["strip", "-o", out, path], check=True)
        return os.path.getsize(out) // 1024

    results.add("binary, stripped", stripped(BERTH), "kB", 1 * MB, "without libraries")
    if STATIC:
        results.add("static binary, stripped", stripped(STATIC), "kB")


def core():
    """Of bench_core's table: one million addresses held, the worse of the two families."""
    text = subprocess.run([program("tests/bench/bench_core")], capture_output=True, text=True, check=True).stdout
    results.raw["core"] = text
    rows = [line.replace("|", " ").split() for line in text.splitlines() if re.match(r"\S+\s+1000000 ", line)]
    # family held given again free get count first any holes bytes bytes
    for what, columns in (("any", (8, 9)), ("given", (2, 3)), ("free", (4,))):
        worst = max(float(r[c]) for r in rows for c in columns)
        results.add(f"allocator at 1,000,000 held: {what}", worst / 1000, "us", 1.0)


# One run over a backlog

class Place:
    """A server with Services, and how berth is told of it."""

    def __init__(self, server, kubeconfig, folder):
        self.server, self.kubeconfig, self.folder = server, kubeconfig, folder

    def flags(self, records):
        return ["--leader-elect=false", f"--kubeconfig={self.kubeconfig}",
                f"--address-records={'on' if records else 'off'}"]

    def operator(self, records, program=None):
        return OperatorRun(self.flags(records), self.folder, program)


def memory_settled(run):
    time.sleep(GIVEN_BACK_SECONDS)
    return run.memory()


def served_apart(watcher, count):
    assert len(set(watcher.addresses.values())) == count, "two Services have one address"


def backlog_run(place, watcher, count, records, program=None):
    """Starts berth on `count` waiting Services. Leaves it running; returns (it, figures)."""
    run = place.operator(records, program)
    done = watcher.wait_served(count)
    figures = {"cpu": run.cpu(), "seconds": done - run.start, "memory": run.memory()}
    figures["lists"] = run.lists_complete()
    figures["seconds_from_lists"] = figures["seconds"] - figures["lists"]
    figures["seconds_with_events"] = run.settle() - run.start
    figures["cpu_with_events"] = run.cpu()
    figures["requests"] = {f"{v} {r}": n for (v, r), n in run.requests().items()}
    served_apart(watcher, count)
    return run, figures


def backlogs(place, watcher, count, rounds, finish):
    """The server's limit and berth in turns, every second round the other way round. finish(run, records)
    gets berth of the last round while it is running and all is served, for each way of records."""
    def h2load():
        return place.server.limit_h2load(watcher, count)

    def load(records):
        return lambda: place.server.limit_load(watcher, count, records)

    last = {}

    def berth(records):
        def go():
            run, figures = backlog_run(place, watcher, count, records)
            if last["round"]:
                figures["memory_settled"] = memory_settled(run)
                finish(run, records)
            else:
                run.stop()
            return figures
        return go

    def static_berth():
        run, figures = backlog_run(place, watcher, count, False, STATIC)
        run.stop()
        return figures

    kinds = {"patches by h2load": h2load, "patches by load": load(False), "berth, records off": berth(False),
             "creates and patches by load": load(True), "berth, records on": berth(True)}
    if STATIC:
        kinds["berth, static, records off"] = static_berth
    if count != OPTIONS.services:
        del kinds["patches by load"]  # told once
    raw = {kind: [] for kind in kinds}
    for number in range(rounds):
        last["round"] = number == rounds - 1
        for kind in (kinds if number % 2 == 0 else reversed(kinds)):
            figures = kinds[kind]()
            raw[kind].append(figures)
            print(f"  round {number + 1}: {kind}: {figures['seconds']:.2f} s", flush=True)
            place.server.clear(watcher)
    return raw


def tell_backlogs(count, raw):
    def med(kind, what):
        return median([f[what] for f in raw[kind]])

    def ratio(what, kind, limit):
        return median([a[what] / b["seconds"] for a, b in zip(raw[kind], raw[limit])])

    results.raw[f"backlog {count}"] = raw
    for kind in (k for k in raw if not k.startswith("berth")):
        results.add(f"{count:,}: server's limit, {kind}", med(kind, "seconds"), "s")
    for records, limit in (("off", "patches by h2load"), ("on", "creates and patches by load")):
        kind = f"berth, records {records}"
        label = f"{count:,}, records {records}"
        results.add(f"{label}: to the last status", med(kind, "seconds"), "s",
                    note=f"{med(kind, 'lists'):.2f} s of it lists")
        results.add(f"{label}: ratio to the limit", ratio("seconds", kind, limit), "", 1.25)
        results.add(f"{label}: the same from the end of the lists", ratio("seconds_from_lists", kind, limit), "")
        results.add(f"{label}: the same with Events", ratio("seconds_with_events", kind, limit), "")
        # The goal is for 3,000.
        results.add(f"{label}: CPU to the last status", med(kind, "cpu"), "s", 0.5 if count == 3000 else None)
        results.add(f"{label}: CPU with Events", med(kind, "cpu_with_events"), "s")
        # With records off: a record is an object too.
        goals = {3000: (6 * MB, 16 * MB), 20000: (16 * MB if records == "off" else None, None)}.get(count, (None, None))
        results.add(f"{label}: RssAnon, settled", raw[kind][-1]["memory_settled"]["RssAnon"], "kB", goals[0],
                    f"{median([f['memory']['RssAnon'] for f in raw[kind]]):,} at the last status")
        results.add(f"{label}: VmHWM", median([f["memory"]["VmHWM"] for f in raw[kind]]), "kB", goals[1])
    kind = "berth, static, records off"
    if kind in raw:
        label = f"{count:,}, static, records off"
        results.add(f"{label}: ratio to the limit", ratio("seconds", kind, "patches by h2load"), "")
        results.add(f"{label}: CPU to the last status", med(kind, "cpu"), "s", 0.5 if count == 3000 else None)
        results.add(f"{label}: VmHWM", median([f["memory"]["VmHWM"] for f in raw[kind]]), "kB",
                    8 * MB if count == 3000 else None)


# Parts of the run against kube-apiserver

def start_on_empty(place):
    programs = {"start to ready": None, **({"static, start to ready": STATIC} if STATIC else {})}
    seconds = {what: [] for what in programs}
    for _ in range(5):
        for what, path in programs.items():
            run = place.operator(True, path)
            seconds[what].append(ready_seconds(run.operator, run.start))
            run.stop()
    results.raw["start to ready"] = seconds
    for what in programs:
        results.add(f"{what}, empty cluster", median(seconds[what]) * 1000, "ms", 50)


def server_writes_since(place, before):
    now = place.server.writes()
    return {f"{v} {r}": n - before.get((v, r), 0) for (v, r), n in now.items() if n != before.get((v, r), 0)}


def restart(place, watcher, run, count, records):
    label = f"restart, {count:,} assigned, records {'on' if records else 'off'}"
    run.stop()
    served = dict(watcher.addresses)
    before = place.server.writes()
    run = place.operator(records)
    run.lists_complete()
    run.settle()
    run.stop()
    written = server_writes_since(place, before)
    results.add(f"{label}: writes", sum(written.values()), "requests", 0, str(written) if written else "")
    assert watcher.addresses == served, "an address moved"

    admin = place.server.api
    admin.create(service("late"))
    watcher.wait("the late Service", lambda: "late" in watcher.added, 10)
    lists = [place.server.streaming_list() for _ in range(3)]
    patches = [place.server.patch_round_trip("late") for _ in range(9)]
    run = place.operator(records)
    watcher.wait("the late Service has its address", lambda: "late" in watcher.served, 60)
    seconds = watcher.served["late"] - run.start
    run.settle()
    run.stop()
    served_apart(watcher, count + 1)
    admin.delete("Service", "late")
    watcher.wait("the late Service is gone", lambda: "late" not in watcher.served, 10)
    results.raw[label] = {"seconds": seconds, "lists": lists, "patches": patches, "writes": written}
    results.add(f"{label}: to the first new address", seconds * 1000, "ms",
                (median(lists) + median(patches)) * 1000 + 50,
                f"list {median(lists) * 1000:.0f} ms, patch {median(patches) * 1000:.1f} ms")


def latency(place, watcher):
    """One Service at a time, in turns with a patch by a client that does nothing else."""
    admin = place.server.api
    run = place.operator(False)
    run.lists_complete()
    run.settle()
    admin.create(service("measure", opted_in=False))
    names, ours, patches = [f"l{i}" for i in range(LATENCY_SAMPLES)], [], []
    for name in names:
        admin.create(service(name))
        watcher.wait(f"{name} has its address", lambda name=name: name in watcher.served, 30)
        ours.append((watcher.served[name] - watcher.added[name]) * 1000)
        patches.append(place.server.patch_round_trip("measure") * 1000)
    run.settle()
    run.stop()
    for name in [*names, "measure"]:
        admin.delete("Service", name)
    watcher.wait("they are gone", lambda: not any(n in watcher.served for n in names), 30)
    results.raw["latency"] = {"berth": ours, "patch": patches}
    for p, more in ((50, 2), (99, 10)):
        trip = percentile(patches, p)
        results.add(f"Service seen to status seen, one at a time, p{p}", percentile(ours, p), "ms",
                    trip + more, f"a patch alone: {trip:.1f} ms")


def settled(run):
    run.settle()
    requests, cpu = run.requests(), run.cpu()
    time.sleep(SETTLED_SECONDS)  # the one thing here that is measured by letting time pass
    cpu = run.cpu() - cpu
    more = {k: n - requests.get(k, 0) for k, n in run.requests().items() if n != requests.get(k, 0)}
    # A watch that the server ended by its own timeout is begun again.
    sent = sum(n for (verb, _), n in more.items() if verb != "watch")
    results.add(f"settled, {SETTLED_SECONDS} s: requests but watches", sent, "requests", 0,
                str({f"{v} {r}": n for (v, r), n in more.items()}) if more else "")
    results.add(f"settled, {SETTLED_SECONDS} s: CPU", cpu / SETTLED_SECONDS * 100, "%", 0.05)


@contextlib.contextmanager
def control_plane(folder):
    plane = ControlPlane(folder)
    try:
        plane.start()
        cluster = ApiserverCluster(folder, plane)
        token = cluster.install()["token"]
        server = Server(plane.admin, program("tests/bench/load"), folder, token, plane.admin_token)
        yield Place(server, cluster.operator_kubeconfig, folder)
    finally:
        plane.stop()


def against_apiserver(folder):
    with control_plane(folder) as place:
        if wanted("empty"):
            title("start on an empty cluster")
            start_on_empty(place)
        parts = [p for p in ("backlog", "restart", "latency", "settled") if wanted(p)]
        if not parts:
            return
        place.server.api.create(POOL)
        watcher = Watcher(place.server.api)
        done = 0
        for count in [OPTIONS.services] + ([OPTIONS.big] if OPTIONS.big else []):
            title(f"{count:,} Services on kube-apiserver")
            began = time.monotonic()
            if done:
                takes = ((made["seconds"] / done) * (count - done) + a_round / done * count) / 60
                if minutes_gone() + takes > OPTIONS.minutes:
                    results.left_out(f"{count:,} Services on kube-apiserver",
                                     f"would take {takes:.0f} minutes more; --minutes allows it")
                    break
            made = place.server.create_services(range(done, count))
            results.raw[f"creating {count - done} Services"] = made
            print(f"  {count - done:,} created in {made['seconds']:.1f} s", flush=True)
            done = count
            # The first status ever written leaves its marks in managedFields: all runs shall find them.
            place.server.limit_load(watcher, count, False)
            place.server.clear(watcher)

            def finish(run, records, count=count):
                if records and wanted("settled") and count == OPTIONS.services:
                    settled(run)
                if wanted("restart"):
                    restart(place, watcher, run, count, records)
                else:
                    run.stop()

            rounds = OPTIONS.rounds if count == OPTIONS.services else 1
            tell_backlogs(count, backlogs(place, watcher, count, rounds, finish))
            a_round = (time.monotonic() - began) / rounds
            if wanted("latency") and count == OPTIONS.services:
                title("one Service at a time")
                latency(place, watcher)
        watcher.stop()


def restart_cost(place, watcher, count):
    """What a start costs that finds all served: seconds and CPU until it knows all."""
    served = dict(watcher.addresses)
    run = place.operator(False)
    seconds = run.lists_complete()
    figures = {"seconds": seconds, "settled": run.settle() - run.start, "cpu": run.cpu()}
    run.stop()
    assert watcher.addresses == served and len(served) == count, "a restart changed something"
    return figures


def median_of(runs):
    return {key: median([r[key] for r in runs]) for key in runs[0]}


def against_embedded(folder):
    """Cost against size; the API and its store are a process of their own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    api_process = Process("embedded", [program("tests/tools/embedded_server"), f"127.0.0.1:{port}"],
                          os.path.join(folder, "embedded.log"))
    try:
        api = Api(url)
        def answers():
            try:
                return api.raw("GET", "/readyz")[0] == 200
            except OSError:
                return False
        wait_until("the embedded API answers", answers)
        place = Place(Server(api, program("tests/bench/load"), folder),
                      write_kubeconfig(os.path.join(folder, "embedded.kubeconfig"), url), folder)
        api.create(POOL)
        watcher = Watcher(api)
        done = 0
        costs = []
        for count in map(int, OPTIONS.sizes.split(",")):
            title(f"{count:,} Services on the embedded API")
            made = place.server.create_services(range(done, count))
            run, figures = backlog_run(place, watcher, count, False)
            figures["memory_settled"] = memory_settled(run)
            run.stop()
            figures["created"] = made
            again = figures["restart"] = median_of([restart_cost(place, watcher, count) for _ in range(3)])
            results.raw[f"embedded {count}"] = figures
            label = f"{count:,}, embedded, records off"
            goal = {3000: 6, 20000: 16, 100000: 64}.get(count)
            results.add(f"{label}: RssAnon, settled", figures["memory_settled"]["RssAnon"], "kB", goal and goal * MB,
                        f"{figures['memory']['RssAnon']:,} at the last status")
            results.add(f"{label}: VmHWM", figures["memory"]["VmHWM"], "kB")
            results.add(f"{label}: CPU for {count - done:,} more", figures["cpu_with_events"], "s",
                        note=f"{figures['seconds']:.1f} s to the last status")
            results.add(f"{label}: restart, until the lists are complete", again["seconds"] * 1000, "ms",
                        note=f"{again['cpu']:.2f} s of CPU until it is quiet")
            costs.append({"services": count, "memory": figures["memory_settled"]["RssAnon"] / MB,
                          "restart": again["seconds"], "restart_cpu": again["cpu"],
                          "serve": figures["cpu_with_events"] / (count - done) * 1e6})
            done = count
        results.raw["cost"] = costs
        watcher.stop()
    finally:
        api_process.stop()


def plot(path, costs):
    def line(key):
        return [(c["services"], c[key]) for c in costs]

    draw(path, f"berth {results.machine['commit']}: cost against the number of Services", [
        Panel("Memory of its own (RssAnon), settled", "MB", {"berth": line("memory")},
              {"goal": [(3000, 6), (20000, 16), (100000, 64)]}),
        Panel("Start with all of them served", "s",
              {"until it knows all": line("restart"), "CPU until it is quiet": line("restart_cpu")}),
        Panel("CPU for each Service that is served", "us", {"berth": line("serve")}),
    ])


def main():
    results.machine = machine(ROOT)
    m = results.machine
    print(f"{m['cpu']}, {m['cores']} cores, Linux {m['kernel']}, commit {m['commit']}", flush=True)
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as folder:
        if wanted("binary"):
            binary_size(folder)
        if wanted("core"):
            title("the allocator")
            core()
        # The part that may be left out comes last.
        if wanted("embedded"):
            against_embedded(folder)
        if any(wanted(p) for p in ("empty", "backlog", "restart", "latency", "settled")):
            against_apiserver(folder)
    print()
    title("all of it")
    print(results.table())
    missed = sum(r["met"] is False for r in results.rows)
    print(f"\n{sum(r['met'] is True for r in results.rows)} goals met, {missed} missed")
    if OPTIONS.json:
        results.write_json(OPTIONS.json)
    if OPTIONS.append:
        results.append_to(OPTIONS.append)
    if OPTIONS.plot and results.raw.get("cost"):
        plot(OPTIONS.plot, results.raw["cost"])


if __name__ == "__main__":
    main()
