/* Addresses in use, hour by hour, in one ConfigMap: the leader reads it when it begins to lead, and at each
 * full hour of the API server's clock adds a sample and writes it. */
#include "core/forecast.h"

#include "operator/internal.h"
#include "view/config_map.h"

enum {
	HOUR = 3600 * 1000,
	/* The server tells whole seconds: a moment too late rather than too early. */
	MARGIN = 1500,
	ALL_MAX = 64 * 1024 * 1024,
	AGAIN = 60 * 1000, /* after what failed, and while the picture is not complete */
};

struct forecasting {
	struct berth_operator *o;
	struct forecast *forecast;
	struct loop_timer *timer;
	int64_t hour; /* being sampled */
	bool loaded;
};

static void read_into(struct forecast *f, const struct js *map)
{
	forecast_read(f, js_text(js_path(map, "data", FORECAST_KEY)));
}

static void sleep_to_next_hour(struct forecasting *x)
{
	loop_timer_set(x->timer, HOUR - operator_now(x->o).wall % HOUR + MARGIN);
}

static void add_samples(struct forecasting *x)
{
	struct pool_row row;
	for (size_t i = 0; ipam_pool_row(x->o->ipam, i, &row); i++)
		for (int f = 0; f < FAMILIES; f++)
			if (!count_is_zero(row.family[f].total))
				forecast_add(x->forecast, row.name, (enum family)f, x->hour,
					     (uint64_t)row.family[f].used.lo);
	forecast_prune(x->forecast, x->hour - FORECAST_HOURS);
}

/* As many as an object has room for: of too many pools the last ones have no forecast. */
static char *whole_lines(struct slice all)
{
	size_t n = all.len < FORECAST_TEXT_MAX ? all.len : FORECAST_TEXT_MAX;
	while (n > 0 && all.ptr[n - 1] != '\n')
		n--;
	return xstrndup(n ? all.ptr : "", n);
}

static void body(const struct js *map, const char *version, struct buf *out, void *arg)
{
	struct forecasting *x = arg;
	CLEANUP(buf_done) struct buf all = BUF_INIT(ALL_MAX);
	read_into(x->forecast, map);
	if (!x->loaded)
		return;
	add_samples(x);
	forecast_write(x->forecast, &all);
	CLEANUP(freep) char *text = whole_lines(buf_slice(&all));
	if (text[0])
		config_map_body(&(struct config_map_out){ .name = FORECAST_CONFIG_MAP,
							  .resource_version = version,
							  .key = FORECAST_KEY,
							  .text = text },
				out);
}

static void done(enum outcome outcome, msec retry_after, void *arg)
{
	struct forecasting *x = arg;
	if (outcome == OUTCOME_DONE) {
		x->loaded = true;
		sleep_to_next_hour(x);
	} else {
		loop_timer_set(x->timer, retry_after > AGAIN ? retry_after : AGAIN);
	}
}

static void on_timer(void *arg)
{
	struct forecasting *x = arg;
	if (x->o->stopping || !x->o->leads)
		return;
	if (x->loaded && !ipam_ready(x->o->ipam)) {
		loop_timer_set(x->timer, AGAIN);
		return;
	}
	x->hour = forecast_hour(operator_now(x->o).wall);
	config_map_start(x->o, &(struct config_map_job){ .name = FORECAST_CONFIG_MAP,
							 .complaint = "the samples of the forecast were "
								      "not read or written",
							 .body = body,
							 .done = done,
							 .arg = x });
}

struct forecasting *forecasting_start(struct berth_operator *o)
{
	struct forecasting *x = xcalloc(1, sizeof(*x));
	x->o = o;
	x->forecast = forecast_new();
	x->timer = loop_timer_new(o->loop, on_timer, x);
	loop_timer_set(x->timer, 0);
	return x;
}

void forecasting_free(struct forecasting *x)
{
	if (!x)
		return;
	loop_timer_free(x->timer);
	forecast_free(x->forecast);
	free(x);
}

const struct forecast *operator_forecast(const struct berth_operator *o)
{
	return o->forecasting ? o->forecasting->forecast : NULL;
}
