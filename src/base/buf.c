#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"

void *buf_reserve(struct buf *b, size_t n)
{
	if (b->failed || n > SIZE_MAX / 2 - b->n)
		return NULL;
	if (b->n + n + 1 > b->cap) {
		size_t cap = MAX(b->cap * 2, b->n + n + 1);
		uint8_t *p = mem_realloc(b->p, MAX(cap, 64));

		if (!p) {
			b->failed = true;
			return NULL;
		}
		b->p = p;
		b->cap = MAX(cap, 64);
	}
	return b->p + b->n;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	uint8_t *to = buf_reserve(b, n);

	if (!to)
		return;
	if (n)
		memcpy(to, p, n);
	b->n += n;
	b->p[b->n] = 0;
}

void buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}

	char *to = buf_reserve(b, (size_t)n);
	if (!to)
		return;
	va_start(ap, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		if (b->p)
			b->p[0] = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
	b->p[b->n] = 0;
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->failed = false;
	if (b->p)
		b->p[0] = 0;
}

void buf_done(struct buf *b)
{
	mem_free(b->p);
	*b = (struct buf){ 0 };
}

char *buf_take(struct buf *b)
{
	if (b->failed) {
		buf_done(b);
		return NULL;
	}
	char *s = b->p ? (char *)b->p : mem_strdup("");
	*b = (struct buf){ 0 };
	return s;
}
