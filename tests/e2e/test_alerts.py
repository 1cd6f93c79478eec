"""The alert rules and the dashboard that are shipped: each name in them is one that the program exports, with those
labels; promtool takes every expression, and each alert fires when it should."""

import json
import os
import re
import shutil
import subprocess
import time

import pytest
import yaml

from lib.controlplane import ROOT
from lib.objects import SATISFIED
from lib.process import wait_until
from lib.promql import parse

FILES = os.path.join(ROOT, "deploy", "chart", "files")

# Prometheus' own, about each target.
TARGET = {"instance", "job", "namespace", "pod"}


def alerts():
    with open(os.path.join(FILES, "alerts.yaml"), encoding="utf-8") as f:
        return [rule for group in yaml.safe_load(f)["groups"] for rule in group["rules"]]


def panels():
    with open(os.path.join(FILES, "dashboard.json"), encoding="utf-8") as f:
        return json.load(f)


def expressions():
    """{where it stands: expression}"""
    found = {f"alert {rule['alert']}": rule["expr"] for rule in alerts()}
    for panel in panels()["panels"]:
        for target in panel["targets"]:
            found[f"panel {panel['title']} {target['refId']}"] = target["expr"].replace('pool=~"$pool"', 'pool=~".*"')
    return found


@pytest.fixture(scope="module")
def promtool():
    done = subprocess.run([os.path.join(ROOT, "tests", "controlplane", "promtool.sh")], stdout=subprocess.PIPE,
                          text=True, check=True)
    program = done.stdout.splitlines()[-1]

    def run(*argv, **kwargs):
        return subprocess.run([program, *argv], capture_output=True, text=True, check=False, **kwargs)
    return run


@pytest.fixture
def exported(behind_proxy):
    """The metrics of an operator to which everything has happened that adds a family or a label of its own."""
    cluster, proxy, flag = behind_proxy
    proxy.listen()
    growing = f"blue ipv4 {int(time.time() // 3600) - 3} 1 2 3 4\n"
    cluster.api.create({"apiVersion": "v1", "kind": "ConfigMap", "data": {"samples": growing},
                        "metadata": {"name": "berth-forecast", "namespace": "berth-system"}})
    operator = cluster.start(flag)
    cluster.create_pool("blue", "192.0.2.0/30", "2001:db8::/126")
    cluster.create_pool("green", "192.0.2.0/24")
    cluster.create_services([f"s{i}" for i in range(4)])
    cluster.wait_all_served(4, timeout=30)
    cluster.create_service("late")
    cluster.wait_condition("Service", "late", SATISFIED, "False", "out_of_ips")
    proxy.cut()
    wait_until("a watch began again", lambda: operator.metrics().total("berth_watch_restarts_total") > 0)
    yield operator.metrics()
    cluster.api.delete("ConfigMap", "berth-forecast", "berth-system")


def test_what_they_name_is_exported(exported):
    names = exported.names()
    for where, expression in expressions().items():
        selectors, grouped = parse(expression)
        assert selectors, f"{where} looks at nothing"
        labels_of_all = set()
        for name, matchers in selectors:
            assert name in names, f"{where}: nothing exports {name}"
            samples = [dict(labels) for n, labels in exported if n == name]
            labels_of_all.update(label for s in samples for label in s)
            for label, operator, value in matchers:
                assert any(label in s for s in samples), f"{where}: {name} has no label {label}"
                if label == "state":
                    known = {s["state"] for s in samples}
                    for one in value.split("|"):
                        assert one in known, f"{where}: {name} has no state {one}, but {known}"
                elif operator in ("=", "=~") and label != "code":
                    assert any(re.fullmatch(value, s.get(label, "")) for s in samples), f"{where}: {label}={value}"
        assert grouped - TARGET <= labels_of_all, f"{where}: no such label: {grouped - TARGET - labels_of_all}"
    variables = {v["name"]: v for v in panels()["templating"]["list"]}
    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variables["pool"]["query"]["query"]).groups()
    assert any(n == metric and label in dict(labels) for n, labels in exported)


def test_annotations_name_labels_that_are_left(exported):
    """{{ $labels.x }} is empty where the expression has dropped x."""
    for rule in alerts():
        _, grouped = parse(rule["expr"])
        for text in rule["annotations"].values():
            assert set(re.findall(r"\$labels\.(\w+)", text)) <= grouped, rule["alert"]


def test_each_alert_fires_when_it_should(promtool, tmp_path):
    shutil.copy(os.path.join(FILES, "alerts.yaml"), tmp_path)
    cases = os.path.join(ROOT, "tests", "e2e", "data", "alerts_test.yaml")
    shutil.copy(cases, tmp_path)
    done = promtool("test", "rules", "alerts_test.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(cases, encoding="utf-8") as f:
        tried = {case["alertname"] for test in yaml.safe_load(f)["tests"] for case in test["alert_rule_test"]
                 if case["exp_alerts"]}
    assert tried == {rule["alert"] for rule in alerts()}


def test_promtool_takes_each_expression(promtool, tmp_path):
    rules = [{"record": f"x{i}", "expr": e.replace("$__rate_interval", "5m")}
             for i, e in enumerate(expressions().values())]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}), encoding="utf-8")
    done = promtool("check", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_takes_the_metrics(promtool, apiserver):
    apiserver.start()
    apiserver.create_pool("blue", "192.0.2.0/28")
    apiserver.wait_pool_counts("blue", total=16)
    done = promtool("check", "metrics", input=apiserver.operator.http("/metrics")[2])
    assert done.returncode in (0, 3), done.stderr  # 3: it parses, and the linter has a word
    assert "error while linting" not in done.stderr, done.stderr
