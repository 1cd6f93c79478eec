"""The Helm chart and the manifests made from it: rendered with several sets of values, taken by a real API server,
installed, upgraded and uninstalled by a real Helm, and its command line by the program."""

import json
import os
import subprocess

import pytest
import yaml

from lib import cilium_config
from lib.berth import run as berth
from lib.controlplane import ROOT
from lib.helm import CHART, helm, one, template, text_of, value_sets
from lib.kubectl import as_list
from lib.process import wait_until

# Kinds of the Prometheus Operator. The test server has no CRDs of them, so what it cannot look at is looked at here.
PROMETHEUS = "monitoring.coreos.com/v1"

READ = {"get", "list", "watch"}


@pytest.fixture(scope="module", params=value_sets())
def rendered(request):
    # Under a name of its own, so that nothing of it is there already.
    return template(*value_sets()[request.param], release="trial")


def rules(objects):
    """{(group, resource): verbs} of all roles."""
    found = {}
    for o in objects:
        for rule in o["rules"] if o["kind"] in ("ClusterRole", "Role") else []:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    found.setdefault((group, resource), set()).update(rule["verbs"])
    return found


def test_helm_finds_nothing_to_complain_about():
    for name, values in value_sets().items():
        done = helm("lint", "--strict", CHART, *values)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("value, says", [
    ("operator.serviceOptIn=some", "serviceOptIn"), ("operator.logLvl=debug", "logLvl"),
    ("operator.massReleaseDelay=soon", "massReleaseDelay"), ("replica=3", "replica"),
    ("leaderElection.enabled=false", "replicas must be 1"), ("clusterPool.ipv4CIDRs={10.0.0.0/8}", "clusterPool.enabled"),
    ("clusterPool.ipv4MaskSize=33", "ipv4MaskSize"), ("configMapName=cilium-config,config.log-level=debug", "one of the two"), ("extraArgs[0]=log-level", "extraArgs"),
])
def test_a_value_that_cannot_be_is_refused_by_name(value, says):
    done = helm("template", "berth", CHART, "--set", value)
    assert done.returncode != 0 and says in done.stderr, done.stderr


@pytest.mark.parametrize("values, says", [
    ([], 'annotation io.cilium.operator.external-ips: "true",'), (["operator.serviceOptIn=all"], "every Service"),
    (["operator.serviceOptIn=class", "operator.lbClasses={a.b/c,d}"], "the class a.b/c or d,"),
    (["clusterPool.enabled=true"], "out of the cluster pool"),
])
def test_who_installs_is_told_which_services_are_served(apiserver, values, says):
    done = helm("install", "trial", CHART, "--dry-run=client", *[a for v in values for a in ("--set", v)],
                "--kubeconfig", apiserver.control_plane.admin_kubeconfig, env={"HOME": apiserver.folder})
    assert done.returncode == 0 and says in done.stdout.partition("NOTES:")[2], done.stdout[-600:] + done.stderr


def test_the_manifests_are_what_the_chart_makes(tmp_path):
    subprocess.run([os.path.join(ROOT, "tools", "render-manifests.sh"), str(tmp_path)], check=True)
    shipped = os.path.join(ROOT, "deploy", "manifests")
    done = subprocess.run(["diff", "--recursive", "--unified", shipped, str(tmp_path)], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, f"run tools/render-manifests.sh:\n{done.stdout}"


def test_the_server_takes_every_object(apiserver, rendered):
    """Server-side dry run, both ways to apply; a field that the server does not know is an error."""
    objects = [o for o in rendered if o["apiVersion"] != PROMETHEUS]
    for way in (["--server-side"], []):
        apiserver.kubectl("apply", "--dry-run=server", "--validate=strict", *way, "-f", "-", stdin=as_list(objects))


def test_what_the_server_does_not_know_is_well_formed():
    objects = template(*value_sets()["everything"])
    monitor, service = one(objects, "ServiceMonitor"), one(objects, "Service")
    assert monitor["apiVersion"] == one(objects, "PrometheusRule")["apiVersion"] == PROMETHEUS
    wanted = monitor["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= service["metadata"]["labels"].items()
    ports = {p["name"] for p in service["spec"]["ports"]}
    assert [(e["port"] in ports, e["path"]) for e in monitor["spec"]["endpoints"]] == [(True, "/metrics")]
    pod = one(objects, "Deployment")["spec"]["template"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert service["spec"]["ports"][0]["targetPort"] in {p["name"] for p in pod["spec"]["containers"][0]["ports"]}
    for path, made in (("alerts.yaml", one(objects, "PrometheusRule")["spec"]),
                       ("dashboard.json", json.loads(one(objects, "ConfigMap", "dashboard")["data"]["berth.json"]))):
        with open(os.path.join(CHART, "files", path), encoding="utf-8") as f:
            assert made == yaml.safe_load(f), path


def test_pods_pass_the_restricted_standard(apiserver, rendered):
    """As Pods, which admission refuses; of a Deployment it would only warn."""
    namespace = apiserver.api.get("Namespace", "berth-system")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    template_ = one(rendered, "Deployment")["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": template_["spec"],
           "metadata": {**template_["metadata"], "name": "trial", "namespace": "berth-system"}}
    apiserver.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    container = pod["spec"]["containers"][0]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True

    container["securityContext"]["allowPrivilegeEscalation"] = True
    done = apiserver.kubectl.try_run("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    assert done.returncode != 0 and "restricted" in done.stderr, done.stderr


def test_two_keep_apart_and_one_stays():
    objects = template()
    deployment, budget = one(objects, "Deployment"), one(objects, "PodDisruptionBudget")
    assert deployment["spec"]["replicas"] == 2 and budget["spec"]["maxUnavailable"] == 1
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels
    apart = deployment["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
    term = apart["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"]
    assert term["labelSelector"]["matchLabels"].items() <= labels
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["ports"][0]["containerPort"] == 9963
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_a_feature_that_is_off_grants_nothing():
    default, least = rules(template()), rules(template(*value_sets()["least"]))
    everything = rules(template(*value_sets()["everything"]))
    assert default["", "nodes"] <= READ and "patch" in everything["", "nodes"]
    assert ("cilium.io", "ciliumnodes") not in default and ("cilium.io", "ciliumnodes") in everything
    crds = ("apiextensions.k8s.io", "customresourcedefinitions")
    assert default[crds] == {"get"} and everything[crds] == {"get", "create", "patch"}
    for gone in (("networking.k8s.io", "ipaddresses"), ("coordination.k8s.io", "leases"),
                 ("berth.dev", "ippoolpolicies"), ("berth.dev", "ipreservations"), ("", "namespaces")):
        assert gone in default and gone not in least, gone
    assert least["cilium.io", "ciliumloadbalancerippools"] <= READ


def leaves(values, defaults, path=()):
    """(path, value) of each value that values.yaml has a name for."""
    for key, value in values.items():
        default = defaults[key]
        if isinstance(default, dict) and default and key not in ("resources", "labels"):
            yield from leaves(value, default, (*path, key))
        else:
            yield (*path, key), value


def nested(path, value):
    for key in reversed(path):
        value = {key: value}
    return value


def merged(a, b):
    out = dict(a)
    for key, value in b.items():
        out[key] = merged(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


def test_each_value_changes_something(tmp_path):
    """Taken one by one from the set in which all of them stand."""
    with open(os.path.join(CHART, "ci", "everything-values.yaml"), encoding="utf-8") as f:
        everything = yaml.safe_load(f)
    with open(os.path.join(CHART, "values.yaml"), encoding="utf-8") as f:
        defaults = yaml.safe_load(f)
    tried = dict(leaves(everything, defaults))
    # configMapName takes the place of config: the set "cilium" has it.
    assert {p for p, _ in leaves(defaults, defaults)} - set(tried) == {("configMapName",)}
    # What does nothing by itself is looked at with what switches it on.
    base = {name: {"enabled": True} for name in ("serviceMonitor", "prometheusRule", "dashboard", "networkPolicy")}
    pool = {"enabled": True, "ipv4CIDRs": ["10.9.0.0/16"]}
    path = tmp_path / "values.yaml"

    def with_values(values, *more):
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return text_of("--values", str(path), *more)

    plain = with_values(base)
    on_already = {("policies", "enabled"), ("podDisruptionBudget", "enabled"), ("leaderElection", "enabled"),
                  *((name, "enabled") for name in base)}
    for leaf, value in tried.items():
        more = ["--set", "replicas=1"] if leaf == ("leaderElection", "enabled") else []
        value = False if leaf in on_already else value
        under = merged(base, {"clusterPool": pool}) if leaf[0] == "clusterPool" and leaf[1] != "enabled" else base
        made = with_values(merged(under, nested(leaf, value)), *more)
        assert made != (plain if under is base else with_values(under)), f"{'.'.join(leaf)}={value} changes nothing"


@pytest.mark.parametrize("values", value_sets())
def test_the_program_takes_the_command_line(apiserver, values, tmp_path):
    """And does its work with it, under the role that comes with it."""
    objects = template(*value_sets()[values])
    args = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert args[0] == "operator" and args[1].startswith("--http-address=:")
    folder = tmp_path / "config"
    if values == "cilium":
        cilium_config.write(folder, enable_lb_ipam="false", default_lb_service_ipam="none")
    else:
        folder.mkdir()
    for o in objects:
        for key, value in o["data"].items() if o["kind"] == "ConfigMap" else []:
            if not o["metadata"]["name"].endswith("dashboard"):
                (folder / key).write_text(value, encoding="utf-8")
    flags = [a.replace("/etc/berth", str(folder)) for a in args[2:]]
    if "--install-crds" in flags:
        apiserver.grant("install-crds")
    if any(o["metadata"]["name"].endswith("-cluster-pool") for o in objects):
        apiserver.grant("cluster-pool")
    if not any(f.startswith("--leader-elect") for f in flags):
        flags.append("--leader-elect")  # as by default; other tests do without
    json_log = "--log-format=json" in flags
    operator = apiserver.start(*[f for f in flags if f != "--log-format=json"], json_log=json_log)
    assert not operator.find_log("unknown"), operator.log_text()
    apiserver.create_pool("blue", "192.0.2.0/28")
    proxy = [f.partition("=")[2] for f in flags if f.startswith("--k8s-service-proxy-name=")]
    body = {"labels": {"service.kubernetes.io/service-proxy-name": proxy[0]}} if proxy else {}
    apiserver.create_service("web", **body)
    assert apiserver.wait_addresses("web")


def test_the_hook_takes_finalizers_off(apiserver):
    """What Helm runs when the release goes, run by hand with the rights that it brings."""
    hooks = [o for o in template(release="trial", hooks=True) if "helm.sh/hook" in o["metadata"].get("annotations", {})]
    assert {o["metadata"]["annotations"]["helm.sh/hook"] for o in hooks} == {"pre-delete,post-delete"}
    job = one(hooks, "Job")["spec"]["template"]["spec"]
    account, namespace = job["serviceAccountName"], "berth-system"
    assert account == one(hooks, "ServiceAccount")["metadata"]["name"]
    assert not [o for o in template("--set", "policies.enabled=false", hooks=True) if o["kind"] == "Job"]
    apiserver.create_pool("blue", "192.0.2.0/28")
    apiserver.api.patch("CiliumLoadBalancerIPPool", "blue", {"metadata": {"finalizers": ["berth.dev/protect"]}})
    try:
        apiserver.kubectl.apply(*hooks)
        token = apiserver.kubectl("create", "token", account, "-n", namespace).strip()
        with open(apiserver.operator_kubeconfig, encoding="utf-8") as f:
            config = json.load(f)
        for user in config["users"]:
            user["user"] = {"token": token}
        kubeconfig = apiserver.file("hook.kubeconfig")
        with open(kubeconfig, "w", encoding="utf-8") as f:
            json.dump(config, f)
        done = berth(*job["containers"][0]["args"], f"--kubeconfig={kubeconfig}")
        assert done == (0, "pool blue: berth.dev/protect is taken off\n", "")
        assert not apiserver.api.get("CiliumLoadBalancerIPPool", "blue")["metadata"].get("finalizers")
    finally:
        apiserver.kubectl.try_run("delete", "-f", "-", stdin=as_list(hooks))


def test_helm_installs_upgrades_and_uninstalls(apiserver):
    """A real Helm on a real server. Uninstalling leaves CRDs, pools and what Services hold."""
    def run(*argv):
        done = helm(*argv, "--namespace", "helm-trial", "--kubeconfig", apiserver.control_plane.admin_kubeconfig,
                    env={"HOME": apiserver.folder})
        assert done.returncode == 0, f"helm {argv[0]}: {done.stdout}{done.stderr}"
        return done.stdout

    apiserver.start()
    apiserver.create_pool("blue", "192.0.2.0/28")
    apiserver.create_service("web")
    held = apiserver.wait_addresses("web")
    apiserver.create_namespace("helm-trial")
    run("install", "trial", CHART, "--dry-run=server")
    run("install", "trial", CHART)
    try:
        kubectl = apiserver.kubectl
        assert kubectl.json("deployment", "trial-berth-operator", "-n", "helm-trial")["spec"]["replicas"] == 2
        account = "system:serviceaccount:helm-trial:trial-berth-operator"
        wait_until("its account may patch statuses", lambda: kubectl.try_run(
            "auth", "can-i", "patch", "services", "--subresource=status", f"--as={account}", "-A").returncode == 0)
        run("upgrade", "trial", CHART, *value_sets()["least"])
        assert kubectl.json("deployment", "trial-berth-operator", "-n", "helm-trial")["spec"]["replicas"] == 1
        assert kubectl.try_run("get", "pdb", "trial-berth-operator", "-n", "helm-trial").returncode != 0
        run("upgrade", "trial", CHART, "--reset-values", "--set", "config.log-level=debug")
        assert kubectl.json("configmap", "trial-berth-operator", "-n", "helm-trial")["data"] == {"log-level": "debug"}
    finally:
        run("uninstall", "trial", "--no-hooks")  # without a controller-manager no Job ever runs
    left = [o for kind in ("deployment", "configmap", "role", "rolebinding", "serviceaccount", "poddisruptionbudget")
            for o in kubectl.json(kind, "-n", "helm-trial")["items"]]
    left += [o for kind in ("clusterrole", "clusterrolebinding") for o in kubectl.json(kind)["items"]]
    assert not [o["metadata"]["name"] for o in left if o["metadata"]["name"].startswith("trial-")]
    assert apiserver.api.get("CiliumLoadBalancerIPPool", "blue")
    assert apiserver.addresses("web") == held
