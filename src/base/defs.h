/* defs.h - words that every file needs.
 *
 * Macros only; no types beyond the standard headers included here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a)     (sizeof(a) / sizeof((a)[0]))
#define BIT(n)           (1u << (n))
#define MUST_USE         __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* AUTO(jbuf) struct jbuf *j = NULL; calls jbuf_free(j) when j leaves its scope.
 * AUTO_DEF(jbuf) stands once, below jbuf_free()'s declaration. */
#define AUTO(x) __attribute__((cleanup(x##_auto_)))
#define AUTO_DEF(x)                                                                                \
	static inline void x##_auto_(struct x **p)                                                 \
	{                                                                                          \
		x##_free(*p);                                                                      \
	}

enum { US_PER_MS = 1000, US_PER_S = 1000000 };
