"""A small client of the Kubernetes API: JSON in, JSON out, one kept-alive connection per thread."""

import concurrent.futures
import http.client
import json
import ssl
import threading
import urllib.parse

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

# kind -> (group and version, plural, namespaced)
RESOURCES = {
    "Service": ("v1", "services", True),
    "Namespace": ("v1", "namespaces", False),
    "Node": ("v1", "nodes", False),
    "Event": ("v1", "events", True),
    "ConfigMap": ("v1", "configmaps", True),
    "ServiceAccount": ("v1", "serviceaccounts", True),
    "Lease": ("coordination.k8s.io/v1", "leases", True),
    "IPAddress": ("networking.k8s.io/v1", "ipaddresses", False),
    "ServiceCIDR": ("networking.k8s.io/v1", "servicecidrs", False),
    "CiliumNode": ("cilium.io/v2", "ciliumnodes", False),
    "CiliumLoadBalancerIPPool": ("cilium.io/v2", "ciliumloadbalancerippools", False),
    "IPPoolPolicy": ("berth.dev/v1alpha1", "ippoolpolicies", False),
    "IPReservation": ("berth.dev/v1alpha1", "ipreservations", False),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions", False),
}


class ApiError(Exception):
    """A Status object that the server answered with."""

    def __init__(self, code, status, method, path):
        self.code = code
        self.reason = status.get("reason", "")
        self.message = status.get("message", "")
        super().__init__(f"{method} {path}: {code} {self.reason}: {self.message}")


def path_of(kind, namespace=None, name=None, subresource=None):
    group_version, plural, namespaced = RESOURCES[kind]
    parts = ["", "api", group_version] if "/" not in group_version else ["", "apis", group_version]
    if namespaced and namespace:
        parts += ["namespaces", namespace]
    parts += [plural]
    if name:
        parts.append(urllib.parse.quote(name, safe=""))
    if subresource:
        parts.append(subresource)
    return "/".join(parts)


class Api:
    """One user of one server. Safe to use from many threads."""

    def __init__(self, url, token=None, ca_file=None):
        self.url = url
        self.ca_file = ca_file
        self._at = urllib.parse.urlsplit(url)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._tls = ssl.create_default_context(cafile=ca_file) if self._at.scheme == "https" else None
        self._local = threading.local()

    def open(self, timeout=30):
        """A new connection of one's own, for a watch."""
        if self._tls:
            return http.client.HTTPSConnection(self._at.hostname, self._at.port, timeout=timeout, context=self._tls)
        return http.client.HTTPConnection(self._at.hostname, self._at.port, timeout=timeout)

    def headers(self, content_type=None):
        return dict(self._headers, **({"Content-Type": content_type} if content_type else {}))

    def raw(self, method, path, body=None, content_type="application/json", accept="application/json"):
        """Returns (code, headers, bytes). A connection that the server closed while idle is opened again."""
        headers = self.headers(content_type if body is not None else None)
        headers["Accept"] = accept
        data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        for attempt in (1, 2):
            fresh = getattr(self._local, "connection", None) is None
            if fresh:
                self._local.connection = self.open()
            try:
                self._local.connection.request(method, path, data, headers)
                response = self._local.connection.getresponse()
                return response.status, response.headers, response.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self._local.connection.close()
                self._local.connection = None
                if fresh or attempt == 2:
                    raise
            except BaseException:
                self._local.connection.close()
                self._local.connection = None
                raise
        raise AssertionError("unreachable")

    def call(self, method, path, body=None, content_type="application/json"):
        code, _, data = self.raw(method, path, body, content_type)
        if code < 400:
            return json.loads(data) if data else {}
        try:
            status = json.loads(data)
        except ValueError:  # as for a path that nobody serves: "404 page not found"
            status = {"message": data.decode(errors="replace").strip()}
        raise ApiError(code, status if isinstance(status, dict) else {}, method, path)

    def get(self, kind, name, namespace="default"):
        return self.call("GET", path_of(kind, namespace, name))

    def find(self, kind, name, namespace="default"):
        """The object, or None where there is none."""
        try:
            return self.get(kind, name, namespace)
        except ApiError as e:
            if e.code == 404:
                return None
            raise

    def list(self, kind, namespace=None, **query):
        """The items of all pages."""
        items = []
        query = {"limit": "500", **query}
        while True:
            answer = self.call("GET", path_of(kind, namespace) + "?" + urllib.parse.urlencode(query))
            items += answer["items"]
            more = answer["metadata"].get("continue")
            if not more:
                return items
            query["continue"] = more

    def create(self, obj):
        kind = obj["kind"]
        namespace = obj["metadata"].get("namespace", "default")
        return self.call("POST", path_of(kind, namespace), {"apiVersion": RESOURCES[kind][0], **obj})

    def patch(self, kind, name, body, namespace="default", subresource=None, content_type=MERGE, manager=None):
        path = path_of(kind, namespace, name, subresource)
        if manager:
            path += "?fieldManager=" + urllib.parse.quote(manager)
        return self.call("PATCH", path, body, content_type)

    def delete(self, kind, name, namespace="default", missing_ok=False):
        try:
            return self.call("DELETE", path_of(kind, namespace, name))
        except ApiError as e:
            if e.code != 404 or not missing_ok:
                raise
            return None

    def delete_all(self, kind, namespace=None, **query):
        self.call("DELETE", path_of(kind, namespace) + "?" + urllib.parse.urlencode(query))

    def in_parallel(self, function, arguments, threads=8):
        """[function(a) for a in arguments], by a few threads; the first exception is raised."""
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            return list(pool.map(function, arguments))
