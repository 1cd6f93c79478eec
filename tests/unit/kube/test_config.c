#include "kube/config.h"

#include "data/yaml.h"
#include "io/file.h"
#include "lib/test.h"

#include <errno.h>
#include <sys/stat.h>

/* ---- the table ---- */

static const char *text_at(const struct js *j, const char *key)
{
	return js_str(js_get(j, key));
}

static struct js *named(const char *field, struct js *fields)
{
	struct js *list = js_new_array(), *one = js_new_object();
	js_set(one, "name", js_new_str("c"));
	js_set(one, field, fields);
	js_push(list, one);
	return list;
}

/* The kubeconfig of a case; JSON is YAML. */
static void build(const struct js *c, struct buf *out)
{
	CLEANUP(js_freep) struct js *config = js_new_object();
	struct js *context = js_new_object();
	js_set(context, "cluster", js_new_str("c"));
	js_set(context, "user", js_get(c, "user") ? js_new_str("c") : NULL);
	for (struct js_iter it = js_iter(js_get(c, "context")); js_next(&it);)
		js_set(context, it.key, js_clone(it.value));
	js_set(config, "apiVersion", js_new_str("v1"));
	js_set(config, "kind", js_new_str("Config"));
	js_set(config, "current-context", js_new_str("c"));
	js_set(config, "contexts", named("context", context));
	js_set(config, "clusters", named("cluster", js_clone(js_get(c, "cluster"))));
	if (js_get(c, "user"))
		js_set(config, "users", named("user", js_clone(js_get(c, "user"))));
	js_write(config, out);
}

static void put_text(struct js *into, const char *key, const char *text)
{
	if (text)
		js_set(into, key, js_new_str(text));
}

static void put_list(struct js *into, const char *key, char *const *list)
{
	struct js *array = js_new_array();
	for (; list && *list; list++)
		js_push(array, js_new_str(*list));
	js_set(into, key, array);
}

/* What came out, in the form of `want`. */
static struct js *describe(const struct kube_config *c)
{
	struct js *j = js_new_object();
	put_text(j, "server", c->server);
	put_text(j, "ca", c->ca_pem);
	put_text(j, "tls-server-name", c->tls_server_name);
	put_text(j, "proxy-url", c->proxy_url);
	put_text(j, "cert", c->client_cert_pem);
	put_text(j, "key", c->client_key_pem);
	put_text(j, "token", c->token);
	put_text(j, "token-file", c->token_file);
	put_text(j, "username", c->username);
	put_text(j, "password", c->password);
	put_text(j, "namespace", c->ns);
	if (c->insecure)
		js_set(j, "insecure", js_new_bool(true));
	if (c->exec) {
		put_list(j, "exec", c->exec->argv);
		put_list(j, "exec-env", c->exec->env);
		put_text(j, "exec-config", c->exec->cluster_config);
	}
	return j;
}

static int check_case(struct js *c, int line, void *n, struct err *e)
{
	(void)e;
	CLEANUP(buf_done) struct buf text = BUF_INIT(1u << 20);
	CLEANUP(kube_config_freep) struct kube_config *config = NULL;
	struct err why = { 0 };
	++*(int *)n;
	build(c, &text);
	int r = kube_config_parse(buf_slice(&text), "/nowhere/config", NULL, &config, &why);
	const char *error = text_at(c, "error");
	if (error) {
		if (r >= 0 || !strstr(why.msg, error) || strncmp(why.msg, "/nowhere/config: ", 17) != 0)
			fail_msg("line %d, %s: %s", line, text_at(c, "name"), r < 0 ? why.msg : "no error");
		return 0;
	}
	if (r < 0)
		fail_msg("line %d, %s: %s", line, text_at(c, "name"), why.msg);
	CLEANUP(js_freep) struct js *got = describe(config);
	if (!js_equal(got, js_get(c, "want"))) {
		CLEANUP(buf_done) struct buf said = BUF_INIT(10000);
		js_write(got, &said);
		fail_msg("line %d, %s: %s", line, text_at(c, "name"), buf_str(&said));
	}
	return 0;
}

static void every_field_means_what_clientcmd_says(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf text = BUF_INIT(1u << 20);
	struct err e = { 0 };
	int n = 0;
	assert_int_equal(file_read(TEST_DATA "/kubeconfig.yaml", &text, NULL, &e), 0);
	if (yaml_parse(buf_slice(&text), check_case, &n, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(n > 30);
}

/* ---- where it comes from ---- */

static char dir[] = "/tmp/berth-test-config-XXXXXX";

static char *put(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return path;
}

static int setup_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	CLEANUP(freep) char *command = xasprintf("rm -r %s", dir);
	return system(command);
}

static int clean_env(void **state)
{
	(void)state;
	return unsetenv("KUBECONFIG") | unsetenv("KUBERNETES_SERVICE_HOST") |
	       unsetenv("KUBERNETES_SERVICE_PORT") | setenv("HOME", dir, 1);
}

static int load(struct kube_config_source from, struct kube_config **ret, struct err *e)
{
	from.service_account_dir = dir;
	return kube_config_load(&from, ret, e);
}

#define CONFIG(current, name, server)                                                           \
	"{current-context: '" current "', contexts: [{name: " name ", context: {cluster: " name \
	"}}], clusters: [{name: " name ", cluster: {server: 'http://" server "'}}]}"

static void expect_server(struct kube_config_source from, const char *server)
{
	CLEANUP(kube_config_freep) struct kube_config *c = NULL;
	struct err e = { 0 };
	if (load(from, &c, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(c->server, server);
}

static void expect_error(struct kube_config_source from, const char *text)
{
	struct kube_config *c = NULL;
	struct err e = { 0 };
	assert_true(load(from, &c, &e) < 0);
	assert_null(c);
	if (!strstr(e.msg, text))
		fail_msg("%s", e.msg);
}

static void of_several_files_the_first_to_say_it_wins(void **state)
{
	(void)state;
	CLEANUP(freep) char *one = put("one", CONFIG("", "a", "one-a"));
	CLEANUP(freep) char *two = put("two", CONFIG("b", "b", "two-b"));
	CLEANUP(freep) char *three = put("three", CONFIG("a", "a", "three-a"));
	CLEANUP(freep) char *list = xasprintf("%s/missing:%s::%s:%s", dir, one, two, three);
	assert_int_equal(setenv("KUBECONFIG", list, 1), 0);
	expect_server((struct kube_config_source){ 0 }, "http://two-b");
	expect_server((struct kube_config_source){ .context = "a" }, "http://one-a");
	expect_server((struct kube_config_source){ .kubeconfig = three }, "http://three-a");
	expect_error((struct kube_config_source){ .context = "zz" }, "no context \"zz\"");
	expect_error((struct kube_config_source){ .kubeconfig = one }, "no current-context");
	expect_error((struct kube_config_source){ .kubeconfig = "/nowhere/x" }, "/nowhere/x: No such file");
}

static void the_usual_place_is_looked_at_last(void **state)
{
	(void)state;
	CLEANUP(freep) char *kube = xasprintf("%s/.kube", dir);
	expect_error((struct kube_config_source){ 0 }, "no API server");
	assert_int_equal(mkdir(kube, 0700), 0);
	CLEANUP(freep) char *usual = put(".kube/config", CONFIG("u", "u", "usual"));
	expect_server((struct kube_config_source){ 0 }, "http://usual");
	CLEANUP(freep) char *bad = put("bad", "a: b: c");
	assert_int_equal(setenv("KUBECONFIG", bad, 1), 0);
	expect_error((struct kube_config_source){ 0 }, "/bad: line 1, column 5: ");
	CLEANUP(freep) char *other = put("other", "kind: Service");
	expect_error((struct kube_config_source){ .kubeconfig = other }, "no kubeconfig");
}

static void a_pod_uses_its_service_account(void **state)
{
	(void)state;
	assert_int_equal(setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1), 0);
	assert_int_equal(setenv("KUBERNETES_SERVICE_PORT", "6443", 1), 0);
	CLEANUP(freep) char *flag = put("flag", CONFIG("f", "f", "flag"));
	/* Without a token this is no Pod. */
	assert_int_equal(setenv("KUBECONFIG", flag, 1), 0);
	expect_server((struct kube_config_source){ 0 }, "http://flag");

	CLEANUP(freep) char *token = put("token", "sesame\n");
	expect_server((struct kube_config_source){ 0 }, "https://[fd00::1]:6443");
	expect_server((struct kube_config_source){ .kubeconfig = flag }, "http://flag");
	expect_server((struct kube_config_source){ .context = "f" }, "http://flag");

	CLEANUP(freep) char *ca = put("ca.crt", "-----BEGIN X-----\n");
	CLEANUP(freep) char *ns = put("namespace", "lb-system\n");
	CLEANUP(kube_config_freep) struct kube_config *c = NULL;
	assert_int_equal(setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1), 0);
	assert_int_equal(unsetenv("KUBERNETES_SERVICE_PORT"), 0);
	assert_int_equal(load((struct kube_config_source){ 0 }, &c, NULL), 0);
	assert_string_equal(c->server, "https://10.96.0.1:443");
	assert_string_equal(c->token_file, token);
	assert_string_equal(c->ca_pem, "-----BEGIN X-----\n");
	assert_string_equal(c->ns, "lb-system");
	assert_null(c->token);
	assert_int_equal(unlink(token), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_means_what_clientcmd_says),
		cmocka_unit_test_setup(of_several_files_the_first_to_say_it_wins, clean_env),
		cmocka_unit_test_setup(the_usual_place_is_looked_at_last, clean_env),
		cmocka_unit_test_setup(a_pod_uses_its_service_account, clean_env),
	};
	return cmocka_run_group_tests(tests, setup_dir, remove_dir);
}
