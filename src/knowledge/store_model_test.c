/* Random operations on a store, each beside the same on a few lines of plain C: results are equal,
 * and so is all that can be read, by the writer and by a reader that sees what was committed.
 *
 * PROPERTY_RUNS lives (default 12) from PROPERTY_SEED (default 1); FAULTS=all: two thousand.
 */
#include <errno.h>

#include "knowledge/teststore.h"

enum { PATHS = 6, COLLECTIONS = 2, OPERATIONS = 60 };

struct row {
	int64_t id; /* 0: none */
	unsigned word, n_passages;
	int64_t version;
	char tags[16], labels[16];
};

struct model {
	struct row rows[COLLECTIONS][PATHS];
	int64_t generation[COLLECTIONS], last_id;
	bool learned[COLLECTIONS];
	unsigned lexicon[COLLECTIONS];
};

struct life {
	struct testdir dir;
	struct store *s, *reader;
	struct model now, committed;
	int64_t collection[COLLECTIONS];
	bool batch;
	uint64_t dice;
	unsigned words; /* so many have been used */
	const char *wrong;
};

static unsigned dice(struct life *l, unsigned n)
{
	l->dice ^= l->dice << 13;
	l->dice ^= l->dice >> 7;
	l->dice ^= l->dice << 17;
	return (unsigned)(l->dice >> 20) % n;
}

static bool expect(struct life *l, bool ok, const char *what)
{
	if (!ok && !l->wrong)
		l->wrong = what;
	return ok;
}

static void path_of(unsigned k, char to[static 16])
{
	snprintf(to, 16, "/d/%u", k);
}

static void done(struct life *l)
{
	if (!l->batch)
		l->committed = l->now;
}

/* --- operations ------------------------------------------------------------------------------- */

static void do_put(struct life *l, unsigned c, unsigned k)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(passages) struct passages p = { 0 };
	struct row *row = &l->now.rows[c][k];
	char path[16], text[400];
	unsigned word = ++l->words, n = dice(l, 4);
	enum store_put how;
	int64_t id = 0;

	path_of(k, path);
	for (unsigned i = 0; i < n; i++) {
		char heading[24];

		snprintf(heading, sizeof(heading), "Part %u", i);
		snprintf(text, sizeof(text), "Here stands word%u, and nothing else is said in this part of it.", word);
		outline_add(&o, BLOCK_HEADING, 1, 1, bytes_str(heading));
		outline_add(&o, BLOCK_PARA, 0, 1, bytes_str(text));
	}
	struct store_document d = { .collection = l->collection[c], .path = path, .title = "T", .type = "text" };
	d.sha256[0] = (uint8_t)word, d.sha256[1] = (uint8_t)(word >> 8);
	if (dice(l, 4) == 0)
		d.tags = "\nnew\n";
	if (o.text.failed || passages_cut(&o, &p) < 0 ||
	    !expect(l, store_put(l->s, &d, buf_bytes(&o.text), &p, &id, &how) == 0, "put"))
		return;
	expect(l, how == (row->id ? STORE_UPDATED : STORE_ADDED), "put: how");
	if (!row->id && expect(l, id > l->now.last_id, "put: an id that was in use"))
		*row = (struct row){ .id = l->now.last_id = id };
	expect(l, id == row->id, "put: id");
	row->word = word;
	row->n_passages = (unsigned)p.n;
	row->version = ++l->now.generation[c];
	if (d.tags)
		snprintf(row->tags, sizeof(row->tags), "%s", d.tags);
	done(l);
}

static void do_remove(struct life *l, unsigned c, unsigned k)
{
	struct row *row = &l->now.rows[c][k];
	int r = store_remove(l->s, row->id ? row->id : 100000 + (int64_t)dice(l, 9));

	if (!expect(l, r == (row->id ? 0 : -ENOENT), "remove") || !row->id)
		return;
	*row = (struct row){ 0 };
	l->now.generation[c]++;
	done(l);
}

static void do_mark(struct life *l, unsigned c, unsigned k)
{
	static const char *const sets[] = { NULL, "", "\na\n", "\na\nb\n" };
	struct row *row = &l->now.rows[c][k];
	const char *tags = sets[dice(l, ARRAY_LEN(sets))], *labels = sets[dice(l, ARRAY_LEN(sets))];
	int r = store_mark(l->s, row->id ? row->id : 100000, tags, labels);

	if (!expect(l, r == (row->id ? 0 : -ENOENT), "mark") || !row->id)
		return;
	if (tags)
		snprintf(row->tags, sizeof(row->tags), "%s", tags);
	if (labels)
		snprintf(row->labels, sizeof(row->labels), "%s", labels);
	row->version = ++l->now.generation[c];
	done(l);
}

static void do_learn(struct life *l, unsigned c, unsigned k)
{
	const struct store_learned x = { .embedder = "test", .dim = 4, .model = bytes_str("model"),
					 .generation = l->now.generation[c] };

	(void)k;
	if (!expect(l, store_learn(l->s, l->collection[c], &x) == 0, "learn"))
		return;
	l->now.learned[c] = true;
	l->now.generation[c]++;
	done(l);
}

static void do_words(struct life *l, unsigned c, unsigned k)
{
	const struct store_word words[] = { { "boat", k + 1 }, { "sail", 1 } };
	enum store_how how = k < 3 ? STORE_REPLACE : STORE_MERGE;
	unsigned n = 1 + k % 2, before = how == STORE_REPLACE ? 0 : l->now.lexicon[c];

	if (!expect(l, store_put_words(l->s, l->collection[c], words, n, how, l->now.generation[c], 1) == 0, "put words"))
		return;
	l->now.lexicon[c] = MAX(before, n);
	done(l);
}

static void do_batch(struct life *l, unsigned c, unsigned k)
{
	(void)c;
	if (!l->batch) {
		l->batch = expect(l, store_batch(l->s) == 0, "batch");
		return;
	}
	l->batch = false;
	if (k) {
		expect(l, store_commit(l->s, 0) == 0, "commit");
		l->committed = l->now;
	} else {
		expect(l, store_commit(l->s, -ECANCELED) == -ECANCELED, "abort");
		l->now = l->committed;
	}
}

/* What was not committed is gone with the connection. */
static void do_reopen(struct life *l, unsigned c, unsigned k)
{
	char why[STORE_WHY];

	(void)c;
	if (k)
		return;
	store_close(l->s);
	l->s = NULL;
	l->batch = false;
	l->now = l->committed;
	expect(l, store_open(&l->s, l->dir.path, why) == 0, "open");
}

/* --- what is there ------------------------------------------------------------------------------ */

struct look {
	struct life *l;
	const struct model *m;
	unsigned c, n;
};

static int see_document(void *ctx, const struct store_document *d)
{
	struct look *v = ctx;
	const struct row *r = &v->m->rows[v->c][d->path[3] - '0'];

	v->n++;
	expect(v->l, d->id == r->id && d->n_passages == r->n_passages && d->version == r->version &&
			     d->sha256[0] == (uint8_t)r->word && d->sha256[1] == (uint8_t)(r->word >> 8) &&
			     strcmp(d->tags, r->tags) == 0 && strcmp(d->labels, r->labels) == 0,
	       "a document");
	return 0;
}

static int count_hit(void *ctx, int64_t passage, double score)
{
	(void)passage, (void)score;
	++*(unsigned *)ctx;
	return 0;
}

static int count_word(void *ctx, const struct store_word *w)
{
	(void)w;
	++*(unsigned *)ctx;
	return 0;
}

static void look_at_words(struct look *v, struct store *s)
{
	unsigned n = 0;

	expect(v->l, store_words_foreach(s, v->l->collection[v->c], count_word, &n) == 0 &&
			     n == v->m->lexicon[v->c], "words");
	for (unsigned k = 0; k < PATHS && !v->l->wrong; k++) {
		const struct row *r = &v->m->rows[v->c][k];
		char word[24];

		n = 0;
		snprintf(word, sizeof(word), "word%u", r->word);
		expect(v->l, !r->id || (store_fts(s, v->l->collection[v->c], word, 99, count_hit, &n) == 0 &&
					n == r->n_passages), "full-text");
	}
}

static void look(struct life *l, struct store *s, const struct model *m)
{
	for (unsigned c = 0; c < COLLECTIONS && !l->wrong; c++) {
		struct look v = { l, m, c, 0 };
		AUTO(buf) struct buf model = { 0 };
		struct store_size size = { 0 };
		int64_t generation = -1, learned;
		unsigned dim, n = 0, passages = 0;

		for (unsigned k = 0; k < PATHS; k++) {
			n += m->rows[c][k].id != 0;
			passages += m->rows[c][k].n_passages;
		}
		expect(l, store_generation(s, l->collection[c], &generation) == 0 && generation == m->generation[c],
		       "generation");
		expect(l, store_size(s, l->collection[c], &size) == 0 && size.documents == n &&
				  size.passages == passages, "size");
		expect(l, store_documents(s, l->collection[c], see_document, &v) == 0 && v.n == n, "documents");
		expect(l, store_embedder(s, l->collection[c], &model, &dim, &learned) == (m->learned[c] ? 0 : -ENOENT),
		       "embedder");
		look_at_words(&v, s);
	}
}

/* --- lives ---------------------------------------------------------------------------------------- */

static const struct {
	void (*run)(struct life *l, unsigned c, unsigned k);
	unsigned weight;
} operations[] = {
	{ do_put, 9 }, { do_remove, 4 }, { do_mark, 4 }, { do_learn, 2 }, { do_words, 2 }, { do_batch, 5 }, { do_reopen, 1 },
};

static void step(struct life *l)
{
	unsigned sum = 0, at;

	for (size_t i = 0; i < ARRAY_LEN(operations); i++)
		sum += operations[i].weight;
	at = dice(l, sum);
	for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
		if (at < operations[i].weight) {
			operations[i].run(l, dice(l, COLLECTIONS), dice(l, PATHS));
			return;
		}
		at -= operations[i].weight;
	}
}

static bool begin(struct life *l)
{
	char why[STORE_WHY];

	return store_open(&l->s, l->dir.path, why) == 0 && store_reader_open(&l->reader, l->dir.path, why) == 0 &&
	       store_collection(l->s, STORE_DEFAULT_COLLECTION, &l->collection[0]) == 0 &&
	       store_collection(l->s, "second", &l->collection[1]) == 0;
}

static void live(struct life *l)
{
	expect(l, begin(l), "begin");
	for (unsigned i = 0; i < OPERATIONS && !l->wrong; i++) {
		step(l);
		if (!l->wrong && i % 5 == 0) {
			look(l, l->s, &l->now);
			look(l, l->reader, &l->committed);
		}
	}
	if (!l->wrong && l->batch)
		do_batch(l, 0, 1);
	expect(l, l->wrong || store_check(l->s) == 0, "check");
	store_close(l->s);
	store_close(l->reader);
}

static unsigned long setting(const char *name, unsigned long otherwise)
{
	const char *v = getenv(name);

	return v ? strtoul(v, NULL, 10) : otherwise;
}

static void does_what_the_model_does(void)
{
	const char *how = getenv("FAULTS");
	unsigned long runs = setting("PROPERTY_RUNS", how && strcmp(how, "all") == 0 ? 2000 : 12);
	unsigned long seed = setting("PROPERTY_SEED", 1);
	AUTO(testlib) int lib = testlib_new();

	CHECK_EQ(lib, 0);
	if (getenv("VOICED_TEST_OOM")) /* store_fault_test lets allocations fail */
		return;
	for (unsigned long i = 0; i < runs; i++) {
		AUTO(testdir) struct testdir dir = testdir_new();
		struct life l = { .dir = dir, .dice = (seed + i) * 0x9e3779b97f4a7c15 + 1 };

		live(&l);
		if (l.wrong)
			fprintf(stderr, "PROPERTY_SEED=%lu: %s\n", seed + i, l.wrong);
		CHECK(!l.wrong);
	}
}

TESTS({ "does_what_the_model_does", does_what_the_model_does })
