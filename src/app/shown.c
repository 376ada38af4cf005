#include "app/shown.h"

#include <inttypes.h>
#include <string.h>

/* Hosts have no such octets, but a line of a metric is broken by them. */
static void put_label(struct buf *to, const char *name)
{
	for (; *name; name++)
		buf_putc(to, *name == '"' || *name == '\\' || (unsigned char)*name < ' ' ? '_' : *name);
}

static json_t *row_json(const struct services_row *r)
{
	json_t *o = json_pack("{s:s, s:s*, s:b, s:s}", "name", r->name, "model", r->model, "service", r->is_service,
			      "state", r->health.resting ? "resting" : "well");

	if (o && r->health.resting &&
	    json_object_set_new(o, "rest_ms", json_integer((json_int_t)r->health.rest_ms)) != 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

json_t *shown_status(struct services *s)
{
	json_t *o = json_pack("{s:[], s:[], s:[], s:[]}", "stt", "llm", "tts", "realtime");
	struct services_row r;

	for (size_t i = 0; o && services_row(s, i, &r); i++)
		if (json_array_append_new(json_object_get(o, r.kind), row_json(&r)) != 0) {
			json_decref(o);
			return NULL;
		}
	return o;
}

/* --- metrics -------------------------------------------------------------------------------------- */

static bool is_same(const struct services_row *a, const struct services_row *b)
{
	return strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0;
}

/* Those of this kind and name; false: the i-th is not the first of them. */
static bool count_resting(struct services *s, size_t i, const struct services_row *r, unsigned *resting)
{
	struct services_row other;

	*resting = 0;
	for (size_t k = 0; services_row(s, k, &other); k++) {
		if (!is_same(&other, r))
			continue;
		if (k < i)
			return false;
		*resting += other.health.resting;
	}
	return true;
}

void shown_metrics(struct services *s, struct buf *to)
{
	struct services_row r;
	const char *kind = "";
	unsigned resting;

	for (size_t i = 0; services_row(s, i, &r); i++) {
		if (!count_resting(s, i, &r, &resting))
			continue;
		if (strcmp(kind, r.kind) != 0)
			buf_printf(to, "# HELP voiced_%s_resting 1: it has failed, and is left alone for a while.\n"
				       "# TYPE voiced_%s_resting gauge\n", r.kind, r.kind);
		kind = r.kind;
		buf_printf(to, "voiced_%s_resting{name=\"", kind);
		put_label(to, r.name);
		buf_printf(to, "\"} %u\n", resting);
	}
}

/* --- where things go -------------------------------------------------------------------------------- */

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += n)
		if ((at == words || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
			return true;
	return false;
}

/* "Audio goes to a (realtime), b (stt)": the services of these kinds; false: there is none. */
static bool put_goers(struct services *s, const char *kinds, const char *what, struct buf *to)
{
	struct services_row r;
	unsigned n = 0, resting;

	for (size_t i = 0; services_row(s, i, &r); i++)
		if (r.is_service && has_word(kinds, r.kind) && count_resting(s, i, &r, &resting))
			buf_printf(to, "%s%s (%s)", n++ ? ", " : what, r.name, r.kind);
	return n > 0;
}

/* Of a URL: no path, in which a key might stand, and no user. */
static void put_host(struct buf *to, const char *url)
{
	const char *at = strstr(url, "://"), *host = at ? at + 3 : url;
	size_t n = strcspn(host, "/?#");
	const char *user = memchr(host, '@', n);

	if (user) {
		n -= (size_t)(user + 1 - host);
		host = user + 1;
	}
	buf_put(to, host, n);
}

void shown_ways(struct services *s, const char *embedder, struct buf *to)
{
	if (!put_goers(s, "realtime stt", "Audio goes to ", to))
		buf_puts(to, "Audio stays on this machine");
	bool words = put_goers(s, "realtime llm", "; words and passages of the documents go to ", to);
	if (embedder) {
		buf_puts(to, words ? ", " : "; words and passages of the documents go to ");
		put_host(to, embedder);
		buf_puts(to, " (embedder)");
	}
	put_goers(s, "tts", "; answers to be spoken go to ", to);
	buf_puts(to, ".");
}
