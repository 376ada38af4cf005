/* alloc.h - all heap memory goes through here.
 *
 * Counts live blocks, and can fail at the n-th allocation, so that a test can
 * run once with every allocation failing. Thread-safe. Sizes are octets.
 * Every function that allocates returns NULL when memory runs out.
 */
#pragma once

#include "base/defs.h"

MUST_USE void *mem_alloc(size_t n);
MUST_USE void *mem_zalloc(size_t n);
MUST_USE void *mem_calloc(size_t count, size_t size); /* zeroed; NULL on overflow */
MUST_USE void *mem_realloc(void *p, size_t n);        /* p stays valid on NULL    */
/* Room for element n of an array that grows: *cap elements of `size` octets are there, doubled when
 * they are too few. `array` is the address of the pointer to them. false: no memory, all as it was. */
MUST_USE bool mem_grow(void *array, size_t *cap, size_t n, size_t size);
MUST_USE void *mem_dup(const void *p, size_t n);
MUST_USE char *mem_strdup(const char *s);
MUST_USE char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
void mem_free(void *p); /* NULL is fine */

/* Blocks handed out and not yet freed, over all threads. */
size_t mem_live(void);

/* For tests: let the n-th allocation from now fail (1: the next), once; 0: never.
 * mem_failed() says whether it has happened since. */
void mem_fail_at(unsigned long n);
bool mem_failed(void);
/* While a test allocates for itself: nothing fails, and nothing is counted down. hold() returns
 * what resume() takes. */
unsigned long mem_fail_hold(void);
void mem_fail_resume(unsigned long left);

/* AUTO(mem) void *p = NULL; */
static inline void mem_auto_(void *p)
{
	mem_free(*(void **)p);
}
