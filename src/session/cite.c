#include "session/cite.h"

#include "base/alloc.h"
#include "engine/ground.h"
#include "session/state.h"

/* Offsets in the transcript as JavaScript counts them: UTF-16 units. */
static size_t utf16_units(const uint8_t *p, size_t n)
{
	size_t units = 0;

	for (size_t i = 0; i < n; i++)
		units += ((p[i] & 0xC0) != 0x80) + (p[i] >= 0xF0);
	return units;
}

/* from .. to of the response's text rests on it. */
static void cite(struct response *r, json_t *source, size_t from, size_t to)
{
	struct piece *p = piece_add(r, PIECE_SOURCE, "", 0);
	json_t *own = p ? json_deep_copy(source) : NULL;

	if (!own ||
	    json_object_set_new(own, "transcript_start",
				json_integer((json_int_t)utf16_units(r->text.p, from))) < 0 ||
	    json_object_set_new(own, "transcript_end",
				json_integer((json_int_t)utf16_units(r->text.p, to))) < 0) {
		json_decref(own);
		session_oom(r->s);
		return;
	}
	p->source = own;
	r->cited_to = to;
}

void cite_source(struct response *r, json_t *source)
{
	size_t from = r->cited_to;

	while (from < r->text.n && r->text.p[from] == ' ')
		from++;
	r->cites_itself = true;
	cite(r, source, from, r->text.n);
}

void cite_results(struct response *r, const char *output)
{
	if (!r->found)
		r->found = json_array();
	if (json_array_append_new(r->found, json_string(output)) < 0)
		session_oom(r->s);
}

/* The passages that have come since. */
static bool read_results(struct response *r)
{
	char why[160];

	if (!r->ground && ground_new(&r->ground) != 0)
		return false;
	for (; r->n_grounds < json_array_size(r->found); r->n_grounds++) {
		const char *text = json_string_value(json_array_get(r->found, r->n_grounds));
		AUTO(json) json_t *output = json_parse(bytes_str(text), why);

		if (ground_add(r->ground, output) != 0)
			return false;
	}
	return true;
}

static void look_up(struct response *r, size_t from, size_t to)
{
	bool no_memory = !read_results(r);
	AUTO(json)
	json_t *source = no_memory ? NULL
				   : ground_find(r->ground, bytes_of(r->text.p + from, to - from), &no_memory);

	if (no_memory)
		session_oom(r->s);
	else if (source)
		cite(r, source, from, to);
}

void cite_text(struct response *r, enum cite_when when)
{
	const struct session *s = r->s;
	bool wanted = (s->set.include & INCLUDE_SOURCES) || s->enforced;

	if (r->llm_ticket && r->engines->llm_ops->cites)
		return;
	if (!wanted || r->cites_itself || !json_array_size(r->found) || s->broken)
		return;
	size_t begin = MAX(r->grounded, r->cited_to), pos = 0;
	if (begin >= r->text.n)
		return;
	struct bytes text = bytes_of(r->text.p + begin, r->text.n - begin);
	size_t start, end, next_start = 0, next_end = 0;

	/* Whether a sentence has ended is known when the next has begun. */
	bool more = ground_next(text, &pos, &start, &end);
	while (more) {
		more = ground_next(text, &pos, &next_start, &next_end);
		if (!more && when == CITE_MORE)
			break;
		r->grounded = begin + end;
		look_up(r, begin + start, begin + end);
		start = next_start;
		end = next_end;
	}
}
