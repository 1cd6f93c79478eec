#include "kube/kubeconfig.h"

#include "data/base64.h"
#include "data/yaml.h"
#include "io/file.h"

#include <errno.h>

enum { PEM_MAX = 1024 * 1024, NESTED_MAX = 256 * 1024 };

struct file {
	char *path;
	struct js *root;
};

struct kubeconfig {
	struct file *files;
	size_t n, cap;
};

/* One named entry ("clusters", "users", "contexts"), with what messages need. */
struct entry {
	const struct file *file;
	const char *list; /* "clusters" */
	const char *name;
	const struct js *fields;
};

struct kubeconfig *kubeconfig_new(void)
{
	return xcalloc(1, sizeof(struct kubeconfig));
}

void kubeconfig_freep(struct kubeconfig **k)
{
	for (size_t i = 0; *k && i < (*k)->n; i++) {
		free((*k)->files[i].path);
		js_free((*k)->files[i].root);
	}
	if (*k)
		free((*k)->files);
	free(*k);
	*k = NULL;
}

bool kubeconfig_is_empty(const struct kubeconfig *k)
{
	return k->n == 0;
}

int kubeconfig_add(struct kubeconfig *k, struct slice text, const char *path, struct err *e)
{
	CLEANUP(js_freep) struct js *root = NULL;
	int r = yaml_parse_one(text, &root, e);
	if (r < 0)
		return err_wrap(e, "%s", path);
	struct slice kind = js_text(js_get(root, "kind"));
	if (js_type(root) != JS_OBJECT || (kind.ptr && kind.len && !slice_is(kind, "Config")))
		return err_set(e, EINVAL, "%s: no kubeconfig (kind Config)", path);
	vec_grow(&k->files, &k->cap, k->n + 1);
	k->files[k->n++] = (struct file){ .path = xstrdup(path), .root = TAKE(root) };
	return 0;
}

/* ---- finding ---- */

static bool find(const struct kubeconfig *k, const char *list, const char *field, const char *name,
		 struct entry *ret)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct js *all = js_get(k->files[i].root, list);
		for (size_t at = 0; at < js_len(all); at++) {
			const struct js *one = js_item(all, at);
			if (js_type(one) != JS_OBJECT || !slice_is(js_text(js_get(one, "name")), name))
				continue;
			*ret = (struct entry){ &k->files[i], list, js_str(js_get(one, "name")),
					       js_get(one, field) };
			if (ret->name)
				return true;
		}
	}
	return false;
}

static int complain(const struct entry *at, const char *field, struct err *e, const char *what)
{
	return err_set(e, EINVAL, "%s: %s \"%s\": %s: %s", at->file->path, at->list, at->name, field, what);
}

static int not_there(const struct entry *at, const char *field, const char *name, struct err *e)
{
	return err_set(e, EINVAL, "%s: %s \"%s\": there is no %s \"%s\"", at->file->path, at->list, at->name,
		       field, name);
}

/* ---- reading fields ---- */

/* Text, or NULL where the field is not there or empty. */
static int text_of(const struct entry *at, const char *field, const char **ret, struct err *e)
{
	const struct js *value = js_get(at->fields, field);
	const char *s = js_str(value);
	if (value && !s)
		return complain(at, field, e, "must be text");
	*ret = s && s[0] ? s : NULL;
	return 0;
}

static int copy_text(const struct entry *at, const char *field, char **owned, struct err *e)
{
	const char *s = NULL;
	int r = text_of(at, field, &s, e);
	if (r == 0)
		str_replace(owned, s);
	return r;
}

static int flag_of(const struct entry *at, const char *field, bool *ret, struct err *e)
{
	const struct js *value = js_get(at->fields, field);
	if (value && js_type(value) != JS_BOOL)
		return complain(at, field, e, "must be true or false");
	*ret = js_bool(value, false);
	return 0;
}

/* A path as it is meant: relative ones start where the file is. */
static char *path_beside(const struct file *f, const char *path)
{
	const char *slash = strrchr(f->path, '/');
	if (path[0] == '/' || !slash)
		return xstrdup(path);
	return xasprintf("%.*s/%s", (int)(slash - f->path), f->path, path);
}

/* A PEM text: the field with -data wins over the file. owned_path: the file it came from; may be NULL. */
static int pem_of(const struct entry *at, const char *field, char **owned, char **owned_path, struct err *e)
{
	CLEANUP(freep) char *data_field = xasprintf("%s-data", field);
	CLEANUP(buf_done) struct buf pem = BUF_INIT(PEM_MAX);
	CLEANUP(freep) char *full = NULL;
	const char *data = NULL, *path = NULL;
	int r = text_of(at, data_field, &data, e);
	if (r == 0)
		r = text_of(at, field, &path, e);
	if (r < 0 || (!data && !path))
		return r;
	if (data) {
		if (base64_decode(slice_of(data), &pem) < 0)
			return complain(at, data_field, e, "is no base64");
		field = data_field;
	} else {
		full = path_beside(at->file, path);
		struct err why = { 0 };
		if (file_read(full, &pem, NULL, &why) < 0)
			return complain(at, field, e, why.msg);
	}
	if (memchr(buf_str(&pem), '\0', pem.len) || !strstr(buf_str(&pem), "-----BEGIN "))
		return complain(at, field, e, "holds no PEM text");
	free(*owned);
	*owned = buf_take(&pem);
	if (owned_path) {
		free(*owned_path);
		*owned_path = TAKE(full);
	}
	return 0;
}

/* Refuses the fields that would change who we are or how we connect, if we did as if they were not there. */
static int refuse(const struct entry *at, const char *const *fields, struct err *e)
{
	for (; *fields; fields++)
		if (js_get(at->fields, *fields))
			return complain(at, *fields, e, "is not supported");
	return 0;
}

/* ---- cluster ---- */

static bool starts_with_any(const char *s, const char *const *starts)
{
	for (; *starts; starts++)
		if (strncasecmp(s, *starts, strlen(*starts)) == 0)
			return true;
	return false;
}

static int take_server(const struct entry *at, struct kube_config *c, struct err *e)
{
	static const char *const known[] = { "http://", "https://", NULL };
	const char *server = NULL;
	int r = text_of(at, "server", &server, e);
	if (r < 0)
		return r;
	if (!server)
		return complain(at, "server", e, "is missing");
	if (strstr(server, "://") && !starts_with_any(server, known))
		return complain(at, "server", e, "only http:// and https:// are supported");
	/* Without a scheme the Go client takes https only where something about TLS is said. */
	bool tls = c->ca_pem || c->insecure || c->tls_server_name;
	const char *scheme = strstr(server, "://") ? "" : tls ? "https://" : "http://";
	const char *host = strstr(server, "://") ? strstr(server, "://") + 3 : server;
	size_t n = strlen(server);
	if (host[0] == '\0' || host[0] == '/')
		return complain(at, "server", e, "names no host");
	while (n && server[n - 1] == '/')
		n--;
	free(c->server);
	c->server = xasprintf("%s%.*s", scheme, (int)n, server);
	return 0;
}

static int take_cluster(const struct entry *at, struct kube_config *c, struct err *e)
{
	static const char *const proxies[] = { "http://", "https://", "socks5://", "socks5h://", NULL };
	int r = pem_of(at, "certificate-authority", &c->ca_pem, NULL, e);
	if (r == 0)
		r = flag_of(at, "insecure-skip-tls-verify", &c->insecure, e);
	if (r == 0)
		r = copy_text(at, "tls-server-name", &c->tls_server_name, e);
	if (r == 0)
		r = copy_text(at, "proxy-url", &c->proxy_url, e);
	if (r == 0)
		r = take_server(at, c, e);
	if (r < 0)
		return r;
	if (c->insecure && c->ca_pem)
		return complain(at, "insecure-skip-tls-verify", e,
				"contradicts the certificate authority that is given too");
	if (c->proxy_url && !starts_with_any(c->proxy_url, proxies))
		return complain(at, "proxy-url", e, "only http, https and socks5 are supported");
	return 0;
}

/* ---- user ---- */

static int take_args(const struct entry *at, const char *command, struct kube_exec *x, struct err *e)
{
	const struct js *args = js_get(at->fields, "args");
	if (args && js_type(args) != JS_ARRAY)
		return complain(at, "exec.args", e, "must be a list");
	x->argv = xcalloc(js_len(args) + 2, sizeof(char *));
	/* Looked up in PATH only if it is a bare name. */
	x->argv[0] = strchr(command, '/') ? path_beside(at->file, command) : xstrdup(command);
	for (size_t i = 0; i < js_len(args); i++) {
		const char *arg = js_str(js_item(args, i));
		if (!arg)
			return complain(at, "exec.args", e, "must be texts");
		x->argv[i + 1] = xstrdup(arg);
	}
	return 0;
}

static int take_env(const struct entry *at, struct kube_exec *x, struct err *e)
{
	const struct js *env = js_get(at->fields, "env");
	if (env && js_type(env) != JS_ARRAY)
		return complain(at, "exec.env", e, "must be a list");
	x->env = xcalloc(js_len(env) + 1, sizeof(char *));
	for (size_t i = 0; i < js_len(env); i++) {
		const char *name = js_str(js_get(js_item(env, i), "name"));
		const char *value = js_str(js_get(js_item(env, i), "value"));
		if (!name || !name[0] || strchr(name, '=') || !value)
			return complain(at, "exec.env", e, "must be names and values");
		x->env[i] = xasprintf("%s=%s", name, value);
	}
	return 0;
}

static int take_exec(const struct entry *user, struct kube_config *c, struct err *e)
{
	static const char *const versions[] = { "client.authentication.k8s.io/v1",
						"client.authentication.k8s.io/v1beta1" };
	struct entry at = *user;
	const char *command = NULL, *version = NULL, *mode = NULL;
	at.fields = js_get(user->fields, "exec");
	if (!at.fields)
		return 0;
	if (js_type(at.fields) != JS_OBJECT)
		return complain(user, "exec", e, "must be an object");
	struct kube_exec *x = c->exec = xcalloc(1, sizeof(*x));
	int r = text_of(&at, "command", &command, e);
	if (r == 0)
		r = text_of(&at, "apiVersion", &version, e);
	if (r == 0)
		r = text_of(&at, "interactiveMode", &mode, e);
	if (r == 0)
		r = copy_text(&at, "installHint", &x->install_hint, e);
	if (r == 0)
		r = flag_of(&at, "provideClusterInfo", &x->cluster_info, e);
	if (r < 0)
		return r;
	if (!command)
		return complain(&at, "exec.command", e, "is missing");
	if (!version || (strcmp(version, versions[0]) != 0 && strcmp(version, versions[1]) != 0))
		return complain(&at, "exec.apiVersion", e,
				"must be client.authentication.k8s.io/v1 or v1beta1");
	if (mode && strcmp(mode, "Always") == 0)
		return complain(&at, "exec.interactiveMode", e,
				"Always is not supported: there is no terminal");
	x->api_version = xstrdup(version);
	r = take_args(&at, command, x, e);
	return r < 0 ? r : take_env(&at, x, e);
}

static int take_user(const struct entry *at, struct kube_config *c, struct err *e)
{
	static const char *const unsupported[] = { "auth-provider", "as", "as-uid", "as-groups",
						   "as-user-extra", NULL };
	const char *token_file = NULL;
	int r = refuse(at, unsupported, e);
	if (r == 0)
		r = pem_of(at, "client-certificate", &c->client_cert_pem, &c->client_cert_file, e);
	if (r == 0)
		r = pem_of(at, "client-key", &c->client_key_pem, &c->client_key_file, e);
	if (r == 0)
		r = copy_text(at, "token", &c->token, e);
	if (r == 0)
		r = text_of(at, "tokenFile", &token_file, e);
	if (r == 0)
		r = copy_text(at, "username", &c->username, e);
	if (r == 0)
		r = copy_text(at, "password", &c->password, e);
	if (r == 0)
		r = take_exec(at, c, e);
	if (r < 0)
		return r;
	if (token_file)
		c->token_file = path_beside(at->file, token_file);
	if (!c->client_cert_pem != !c->client_key_pem)
		return complain(at, c->client_cert_pem ? "client-key" : "client-certificate", e,
				"is missing");
	if (c->username && (c->token || c->token_file))
		return complain(at, "username", e, "contradicts the token that is given too");
	return 0;
}

/* ---- context ---- */

static const char *current_context(const struct kubeconfig *k)
{
	for (size_t i = 0; i < k->n; i++) {
		const char *name = js_str(js_get(k->files[i].root, "current-context"));
		if (name && name[0])
			return name;
	}
	return NULL;
}

static char *names_of_files(const struct kubeconfig *k)
{
	struct buf out = BUF_INIT(ERR_TEXT_MAX);
	for (size_t i = 0; i < k->n; i++)
		buf_addf(&out, "%s%s", i ? ", " : "", k->files[i].path);
	return buf_take(&out);
}

/* The setting of the cluster that is meant for the plugin, if there is one. */
static void take_exec_extension(const struct entry *cluster, struct kube_config *c)
{
	const struct js *all = js_get(cluster->fields, "extensions");
	for (size_t i = 0; c->exec && i < js_len(all); i++) {
		const struct js *one = js_item(all, i);
		if (!slice_is(js_text(js_get(one, "name")), "client.authentication.k8s.io/exec"))
			continue;
		struct buf text = BUF_INIT(NESTED_MAX);
		js_write(js_get(one, "extension"), &text);
		free(c->exec->cluster_config);
		c->exec->cluster_config = buf_take(&text);
	}
}

int kubeconfig_choose(const struct kubeconfig *k, const char *context, struct kube_config **ret,
		      struct err *e)
{
	CLEANUP(kube_config_freep) struct kube_config *c = xcalloc(1, sizeof(*c));
	struct entry ctx, cluster, user;
	const char *cluster_name, *user_name;
	c->source = names_of_files(k);
	const char *name = context ? context : current_context(k);
	if (!name)
		return err_set(e, EINVAL, "%s: no current-context; say --context", c->source);
	if (!find(k, "contexts", "context", name, &ctx))
		return err_set(e, EINVAL, "%s: no context \"%s\"", c->source, name);
	int r = text_of(&ctx, "cluster", &cluster_name, e);
	if (r == 0)
		r = text_of(&ctx, "user", &user_name, e);
	if (r == 0)
		r = copy_text(&ctx, "namespace", &c->ns, e);
	if (r < 0)
		return r;
	if (!cluster_name)
		return complain(&ctx, "cluster", e, "is missing");
	if (!find(k, "clusters", "cluster", cluster_name, &cluster))
		return not_there(&ctx, "cluster", cluster_name, e);
	r = take_cluster(&cluster, c, e);
	if (r < 0)
		return r;
	if (user_name) {
		if (!find(k, "users", "user", user_name, &user))
			return not_there(&ctx, "user", user_name, e);
		r = take_user(&user, c, e);
		if (r < 0)
			return r;
	}
	take_exec_extension(&cluster, c);
	*ret = TAKE(c);
	return 0;
}
