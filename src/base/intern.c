#include "base/intern.h"

#include "base/mem.h"

struct interned {
	size_t refs;
	char text[];
};

static struct interned *of(const char *text)
{
	return (struct interned *)(uintptr_t)(text - offsetof(struct interned, text));
}

void intern_done(struct intern *t)
{
	size_t at = 0;
	struct interned *s;
	while ((s = map_next(&t->map, &at)))
		free(s);
	map_done(&t->map);
}

const char *intern_peek(const struct intern *t, struct slice text)
{
	struct interned *s = map_get_slice(&t->map, text);
	return s ? s->text : NULL;
}

const char *intern(struct intern *t, struct slice text)
{
	struct interned *s = map_get_slice(&t->map, text);
	if (!s) {
		s = xmalloc(sizeof(*s) + text.len + 1);
		s->refs = 0;
		if (text.len)
			memcpy(s->text, text.ptr, text.len);
		s->text[text.len] = '\0';
		map_put(&t->map, s->text, s);
	}
	s->refs++;
	return s->text;
}

void intern_put(struct intern *t, const char *text)
{
	if (!text)
		return;
	struct interned *s = of(text);
	if (--s->refs == 0) {
		map_del(&t->map, s->text);
		free(s);
	}
}
