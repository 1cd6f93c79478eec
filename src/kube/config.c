/* Loading: which source, which files. What stands in a file is read by kubeconfig.c. */
#include "kube/config.h"

#include "base/mem.h"
#include "io/file.h"
#include "kube/kubeconfig.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

enum { SMALL_FILE_MAX = 1024 * 1024 };

static void free_secret(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

static void free_list(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

static void exec_free(struct kube_exec *x)
{
	if (!x)
		return;
	free_list(x->argv);
	free_list(x->env);
	free(x->cluster_config);
	free(x->api_version);
	free(x->install_hint);
	free(x);
}

void kube_config_free(struct kube_config *c)
{
	if (!c)
		return;
	free(c->source);
	free(c->server);
	free(c->tls_server_name);
	free(c->proxy_url);
	free(c->ca_pem);
	free(c->client_cert_pem);
	free_secret(c->client_key_pem);
	free(c->client_cert_file);
	free(c->client_key_file);
	free_secret(c->token);
	free(c->token_file);
	free(c->username);
	free_secret(c->password);
	exec_free(c->exec);
	free(c->ns);
	free(c);
}

void kube_config_freep(struct kube_config **c)
{
	kube_config_free(*c);
	*c = NULL;
}

static const char *env_or_null(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] ? value : NULL;
}

/* ---- in a Pod ---- */

/* The file's text, or NULL where there is none. */
static int read_if_there(const char *dir, const char *name, char **ret, struct err *e)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", dir, name);
	CLEANUP(buf_done) struct buf text = BUF_INIT(SMALL_FILE_MAX);
	int r = file_read(path, &text, NULL, e);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = r < 0 ? NULL : buf_take(&text);
	return 0;
}

static int load_in_cluster(const char *dir, struct kube_config **ret, struct err *e)
{
	CLEANUP(kube_config_freep) struct kube_config *c = xcalloc(1, sizeof(*c));
	CLEANUP(freep) char *ns = NULL;
	const char *host = env_or_null("KUBERNETES_SERVICE_HOST");
	const char *port = env_or_null("KUBERNETES_SERVICE_PORT");
	bool v6 = strchr(host, ':') != NULL && host[0] != '[';
	c->source = xstrdup("in-cluster");
	c->server = xasprintf("https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port ? port : "443");
	c->token_file = xasprintf("%s/token", dir);
	int r = read_if_there(dir, "ca.crt", &c->ca_pem, e);
	if (r == 0)
		r = read_if_there(dir, "namespace", &ns, e);
	if (r < 0)
		return err_wrap(e, "in-cluster");
	struct slice trimmed = slice_trim(slice_of(ns));
	if (trimmed.len > 0)
		c->ns = xstrndup(trimmed.ptr, trimmed.len);
	*ret = TAKE(c);
	return 0;
}

/* ---- files ---- */

static int add_file(struct kubeconfig *k, const char *path, bool required, struct err *e)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(SMALL_FILE_MAX);
	int r = file_read(path, &text, NULL, e);
	if (r == -ENOENT && !required)
		return 0;
	if (r == 0)
		r = kubeconfig_add(k, buf_slice(&text), path, e);
	if (text.ptr)
		explicit_bzero(text.ptr, text.len);
	return r;
}

/* A list of files with colons between; those that do not exist are left out. */
static int add_files(struct kubeconfig *k, const char *list, struct err *e)
{
	struct slice rest = slice_of(list), piece;
	while (slice_cut(&rest, ':', &piece)) {
		if (piece.len == 0)
			continue;
		CLEANUP(freep) char *path = xstrndup(piece.ptr, piece.len);
		int r = add_file(k, path, false, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int kube_config_load(const struct kube_config_source *from, struct kube_config **ret, struct err *e)
{
	const char *dir = from->service_account_dir ? from->service_account_dir : SERVICE_ACCOUNT_DIR;
	CLEANUP(freep) char *token = xasprintf("%s/token", dir);
	const char *list = env_or_null("KUBECONFIG"), *home = env_or_null("HOME");
	CLEANUP(freep) char *usual = xasprintf("%s/.kube/config", home ? home : "");
	/* --context speaks of a kubeconfig, so it is not for the service account. */
	if (!from->kubeconfig && !from->context && env_or_null("KUBERNETES_SERVICE_HOST") &&
	    access(token, F_OK) == 0)
		return load_in_cluster(dir, ret, e);

	CLEANUP(kubeconfig_freep) struct kubeconfig *k = kubeconfig_new();
	int r;
	if (from->kubeconfig)
		r = add_file(k, from->kubeconfig, true, e);
	else if (list)
		r = add_files(k, list, e);
	else
		r = add_file(k, usual, false, e);
	if (r < 0)
		return r;
	if (kubeconfig_is_empty(k))
		return err_set(e, ENOENT,
			       "no API server: not in a Pod, and no kubeconfig at %s (see --kubeconfig)",
			       list ? list : usual);
	return kubeconfig_choose(k, from->context, ret, e);
}

int kube_config_parse(struct slice text, const char *path, const char *context, struct kube_config **ret,
		      struct err *e)
{
	CLEANUP(kubeconfig_freep) struct kubeconfig *k = kubeconfig_new();
	int r = kubeconfig_add(k, text, path, e);
	return r < 0 ? r : kubeconfig_choose(k, context, ret, e);
}
