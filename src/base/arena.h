/* arena.h - memory that dies together: one per decoded message, one per turn.
 *
 * Zero is a valid empty arena. Memory is aligned for any type and zeroed.
 */
#pragma once

#include "base/defs.h"

struct arena_block;

struct arena {
	struct arena_block *head;
	size_t used;  /* octets handed out */
	size_t limit; /* 0: none; otherwise arena_alloc() returns NULL beyond it */
};

MUST_USE void *arena_alloc(struct arena *a, size_t n);
MUST_USE char *arena_strndup(struct arena *a, const char *s, size_t n);
MUST_USE char *arena_strdup(struct arena *a, const char *s);
MUST_USE char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void arena_done(struct arena *a);

/* AUTO(arena) struct arena a = {0}; */
static inline void arena_auto_(struct arena *a)
{
	arena_done(a);
}
