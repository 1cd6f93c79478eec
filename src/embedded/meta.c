#include "embedded/meta.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/random.h>

enum { LABEL_MAX = 63, SUBDOMAIN_MAX = 253, ANNOTATIONS_MAX = 256 * 1024, SUFFIX = 5 };

const char *meta_new_uid(char text[UID_MAX])
{
	unsigned char b[16];
	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		abort();
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	int n = 0;
	for (int i = 0; i < 16; i++)
		n += snprintf(text + n, (size_t)(UID_MAX - n), "%s%02x",
			      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
	return text;
}

const char *meta_now(char text[RFC3339_MAX])
{
	return time_format(loop_wall(), text);
}

static bool lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool label_part(const char *s, size_t len)
{
	if (len == 0 || len > LABEL_MAX || !lower_or_digit(s[0]) || !lower_or_digit(s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!lower_or_digit(s[i]) && s[i] != '-')
			return false;
	return true;
}

bool meta_is_label(const char *s)
{
	return label_part(s, strlen(s));
}

bool meta_is_dns1035(const char *s)
{
	return meta_is_label(s) && s[0] >= 'a';
}

bool meta_is_subdomain(const char *s)
{
	size_t len = strlen(s);
	if (len == 0 || len > SUBDOMAIN_MAX)
		return false;
	struct slice rest = slice_of(s), piece;
	while (slice_cut(&rest, '.', &piece)) {
		/* Parts of a subdomain may be longer than a label; the whole is bounded. */
		if (piece.len == 0 || !lower_or_digit(piece.ptr[0]) ||
		    !lower_or_digit(piece.ptr[piece.len - 1]))
			return false;
		for (size_t i = 0; i < piece.len; i++)
			if (!lower_or_digit(piece.ptr[i]) && piece.ptr[i] != '-')
				return false;
	}
	return true;
}

static bool name_part(const char *s)
{
	size_t len = strlen(s);
	if (len == 0 || len > LABEL_MAX || !isalnum((unsigned char)s[0]) ||
	    !isalnum((unsigned char)s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

bool meta_is_qualified(const char *s)
{
	const char *slash = strchr(s, '/');
	if (!slash)
		return name_part(s);
	CLEANUP(freep) char *prefix = xstrndup(s, (size_t)(slash - s));
	return meta_is_subdomain(prefix) && name_part(slash + 1);
}

const char *meta_name(const struct js *object)
{
	const char *s = js_str(js_path(object, "metadata", "name"));
	return s ? s : "";
}

const char *meta_namespace(const struct js *object)
{
	const char *s = js_str(js_path(object, "metadata", "namespace"));
	return s ? s : "";
}

void meta_generate_name(struct api *a, struct js *metadata)
{
	/* Without vowels and look-alikes, as the API server does it. */
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	const char *prefix = js_str(js_get(metadata, "generateName")),
		   *name = js_str(js_get(metadata, "name"));
	if (!prefix || !*prefix || (name && *name))
		return;
	char suffix[SUFFIX + 1] = "";
	for (int i = 0; i < SUFFIX; i++)
		suffix[i] = letters[rng_below(&a->rng, sizeof(letters) - 1)];
	size_t keep = strlen(prefix) > 63 - SUFFIX ? 63 - SUFFIX : strlen(prefix);
	CLEANUP(freep) char *full = xasprintf("%.*s%s", (int)keep, prefix, suffix);
	js_set(metadata, "name", js_new_str(full));
}

static void check_name(const struct kind *k, const struct js *name, struct problems *p)
{
	const char *s = js_str(name);
	if (!s || !*s) {
		problem_add(p, PROBLEM_REQUIRED, "metadata.name", NULL, "name or generateName is required");
		return;
	}
	if (k->builtin && strcmp(k->resource, "services") == 0) {
		if (!meta_is_dns1035(s))
			problem_add(
				p, PROBLEM_INVALID, "metadata.name", name,
				"a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
				"start with an alphabetic character, and end with an alphanumeric character "
				"(e.g. 'my-name',  or 'abc-123', regex used for validation is "
				"'[a-z]([-a-z0-9]*[a-z0-9])?')");
		return;
	}
	if (k->builtin && strcmp(k->resource, "namespaces") == 0) {
		if (!meta_is_label(s))
			problem_add(p, PROBLEM_INVALID, "metadata.name", name,
				    "a lowercase RFC 1123 label must consist of lower case alphanumeric "
				    "characters "
				    "or '-', and must start and end with an alphanumeric character (e.g. "
				    "'my-name', "
				    " or '123-abc', regex used for validation is "
				    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
		return;
	}
	struct net_ip ip;
	/* IPv6 addresses are names of IPAddress objects and of nothing else. */
	if (strcmp(k->resource, "ipaddresses.networking.k8s.io") == 0 && net_ip_parse(s, &ip))
		return;
	if (!meta_is_subdomain(s))
		problem_add(
			p, PROBLEM_INVALID, "metadata.name", name,
			"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
			"'-' or '.', and must start and end with an alphanumeric character (e.g. "
			"'example.com', regex used for validation is "
			"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
}

static void check_labels(const struct js *labels, struct problems *p)
{
	for (struct js_iter it = js_iter(labels); js_next(&it);) {
		CLEANUP(js_freep) struct js *key = js_new_str(it.key);
		const char *value = js_str(it.value);
		if (!meta_is_qualified(it.key))
			problem_add(p, PROBLEM_INVALID, "metadata.labels", key,
				    "name part must consist of alphanumeric characters, '-', '_' or '.', and "
				    "must "
				    "start and end with an alphanumeric character");
		if (value && *value && !name_part(value))
			problem_add(p, PROBLEM_INVALID, "metadata.labels", it.value,
				    "a valid label must be an empty string or consist of alphanumeric "
				    "characters, "
				    "'-', '_' or '.', and must start and end with an alphanumeric character "
				    "(e.g. "
				    "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
				    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
	}
}

static void check_annotations(const struct js *annotations, struct problems *p)
{
	size_t total = 0;
	for (struct js_iter it = js_iter(annotations); js_next(&it);) {
		CLEANUP(js_freep) struct js *key = js_new_str(it.key);
		CLEANUP(freep) char *lower = xstrdup(it.key);
		for (char *c = lower; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		if (!meta_is_qualified(lower))
			problem_add(p, PROBLEM_INVALID, "metadata.annotations", key,
				    "name part must consist of alphanumeric characters, '-', '_' or '.', and "
				    "must "
				    "start and end with an alphanumeric character");
		total += strlen(it.key) + js_text(it.value).len;
	}
	if (total > ANNOTATIONS_MAX)
		problem_add(p, PROBLEM_TOO_LONG, "metadata.annotations", NULL,
			    "may not be more than %d bytes", ANNOTATIONS_MAX);
}

void meta_validate(const struct kind *k, const struct js *object, const char *ns, struct problems *p)
{
	const struct js *m = js_get(object, "metadata");
	check_name(k, js_get(m, "name"), p);
	if (k->namespaced && !*ns)
		problem_add(p, PROBLEM_REQUIRED, "metadata.namespace", NULL, "%s", "");
	check_labels(js_get(m, "labels"), p);
	check_annotations(js_get(m, "annotations"), p);
	const struct js *finalizers = js_get(m, "finalizers");
	for (size_t i = 0; i < js_len(finalizers); i++) {
		const char *f = js_str(js_item(finalizers, i));
		if (f && !meta_is_qualified(f))
			problem_add(p, PROBLEM_INVALID, "metadata.finalizers", js_item(finalizers, i),
				    "name part must consist of alphanumeric characters, '-', '_' or '.', and "
				    "must "
				    "start and end with an alphanumeric character");
	}
}

void meta_keep_identity(struct js *object, const struct js *old)
{
	static const char *const kept[] = {
		"name",
		"namespace",
		"generateName",
		"uid",
		"creationTimestamp",
		"deletionTimestamp",
		"deletionGracePeriodSeconds",
		"generation",
		"managedFields",
		"resourceVersion",
	};
	struct js *m = js_need_object(object, "metadata");
	const struct js *from = js_get(old, "metadata");
	js_del(m, "selfLink");
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		if (js_has(from, kept[i]))
			js_set(m, kept[i], js_ref(js_get(from, kept[i])));
		else
			js_del(m, kept[i]);
	}
}

struct js *meta_clone_plain(const struct js *object)
{
	struct js *copy = js_new_object();
	for (struct js_iter it = js_iter(object); js_next(&it);) {
		if (strcmp(it.key, "metadata") != 0 || js_type(it.value) != JS_OBJECT) {
			js_set(copy, it.key, js_clone(it.value));
			continue;
		}
		struct js *metadata = js_need_object(copy, "metadata");
		for (struct js_iter m = js_iter(it.value); js_next(&m);)
			if (strcmp(m.key, "managedFields") != 0)
				js_set(metadata, m.key, js_clone(m.value));
	}
	return copy;
}
