#include "core/uid.h"

#include "base/mem.h"
#include "base/slice.h"

static bool is_packed(const struct uid *u)
{
	return (u->bytes[8] & 0xc0) == 0x80;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Only what comes out again as it went in: small letters, dashes in their places. */
static bool pack(const char *text, struct uid *ret)
{
	struct uid u = { 0 };
	size_t n = 0;
	for (size_t i = 0; i < UID_TEXT_MAX - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		int digit = dash ? 0 : hex_digit(text[i]);
		if (digit < 0 || (dash && text[i] != '-'))
			return false;
		if (dash)
			continue;
		u.bytes[n / 2] = (unsigned char)(u.bytes[n / 2] << 4 | digit);
		n++;
	}
	if (text[UID_TEXT_MAX - 1] || !is_packed(&u))
		return false;
	*ret = u;
	return true;
}

void uid_done(struct uid *u)
{
	if (!is_packed(u))
		free(u->text);
	*u = (struct uid){ 0 };
}

void uid_set(struct uid *u, const char *text)
{
	struct uid fresh = { 0 };
	if (text && !pack(text, &fresh))
		fresh.text = xstrdup(text);
	uid_done(u);
	*u = fresh;
}

const char *uid_text(const struct uid *u, char room[UID_TEXT_MAX])
{
	static const char digits[] = "0123456789abcdef";
	if (!is_packed(u))
		return u->text;
	size_t n = 0;
	for (size_t i = 0; i < sizeof(u->bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			room[n++] = '-';
		room[n++] = digits[u->bytes[i] >> 4];
		room[n++] = digits[u->bytes[i] & 15];
	}
	room[n] = '\0';
	return room;
}

bool uid_is(const struct uid *u, const char *text)
{
	char room[UID_TEXT_MAX];
	const char *mine = uid_text(u, room);
	return mine == text || (mine && text && strcmp(mine, text) == 0);
}
