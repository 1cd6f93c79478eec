#include "kube/credentials.h"

#include "data/base64.h"
#include "data/json.h"
#include "io/file.h"
#include "io/proc.h"
#include "kube/exec_credential.h"

#include <errno.h>
#include <stdio.h>

enum {
	TOKEN_MAX = 64 * 1024,
	PEM_MAX = 1024 * 1024,
	PLUGIN_OUTPUT_MAX = 1024 * 1024,
	PLUGIN_DEADLINE_MS = 60 * 1000,
	LOOK_EVERY_MS = 1000,
	READ_EVERY_MS = 60 * 1000,
	/* A token that ends while the request is on its way is of no use. */
	EXPIRY_MARGIN_MS = 10 * 1000,
};

/* A file of a client certificate or of its key. */
struct pem_file {
	const char *path; /* borrowed; NULL = the text is fixed */
	struct file_mark mark;
};

struct credentials {
	struct loop *loop;
	const struct kube_config *config;
	credentials_fn *fn;
	void *arg;
	struct loop_timer *answer; /* tells the end of a refresh that needed no waiting */
	struct proc *plugin;       /* under way */
	char *token;
	char *cert_pem;
	char *key_pem;
	unsigned generation;
	unsigned cert_generation;
	msec expires;      /* by the wall clock; 0 = never */
	bool have_any;     /* the plugin has answered at least once */
	msec looked, read; /* at the token file, by loop_now() */
	struct file_mark mark;
	struct pem_file cert_file, key_file;
	msec pem_looked, pem_read; /* at these two; 0 = not yet */
	struct err problem;        /* of the last reading or run */
};

static void replace_secret(char **owned, const char *s)
{
	if (*owned)
		explicit_bzero(*owned, strlen(*owned));
	str_replace(owned, s);
}

static void read_token(struct credentials *c)
{
	struct err e = { 0 };
	CLEANUP(buf_done) struct buf text = BUF_INIT(TOKEN_MAX);
	c->looked = c->read = loop_now(c->loop);
	if (file_read(c->config->token_file, &text, &c->mark, &e) < 0) {
		c->problem = e;
		return;
	}
	struct slice token = slice_trim(buf_slice(&text));
	if (token.len == 0 || memchr(token.ptr, '\0', token.len)) {
		(void)err_set(&c->problem, EINVAL, "%s: no token in it", c->config->token_file);
		return;
	}
	c->problem = (struct err){ 0 };
	if (c->token && slice_is(token, c->token))
		return;
	CLEANUP(freep) char *copy = xstrndup(token.ptr, token.len);
	replace_secret(&c->token, copy);
	explicit_bzero(copy, token.len);
	explicit_bzero(text.ptr, text.len);
	c->generation++;
}

static void look_at_token_file(struct credentials *c)
{
	msec now = loop_now(c->loop);
	if (c->token && now - c->looked < LOOK_EVERY_MS)
		return;
	struct file_mark mark;
	c->looked = now;
	bool same = c->token && now - c->read < READ_EVERY_MS &&
		    file_mark(c->config->token_file, &mark, NULL) == 0 && file_mark_equal(&mark, &c->mark);
	/* A file that is gone for a moment does not take away the token we have. */
	if (!same)
		read_token(c);
}

/* ---- certificate and key in files ---- */

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void take_pair(struct credentials *c, const char *cert_pem, const char *key_pem)
{
	replace_secret(&c->cert_pem, cert_pem);
	replace_secret(&c->key_pem, key_pem);
	c->cert_generation++;
}

static bool has_pem_file(const struct credentials *c)
{
	return c->cert_file.path || c->key_file.path;
}

/* Owned: what stands in the file, or a copy of `fixed`. NULL: there is no whole PEM text in the file. */
static char *pem_text(struct pem_file *f, const char *fixed)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(PEM_MAX);
	if (!f->path)
		return xstrdup(fixed);
	if (file_read(f->path, &text, &f->mark, NULL) < 0 || memchr(buf_str(&text), '\0', text.len) ||
	    !strstr(buf_str(&text), "-----BEGIN ") || !strstr(buf_str(&text), "-----END "))
		return NULL;
	return buf_take(&text);
}

/* What is bad or half written does not take away the pair we have. */
static void read_pair(struct credentials *c)
{
	const struct kube_config *config = c->config;
	c->pem_looked = c->pem_read = loop_now(c->loop);
	char *cert = pem_text(&c->cert_file, config->client_cert_pem);
	char *key = pem_text(&c->key_file, config->client_key_pem);
	bool changed = cert && key &&
		       (!same(cert, c->cert_pem ? c->cert_pem : config->client_cert_pem) ||
			!same(key, c->key_pem ? c->key_pem : config->client_key_pem));
	if (changed) {
		take_pair(c, cert, key);
		c->generation++;
	}
	replace_secret(&cert, NULL);
	replace_secret(&key, NULL);
}

static bool unchanged(const struct pem_file *f)
{
	struct file_mark mark;
	return !f->path || (file_mark(f->path, &mark, NULL) == 0 && file_mark_equal(&mark, &f->mark));
}

static void look_at_pair(struct credentials *c)
{
	msec now = loop_now(c->loop);
	if (c->pem_looked && now - c->pem_looked < LOOK_EVERY_MS)
		return;
	c->pem_looked = now;
	if (!c->pem_read || now - c->pem_read >= READ_EVERY_MS || !unchanged(&c->cert_file) ||
	    !unchanged(&c->key_file))
		read_pair(c);
}

bool credentials_ready(struct credentials *c)
{
	if (c->config->exec) {
		if (!c->have_any || c->plugin)
			return false;
		return c->expires == 0 || loop_wall() + EXPIRY_MARGIN_MS < c->expires;
	}
	if (has_pem_file(c))
		look_at_pair(c);
	if (c->config->token_file) {
		look_at_token_file(c);
		return c->token != NULL;
	}
	return true;
}

bool credentials_renewable(const struct credentials *c)
{
	return c->config->exec || c->config->token_file || has_pem_file(c);
}

static void on_answer(void *arg)
{
	struct credentials *c = arg;
	bool bad = c->problem.code != 0 && !c->token;
	c->fn(bad ? c->problem.msg : NULL, c->arg);
}

/* ---- the plugin ---- */

static void take_credential(struct credentials *c, const struct exec_credential *got)
{
	if (!same(got->cert_pem, c->cert_pem) || !same(got->key_pem, c->key_pem))
		take_pair(c, got->cert_pem, got->key_pem);
	replace_secret(&c->token, got->token);
	c->expires = got->expires;
	c->have_any = true;
	c->generation++;
}

static void on_plugin_done(const struct proc_result *r, void *arg)
{
	struct credentials *c = arg;
	const struct kube_exec *exec = c->config->exec;
	CLEANUP(exec_credential_done) struct exec_credential got = { 0 };
	struct err e = { 0 };
	c->plugin = NULL;
	int bad;
	if (r->error) {
		struct slice said = slice_trim(r->err);
		bad = err_set(&e, EIO, "%s%s%.*s%s%s", r->error, said.len ? "; it says: " : "",
			      SLICE_ARG(said), r->exit_code < 0 && exec->install_hint ? "; " : "",
			      r->exit_code < 0 && exec->install_hint ? exec->install_hint : "");
	} else {
		bad = exec_credential_parse(r->out, exec->api_version, &got, &e);
		if (bad == 0)
			take_credential(c, &got);
	}
	if (bad < 0)
		(void)err_wrap(&e, "credential plugin %s", exec->argv[0]);
	c->problem = e;
	c->fn(bad < 0 ? c->problem.msg : NULL, c->arg);
}

/* What the plugin is told, in KUBERNETES_EXEC_INFO. */
static char *exec_info(const struct kube_config *config)
{
	CLEANUP(js_freep) struct js *info = js_new_object();
	struct js *spec = js_need_object(info, "spec");
	js_set(info, "kind", js_new_str("ExecCredential"));
	js_set(info, "apiVersion", js_new_str(config->exec->api_version));
	js_set(spec, "interactive", js_new_bool(false));
	if (config->exec->cluster_info) {
		struct js *cluster = js_need_object(spec, "cluster");
		js_set(cluster, "server", js_new_str(config->server));
		if (config->tls_server_name)
			js_set(cluster, "tls-server-name", js_new_str(config->tls_server_name));
		if (config->proxy_url)
			js_set(cluster, "proxy-url", js_new_str(config->proxy_url));
		if (config->insecure)
			js_set(cluster, "insecure-skip-tls-verify", js_new_bool(true));
		if (config->ca_pem) {
			CLEANUP(buf_done) struct buf text = BUF_INIT(PLUGIN_OUTPUT_MAX);
			base64_encode(slice_of(config->ca_pem), &text);
			js_set(cluster, "certificate-authority-data", js_new_text(buf_slice(&text)));
		}
		struct js *extension = NULL;
		if (config->exec->cluster_config &&
		    js_parse(slice_of(config->exec->cluster_config), &extension, NULL) == 0)
			js_set(cluster, "config", extension);
	}
	struct buf out = BUF_INIT(PLUGIN_OUTPUT_MAX);
	buf_add_str(&out, "KUBERNETES_EXEC_INFO=");
	js_write(info, &out);
	return buf_take(&out);
}

static void run_plugin(struct credentials *c)
{
	const struct kube_exec *exec = c->config->exec;
	CLEANUP(freep) char *info = exec_info(c->config);
	CLEANUP(freep) const char **env = NULL;
	size_t n = 0, cap = 0;
	for (; exec->env && exec->env[n]; n++) {
		vec_grow(&env, &cap, n + 1);
		env[n] = exec->env[n];
	}
	vec_grow(&env, &cap, n + 2);
	env[n] = info;
	env[n + 1] = NULL;
	struct proc_spec spec = { .argv = (const char *const *)exec->argv,
				  .env = env,
				  .deadline = PLUGIN_DEADLINE_MS,
				  .max_out = PLUGIN_OUTPUT_MAX };
	c->plugin = proc_run(c->loop, &spec, on_plugin_done, c);
}

void credentials_refresh(struct credentials *c)
{
	if (c->config->exec) {
		if (!c->plugin)
			run_plugin(c);
		return;
	}
	if (c->config->token_file)
		read_token(c);
	if (has_pem_file(c))
		read_pair(c);
	loop_timer_set(c->answer, 0);
}

/* ---- */

struct credentials *credentials_new(struct loop *l, const struct kube_config *config, credentials_fn *fn,
				    void *arg)
{
	struct credentials *c = xcalloc(1, sizeof(*c));
	c->loop = l;
	c->config = config;
	c->fn = fn;
	c->arg = arg;
	c->answer = loop_timer_new(l, on_answer, c);
	c->cert_file.path = config->client_cert_file;
	c->key_file.path = config->client_key_file;
	if (config->token && !config->token_file && !config->exec)
		c->token = xstrdup(config->token);
	return c;
}

void credentials_free(struct credentials *c)
{
	if (!c)
		return;
	proc_cancel(c->plugin);
	loop_timer_free(c->answer);
	replace_secret(&c->token, NULL);
	replace_secret(&c->cert_pem, NULL);
	replace_secret(&c->key_pem, NULL);
	free(c);
}

const char *credentials_token(const struct credentials *c)
{
	return c->token;
}

const char *credentials_cert_pem(const struct credentials *c)
{
	return c->cert_pem;
}

const char *credentials_key_pem(const struct credentials *c)
{
	return c->key_pem;
}

unsigned credentials_generation(const struct credentials *c)
{
	return c->generation;
}

unsigned credentials_cert_generation(const struct credentials *c)
{
	return c->cert_generation;
}
