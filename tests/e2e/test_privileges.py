"""The operator may do what it needs, and nothing else: the roles that are shipped against the API server's audit
log of the whole run, in which the operator never had any other role."""

import signal

import pytest

from lib import audit
from lib.objects import pool
from lib.process import wait_until


def crd_versions(api):
    return {c["metadata"]["name"]: c["metadata"]["resourceVersion"] for c in api.list("CustomResourceDefinition")}


def applied(cluster, operator):
    for name in cluster.crds:
        cluster.wait_condition("CustomResourceDefinition", name, "Established", "True")
    return [name for name in cluster.crds if operator.find_log("CRD applied", name)]


def test_crds_are_installed_with_the_role_for_it(apiserver):
    """One that differs is changed, one that is missing is made, all others are left as they are."""
    apiserver.grant("install-crds")
    api, one = apiserver.api, apiserver.crds[-1]
    api.patch("CustomResourceDefinition", one, {"metadata": {"annotations": {"berth.dev/crd-hash": "old"}}})
    operator = apiserver.start("--install-crds")
    assert one in applied(apiserver, operator), operator.log_text()
    operator.stop()

    before = crd_versions(api)
    apiserver.start("--install-crds").stop()
    assert crd_versions(api) == before

    api.delete("CustomResourceDefinition", one)
    wait_until("the CRD is gone", lambda: api.find("CustomResourceDefinition", one) is None)
    operator = apiserver.start("--install-crds", ready=False)
    operator.wait_log("CRD applied", one)
    operator.wait_ready()
    assert applied(apiserver, operator) == [one]
    api.create(pool("blue", "192.0.2.0/28"))
    apiserver.create_service("web")
    apiserver.wait_addresses("web")


def test_without_the_role_crds_are_left_and_it_is_said(apiserver):
    api, first = apiserver.api, apiserver.crds[0]
    api.patch("CustomResourceDefinition", first, {"metadata": {"annotations": {"berth.dev/crd-hash": "old"}}})
    operator = apiserver.start("--install-crds")
    operator.wait_log("customresourcedefinitions", level="error")
    api.create(pool("blue", "192.0.2.0/28"))
    apiserver.create_service("web")
    apiserver.wait_addresses("web")


def test_a_server_without_streaming_lists_is_read_in_pages(apiserver):
    """As every server was before 1.32: the operator lists each kind, for which it needs the right."""
    plane = apiserver.control_plane

    def start_again(*flags):
        # In order it would first wait for requests that other tests have left half-open.
        plane.apiserver.stop(signal.SIGKILL)
        plane.start_apiserver(plane.port, *flags)
        apiserver.api = plane.admin

    start_again("--feature-gates=WatchList=false")
    try:
        operators = [apiserver.start("--leader-elect") for _ in range(2)]
        apiserver.create_pool("blue", "192.0.2.0/28")
        apiserver.create_service("web")
        apiserver.wait_addresses("web")
        for operator in operators:
            operator.stop()
    finally:
        start_again()


@pytest.mark.last
@pytest.mark.parametrize("manifest", audit.role_files())
def test_every_right_that_is_granted_is_needed(control_plane, left_out, manifest):
    if left_out:
        pytest.skip(f"says something only of a run of all tests; left out: {', '.join(left_out)}")
    asked = [a for a in audit.read_log(control_plane.file("audit.log")) if a.allowed and a.code != 403]
    assert asked, "the audit log has nothing of the operator"
    rights = audit.granted_by(audit.role_files()[manifest])
    assert rights, f"{manifest} grants nothing"
    unused = [audit.describe(r) for r in rights if not any(a.is_covered_by(r) for a in asked)]
    assert unused == [], "granted, and needed by no test"


@pytest.mark.last
def test_nothing_is_asked_for_that_is_not_granted(control_plane, left_out):
    """What was refused is in some role: refused because a test kept an option's role back, or sent the operator into a
    namespace in which it has none, or because the server had just started and did not know the roles yet."""
    if left_out:
        pytest.skip(f"says something only of a run of all tests; left out: {', '.join(left_out)}")
    granted = [r._replace(namespace=None) for path in audit.role_files().values() for r in audit.granted_by(path)]
    refused = [a for a in audit.read_log(control_plane.file("audit.log")) if a.code == 403]
    # The lists of kinds are open to all whom the server knows, once it knows its roles.
    assert [f"{a.verb} {a.path}" for a in refused if a.resource and not any(a.is_covered_by(r) for r in granted)] == []


def test_no_rule_is_wider_than_its_words():
    """No wildcards, no verb that changes roles, and secrets are not even read."""
    for path in audit.role_files().values():
        for right in audit.granted_by(path):
            assert "*" not in right and right.verb not in ("bind", "escalate", "impersonate", "deletecollection")
            assert right.resource not in ("secrets", "pods", "pods/exec", "serviceaccounts/token"), right
