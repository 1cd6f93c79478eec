"""Figures with the goal beside each, as a table, as JSON and as a section of docs/benchmarks.md."""

import json
import os
import platform
import statistics
import subprocess
import time


class Results:
    def __init__(self, command):
        self.rows = []
        self.raw = {}
        self.command = command

    def add(self, what, figure, unit, goal=None, note=""):
        """goal: the most that is good; None = told for comparison."""
        self.rows.append({"what": what, "figure": figure, "unit": unit, "goal": goal,
                          "met": None if goal is None else figure <= goal, "note": note})
        print("  " + self.line(self.rows[-1]), flush=True)

    def left_out(self, what, why):
        self.rows.append({"what": what, "figure": None, "unit": "", "goal": None, "met": None,
                          "note": f"left out: {why}"})
        print("  " + self.line(self.rows[-1]), flush=True)

    @staticmethod
    def number(value, unit):
        if value is None:
            return ""
        if isinstance(value, int) or unit in ("kB", "requests"):
            return f"{value:,.0f}"
        return f"{value:.3f}" if abs(value) < 0.1 else f"{value:.2f}"

    def line(self, r):
        goal = "" if r["goal"] is None else f"<= {self.number(r['goal'], r['unit'])}"
        met = {None: "", True: "met", False: "MISSED"}[r["met"]]
        return f"{r['what']:64} {self.number(r['figure'], r['unit']):>10} {r['unit']:9} {goal:11} {met:7}{r['note']}"

    def table(self):
        return "\n".join(self.line(r) for r in self.rows)

    def markdown(self):
        out = [f"## {self.machine['date']}, {self.machine['commit']}", "",
               f"{self.machine['cpu']}, {self.machine['cores']} cores, Linux {self.machine['kernel']}; "
               f"`{self.command}`", "",
               "| what | figure | goal | |", "|---|---:|---:|---|"]
        for r in self.rows:
            goal = "" if r["goal"] is None else f"<= {self.number(r['goal'], r['unit'])}"
            met = {None: "", True: "met", False: "**missed**"}[r["met"]]
            out.append(f"| {r['what']} | {self.number(r['figure'], r['unit'])} {r['unit']} | {goal} | "
                       f"{' '.join(filter(None, (met, r['note'])))} |")
        return "\n".join(out) + "\n"

    def write_json(self, path):
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"machine": self.machine, "command": self.command, "rows": self.rows, "raw": self.raw}, f,
                      indent=1)

    def append_to(self, path):
        with open(path, "a", encoding="utf-8") as f:
            f.write("\n" + self.markdown())


def machine(root):
    cpu = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    def git(*argv):
        done = subprocess.run(["git", "-C", root, *argv], capture_output=True, text=True, check=False)
        return done.stdout.strip() or "unknown"
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "kernel": platform.release(),
            "commit": git("rev-parse", "--short", "HEAD"),
            "date": time.strftime("%Y-%m-%d")}


def median(values):
    return statistics.median(values)


def percentile(values, p):
    """The smallest value that at least p percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * p // 100) - 1)]
