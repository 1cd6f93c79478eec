/* Short texts: times, durations, base64, %-escapes, patterns. The first byte chooses; what is read can be
 * written and reads back as the same. */
#include "base/times.h"
#include "data/base64.h"
#include "data/pattern.h"
#include "io/http_server.h"

#include "base/mem.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 1 << 20 };

static void check_time(struct slice text)
{
	char written[RFC3339_MAX], micro[RFC3339_MAX];
	msec wall = 0, again = 0;
	if (time_parse(text, &wall) < 0)
		return;
	/* An offset may lead out of the years that have four digits. */
	time_format(wall, written);
	if (time_parse(slice_of(written), &again) < 0) {
		assert(strlen(written) != strlen("2026-11-23T01:22:25Z"));
		return;
	}
	assert(again / 1000 == wall / 1000 || wall < 0);
	assert(time_parse(slice_of(time_format_micro(wall, micro)), &again) == 0 && again == wall);
	/* A day that no month has would come out as one of the next month. */
	if (text.len == strlen(written) && (text.ptr[text.len - 1] | 0x20) == 'z' && text.ptr[17] != '6')
		assert(memcmp(text.ptr, written, strlen("2026-11-23")) == 0);
}

static void check_http_time(struct slice text)
{
	msec wall = 0;
	if (time_parse_http(text, &wall) == 0)
		assert(wall % 1000 == 0);
}

static void check_duration(struct slice text)
{
	msec d = 0, again = 0;
	if (duration_parse(text, &d) < 0)
		return;
	CLEANUP(freep) char *written = xasprintf("%lldms", (long long)d);
	assert(d >= 0 && duration_parse(slice_of(written), &again) == 0 && again == d);
}

static void check_base64(struct slice text)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_done) struct buf written = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_done) struct buf again = BUF_INIT(TEXT_MAX);
	if (base64_decode(text, &bytes) < 0)
		return;
	base64_encode(buf_slice(&bytes), &written);
	assert(base64_decode(buf_slice(&written), &again) == 0);
	assert(slice_eq(buf_slice(&bytes), buf_slice(&again)));
}

static void check_escapes(struct slice text)
{
	CLEANUP(buf_done) struct buf plain = BUF_INIT(TEXT_MAX);
	if (http_unescape(text, &plain))
		assert(plain.len <= text.len && !memchr(buf_str(&plain), '\0', plain.len));
}

/* A pattern on the first line, a text on the second. */
static void check_pattern(struct slice text)
{
	struct slice first = { 0 };
	slice_cut(&text, '\n', &first);
	CLEANUP(freep) char *re = xstrndup(first.ptr ? first.ptr : "", first.len);
	CLEANUP(freep) char *subject = xstrndup(text.ptr ? text.ptr : "", text.len);
	struct pattern *p = pattern_new(re);
	if (strlen(subject) < 100)
		(void)pattern_matches(p, subject);
	pattern_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 4096)
		return 0;
	struct slice text = { (const char *)data + 1, size - 1 };
	switch (data[0]) {
	case 't':
		check_time(text);
		break;
	case 'h':
		check_http_time(text);
		break;
	case 'd':
		check_duration(text);
		break;
	case 'b':
		check_base64(text);
		break;
	case '%':
		check_escapes(text);
		break;
	case 'p':
		check_pattern(text);
		break;
	default:
		break;
	}
	return 0;
}
