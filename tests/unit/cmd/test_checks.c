#include "cmd/checks.h"

#include "lib/test.h"

typedef bool check_fn(const char *value);

static void all(check_fn *fn, bool want, const char *const *values)
{
	for (; *values; values++)
		if (fn(*values) != want)
			fail_msg("%s is %s", *values, want ? "refused" : "taken");
}
#define TAKES(fn, ...) all(fn, true, (const char *const[]){ __VA_ARGS__, NULL })
#define REFUSES(fn, ...) all(fn, false, (const char *const[]){ __VA_ARGS__, NULL })

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void classes(void **state)
{
	TAKES(check_class, "berth.dev/lb", "io.cilium/l2-announcer", "lb", "LB_1.x", ("a/" A63));
	REFUSES(check_class, "/lb", "a/", "a/b/c", "Berth.dev/lb", "a..b/c", "-a/b", "a/b!", "a/-b",
		("a/" A63 "a"));
}

static void values_of_labels(void **state)
{
	TAKES(check_label_value, "a", "kube-proxy", "A.b_c-1", A63);
	REFUSES(check_label_value, "-a", "a-", "a/b", "a b", (A63 "a"), "\xc3\xa4");
}

static void namespaces(void **state)
{
	TAKES(check_namespace, "default", "kube-system", "1", A63);
	REFUSES(check_namespace, "Default", "a.b", "-a", "a_b", (A63 "a"));
}

static void object_names(void **state)
{
	TAKES(check_object_name, "berth-operator", "a.b", "1", (A63 A63));
	REFUSES(check_object_name, "Berth", "a..b", "-a", "a_b", "a/b", ".a", (A63 A63 A63 A63 "ab"));
}

static void field_managers(void **state)
{
	TAKES(check_field_manager, "berth", "cilium-operator-generic", "a b", (A63 A63 "ab"));
	REFUSES(check_field_manager, "", "a\tb", "\xc3\xa4", (A63 A63 "abc"));
}

static void addresses(void **state)
{
	TAKES(check_address, ":9963", "127.0.0.1:0", "0.0.0.0:65535", "[::1]:80", "[::]:80", "localhost:80",
	      "a-b.example:1");
	REFUSES(check_address, "nowhere", "nowhere:", ":", ":65536", ":-1", "::1:80", "[::1]",
		"[127.0.0.1]:80", "a b:1", "http://a:1", "[]:1", "[fe80::1%eth0]:1", ":0x10");
}

static void loopback(void **state)
{
	TAKES(check_loopback, "127.0.0.1:8901", "127.1.2.3:0", "[::1]:8901", "127.255.255.255:1");
	REFUSES(check_loopback, ":8901", "0.0.0.0:8901", "[::]:8901", "localhost:8901", "126.255.255.255:1",
		"128.0.0.0:1", "10.0.0.1:1", "[::2]:1", "[::1:0]:1", "127.0.0.1", "[::ffff:127.0.0.1]:1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),        cmocka_unit_test(values_of_labels),
		cmocka_unit_test(namespaces),     cmocka_unit_test(object_names),
		cmocka_unit_test(field_managers), cmocka_unit_test(addresses),
		cmocka_unit_test(loopback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
