#include "flags.h"

#include <errno.h>
#include <stdio.h>

static const char *const managers[] = { "berth", NULL };

static bool flag_is(const char *flag, const char *name, const char **ret_value)
{
	size_t n = strlen(name);
	if (strncmp(flag, name, n) != 0 || (flag[n] && flag[n] != '='))
		return false;
	*ret_value = flag[n] ? flag + n + 1 : "true";
	return true;
}

static void add_classes(struct scenario_flags *f, size_t *n, const char *list)
{
	(void)snprintf(f->text, sizeof(f->text), "%s", list);
	*n = 0;
	for (char *at = f->text; at && *n < CLASSES_MAX;) {
		char *comma = strchr(at, ',');
		if (comma)
			*comma = '\0';
		f->classes[(*n)++] = at;
		at = comma ? comma + 1 : NULL;
	}
}

static int add_flag(struct scenario_flags *f, size_t *n_classes, const char *flag, struct err *e)
{
	const char *value;
	bool on = false;
	if (flag_is(flag, "--service-opt-in", &value)) {
		f->ipam.opt_in = strcmp(value, "all") == 0     ? OPT_IN_ALL
				 : strcmp(value, "class") == 0 ? OPT_IN_CLASS
							       : OPT_IN_ANNOTATION;
		return 0;
	}
	if (flag_is(flag, "--lb-class", &value)) {
		add_classes(f, n_classes, value);
		return 0;
	}
	if (flag_is(flag, "--k8s-service-proxy-name", &value)) {
		f->ipam.proxy_name = value;
		return 0;
	}
	if (flag_is(flag, "--address-records", &value)) {
		f->ipam.records = strcmp(value, "off") != 0;
		return 0;
	}
	if (flag_is(flag, "--mass-release-delay", &value))
		return duration_parse(slice_of(value), &f->ipam.mass_release_delay) < 0
			       ? err_set(e, EINVAL, "%s: no duration", flag)
			       : 0;
	bool known = true;
	if (flag_is(flag, "--enable-ipv4", &value) && slice_to_bool(slice_of(value), &on) == 0)
		f->ipam.family_on[IPV4] = on;
	else if (flag_is(flag, "--enable-ipv6", &value) && slice_to_bool(slice_of(value), &on) == 0)
		f->ipam.family_on[IPV6] = on;
	else if (flag_is(flag, "--accept-metallb-annotations", &value) &&
		 slice_to_bool(slice_of(value), &on) == 0)
		f->view.metallb = on;
	else if (flag_is(flag, "--enable-bgp-control-plane", &value) && *n_classes < CLASSES_MAX)
		f->classes[(*n_classes)++] = "io.cilium/bgp-control-plane";
	else if (flag_is(flag, "--enable-l2-announcements", &value) && *n_classes < CLASSES_MAX)
		f->classes[(*n_classes)++] = "io.cilium/l2-announcer";
	else
		known = false;
	return known ? 0 : err_set(e, EINVAL, "%s: not known here", flag);
}

int flags_of(const struct js *list, struct scenario_flags *ret, struct err *e)
{
	size_t n_classes = 1;
	*ret = (struct scenario_flags){
		.ipam = { .opt_in = OPT_IN_ANNOTATION,
			  .proxy_name = "",
			  .family_on = { true, true },
			  .records = true,
			  .classless_are_ours = true,
			  .mass_release_delay = 60000,
			  .reuse_after = 600000,
			  .max_in_flight = 16 },
		.view = { .managers = managers },
		.classes = { "berth.dev/lb" },
	};
	ret->ipam.classes = ret->classes;
	for (size_t i = 0; i < js_len(list); i++) {
		int r = add_flag(ret, &n_classes, js_str(js_item(list, i)), e);
		if (r < 0)
			return r;
	}
	ret->classes[n_classes] = NULL;
	return 0;
}
