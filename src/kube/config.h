/* Where the API server is and who we are: the Pod's own service account, or a kubeconfig file.
 * The rules are those of the Go client library (clientcmd): KUBECONFIG may list several files, and
 * what an earlier one says wins. What we do not support is an error that names file and field. */
#pragma once

#include "base/err.h"
#include "base/slice.h"

/* A credential plugin (client.authentication.k8s.io/v1, "exec" of a user). */
struct kube_exec {
	char **argv;          /* owned, NULL-terminated */
	char **env;           /* owned "NAME=value", NULL-terminated */
	char *cluster_config; /* JSON of the cluster's extension for plugins; NULL = none */
	char *api_version;    /* "client.authentication.k8s.io/v1" or v1beta1 */
	char *install_hint;
	bool cluster_info; /* the plugin wants the cluster in KUBERNETES_EXEC_INFO */
};

/* All owned; NULL where not given. */
struct kube_config {
	char *source; /* for messages: "in-cluster", or the files */
	char *server; /* "https://10.0.0.1:6443", no slash at the end */
	char *tls_server_name;
	char *proxy_url;
	char *ca_pem;
	char *client_cert_pem;
	char *client_key_pem;
	char *client_cert_file; /* where that text was read, to be read again when it changes */
	char *client_key_file;
	bool insecure;
	char *token;
	char *token_file; /* wins over token; read again when it changes */
	char *username;
	char *password;
	struct kube_exec *exec;
	char *ns; /* namespace of the Pod or of the context; NULL if neither says one */
};

struct kube_config_source {
	const char *kubeconfig;          /* --kubeconfig; NULL = not given */
	const char *context;             /* --context; NULL = current-context */
	const char *service_account_dir; /* NULL = /var/run/secrets/kubernetes.io/serviceaccount */
};

/* --kubeconfig, else in-cluster where KUBERNETES_SERVICE_HOST is set and there is a token, else
 * KUBECONFIG, else ~/.kube/config. 0 or negative errno. */
int kube_config_load(const struct kube_config_source *from, struct kube_config **ret, struct err *e);
void kube_config_free(struct kube_config *c); /* NULL allowed; wipes secrets */
void kube_config_freep(struct kube_config **c);

/* One kubeconfig text as if it stood in the file `path`, which need not exist. Files it names are read. */
int kube_config_parse(struct slice text, const char *path, const char *context, struct kube_config **ret,
		      struct err *e);
