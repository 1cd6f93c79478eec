/* What is kept of a pool's use, as text: what is read can be written, and reads back as the same; what it
 * says of the future is a number. */
#include "base/mem.h"
#include "core/forecast.h"

#include <assert.h>
#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct forecast *first = forecast_new(), *second = forecast_new();
	CLEANUP(buf_done) struct buf once = BUF_INIT(1 << 24);
	CLEANUP(buf_done) struct buf again = BUF_INIT(1 << 24);
	double seconds = 0;
	forecast_read(first, (struct slice){ (const char *)data, size });
	forecast_write(first, &once);
	forecast_read(second, buf_slice(&once));
	forecast_write(second, &again);
	if (once.len < FORECAST_TEXT_MAX)
		assert(once.len == again.len && strcmp(buf_str(&once), buf_str(&again)) == 0);
	if (forecast_seconds(first, "p", IPV4, 10, &seconds))
		assert(isfinite(seconds) && seconds >= 0);
	forecast_prune(first, INT64_MAX);
	once.len = 0;
	forecast_write(first, &once);
	assert(once.len == 0);
	forecast_free(first);
	forecast_free(second);
	return 0;
}
