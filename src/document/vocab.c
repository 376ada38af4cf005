#include "document/vocab.h"

#include <string.h>

#include "base/alloc.h"

/* Slots hold a string's number + 1; 0 is free. `old` is what was outgrown, with its strings. */
struct vocab_table {
	struct vocab_table *old;
	const char **s;
	size_t n_slots; /* a power of two */
	_Atomic uint32_t slots[];
};

/* FNV-1a: short keys, no attacker gains more than a slow ingest of his own file. */
static uint32_t hash(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h ^ h >> 15;
}

/* Where the string stands or would stand; *number: what stands there. A number that is read here
 * was put there after its string. */
static _Atomic uint32_t *slot_of(struct vocab_table *t, const char **_Atomic const *strings,
				 const char *s, size_t n, uint32_t *number)
{
	size_t i = hash(s, n) & (t->n_slots - 1);

	while ((*number = atomic_load_explicit(&t->slots[i], memory_order_acquire)) != 0) {
		const char *have = atomic_load_explicit(strings, memory_order_acquire)[*number - 1];

		if (strncmp(have, s, n) == 0 && have[n] == 0)
			break;
		i = (i + 1) & (t->n_slots - 1);
	}
	return &t->slots[i];
}

static bool grow(struct vocab *v)
{
	struct vocab_table *old = v->table;
	size_t n = v->n, n_slots = old ? old->n_slots * 2 : 1024, cap = n_slots / 2;
	struct vocab_table *t = mem_zalloc(sizeof(*t) + n_slots * sizeof(t->slots[0]));
	const char **s = t ? mem_alloc(cap * sizeof(*s)) : NULL;
	uint32_t number;

	if (!s) {
		mem_free(t);
		return false;
	}
	t->old = old;
	t->s = s;
	t->n_slots = n_slots;
	if (n)
		memcpy(s, v->s, n * sizeof(*s));
	atomic_store_explicit(&v->s, s, memory_order_release);
	for (size_t i = 0; i < n; i++)
		atomic_store_explicit(slot_of(t, &v->s, s[i], strlen(s[i]), &number), (uint32_t)i + 1,
				      memory_order_relaxed);
	atomic_store_explicit(&v->table, t, memory_order_release);
	v->cap = cap;
	return true;
}

int32_t vocab_add(struct vocab *v, const char *s, size_t n)
{
	size_t count = v->n;
	uint32_t number;

	if (count == v->cap && !grow(v))
		return VOCAB_NO_MEMORY;
	_Atomic uint32_t *slot = slot_of(v->table, &v->s, s, n, &number);
	if (number)
		return (int32_t)number - 1;
	if (count >= INT32_MAX - 1)
		return VOCAB_NO_MEMORY;
	char *copy = arena_strndup(&v->strings, s, n);
	if (!copy)
		return VOCAB_NO_MEMORY;
	v->s[count] = copy;
	atomic_store_explicit(slot, (uint32_t)count + 1, memory_order_release);
	atomic_store_explicit(&v->n, count + 1, memory_order_release);
	return (int32_t)count;
}

int32_t vocab_find(const struct vocab *v, const char *s, size_t n)
{
	struct vocab_table *t = atomic_load_explicit(&v->table, memory_order_acquire);
	uint32_t number = 0;

	if (t)
		(void)slot_of(t, &v->s, s, n, &number);
	return (int32_t)number - 1;
}

void vocab_done(struct vocab *v)
{
	for (struct vocab_table *t = v->table, *old; t; t = old) {
		old = t->old;
		mem_free(t->s);
		mem_free(t);
	}
	arena_done(&v->strings);
	v->s = NULL;
	v->n = 0;
	v->cap = 0;
	v->table = NULL;
}
