"""What the operator asked the API server for, as the server's audit log has it, and what it is granted."""

import collections
import glob
import json
import os

import yaml

from .controlplane import ROOT

OPERATOR = "system:serviceaccount:berth-system:berth-operator"
USER_AGENT = "berth"  # tests borrow the operator's account too; what they ask for is none of its needs
MANIFESTS = os.path.join(ROOT, "deploy", "manifests")

# Metadata of the operator's requests, and nothing of anybody else's.
POLICY = {
    "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": [OPERATOR]}, {"level": "None"}],
}

# One thing that may be done. namespace and name are None where they do not matter.
Right = collections.namedtuple("Right", "verb group resource namespace name")


def describe(right):
    """As a rule would be spoken: patch services/status, get customresourcedefinitions.apiextensions.k8s.io x."""
    resource, slash, sub = right.resource.partition("/")
    text = f"{right.verb} {resource}{'.' + right.group if right.group else ''}{slash}{sub}"
    if right.name:
        text += f" {right.name}"
    return text + (f" in {right.namespace}" if right.namespace else "")


def rights_of_rule(rule, namespace=None):
    return [Right(verb, group, resource, namespace, name)
            for verb in rule["verbs"] for group in rule["apiGroups"] for resource in rule["resources"]
            for name in rule.get("resourceNames") or [None]]


def granted_by(path):
    """The rights of all roles in a file of manifests."""
    with open(path, encoding="utf-8") as f:
        objects = [o for o in yaml.safe_load_all(f) if o]
    return [right for o in objects if o["kind"] in ("ClusterRole", "Role") for rule in o["rules"]
            for right in rights_of_rule(rule, o["metadata"].get("namespace"))]


def role_files():
    """{name: path}: the manifests, and each of their options."""
    options = sorted(glob.glob(os.path.join(MANIFESTS, "options", "*.yaml")))
    return {os.path.basename(path).removesuffix(".yaml"): path
            for path in [os.path.join(MANIFESTS, "berth.yaml"), *options]}


class Asked:
    """One request of the log."""

    def __init__(self, event):
        ref = event.get("objectRef") or {}
        sub = ref.get("subresource")
        self.verb = event["verb"]
        self.group = ref.get("apiGroup", "")
        self.resource = ref.get("resource", "") + (f"/{sub}" if sub else "")
        self.namespace = ref.get("namespace")
        self.name = ref.get("name")
        self.code = (event.get("responseStatus") or {}).get("code", 0)
        self.allowed = event.get("annotations", {}).get("authorization.k8s.io/decision") == "allow"
        self.path = event["requestURI"].partition("?")[0]

    def is_covered_by(self, right):
        return ((self.verb, self.group, self.resource) == (right.verb, right.group, right.resource)
                and right.namespace in (None, self.namespace) and right.name in (None, self.name))


def read_log(path):
    """What berth asked for, each different request once. A line that is not complete was cut by kill -9."""
    seen = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                continue
            if event.get("userAgent") != USER_AGENT:
                continue
            asked = Asked(event)
            name = asked.name if asked.resource == "customresourcedefinitions" else None
            seen[(asked.verb, asked.group, asked.resource, asked.namespace, name, asked.allowed, asked.code)] = asked
    return list(seen.values())
