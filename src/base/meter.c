#include "base/meter.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *help;
	uint64_t scale;
} rows[N_METER_ROWS] = {
#define METER(word, name, scale, help) [METER_##word] = { name, help, scale },
#include "base/meter.def"
#undef METER
};

enum { FREE, NAMED_NOW, READY };

/* Taken in order and never given back, so that whoever looks finds all that came before. */
static struct meter meters[METERS];

/* What may stand in a metric's name: a kind is ours, but a wrong one shall not spoil the page. */
static void copy_kind(char to[static METER_KIND], const char *kind)
{
	size_t n = 0;

	for (; *kind && n < METER_KIND - 1; kind++)
		if ((*kind >= 'a' && *kind <= 'z') || *kind == '_')
			to[n++] = *kind;
	to[n] = 0;
}

/* A label's value without what would have to be escaped, cut between characters. */
static void copy_name(char to[static METER_NAME], const char *name)
{
	size_t n = 0;

	for (; *name && n < METER_NAME - 1; name++)
		to[n++] = *name == '"' || *name == '\\' || (unsigned char)*name < ' ' ? '_' : *name;
	while (*name && n > 0 && ((unsigned char)*name & 0xC0) == 0x80)
		name--, n--;
	to[n] = 0;
}

static bool is(const struct meter *m, const char *kind, const char *name)
{
	return strcmp(m->kind, kind) == 0 && strcmp(m->name, name) == 0;
}

/* This one, if it is free or already ours; another thread may just be naming it. */
static bool take(struct meter *m, const char *kind, const char *name)
{
	int was = FREE;

	if (atomic_compare_exchange_strong(&m->state, &was, NAMED_NOW)) {
		snprintf(m->kind, sizeof(m->kind), "%s", kind);
		snprintf(m->name, sizeof(m->name), "%s", name);
		atomic_store(&m->state, READY);
		return true;
	}
	while (atomic_load(&m->state) == NAMED_NOW)
		sched_yield();
	return is(m, kind, name);
}

struct meter *meter_of(const char *kind, const char *name)
{
	char k[METER_KIND] = "", n[METER_NAME] = "";

	copy_kind(k, kind);
	copy_name(n, name);
	for (size_t i = 0; i < METERS - 1; i++)
		if (take(&meters[i], k, n))
			return &meters[i];
	(void)take(&meters[METERS - 1], "engine", "others");
	return &meters[METERS - 1];
}

static void write_value(struct buf *to, const struct meter *m, size_t row, uint64_t v)
{
	uint64_t scale = rows[row].scale;

	buf_printf(to, "voiced_%s_%s{name=\"%s\"} ", m->kind, rows[row].name, m->name);
	if (scale == 1)
		buf_printf(to, "%" PRIu64 "\n", v);
	else
		buf_printf(to, "%" PRIu64 ".%06" PRIu64 "\n", v / scale, v % scale / MAX(scale / 1000000, 1u));
}

/* All of one kind and row stand together, under their head, as the format wants. */
static void write_row(struct buf *to, size_t first, size_t row)
{
	const char *kind = meters[first].kind;
	bool headed = false;

	for (size_t i = first; i < METERS; i++) {
		struct meter *m = &meters[i];
		uint64_t v = atomic_load(&m->state) == READY ? meter_get(m, (enum meter_row)row) : 0;

		if (!v || strcmp(m->kind, kind) != 0)
			continue;
		if (!headed)
			buf_printf(to, "# HELP voiced_%s_%s %s\n# TYPE voiced_%s_%s counter\n", kind,
				   rows[row].name, rows[row].help, kind, rows[row].name);
		headed = true;
		write_value(to, m, row, v);
	}
}

static bool is_first_of_kind(size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(meters[i].kind, meters[at].kind) == 0)
			return false;
	return true;
}

void meter_write(struct buf *to)
{
	for (size_t i = 0; i < METERS && atomic_load(&meters[i].state) == READY; i++)
		for (size_t row = 0; row < N_METER_ROWS && is_first_of_kind(i); row++)
			write_row(to, i, row);
}
