/* Tokens, certificates and plugins that somebody else writes: what is wrong with them is said, and does not
 * take away what was good. */
#include "kube/credentials.h"

#include "data/json.h"
#include "lib/test.h"

#include <sys/stat.h>

enum { PATH_ROOM = 200, MEGABYTE = 1024 * 1024, GIVE_UP = 60 * 1000 };

/* The configuration owns its texts; these are lent to it. */
static char *lent(const char *text)
{
	return (char *)(uintptr_t)text;
}

#define PEM(text) "-----BEGIN X-----\n" text "\n-----END X-----\n"

static struct loop *loop;
static struct loop_timer *give_up;
static char folder[] = "/tmp/berth-credentials-XXXXXX";
static char token_path[PATH_ROOM], cert_path[PATH_ROOM], key_path[PATH_ROOM], info_path[PATH_ROOM];
static char problem[ERR_TEXT_MAX]; /* of the last refresh; "" = none */

static void too_slow(void *arg)
{
	fail_msg("the test took too long");
}

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(token_path, PATH_ROOM, "%s/token", folder);
	(void)snprintf(cert_path, PATH_ROOM, "%s/cert", folder);
	(void)snprintf(key_path, PATH_ROOM, "%s/key", folder);
	(void)snprintf(info_path, PATH_ROOM, "%s/info", folder);
	return 0;
}

static int drop_folder(void **state)
{
	const char *const paths[] = { token_path, cert_path, key_path, info_path };
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		(void)unlink(paths[i]);
	return rmdir(folder);
}

static int setup(void **state)
{
	assert_int_equal(loop_new(&loop, NULL), 0);
	give_up = loop_timer_new(loop, too_slow, NULL);
	loop_timer_set(give_up, GIVE_UP);
	return 0;
}

static int teardown(void **state)
{
	loop_timer_free(give_up);
	loop_free(loop);
	return 0;
}

static void write_file(const char *path, const char *bytes, size_t n)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void write_text(const char *path, const char *text)
{
	write_file(path, text, strlen(text));
}

static void on_end(const char *why, void *arg)
{
	(void)snprintf(problem, sizeof(problem), "%s", why ? why : "");
	loop_stop(loop);
}

static void refresh(struct credentials *c)
{
	credentials_refresh(c);
	assert_int_equal(loop_run(loop, NULL), 0);
}

static void a_token_file_must_hold_one(void **state)
{
	struct kube_config config = { .token_file = token_path };
	CLEANUP(freep) char *large = xmalloc(64 * 1024 + 1);
	memset(large, 't', 64 * 1024 + 1);
	const struct {
		const char *bytes;
		size_t n;
		const char *told;
	} bad[] = {
		{ NULL, 0, "No such file" },
		{ "", 0, "no token in it" },
		{ " \n\t\n", 4, "no token in it" },
		{ "a\0b", 3, "no token in it" },
		{ large, 64 * 1024 + 1, "larger than 65536 bytes" },
	};
	struct credentials *c = credentials_new(loop, &config, on_end, NULL);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
			(void)unlink(token_path);
			if (bad[i].bytes)
				write_file(token_path, bad[i].bytes, bad[i].n);
			refresh(c);
			/* In the second round there is a good one already. */
			assert_int_equal(credentials_ready(c), round);
			if (round == 0 && (!strstr(problem, bad[i].told) || !strstr(problem, token_path)))
				fail_msg("case %zu: want \"%s\", got \"%s\"", i, bad[i].told, problem);
			if (round)
				assert_string_equal(credentials_token(c), "sesame");
		}
		write_text(token_path, " sesame\n");
		refresh(c);
		assert_string_equal(problem, "");
		assert_true(credentials_ready(c));
		assert_int_equal(credentials_generation(c), 1);
	}
	credentials_free(c);
}

static void a_pair_is_taken_whole_or_not(void **state)
{
	struct kube_config config = { .client_cert_pem = lent(PEM("c1")),
				      .client_key_pem = lent(PEM("k1")),
				      .client_cert_file = cert_path,
				      .client_key_file = key_path };
	write_text(cert_path, PEM("c1"));
	write_text(key_path, PEM("k1"));
	struct credentials *c = credentials_new(loop, &config, on_end, NULL);
	assert_true(credentials_renewable(c));
	assert_true(credentials_ready(c));
	assert_null(credentials_cert_pem(c)); /* the config's */
	refresh(c);
	assert_int_equal(credentials_cert_generation(c), 0);

	CLEANUP(freep) char *large = xmalloc(MEGABYTE + 100);
	memset(large, '-', MEGABYTE + 100);
	memcpy(large, PEM("x"), sizeof(PEM("x")) - 1);
	const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{ NULL, 0 },
		{ "", 0 },
		{ "junk", 4 },
		{ "-----BEGIN X-----\nhalf", 22 },
		{ "-----BEGIN \0 -----END ", 22 },
		{ large, MEGABYTE + 100 },
	};
	write_text(cert_path, PEM("c2"));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		(void)unlink(key_path);
		if (bad[i].bytes)
			write_file(key_path, bad[i].bytes, bad[i].n);
		refresh(c);
		assert_string_equal(problem, "");
		assert_int_equal(credentials_cert_generation(c), 0);
		assert_true(credentials_ready(c));
	}
	write_text(key_path, PEM("k2"));
	refresh(c);
	assert_int_equal(credentials_cert_generation(c), 1);
	assert_string_equal(credentials_cert_pem(c), PEM("c2"));
	assert_string_equal(credentials_key_pem(c), PEM("k2"));
	credentials_free(c);
}

/* It writes what it is told into a file, and answers what stands behind. */
static char script[4 * PATH_ROOM];

static struct kube_exec plugin(const char *answer, char *argv[4])
{
	(void)snprintf(script, sizeof(script), "printf '%%s' \"$KUBERNETES_EXEC_INFO\" > %s; %s", info_path,
		       answer);
	argv[0] = lent("/bin/sh");
	argv[1] = lent("-c");
	argv[2] = script;
	argv[3] = NULL;
	return (struct kube_exec){ .argv = argv,
				   .api_version = lent("client.authentication.k8s.io/v1"),
				   .install_hint = lent("install it"),
				   .cluster_config = lent("{\"audience\":\"a\"}"),
				   .cluster_info = true };
}

#define GOOD                                                                                                 \
	"echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{" \
	"\"token\":\"sesame\"}}'"

static void a_plugin_is_told_where_it_goes(void **state)
{
	char *argv[4];
	struct kube_exec exec = plugin(GOOD, argv);
	struct kube_config config = { .server = lent("https://api:6443"),
				      .tls_server_name = lent("name"),
				      .proxy_url = lent("http://proxy:1"),
				      .ca_pem = lent("ca"),
				      .insecure = true,
				      .exec = &exec };
	struct credentials *c = credentials_new(loop, &config, on_end, NULL);
	assert_false(credentials_ready(c));
	refresh(c);
	assert_string_equal(problem, "");
	assert_true(credentials_ready(c));
	assert_string_equal(credentials_token(c), "sesame");
	credentials_free(c);

	CLEANUP(js_freep) struct js *info = NULL;
	char text[2000] = "";
	FILE *f = fopen(info_path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	(void)fclose(f);
	assert_int_equal(js_parse(slice_of(text), &info, NULL), 0);
	const struct js *cluster = js_path(info, "spec", "cluster");
	assert_string_equal(js_str(js_get(cluster, "server")), "https://api:6443");
	assert_string_equal(js_str(js_get(cluster, "tls-server-name")), "name");
	assert_string_equal(js_str(js_get(cluster, "proxy-url")), "http://proxy:1");
	assert_string_equal(js_str(js_get(cluster, "certificate-authority-data")), "Y2E=");
	assert_true(js_bool(js_get(cluster, "insecure-skip-tls-verify"), false));
	assert_string_equal(js_str(js_get(js_get(cluster, "config"), "audience")), "a");
}

static void a_plugin_that_does_wrong_is_named(void **state)
{
	static const struct {
		const char *answer, *told;
	} bad[] = {
		{ "exit 3", "/bin/sh" },
		{ "echo sorry >&2; exit 1", "it says: sorry" },
		{ "kill -9 $$", "/bin/sh" },
		{ "echo junk", "/bin/sh" },
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *argv[4];
		struct kube_exec exec = plugin(bad[i].answer, argv);
		struct kube_config config = { .server = lent("https://api:6443"), .exec = &exec };
		struct credentials *c = credentials_new(loop, &config, on_end, NULL);
		refresh(c);
		if (!strstr(problem, bad[i].told) || !strstr(problem, "credential plugin /bin/sh"))
			fail_msg("%s: got \"%s\"", bad[i].answer, problem);
		assert_false(credentials_ready(c));
		assert_null(credentials_token(c));
		credentials_free(c);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_token_file_must_hold_one),
		T(a_pair_is_taken_whole_or_not),
		T(a_plugin_is_told_where_it_goes),
		T(a_plugin_that_does_wrong_is_named),
	};
	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
