#include "knowledge/vocab.h"

#include <string.h>

#include "base/alloc.h"

/* FNV-1a: short keys, no attacker gains more than a slow ingest of his own file. */
static uint32_t hash(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h ^ h >> 15;
}

static size_t slot_of(const struct vocab *v, const char *s, size_t n)
{
	size_t i = hash(s, n) & (v->n_slots - 1);

	for (; v->slots[i]; i = (i + 1) & (v->n_slots - 1)) {
		const char *t = v->s[v->slots[i] - 1];

		if (strncmp(t, s, n) == 0 && t[n] == 0)
			break;
	}
	return i;
}

static bool grow(struct vocab *v)
{
	size_t n_slots = MAX(v->n_slots * 2, (size_t)1024), cap = n_slots / 2;
	uint32_t *slots = mem_calloc(n_slots, sizeof(*slots));
	const char **s = slots ? mem_alloc(cap * sizeof(*s)) : NULL;

	if (!s) {
		mem_free(slots);
		return false;
	}
	if (v->n)
		memcpy(s, v->s, v->n * sizeof(*s));
	mem_free(v->slots);
	mem_free(v->s);
	v->s = s;
	v->cap = cap;
	v->slots = slots;
	v->n_slots = n_slots;
	for (size_t i = 0; i < v->n; i++)
		slots[slot_of(v, s[i], strlen(s[i]))] = (uint32_t)i + 1;
	return true;
}

int32_t vocab_add(struct vocab *v, const char *s, size_t n)
{
	if (v->n == v->cap && !grow(v))
		return VOCAB_NO_MEMORY;
	size_t i = slot_of(v, s, n);
	if (v->slots[i])
		return (int32_t)v->slots[i] - 1;
	if (v->n >= INT32_MAX - 1)
		return VOCAB_NO_MEMORY;
	char *copy = arena_strndup(&v->strings, s, n);
	if (!copy)
		return VOCAB_NO_MEMORY;
	v->s[v->n++] = copy;
	v->slots[i] = (uint32_t)v->n;
	return (int32_t)v->n - 1;
}

int32_t vocab_find(const struct vocab *v, const char *s, size_t n)
{
	return v->n_slots ? (int32_t)v->slots[slot_of(v, s, n)] - 1 : VOCAB_NONE;
}

void vocab_done(struct vocab *v)
{
	arena_done(&v->strings);
	mem_free(v->slots);
	mem_free(v->s);
	*v = (struct vocab){ 0 };
}
