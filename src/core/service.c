/* What the API tells of Services, taken over into the picture. */
#include "core/service.h"

#include "core/contest.h"
#include "core/decide.h"
#include "core/label_copy.h"
#include "core/ledger.h"
#include "core/queue.h"
#include "core/sharing.h"
#include "core/wait.h"

#include <stdio.h>

static struct service *find_key(const struct ipam *m, const char *key)
{
	return map_get(&m->services, key);
}

struct service *service_find(const struct ipam *m, const char *namespace, const char *name)
{
	char small[400];
	int n = snprintf(small, sizeof(small), "%s/%s", namespace, name);
	if (n >= 0 && (size_t)n < sizeof(small))
		return find_key(m, small);
	CLEANUP(freep) char *key = xasprintf("%s/%s", namespace, name);
	return find_key(m, key);
}

static struct service *service_new(struct ipam *m, const struct service_in *in)
{
	struct service *s = xcalloc(1, sizeof(*s));
	s->key = xasprintf("%s/%s", in->namespace, in->name);
	s->ns = intern(&m->texts, slice_of(in->namespace));
	s->lane = LANE_NONE;
	map_put(&m->services, s->key, s);
	return s;
}

static void free_ingress(struct service *s)
{
	for (size_t i = 0; i < s->n_ingress; i++)
		free(s->ingress[i].extra);
	free(s->ingress);
	s->ingress = NULL;
	s->n_ingress = 0;
}

static void free_extra(struct ipam *m, struct service *s)
{
	struct service_extra *x = s->extra;
	if (!x)
		return;
	sharing_forget(m, s);
	free(x->requests);
	free(x->request_ip);
	free(x->sharing_key);
	free(x->sharing_namespaces);
	free(x->pools);
	free(x->pods);
	free(x->ports);
	free(x->external_ips);
	free(x->opt_in_bad);
	free(x->flaw);
	free(x);
	s->extra = NULL;
}

void service_free(struct ipam *m, struct service *s)
{
	wait_clear(m, s);
	dequeue(m, s);
	timer_clear(m, s);
	contest_end(s);
	free_extra(m, s);
	labels_drop(m, &s->labels, &s->n_labels);
	free_ingress(s);
	map_del(&m->services, s->key);
	intern_put(&m->texts, s->ns);
	intern_put(&m->texts, s->class);
	intern_put(&m->texts, s->reason_seen);
	intern_put(&m->texts, s->manager);
	intern_put(&m->texts, s->opt_in_told);
	free(s->message_seen);
	uid_done(&s->uid);
	free(s->rv);
	free(s->stale_rv);
	free(s->held);
	free(s->leaving);
	free(s->claims);
	free(s->message);
	free(s->note);
	free(s->key);
	free(s);
}

static void reintern(struct ipam *m, const char **at, const char *text)
{
	const char *fresh = text ? intern(&m->texts, slice_of(text)) : NULL;
	intern_put(&m->texts, *at);
	*at = fresh;
}

static void take_ingress(struct service *s, const struct service_in *in)
{
	size_t n = in->n_ingress < UINT16_MAX ? in->n_ingress : UINT16_MAX;
	struct ingress *fresh = n ? xmalloc(n * sizeof(*fresh)) : NULL;
	for (size_t i = 0; i < n; i++) {
		const char *extra = in->ingress[i].extra;
		fresh[i] = (struct ingress){ in->ingress[i].ip, in->ingress[i].has_ip,
					     extra ? xstrdup(extra) : NULL };
	}
	free_ingress(s);
	s->ingress = fresh;
	s->n_ingress = (uint16_t)n;
	for (size_t i = 0; i < s->n_held; i++)
		if (service_shows(s, s->held[i].addr->ip))
			s->held[i].confirmed = s->held[i].addr->was_shown = true;
}

static const char *if_set(const char *text)
{
	return text && text[0] ? text : NULL;
}

/* A list with nothing between its commas is empty too. */
static const char *if_listed(const char *text)
{
	return text && text[strspn(text, ", \t\r\n")] ? text : NULL;
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static bool same_sharing(const struct service_extra *x, const struct service_extra *y)
{
	if (!x || !y || !x->sharing_key || !y->sharing_key)
		return (!x || !x->sharing_key) && (!y || !y->sharing_key);
	return same_text(x->sharing_key, y->sharing_key) &&
	       same_text(x->sharing_namespaces, y->sharing_namespaces) && same_text(x->pods, y->pods) &&
	       x->local == y->local && x->permit_different_pods == y->permit_different_pods &&
	       x->n_ports == y->n_ports && memcmp(x->ports, y->ports, x->n_ports * sizeof(*x->ports)) == 0;
}

static size_t count_items(const char *list)
{
	struct slice rest = slice_of(list), one;
	size_t n = 0;
	while (slice_cut(&rest, ',', &one))
		n += slice_trim(one).len > 0;
	return n;
}

/* The text, unless it is longer than is taken; then it does not count, and `ret_flaw` says so. Whoever may
 * create Services could else fill the memory, and make each decision slow. */
static const char *within(const char *text, const char *what, char **ret_flaw)
{
	size_t n = text ? strnlen(text, (size_t)ANNOTATION_MAX + 1) : 0;
	if (n <= ANNOTATION_MAX)
		return text;
	if (!*ret_flaw)
		*ret_flaw = xasprintf("%s is longer than the %d bytes that are taken", what, ANNOTATION_MAX);
	return NULL;
}

static const char *few_pools(const char *list, char **ret_flaw)
{
	size_t n = list ? count_items(list) : 0;
	if (n <= POOLS_NAMED_MAX)
		return list;
	if (!*ret_flaw)
		*ret_flaw =
			xasprintf("berth.dev/pool names %zu pools; at most %d are taken", n, POOLS_NAMED_MAX);
	return NULL;
}

/* Ports and Pods matter to those who may share an address, and to nobody else. */
static struct service_extra *read_extra(const struct service_in *in)
{
	CLEANUP(freep) char *flaw = NULL;
	const char *requests =
		within(if_listed(in->requests), "the annotation that asks for addresses", &flaw);
	const char *request_ip = within(if_listed(in->request_ip), "spec.loadBalancerIP", &flaw);
	const char *key = within(if_set(in->sharing_key), "the annotation with the sharing key", &flaw);
	const char *pools = few_pools(within(if_listed(in->pools), "berth.dev/pool", &flaw), &flaw);
	const char *namespaces = within(if_set(in->sharing_namespaces),
					"the annotation of the namespaces to share with", &flaw);
	bool value,
		bad_opt_in = in->opt_in && in->opt_in[0] && slice_to_bool(slice_of(in->opt_in), &value) < 0;
	if (!requests && !request_ip && !key && !pools && !in->n_external_ips && !bad_opt_in && !flaw)
		return NULL;
	struct service_extra *x = xcalloc(1, sizeof(*x));
	x->flaw = TAKE(flaw);
	x->requests = copy(requests);
	x->request_ip = copy(request_ip);
	x->pools = copy(pools);
	if (in->n_external_ips) {
		x->external_ips = xmalloc(in->n_external_ips * sizeof(*x->external_ips));
		memcpy(x->external_ips, in->external_ips, in->n_external_ips * sizeof(*x->external_ips));
		x->n_external_ips = in->n_external_ips;
	}
	if (key) {
		x->sharing_key = copy(key);
		x->sharing_namespaces = copy(namespaces);
		x->permit_different_pods = in->permit_different_pods;
		x->local = in->local;
		x->pods = copy(in->pods);
		x->ports = xmalloc(in->n_ports * sizeof(*x->ports));
		if (in->n_ports)
			memcpy(x->ports, in->ports, in->n_ports * sizeof(*x->ports));
		x->n_ports = in->n_ports;
	}
	return x;
}

static void take_extra(struct ipam *m, struct service *s, const struct service_in *in)
{
	struct service_extra *fresh = read_extra(in);
	bool same = same_sharing(s->extra, fresh);
	free_extra(m, s);
	s->extra = fresh;
	sharing_remember(m, s);
	if (same)
		return;
	/* What stood against sharing with it may be gone. */
	s->altered = true;
	sharing_wake(m, s);
	for (size_t i = 0; i < s->n_held; i++) {
		wake_asked(m, s->held[i].addr->ip);
		if (m->ready)
			addr_wake_holders(m, s->held[i].addr);
	}
}

void service_claim(struct ipam *m, struct service *s)
{
	size_t n = 0, n_external = s->extra ? s->extra->n_external_ips : 0;
	if (s->n_ingress + n_external == 0 && s->n_claims == 0)
		return;
	CLEANUP(freep) struct claim_ref *want = xmalloc((s->n_ingress + n_external) * sizeof(*want));
	for (size_t i = 0; i < s->n_ingress; i++) {
		if (!s->ingress[i].has_ip)
			continue;
		const struct addr *a = ledger_get(m, s->ingress[i].ip);
		if (!a || !addr_has_holder(a, s))
			want[n++] = (struct claim_ref){ s->ingress[i].ip, CLAIM_STATUS };
	}
	for (size_t i = 0; i < n_external; i++)
		want[n++] = (struct claim_ref){ s->extra->external_ips[i], CLAIM_EXTERNAL_IP };
	claims_set(m, s, s->key, &s->claims, &s->n_claims, want, n);
}

bool version_older(const char *b, const char *a)
{
	uint64_t x, y;
	return a && b && slice_to_u64(slice_of(a), &x) == 0 && slice_to_u64(slice_of(b), &y) == 0 && y < x;
}

/* What a condition says already was told when it was written; a restart does not tell it again. */
static uint8_t reason_told(const struct service_in *in)
{
	for (int r = 0; r < IPAM_REASONS && in->condition == COND_FALSE && in->reason; r++)
		if (strcmp(in->reason, ipam_reason_name((enum ipam_reason)r)) == 0)
			return (uint8_t)(r + 1);
	return 0;
}

void ipam_service(struct ipam *m, const struct service_in *in, struct moment now)
{
	struct service *s = service_find(m, in->namespace, in->name);
	if (in->by == TOLD_BY_ANSWER && (!s || s->gone || !uid_is(&s->uid, in->uid)))
		return;
	if (!s) {
		s = service_new(m, in);
		s->seen_at = now.mono;
	}
	s->seen = true;
	bool same_object = !s->gone && uid_is(&s->uid, in->uid);
	if (same_object && version_older(in->resource_version, s->rv))
		return;
	const char *manager = NULL;
	if (same_object && m->ready && contest_is_overwritten(s, in, &manager))
		contest_note(m, s, manager, now);
	else if (same_object && m->ready && in->ingress_ours)
		contest_yield(s, in);
	if (!same_object) {
		contest_end(s);
		str_replace(&s->note, NULL);
		/* Another object of the same name: what is left of the old one may come back to it. */
		s->gone = false;
		s->adopted = s->decided = s->measured = false;
		s->altered = true;
		for (size_t i = 0; i < s->n_held; i++) {
			/* Nobody has seen it in the status of this one: who still shows it goes before. */
			s->held[i].confirmed = false;
			wake_asked(m, s->held[i].addr->ip);
		}
		s->announced = reason_told(in);
		s->seen_at = now.mono;
	}
	uid_set(&s->uid, in->uid);
	str_replace(&s->rv, in->resource_version);
	s->reread = false;
	if (!same_text(s->rv, s->stale_rv))
		str_replace(&s->stale_rv, NULL);
	s->created = in->created;
	s->is_lb = in->is_load_balancer;
	s->deleting = in->deleting;
	s->policy = in->policy & 3;
	s->n_families = (in->n_families < SERVICE_FAMILIES_MAX ? in->n_families : SERVICE_FAMILIES_MAX) & 3;
	for (size_t i = 0; i < s->n_families; i++)
		s->families[i] = (uint8_t)in->families[i];
	s->ingress_ours = in->ingress_ours;
	s->condition_ours = in->condition_ours;
	s->condition_seen = in->condition & 3;
	reintern(m, &s->class, if_set(in->class));
	reintern(m, &s->reason_seen, in->reason);
	reintern(m, &s->manager, in->ingress_manager);
	str_replace(&s->message_seen, if_set(in->message));
	labels_take(m, &s->labels, &s->n_labels, in->labels, in->n_labels);
	take_ingress(s, in);
	take_extra(m, s, in);
	service_classify(m, s, in->opt_in);
	if (m->ready) {
		/* Others may be decided before it. */
		service_claim(m, s);
		enqueue(m, s, LANE_NORMAL);
	}
}

bool ipam_service_known(const struct ipam *m, const char *namespace, const char *name, const char *uid,
			const char *resource_version)
{
	const struct service *s = service_find(m, namespace, name);
	return s && !s->gone && !s->reread && uid[0] && uid_is(&s->uid, uid) &&
	       (same_text(s->rv, resource_version) || version_older(resource_version, s->rv));
}

void ipam_service_deleted(struct ipam *m, const char *namespace, const char *name, const char *uid,
			  struct moment now)
{
	(void)now;
	struct service *s = service_find(m, namespace, name);
	if (!s || (uid && !uid_is(&s->uid, NULL) && !uid_is(&s->uid, uid)))
		return;
	/* Before its own addresses get free: it is not to be woken for them. */
	stop_waiting(m, s);
	s->gone = true;
	s->wanted = s->is_lb = false;
	free_ingress(s);
	free_extra(m, s);
	claims_set(m, s, s->key, &s->claims, &s->n_claims, NULL, 0);
	timer_clear(m, s);
	enqueue(m, s, LANE_NORMAL);
}
