#include "knowledge/embed_remote.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/b64.h"
#include "base/crypto.h"
#include "base/env.h"
#include "base/json.h"
#include "knowledge/embed_inner.h"
#include "net/http_client.h"

enum {
	MAGIC = 0x316d7276, /* "vrm1", little endian */
	TRIES = 6,
	PAUSE_MS = 500,       /* after the first failure; doubles */
	PAUSE_MAX_MS = 60000, /* also of what Retry-After asks    */
	BULK_MS = 60000,
	QUERY_MS = 300,
	QUIET_MS = 2000,
	QUERIES = 256,
	URL_MAX = 1024,
	MODEL_MAX = 256,
	NAP_MS = 20,
};

/* A question and its vector, int8. */
struct asked {
	uint8_t sha[SHA256_LEN];
	uint64_t used; /* when last; 0: empty */
	int8_t *vector;
};

struct remote {
	struct embedder base;
	char *url, *model;
	unsigned dimensions;
	atomic_flag busy; /* held for a few instructions, over what follows */
	struct asked asked[QUERIES];
	uint64_t clock;
	_Atomic(uint64_t) quiet_us; /* no questions before */
};

/* Of the process. */
static struct http_client *client;
static char *key_url, *key;
static atomic_bool stopping;

static const struct remote *remote_of(const struct embedder *e)
{
	return (const struct remote *)(const void *)e;
}

int embed_remote_setup(const char *url, const char *k)
{
	int r = http_client_init();

	if (r == 0 && !client)
		r = http_client_new(&client);
	mem_free(key_url);
	mem_free(key);
	key_url = url ? mem_strdup(url) : NULL;
	key = k ? mem_strdup(k) : NULL;
	return r == 0 && ((url && !key_url) || (k && !key)) ? -ENOMEM : r;
}

void embed_remote_stop(void)
{
	atomic_store(&stopping, true);
}

void embed_remote_cleanup(void)
{
	http_client_free(client);
	client = NULL;
	mem_free(key_url);
	mem_free(key);
	key_url = key = NULL;
}

/* --- where, and as whom -------------------------------------------------------------------------- */

const char *embed_remote_check_url(const char *url)
{
	const char *host = strncmp(url, "https://", 8) == 0 ? url + 8 :
			   strncmp(url, "http://", 7) == 0  ? url + 7 :
							      NULL;

	if (!host || !*host || *host == '/')
		return "it is no http:// or https:// URL";
	if (strlen(url) >= URL_MAX)
		return "it is too long";
	for (const char *c = url; *c; c++)
		if (*c <= ' ' || *c == '#' || (uint8_t)*c >= 0x7f)
			return "it holds a character that URLs do not";
	size_t authority = strcspn(host, "/?");
	return memchr(host, '@', authority) ? "a key does not belong into it: use embedder-key" : NULL;
}

/* BASE/embeddings, before a query. */
static void full_url(const char *base, char to[static URL_MAX + 16])
{
	size_t path = strcspn(base, "?"), n = path;

	while (n > 0 && base[n - 1] == '/')
		n--;
	bool there = n >= 11 && memcmp(base + n - 11, "/embeddings", 11) == 0;
	snprintf(to, URL_MAX + 16, "%.*s%s%s", (int)n, base, there ? "" : "/embeddings", base + path);
}

static void put_key(const struct remote *m, char to[static 2048], struct http_client_request *r)
{
	bool azure = strstr(m->url, "api-version=") || strstr(m->url, ".azure.com");

	if (!key || !*key || (key_url && strcmp(key_url, m->url) != 0))
		return;
	snprintf(to, 2048, "%s%.1900s", azure ? "api-key: " : "Authorization: Bearer ", key);
	r->fields[1] = to;
}

static void write_request(const struct remote *m, const struct bytes *texts, size_t n, struct buf *b)
{
	buf_putc(b, '{');
	if (*m->model) {
		buf_puts(b, "\"model\":");
		json_quote(b, bytes_str(m->model));
		buf_putc(b, ',');
	}
	buf_puts(b, "\"encoding_format\":\"float\",");
	if (m->dimensions)
		buf_printf(b, "\"dimensions\":%u,", m->dimensions);
	buf_puts(b, "\"input\":[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(b, ',');
		json_quote(b, texts[i].n ? texts[i] : bytes_str(" "));
	}
	buf_puts(b, "]}");
}

/* --- the answer ------------------------------------------------------------------------------------- */

static int senseless(char why[static EMBED_WHY], const char *what)
{
	snprintf(why, EMBED_WHY, "the embedding service's answer makes no sense: %s", what);
	return -EBADMSG;
}

static float float_at(const uint8_t *p)
{
	uint32_t u = le32(p);
	float v;

	memcpy(&v, &u, sizeof(v));
	return v;
}

/* Numbers, or base64 of floats; how many, 0: neither. */
static size_t read_numbers(const json_t *v, float *out, size_t max)
{
	size_t n = json_array_size(v);

	if (json_is_string(v)) {
		size_t len = json_string_length(v);
		AUTO(mem) uint8_t *octets = mem_alloc(len / 4 * 3 + 4);
		ptrdiff_t got = octets ? b64_decode(json_string_value(v), len, octets) : -1;

		if (got <= 0 || got % 4 || (size_t)got / 4 > max)
			return 0;
		for (size_t i = 0; i < (size_t)got / 4; i++)
			out[i] = float_at(octets + 4 * i);
		return (size_t)got / 4;
	}
	if (n > max)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (!json_is_number(json_array_get(v, i)))
			return 0;
		out[i] = (float)json_number_value(json_array_get(v, i));
	}
	return n;
}

static bool all_finite(const float *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(v[i]))
			return false;
	return true;
}

int embed_remote_parse(struct bytes body, size_t n, unsigned dim, unsigned *width, float *out,
		       char why[static EMBED_WHY])
{
	char reason[160];
	AUTO(json) json_t *root = json_parse(body, reason);
	AUTO(mem) bool *seen = mem_calloc(MAX(n, (size_t)1), sizeof(*seen));
	const json_t *data = json_object_get(root, "data");
	unsigned w = *width;

	if (!seen)
		return -ENOMEM;
	if (!json_is_array(data))
		return senseless(why, root ? "there is no list 'data'" : "it is not JSON");
	if (json_array_size(data) != n)
		return senseless(why, "not one vector for each text");
	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(data, i);
		int64_t at = json_int(row, "index", (int64_t)i);

		if (at < 0 || at >= (int64_t)n || seen[at])
			return senseless(why, "an index is wrong");
		seen[at] = true;
		float *to = out + (size_t)at * dim;
		size_t got = read_numbers(json_object_get(row, "embedding"), to, dim);
		if (got < 2 || (w && got != w))
			return senseless(why, w && got ? "another number of dimensions than before" :
							 "an embedding is no list of numbers that fits");
		if (!all_finite(to, got))
			return senseless(why, "a number is not finite");
		w = (unsigned)got;
	}
	*width = w;
	return 0;
}

/* --- asking ----------------------------------------------------------------------------------------------- */

static bool worth_another_try(int r, unsigned status)
{
	switch (r) {
	case 0:
		return status == 408 || status == 409 || status == 429 || status >= 500;
	case -EINVAL:
	case -EPROTO:
	case -ENOMEM:
	case -ECANCELED:
		return false;
	default:
		return true;
	}
}

static void why_not(const struct http_client_answer *a, int r, char why[static EMBED_WHY])
{
	char reason[160];
	AUTO(json) json_t *o = r == 0 ? json_parse(buf_bytes(&a->body), reason) : NULL;
	const char *says = json_str(json_object_get(o, "error"), "message", "");

	if (r < 0)
		snprintf(why, EMBED_WHY, "the embedding service does not answer: %.160s", a->why);
	else if (a->status == 401 || a->status == 403)
		snprintf(why, EMBED_WHY, "the embedding service refuses the key (%u): set embedder-key", a->status);
	else
		snprintf(why, EMBED_WHY, "the embedding service answers %u%s%.150s", a->status, *says ? ": " : "",
			 says);
}

static void nap(uint64_t ms)
{
	for (uint64_t left = ms; left && !atomic_load(&stopping); left -= MIN(left, (uint64_t)NAP_MS)) {
		struct timespec t = { .tv_nsec = (long)(MIN(left, (uint64_t)NAP_MS)) * 1000000 };

		nanosleep(&t, NULL);
	}
}

struct ask {
	const struct bytes *texts;
	size_t n;
	unsigned tries, connect_ms, time_ms;
};

/* One request, tried as often as it says. *answer is that of status 200. */
static int ask(const struct remote *m, const struct ask *a, struct http_client_answer *answer,
	       char why[static EMBED_WHY])
{
	AUTO(buf) struct buf body = { 0 };
	char url[URL_MAX + 16], field[2048];
	struct http_client_request q = { .url = url, .connect_ms = a->connect_ms, .time_ms = a->time_ms,
					 .stop = &stopping, .fields = { "Content-Type: application/json" } };

	full_url(m->url, url);
	put_key(m, field, &q);
	write_request(m, a->texts, a->n, &body);
	if (body.failed || !client)
		return -ENOMEM;
	q.body = buf_bytes(&body);
	for (unsigned i = 0;; i++) {
		int r = http_client_do(client, &q, answer);

		if (r == 0 && answer->status == 200)
			return 0;
		why_not(answer, r, why);
		bool again = worth_another_try(r, answer->status) && i + 1 < a->tries;
		uint64_t pause = MAX((uint64_t)PAUSE_MS << i, answer->retry_after_ms);
		unsigned status = answer->status;
		http_client_answer_done(answer);
		if (atomic_load(&stopping))
			return -ECANCELED;
		if (!again)
			return r == -ENOMEM ? r : status == 401 || status == 403 ? -EACCES : -EAGAIN;
		nap(MIN(pause, (uint64_t)PAUSE_MAX_MS));
	}
}

static int ask_vectors(const struct remote *m, const struct ask *a, unsigned dim, unsigned *width,
		       float *out, char why[static EMBED_WHY])
{
	AUTO(http_client_answer) struct http_client_answer answer = { 0 };
	int r = ask(m, a, &answer, why);

	return r < 0 ? r : embed_remote_parse(buf_bytes(&answer.body), a->n, dim, width, out, why);
}

static int remote_texts(const struct embedder *e, const struct embed_text *t, size_t n, float *out,
			char why[static EMBED_WHY])
{
	AUTO(mem) struct bytes *texts = mem_calloc(MAX(n, (size_t)1), sizeof(*texts));
	AUTO(mem) size_t *ends = mem_calloc(MAX(n, (size_t)1), sizeof(*ends));
	AUTO(buf) struct buf all = { 0 };
	unsigned width = e->width;

	if (!texts || !ends)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		embed_write_text(&t[i], &all);
		ends[i] = all.n;
	}
	if (all.failed)
		return -ENOMEM;
	for (size_t i = 0, from = 0; i < n; from = ends[i++])
		texts[i] = bytes_of(all.p + from, ends[i] - from);
	const struct ask a = { texts, n, TRIES, 0, BULK_MS };
	return ask_vectors(remote_of(e), &a, e->dim, &width, out, why);
}

/* --- questions ------------------------------------------------------------------------------------------------ */

static void lock(struct remote *m)
{
	while (atomic_flag_test_and_set(&m->busy))
		sched_yield();
}

static void unlock(struct remote *m)
{
	atomic_flag_clear(&m->busy);
}

static bool remembered(struct remote *m, const uint8_t sha[static SHA256_LEN], float *out)
{
	struct asked *found = NULL;

	lock(m);
	for (size_t i = 0; i < QUERIES && !found; i++)
		if (m->asked[i].used && memcmp(m->asked[i].sha, sha, SHA256_LEN) == 0)
			found = &m->asked[i];
	for (unsigned c = 0; found && c < m->base.dim; c++)
		out[c] = (float)found->vector[c];
	if (found)
		found->used = ++m->clock;
	unlock(m);
	return found != NULL;
}

static void remember(struct remote *m, const uint8_t sha[static SHA256_LEN], const float *v)
{
	float one[EMBED_DIM_MAX];
	int8_t *vector = mem_alloc(m->base.dim), *old;

	if (!vector)
		return;
	memcpy(one, v, m->base.dim * sizeof(*one));
	embed_normalise(one, m->base.dim);
	embed_quantise(one, m->base.dim, embedder_gain(&m->base), vector);
	lock(m);
	struct asked *oldest = &m->asked[0];
	for (size_t i = 1; i < QUERIES; i++)
		if (m->asked[i].used < oldest->used)
			oldest = &m->asked[i];
	old = oldest->vector;
	memcpy(oldest->sha, sha, SHA256_LEN);
	oldest->used = ++m->clock;
	oldest->vector = vector;
	unlock(m);
	mem_free(old);
}

static bool ask_question(struct remote *m, struct bytes text, float *out)
{
	const struct ask a = { &text, 1, 1, QUERY_MS, QUERY_MS };
	unsigned width = m->base.width;
	char why[EMBED_WHY];
	uint64_t now = env_now(&env_system);

	if (now < atomic_load(&m->quiet_us))
		return false;
	if (ask_vectors(m, &a, m->base.dim, &width, out, why) == 0)
		return true;
	atomic_store(&m->quiet_us, env_now(&env_system) + (uint64_t)QUIET_MS * US_PER_MS);
	return false;
}

static bool remote_query(const struct embedder *e, const struct index *x, const struct query *q,
			 struct bytes text, float *out)
{
	struct remote *m = (struct remote *)(uintptr_t)e; /* what it remembers is its own affair */
	uint8_t sha[SHA256_LEN];

	(void)x, (void)q;
	if (sha256(text, sha) != 0)
		return false;
	if (remembered(m, sha, out)) {
		atomic_store(&m->base.silent, false);
		return true;
	}
	bool ok = ask_question(m, text, out);
	atomic_store(&m->base.silent, !ok);
	if (ok)
		remember(m, sha, out);
	return ok;
}

static bool remote_passage(const struct embedder *e, const struct index *x, size_t passage, float *out)
{
	(void)e, (void)x, (void)passage, (void)out;
	return false;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void remote_free(struct embedder *e)
{
	struct remote *m = CONTAINER_OF(e, struct remote, base);

	for (size_t i = 0; i < QUERIES; i++)
		mem_free(m->asked[i].vector);
	mem_free(m->url);
	mem_free(m->model);
	mem_free(m);
}

void embed_remote_name(const struct embed_remote_params *p, char name[static EMBED_NAME_MAX])
{
	char text[URL_MAX + MODEL_MAX + 32], hexed[17];
	uint8_t sha[SHA256_LEN] = { 0 };

	snprintf(text, sizeof(text), "%s|%s|%u", p->url, p->model, p->dimensions);
	if (sha256(bytes_str(text), sha) != 0)
		memset(sha, 0, sizeof(sha));
	hex(sha, 8, hexed);
	snprintf(name, EMBED_NAME_MAX, "remote-%.80s-%s", *p->model ? p->model : "model", hexed);
}

static int make(struct remote **out, const struct embed_remote_params *p, unsigned width)
{
	struct remote *m = mem_zalloc(sizeof(*m));
	char name[EMBED_NAME_MAX];

	if (!m)
		return -ENOMEM;
	embed_remote_name(p, name);
	embedder_init(&m->base, &embed_remote_ops, width, name);
	m->url = mem_strdup(p->url);
	m->model = mem_strdup(p->model);
	m->dimensions = p->dimensions;
	if (!m->url || !m->model) {
		remote_free(&m->base);
		return -ENOMEM;
	}
	*out = m;
	return 0;
}

int embed_remote_open(struct embedder **out, const struct embed_remote_params *p,
		      char why[static EMBED_WHY])
{
	AUTO(mem) float *v = mem_calloc(EMBED_DIM_MAX, sizeof(*v));
	struct bytes text = bytes_str("dimensions");
	const struct ask a = { &text, 1, 4, 0, BULK_MS };
	struct remote *m;
	unsigned width = 0;

	snprintf(why, EMBED_WHY, "not enough memory for the embedder");
	int r = v ? make(&m, p, EMBED_BLOCK) : -ENOMEM;
	if (r < 0)
		return r;
	r = ask_vectors(m, &a, EMBED_DIM_MAX, &width, v, why);
	if (r < 0) {
		remote_free(&m->base);
		return r;
	}
	m->base.width = width;
	m->base.dim = (width + EMBED_BLOCK - 1) / EMBED_BLOCK * EMBED_BLOCK;
	*out = &m->base;
	return 0;
}

/* --- octets: width, dimensions, URL, 0, model ---------------------------------------------------------------------- */

static void remote_save(const struct embedder *e, struct buf *to)
{
	const struct remote *m = remote_of(e);

	put_le32(to, e->width);
	put_le32(to, m->dimensions);
	buf_puts(to, m->url);
	buf_putc(to, 0);
	buf_puts(to, m->model);
}

static int remote_load(struct embedder **out, struct bytes b)
{
	char url[URL_MAX] = "", model[MODEL_MAX] = "";
	const uint8_t *head, *end;
	struct remote *m;

	if (!take_octets(&b, 8, &head) || !b.n || !(end = memchr(b.p, 0, b.n)))
		return -EBADMSG;
	size_t n = (size_t)(end - b.p), rest = b.n - n - 1;
	if (n >= sizeof(url) || rest >= sizeof(model) || memchr(end + 1, 0, rest))
		return -EBADMSG;
	memcpy(url, b.p, n);
	memcpy(model, end + 1, rest);
	const struct embed_remote_params p = { url, model, le32(head + 4) };
	unsigned width = le32(head);
	if (width < 2 || width > EMBED_DIM_MAX || p.dimensions > EMBED_DIM_MAX || embed_remote_check_url(url))
		return -EBADMSG;
	int r = make(&m, &p, width);
	if (r == 0)
		*out = &m->base;
	return r;
}

const struct embed_ops embed_remote_ops = { .kind = EMBED_REMOTE,
					    .magic = MAGIC,
					    .free = remote_free,
					    .save = remote_save,
					    .load = remote_load,
					    .texts = remote_texts,
					    .passage = remote_passage,
					    .query = remote_query };
