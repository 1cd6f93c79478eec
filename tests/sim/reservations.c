#include "reservations.h"

const char *reservation_title(int i)
{
	static const char *const titles[RESERVATIONS] = { "r0", "r1", "r2", "r3" };
	return titles[i];
}

static void put(struct js *o, const char *key, const char *text)
{
	js_set(o, key, js_new_str(text));
}

struct js *reservation_document(const struct world *w, int i)
{
	const struct mreservation *v = &w->reservations[i];
	struct js *o = js_new_object(), *spec = js_need_object(o, "spec"), *list = js_new_array();
	char text[IP_TEXT_MAX], time[RFC3339_MAX];
	put(o, "kind", "IPReservation");
	put(js_need_object(o, "metadata"), "name", reservation_title(i));
	for (int f = 0; f < FAMILIES; f++)
		if (v->addresses[f] >= 0)
			js_push(list, js_new_str(address_text(v->addresses[f], text)));
	js_set(spec, "addresses", list);
	if (v->service >= 0) {
		struct js *ref = js_need_object(spec, "serviceRef");
		put(ref, "namespace", service_ns(v->service));
		put(ref, "name", service_title(v->service));
	}
	if (v->expires >= 0)
		put(spec, "expiresAt", time_format(v->expires, time));
	const struct js *old = cluster_get(w->cluster, "IPReservation", "", reservation_title(i));
	if (old)
		js_set(o, "status", js_clone(js_get(old, "status")));
	return o;
}

bool in_force(const struct world *w, int i)
{
	const struct mreservation *v = &w->reservations[i];
	return v->exists && (v->expires < 0 || v->expires > cluster_now(w->cluster).wall);
}

static bool has(const struct mreservation *v, int a)
{
	return v->addresses[family_of(a)] == a;
}

int reservation_at(const struct world *w, int a)
{
	int best = -1;
	for (int i = 0; i < RESERVATIONS; i++)
		if (in_force(w, i) && has(&w->reservations[i], a) &&
		    (best < 0 || strcmp(w->reservations[i].created, w->reservations[best].created) < 0))
			best = i;
	return best;
}

addr_set reserved(const struct world *w)
{
	addr_set set = 0;
	for (int i = 0; i < RESERVATIONS; i++)
		for (int f = 0; in_force(w, i) && f < FAMILIES; f++)
			if (w->reservations[i].addresses[f] >= 0)
				set |= (addr_set)1 << w->reservations[i].addresses[f];
	return set;
}

int kept_for(const struct world *w, int s, enum family f)
{
	for (int i = 0; i < RESERVATIONS; i++) {
		int a = w->reservations[i].addresses[f];
		if (in_force(w, i) && w->reservations[i].service == s && a >= 0 && reservation_at(w, a) == i)
			return a;
	}
	return -1;
}

bool kept_from(const struct world *w, int a, int s, const addr_set held[SERVICES])
{
	int i = reservation_at(w, a);
	int t = i < 0 ? -1 : w->reservations[i].service;
	if (i < 0 || t == s)
		return false;
	/* The one that it is kept for has it: then it is for the holders to share it. */
	return t < 0 || !(held[t] >> a & 1);
}
