#include "base/alloc.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_size_t live;
static atomic_ulong fail_countdown;
static atomic_bool failed;

static bool must_fail(void)
{
	unsigned long n = atomic_load_explicit(&fail_countdown, memory_order_relaxed);

	if (n == 0)
		return false;
	if (atomic_fetch_sub_explicit(&fail_countdown, 1, memory_order_relaxed) != 1)
		return false;
	atomic_store(&failed, true);
	return true;
}

static void *counted(void *p)
{
	if (p)
		atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
	return p;
}

void *mem_alloc(size_t n)
{
	return must_fail() ? NULL : counted(malloc(n ? n : 1));
}

void *mem_zalloc(size_t n)
{
	return must_fail() ? NULL : counted(calloc(1, n ? n : 1));
}

void *mem_calloc(size_t count, size_t size)
{
	if (!count || !size)
		return mem_zalloc(1);
	return must_fail() ? NULL : counted(calloc(count, size));
}

void *mem_realloc(void *p, size_t n)
{
	if (!p)
		return mem_alloc(n);
	return must_fail() ? NULL : realloc(p, n ? n : 1);
}

bool mem_grow(void *array, size_t *cap, size_t n, size_t size)
{
	size_t more = MAX(*cap * 2, (size_t)16);
	void *p;

	if (n < *cap)
		return true;
	memcpy(&p, array, sizeof(p)); /* whatever it points to */
	p = more <= SIZE_MAX / size ? mem_realloc(p, more * size) : NULL;
	if (!p)
		return false;
	memcpy(array, &p, sizeof(p));
	*cap = more;
	return true;
}

void *mem_dup(const void *p, size_t n)
{
	void *q = mem_alloc(n);

	if (q && n)
		memcpy(q, p, n);
	return q;
}

char *mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s) + 1);
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;

	char *s = mem_alloc((size_t)n + 1);
	if (!s)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void mem_free(void *p)
{
	if (!p)
		return;
	atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
	free(p);
}

size_t mem_live(void)
{
	return atomic_load(&live);
}

void mem_fail_at(unsigned long n)
{
	atomic_store(&failed, false);
	atomic_store(&fail_countdown, n);
}

bool mem_failed(void)
{
	return atomic_load(&failed);
}

unsigned long mem_fail_hold(void)
{
	return atomic_exchange(&fail_countdown, 0);
}

void mem_fail_resume(unsigned long left)
{
	atomic_store(&fail_countdown, left);
}
