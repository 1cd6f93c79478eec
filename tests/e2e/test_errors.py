"""Bad input: one clear line for what the user gets wrong, and survival of whatever comes from the API."""

import json

import pytest

from lib import berth, invariants
from lib.cluster import OPERATOR_NAMESPACE
from lib.controlplane import write_kubeconfig
from lib.objects import SATISFIED, service
from lib.process import free_port, wait_until
from lib.proxy import Proxy

KIND = "CiliumLoadBalancerIPPool"

# arguments, words that the one line must hold
WRONG_USE = {
    "unknown-flag": (["operator", "--no-such-flag"], ["no-such-flag"]),
    "unknown-command": (["oprator"], ["oprator"]),
    "unknown-argument": (["operator", "extra"], ["extra"]),
    "bad-boolean": (["operator", "--enable-ipv4=maybe"], ["enable-ipv4", "maybe"]),
    "bad-mode": (["operator", "--service-opt-in=some"], ["service-opt-in", "some"]),
    "bad-records": (["operator", "--address-records=perhaps"], ["address-records", "perhaps"]),
    "bad-duration": (["operator", "--mass-release-delay=5 parsecs"], ["mass-release-delay", "5 parsecs"]),
    "bad-number": (["operator", "--max-in-flight=0"], ["max-in-flight", "0"]),
    "bad-level": (["operator", "--log-level=loud"], ["log-level", "loud"]),
    "bad-address": (["operator", "--embedded", "--http-address=nowhere"], ["http-address", "nowhere"]),
}


@pytest.mark.parametrize("case", WRONG_USE)
def test_wrong_use_is_exit_2_and_one_line(case, tmp_path):
    argv, words = WRONG_USE[case]
    status, out, err = berth.run(*argv, env={"HOME": str(tmp_path)})
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1, err
    assert all(w in err for w in words), err


def test_two_mistakes_are_two_lines(tmp_path):
    status, _, err = berth.run("operator", "--enable-ipv4=maybe", "--log-level=loud", env={"HOME": str(tmp_path)})
    assert status == 2
    assert len(err.splitlines()) == 2, err


def test_a_wrong_value_in_the_environment_names_the_variable(tmp_path):
    status, _, err = berth.run("operator", env={"HOME": str(tmp_path), "BERTH_LOG_LEVEL": "loud"})
    assert status == 2
    assert len(err.splitlines()) == 1 and "loud" in err and "log" in err.lower(), err


# what the file holds (None: there is no file), words that the one line must hold beside its name
KUBECONFIGS = {
    "missing": (None, ["No such file"]),
    "empty": ("", []),
    "no-yaml": ("{ this: [is no", []),
    "a-list": ("- a\n- b\n", []),
    "no-context": ('{"apiVersion": "v1", "kind": "Config", "clusters": [], "contexts": [], "users": []}', []),
    "context-unknown": ('{"apiVersion": "v1", "kind": "Config", "current-context": "nope"}', ["nope"]),
    "cluster-unknown": (json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "gone", "user": ""}}]}), ["gone"]),
    "bad-certificate": (json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:1",
                                               "certificate-authority-data": "!!!"}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": ""}}]}), ["certificate-authority-data"]),
}


@pytest.mark.parametrize("case", KUBECONFIGS)
def test_a_kubeconfig_that_cannot_be_used_is_exit_2_and_one_line(case, tmp_path):
    content, words = KUBECONFIGS[case]
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    status, _, err = berth.run("operator", f"--kubeconfig={path}", f"--http-address=127.0.0.1:{free_port()}",
                               env={"HOME": str(tmp_path)})
    assert status == 2
    assert len(err.splitlines()) == 1, err
    assert all(w in err for w in [str(path), *words]), err


def test_an_unknown_context_is_exit_2_and_named(tmp_path):
    path = write_kubeconfig(str(tmp_path / "kubeconfig"), "http://127.0.0.1:1")
    status, _, err = berth.run("operator", f"--kubeconfig={path}", "--context=elsewhere",
                               env={"HOME": str(tmp_path)})
    assert status == 2
    assert len(err.splitlines()) == 1 and "elsewhere" in err, err


def test_a_port_that_is_taken_is_said(tmp_path):
    taken = Proxy(0).listen()
    try:
        status, _, err = berth.run("operator", "--embedded", f"--embedded-address=127.0.0.1:{free_port()}",
                                   f"--http-address=127.0.0.1:{taken.port}", env={"HOME": str(tmp_path)})
    finally:
        taken.close()
    assert status == 2
    assert len([line for line in err.splitlines() if str(taken.port) in line]) == 1, err


def test_a_server_that_is_not_there_yet_is_waited_for(behind_proxy):
    cluster, proxy, flag = behind_proxy
    cluster.create_pool("blue", "192.0.2.0/28")
    cluster.create_service("web")
    operator = cluster.start(flag, ready=False)
    def complaints():
        return operator.find_log(str(proxy.port), level="warn")
    wait_until("it says what it cannot reach", complaints)
    assert operator.http_status("/healthz") == 200
    assert operator.http_status("/readyz") == 503
    said, tried = len(complaints()), operator.metrics().total("berth_watch_restarts_total")
    wait_until("it goes on trying", lambda: len(complaints()) > said or
               operator.metrics().total("berth_watch_restarts_total") > tried)
    assert operator.running()
    proxy.listen()
    operator.wait_ready()
    cluster.wait_addresses("web")


def account_without(cluster, name, drop):
    """An account with the operator's rules less those that drop(group, resource, verb) names; its flag."""
    rules = cluster.kubectl.json("clusterrole", "berth-operator")["rules"]
    kept = [{**rule, "apiGroups": [g], "resources": [r], "verbs": [v]}
            for rule in rules for g in rule["apiGroups"] for r in rule["resources"] for v in rule["verbs"]
            if not drop(r, v)]
    cluster.kubectl.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": OPERATOR_NAMESPACE}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
         "rules": kept},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
         "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": OPERATOR_NAMESPACE}]})
    token = cluster.control_plane.service_account_token(OPERATOR_NAMESPACE, name)
    path = write_kubeconfig(cluster.file(f"{name}.kubeconfig"), cluster.control_plane.url,
                            cluster.control_plane.ca_file, token)
    return f"--kubeconfig={path}"


def test_a_missing_right_to_list_is_named_and_makes_it_not_ready(apiserver):
    flag = account_without(apiserver, "no-list", lambda r, v: r == "services")
    operator = apiserver.start(flag, ready=False)
    wait_until("the log names verb and resource",
               lambda: operator.find_log("services", "list", level="error"))
    assert operator.http_status("/readyz") == 503
    assert operator.http_status("/healthz") == 200
    # The right is given: it goes on by itself.
    account_without(apiserver, "no-list", lambda r, v: False)
    operator.wait_ready(timeout=90)


def test_a_missing_right_to_write_is_named_and_retried(apiserver):
    flag = account_without(apiserver, "no-patch", lambda r, v: r == "services/status")
    operator = apiserver.start(flag)
    apiserver.create_pool("blue", "192.0.2.0/28")
    apiserver.create_service("web")
    wait_until("the log names verb and resource", lambda: operator.find_log("patch", "services", "status", level="error"))
    assert operator.running() and operator.http_status("/healthz") == 200
    assert apiserver.addresses("web") == []
    account_without(apiserver, "no-patch", lambda r, v: False)
    apiserver.wait_addresses("web", timeout=90)
    invariants.check(apiserver.api)


def test_a_token_that_is_refused_is_said(apiserver):
    path = write_kubeconfig(apiserver.file("bad.kubeconfig"), apiserver.control_plane.url,
                            apiserver.control_plane.ca_file, "not-a-token")
    operator = apiserver.start(f"--kubeconfig={path}", ready=False)
    wait_until("the log says it", lambda: operator.find_log("401") or operator.find_log("unauthorized"))
    assert operator.running() and operator.http_status("/healthz") == 200
    assert operator.http_status("/readyz") == 503


def test_a_server_whose_certificate_is_not_trusted_is_said(apiserver):
    path = write_kubeconfig(apiserver.file("untrusted.kubeconfig"), apiserver.control_plane.url, None, "x")
    operator = apiserver.start(f"--kubeconfig={path}", ready=False)
    wait_until("the log says it", lambda: operator.find_log("certificate"))
    assert operator.running() and operator.http_status("/readyz") == 503


# Specs that Cilium's looser schema, or none at all, lets through.
WEIRD_SPECS = [
    None, {}, [], "text", 7, {"blocks": None}, {"blocks": {}}, {"blocks": "192.0.2.0/24"}, {"blocks": [None, 7, "a"]},
    {"blocks": [{}]}, {"blocks": [{"cidr": 7}]}, {"blocks": [{"cidr": ""}]}, {"blocks": [{"cidr": "192.0.2.0/33"}]},
    {"blocks": [{"cidr": "192.0.2.0/-1"}]}, {"blocks": [{"cidr": "::ffff:192.0.2.0/120"}]},
    {"blocks": [{"start": "fe80::1%eth0"}]}, {"blocks": [{"stop": "192.0.2.9"}]},
    {"blocks": [{"start": "192.0.2.1", "stop": "2001:db8::1"}]}, {"blocks": [{"cidr": "x" * 5000}]},
    {"blocks": [{"cidr": "192.0.2.0/24"}], "serviceSelector": "all"},
    {"blocks": [{"cidr": "192.0.2.0/24"}], "serviceSelector": {"matchLabels": [1, 2]}},
    {"blocks": [{"cidr": "192.0.2.0/24"}], "serviceSelector": {"matchExpressions": [{"key": 1, "operator": "In"}]}},
    {"blocks": [{"cidr": "192.0.2.0/24"}], "serviceSelector": {
        "matchExpressions": [{"key": "a", "operator": "In", "values": []}]}},
    {"blocks": [{"cidr": "192.0.2.0/24"}], "serviceSelector": {
        "matchExpressions": [{"key": "a", "operator": "Around", "values": ["b"]}]}},
    {"blocks": [{"cidr": "192.0.2.0/24"}], "disabled": "true"},
    {"blocks": [{"cidr": "192.0.2.0/24"}], "allowFirstLastIPs": 3},
    {"blocks": [{"cidr": "192.0.2.0/24"} for _ in range(3000)]},
]


def test_pools_of_any_shape_do_not_hurt_the_good_ones(apiserver):
    crd = apiserver.api.get("CustomResourceDefinition", "ciliumloadbalancerippools.cilium.io")
    loose = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    operator = apiserver.start()
    try:
        for version in crd["spec"]["versions"]:
            version["schema"]["openAPIV3Schema"] = loose
        apiserver.api.patch("CustomResourceDefinition", "ciliumloadbalancerippools.cilium.io",
                            {"spec": {"versions": crd["spec"]["versions"]}})

        def create_weird():
            """The new schema comes into force a moment after the patch."""
            try:
                apiserver.api.create({"kind": KIND, "metadata": {"name": "weird-1"}, "spec": {"blocks": "text"}})
                return True
            except Exception:
                return False
        wait_until("the loose schema is in force", create_weird, every=0.2)
        for i, spec in enumerate(WEIRD_SPECS):
            # Before and after the good one by name.
            for name in (f"a{i}", f"z{i}"):
                apiserver.api.create({"kind": KIND, "metadata": {"name": name}, "spec": spec})
        apiserver.api.create({"kind": KIND, "metadata": {"name": "no-spec"}})
        apiserver.api.patch(KIND, "no-spec", {"status": {"conditions": "text"}}, subresource="status")
        apiserver.create_pool("good", "198.51.100.0/28")
        apiserver.create_service("web")
        held = apiserver.wait_addresses("web")
        assert operator.running() and operator.http_status("/healthz") == 200
        apiserver.wait_condition(KIND, "good", "cilium.io/PoolConflict", "False")
        assert held[0].startswith(("198.51.100.", "192.0.2."))
    finally:
        apiserver.api.delete_all(KIND)
        apiserver.install_crds()


def test_services_with_odd_values_are_survived(cluster):
    operator = cluster.start()
    cluster.create_pool("blue", "192.0.2.0/24")
    long = "x" * 10000
    odd = {
        "long-annotation": {"annotations": {"a": long}},
        "odd-requests": {"annotations": {"example.com/ips": ",,,"}},
        "unicode": {"annotations": {"note": "\u00e9\u4e2d\U0001f600 \\ \" \n\t"}},
        "many-ports": {"ports": [{"name": f"p{i}", "port": i + 1} for i in range(200)]},
        "local": {"externalTrafficPolicy": "Local"},
        "no-selector": {"selector": None},
    }
    for name, spec in odd.items():
        cluster.create_service(name, **spec)
    cluster.create_service("hostname")
    cluster.api.patch("Service", "hostname", {"status": {"loadBalancer": {"ingress": [{"hostname": "a.example.com"}]}}},
                      subresource="status", manager="other")
    for name in [*odd, "hostname"]:
        cluster.wait_addresses(name)
        cluster.wait_condition("Service", name, SATISFIED, "True", "satisfied")
    assert operator.running()
    invariants.check(cluster.api)


def test_the_log_can_be_json(cluster):
    operator = cluster.start(json_log=True)
    cluster.create_pool("blue", "192.0.2.0/28")
    cluster.create_service("web")
    # The line is written when the answer is there, be it after the watch.
    wait_until("it says so", lambda: operator.find_log("default/web", "192.0.2.0"))
    assert all({"level", "msg", "time"} <= set(line) for line in operator.log())


def test_the_text_log_is_logfmt(cluster):
    operator = cluster.start()
    cluster.create_pool("blue", "192.0.2.0/28")
    cluster.api.create(service("web"))
    # The line is written when the answer is there, be it after the watch.
    wait_until("it says so", lambda: operator.find_log("default/web", "192.0.2.0"))
    assert all({"level", "msg", "time"} <= set(line) for line in operator.log())
