/* Which Services are for us to serve, and what they ask for. */
#include "core/service.h"

static bool class_is_ours(const struct ipam *m, const char *class)
{
	for (char **c = m->classes; *c; c++)
		if (strcmp(*c, class) == 0)
			return true;
	return false;
}

static const char *label_value(const struct service *s, const char *key)
{
	for (size_t i = 0; i < s->n_labels; i++)
		if (strcmp(s->labels[i].key, key) == 0)
			return s->labels[i].value;
	return NULL;
}

static bool proxy_is_ours(const struct ipam *m, const struct service *s)
{
	const char *name = label_value(s, "service.kubernetes.io/service-proxy-name");
	return m->proxy_name[0] ? name && strcmp(name, m->proxy_name) == 0 : name == NULL;
}

/* set, value, bad: what its opt-in annotation says. */
static enum not_ours why_not_ours(const struct ipam *m, const struct service *s, bool set, bool value,
				  bool bad)
{
	if (!s->is_lb || s->gone)
		return OF_OTHER_TYPE;
	if (!proxy_is_ours(m, s))
		return OF_OTHER_PROXY;
	if (s->class)
		return class_is_ours(m, s->class) ? OURS : OF_OTHER_CLASS;
	if (!m->config.classless_are_ours)
		return CLASSLESS;
	if (m->config.opt_in == OPT_IN_CLASS)
		return CLASS_NEEDED;
	if (value || (m->config.opt_in == OPT_IN_ALL && (!set || bad)))
		return OURS;
	return bad ? OPT_IN_NO_BOOL : set ? OPTED_OUT : NOT_OPTED_IN;
}

void service_classify(struct ipam *m, struct service *s, const char *opt_in)
{
	struct slice text = slice_of(opt_in ? opt_in : "");
	bool set = text.len > 0, value = false;
	bool bad = set && slice_to_bool(text, &value) < 0;
	if (s->extra) {
		free(s->extra->opt_in_bad);
		s->extra->opt_in_bad = bad ? xstrndup(opt_in, strnlen(opt_in, OPT_IN_SHOWN_MAX)) : NULL;
	}
	s->not_ours = (uint8_t)why_not_ours(m, s, set, value, bad);
	s->wanted = s->not_ours == OURS;
	s->asked_us = s->wanted && (s->class || value);
}

struct family_wish service_families(const struct ipam *m, const struct service *s)
{
	struct family_wish w = { 0 };
	const bool *on = m->config.family_on;
	switch ((enum family_policy)s->policy) {
	case POLICY_SINGLE:
		if (s->n_families) {
			w.want[s->families[0]] = true;
			w.off[s->families[0]] = !on[s->families[0]];
		} else if (on[IPV4] || on[IPV6]) {
			w.want[on[IPV4] ? IPV4 : IPV6] = true;
		}
		break;
	case POLICY_PREFER_DUAL:
		for (size_t i = 0; i < s->n_families; i++)
			w.want[s->families[i]] = on[s->families[i]];
		if (s->n_families == 0) {
			w.want[IPV4] = on[IPV4];
			w.want[IPV6] = on[IPV6];
		}
		w.one_is_enough = true;
		break;
	case POLICY_REQUIRE_DUAL:
		for (int f = 0; f < FAMILIES; f++) {
			w.want[f] = true;
			w.off[f] = !on[f];
		}
		break;
	}
	return w;
}

static void add_request(struct slice text, struct request *ret, size_t *n)
{
	text = slice_trim(text);
	if (text.len == 0)
		return;
	if (*n < REQUESTS_MAX) {
		struct err e = { 0 };
		ret[*n] = (struct request){ 0 };
		if (ip_parse(text, &ret[*n].ip, &e) < 0) {
			ret[*n].bad = text;
			memcpy(ret[*n].why, e.msg, sizeof(ret[*n].why) - 1);
		}
	}
	(*n)++;
}

size_t service_requests(const struct service *s, struct request ret[REQUESTS_MAX])
{
	size_t n = 0;
	if (!s->extra)
		return 0;
	if (s->extra->request_ip)
		add_request(slice_of(s->extra->request_ip), ret, &n);
	struct slice rest = slice_of(s->extra->requests), item;
	while (slice_cut(&rest, ',', &item)) {
		size_t before = n;
		add_request(item, ret, &n);
		/* spec.loadBalancerIP is often said again in the annotation: once is enough. */
		for (size_t i = 0; n > before && n <= REQUESTS_MAX && i < before; i++)
			if (!ret[i].bad.ptr && !ret[before].bad.ptr && ip_eq(ret[i].ip, ret[before].ip))
				n = before;
	}
	return n;
}

bool service_has_requests(const struct service *s)
{
	return s->extra && (s->extra->requests || s->extra->request_ip);
}

bool service_requests_ip(const struct service *s, struct ip ip)
{
	struct request r[REQUESTS_MAX];
	size_t n = service_requests(s, r);
	for (size_t i = 0; i < n && i < REQUESTS_MAX; i++)
		if (!r[i].bad.ptr && ip_eq(r[i].ip, ip))
			return true;
	return false;
}
