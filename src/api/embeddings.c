/* embeddings.c - POST /v1/embeddings: the collection's embedder, in OpenAI's shape. */
#include <errno.h>
#include <string.h>

#include "api/seat.h"
#include "base/alloc.h"
#include "base/b64.h"
#include "base/pool.h"
#include "document/words.h"
#include "knowledge/embed.h"
#include "knowledge/search.h"

enum { INPUTS_MAX = 2048, INPUT_MAX = 65536 /* octets of one text */ };
enum format { FORMAT_FLOAT, FORMAT_BASE64 };

/* A request for vectors. */
struct embedding {
	struct job job;
	struct http_exchange *ex;
	struct index *index;
	json_t *body;   /* holds the texts */
	size_t n;       /* of them         */
	int64_t width;  /* of the vectors; 0: as they come */
	enum format format;
	struct buf answer;
};

/* --- what is asked ----------------------------------------------------------------------------- */

struct wrong {
	const char *param, *why;
};

static const char *input_text(const struct embedding *e, size_t i)
{
	json_t *input = json_object_get(e->body, "input");

	return json_string_value(json_is_array(input) ? json_array_get(input, i) : input);
}

static struct wrong check_input(struct embedding *e)
{
	json_t *input = json_object_get(e->body, "input");

	if (!json_is_string(input) && !json_is_array(input))
		return (struct wrong){ "input", "input is a text or a list of texts." };
	e->n = json_is_array(input) ? json_array_size(input) : 1;
	if (e->n < 1 || e->n > INPUTS_MAX)
		return (struct wrong){ "input", "input holds from 1 to 2048 texts." };
	for (size_t i = 0; i < e->n; i++) {
		const char *text = input_text(e, i);

		if (!text)
			return (struct wrong){ "input", "This embedder takes text, not tokens: send strings." };
		if (!*text || strlen(text) > INPUT_MAX)
			return (struct wrong){ "input", "A text holds from 1 to 65536 octets." };
	}
	return (struct wrong){ 0 };
}

static struct wrong check(struct embedding *e, unsigned width)
{
	const char *format = json_str(e->body, "encoding_format", "float");
	json_t *given = json_object_get(e->body, "dimensions");
	struct wrong w = check_input(e);

	if (w.why)
		return w;
	if (strcmp(format, "float") != 0 && strcmp(format, "base64") != 0)
		return (struct wrong){ "encoding_format", "encoding_format is 'float' or 'base64'." };
	e->format = strcmp(format, "base64") == 0 ? FORMAT_BASE64 : FORMAT_FLOAT;
	e->width = width;
	if (!given || json_is_null(given))
		return w;
	e->width = json_integer_value(given);
	if (!json_is_integer(given) || e->width < 1 || e->width > width)
		return (struct wrong){ "dimensions",
				       "dimensions is a whole number, at most the embedder's (see docs/api.md)." };
	return w;
}

/* --- the answer ------------------------------------------------------------------------------------ */

static void put_vector(struct buf *b, const float *v, size_t n, enum format format)
{
	if (format == FORMAT_BASE64) { /* of little-endian floats, as our machines have them */
		buf_putc(b, '"');
		b64_append(b, v, n * sizeof(*v));
		buf_putc(b, '"');
		return;
	}
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%c%.8g", i ? ',' : '[', (double)v[i]);
	buf_putc(b, ']');
}

enum { PORTION = 32 };

static int put_portion(struct embedding *e, size_t from, size_t n, float *v, size_t *words)
{
	const struct embedder *of = index_embedder(e->index);
	struct embed_text texts[PORTION] = { { .title = NULL } };
	char why[EMBED_WHY];
	unsigned dim = embedder_dim(of);

	for (size_t i = 0; i < n; i++) {
		texts[i].text = bytes_str(input_text(e, from + i));
		*words += words_count(texts[i].text);
	}
	int r = embed_texts(of, texts, n, v, why);
	for (size_t i = 0; i < n && r == 0; i++) {
		float *one = v + i * dim;

		/* The first dimensions say most: a vector that is cut is still one. */
		memset(one + e->width, 0, (dim - (size_t)e->width) * sizeof(*one));
		embed_normalise(one, dim);
		buf_printf(&e->answer, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":",
			   from + i ? "," : "", from + i);
		put_vector(&e->answer, one, (size_t)e->width, e->format);
		buf_putc(&e->answer, '}');
	}
	return r;
}

static void embedding_work(struct job *j)
{
	struct embedding *e = CONTAINER_OF(j, struct embedding, job);
	const struct embedder *of = index_embedder(e->index);
	AUTO(mem) float *v = mem_calloc((size_t)PORTION * embedder_dim(of), sizeof(*v));
	struct buf *b = &e->answer;
	size_t words = 0;
	int r = v ? 0 : -ENOMEM;

	buf_puts(b, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < e->n && r == 0; i += PORTION)
		r = job_cancelled(j) ? -ECANCELED :
				       put_portion(e, i, MIN(e->n - i, (size_t)PORTION), v, &words);
	buf_puts(b, "],\"model\":");
	json_quote(b, bytes_str(embedder_name(of)));
	buf_printf(b, ",\"usage\":{\"prompt_tokens\":%zu,\"total_tokens\":%zu}}", words, words);
	b->failed |= r != 0;
}

static void embedding_free(struct embedding *e)
{
	index_unref(e->index);
	json_decref(e->body);
	buf_done(&e->answer);
	mem_free(e);
}

static void embedding_done(struct job *j)
{
	struct embedding *e = CONTAINER_OF(j, struct embedding, job);

	if (e->answer.failed)
		reply_no_memory(e->ex);
	else
		exchange_reply(e->ex, &(struct http_reply){ .status = 200, .type = "application/json",
							    .body = buf_bytes(&e->answer) });
	embedding_free(e);
}

/* What was learned from documents tells which words they have: it is for who may read them all. That
 * there are others is not told either. false: answered. */
static bool may_embed(struct request *r, const struct index *x, const struct reach *reach)
{
	if (reach->all || embedder_kind(index_embedder(x)) != EMBED_LSA)
		return true;
	exchange_error(r->ex, 403, "model_not_allowed", "model",
		       "This collection's embedder is learned from all of its documents: it wants the server's key.");
	return false;
}

/* false: answered. */
static bool has_embedder(struct request *r, const struct index *x)
{
	const struct embedder *of = x ? index_embedder(x) : NULL;

	if (!of)
		exchange_error(r->ex, 404, "model_not_found", "model",
			       "This collection has no embedder: one is learned from 32 passages on.");
	else if (embedder_kind(of) == EMBED_REMOTE)
		exchange_error(r->ex, 400, "model_not_served", "model",
			       "This collection's vectors come from another service: ask that one.");
	return of && embedder_kind(of) != EMBED_REMOTE;
}

void post_embeddings(struct request *r)
{
	struct reach reach;
	char why[160];

	if (!seat_reach(r, &reach))
		return;
	struct index *x = searcher_index(r->seat->api->p.searcher, reach.collection);
	if (!x && seat_holds(r, post_embeddings)) /* until it has been read; speech is not needed */
		return;
	struct embedding *e = mem_zalloc(sizeof(*e));
	if (!e) {
		index_unref(x);
		reply_no_memory(r->ex);
		return;
	}
	e->ex = r->ex;
	e->job = (struct job){ .work = embedding_work, .done = embedding_done, .loop = r->seat->loop };
	e->body = json_parse(r->http->body, why);
	e->index = x;
	if (!json_is_object(e->body)) {
		exchange_error(r->ex, 400, "invalid_json", NULL,
			       "The body is not a JSON object: send {\"model\": \"…\", \"input\": \"…\"}.");
	} else if (has_embedder(r, e->index) && may_embed(r, e->index, &reach)) {
		struct wrong w = check(e, embedder_width(index_embedder(e->index)));

		if (!w.why) {
			pool_run(r->seat->api->p.turn, &e->job);
			return;
		}
		exchange_error(r->ex, 400, "invalid_value", w.param, w.why);
	}
	embedding_free(e);
}
