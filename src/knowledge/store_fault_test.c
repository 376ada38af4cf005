/* Everything that can go wrong on the disk, at every call of a script that does with a store what
 * the program does: what was acknowledged is there, nothing is there in halves, and it goes on.
 *
 * FAULTS=all tries every call (script/faults); else a part of them, chosen by FAULTS_SEED.
 */
#include <errno.h>
#include <unistd.h>

#include "knowledge/faultvfs.h"
#include "knowledge/index.h"
#include "knowledge/teststeps.h"

enum { STEPS_MAX = 32, TRIES = 3 };

/* --- what must hold --------------------------------------------------------------------------- */

static uint64_t hash(uint64_t h, const void *p, size_t n)
{
	const uint8_t *c = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ c[i]) * 0x100000001b3;
	return h;
}

static int hash_table(struct store *s, const char *name, uint64_t *h)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\"", name);
	int r = db_prepare(s, &q, sql);
	*h = hash(*h, name, strlen(name));
	while (r >= 0 && (r = db_step(s, q)) == 1) {
		for (int i = 0; i < sqlite3_column_count(q); i++) {
			struct bytes b = db_bytes(q, i);

			*h = hash(*h, "|", 1);
			*h = hash(*h, b.p, b.n);
		}
	}
	return r;
}

/* Of all that is kept, but for the time of a migration; the full-text index is compared by
 * store_check(). */
static int digest(struct store *s, uint64_t *out)
{
	AUTO(stmt) sqlite3_stmt *q = NULL;
	uint64_t h = 0xcbf29ce484222325;
	int r = db_prepare(s, &q,
			   "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
			   " AND name NOT LIKE 'passages_fts%' AND name != 'migrations' ORDER BY name");

	while (r >= 0 && (r = db_step(s, q)) == 1)
		r = hash_table(s, db_str(q, 0), &h);
	*out = h;
	return r;
}

/* NULL: all is well. */
static const char *whole(struct store *s)
{
	static const struct {
		const char *sql, *wrong;
	} rules[] = {
		{ "SELECT count(*) FROM pragma_foreign_key_check", "rows without their owner" },
		{ "SELECT count(*) FROM documents d WHERE n_passages <>"
		  " (SELECT count(*) FROM passages WHERE document = d.id)", "a document lacks passages" },
		{ "SELECT count(*) FROM vectors WHERE passage NOT IN (SELECT id FROM passages)",
		  "vectors of no passage" },
		{ "SELECT count(*) FROM passages p JOIN documents d ON d.id = p.document WHERE"
		  " CAST(p.text AS BLOB) <> substr(CAST(d.text AS BLOB), p.start + 1, p.\"end\" - p.start)",
		  "a passage is of another text" },
		{ "SELECT count(*) FROM documents d JOIN collections c ON c.id = d.collection"
		  " WHERE d.version > c.generation", "a document newer than its collection" },
	};

	if (store_check(s) < 0)
		return store_why(s);
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		int64_t n = 0;

		if (db_get_int(s, rules[i].sql, &n) < 0)
			return store_why(s);
		if (n)
			return rules[i].wrong;
	}
	return NULL;
}

static int count_hit(void *ctx, int64_t passage, double score)
{
	(void)passage, (void)score;
	++*(size_t *)ctx;
	return 0;
}

static int count_row(void *ctx, int64_t document, int64_t version)
{
	(void)document, (void)version;
	++*(size_t *)ctx;
	return 0;
}

/* Every document is found by the words that stand in all of them, in both indexes. */
static const char *searchable(struct store *s)
{
	AUTO(index) struct index *x = NULL;
	struct store_size size;
	size_t hits = 0, documents = 0;

	if (store_size(s, 1, &size) < 0 || store_fts(s, 1, "this", 1000, count_hit, &hits) < 0 ||
	    store_versions(s, 1, count_row, &documents) < 0)
		return store_why(s);
	if (hits != (size_t)size.passages || documents != (size_t)size.documents)
		return "a search does not find all";
	if (index_build(&x, s, STORE_DEFAULT_COLLECTION) < 0 || index_n(x) != (size_t)size.passages)
		return "the index in memory holds something else";
	return NULL;
}

/* --- one trial ---------------------------------------------------------------------------------- */

struct play {
	const struct step *steps;
	size_t n;
	struct bytes start;         /* the database it begins with; none: an empty directory */
	uint64_t after[STEPS_MAX];  /* what is kept after each step */
	struct fault_plan plan;
	unsigned long memory; /* or: the allocation that fails */
	struct world w;
	const char *wrong;
	char said[STORE_WHY];
};

static void clear(struct world *w)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(path, sizeof(path), "%s/voiced.db%s", w->dir.path, ends[i]);
		(void)!unlink(path);
	}
}

static bool begin(struct play *p)
{
	char path[256];

	clear(&p->w);
	p->wrong = NULL;
	p->said[0] = 0;
	return !p->start.n || testdir_write(&p->w.dir, "voiced.db", p->start, path);
}

static void let_go(struct world *w)
{
	(void)!do_release(w);
	(void)!do_close(w);
}

/* The machine, or the program, starts anew and looks at what there is after steps[i - 1] at
 * least, steps[i] at most; how far it got. */
static size_t look(struct play *p, size_t i)
{
	uint64_t now = 0;

	let_go(&p->w);
	if (faultvfs_restart() < 0)
		p->wrong = "the test's own disk";
	else if (do_open(&p->w) < 0 || digest(p->w.s, &now) < 0)
		p->wrong = "it does not open";
	else
		p->wrong = whole(p->w.s);
	if (p->wrong)
		return i;
	p->wrong = searchable(p->w.s);
	if (i < p->n && now == p->after[i])
		return i + 1;
	if (i > 0 && now != p->after[i - 1])
		p->wrong = "what was acknowledged is not what is there";
	return i;
}

static const char *sentence(const struct play *p)
{
	const struct store *from[] = { p->w.s, p->w.reader };

	for (size_t i = 0; i < ARRAY_LEN(from) && !*p->w.why; i++)
		if (from[i] && *store_why(from[i]))
			return store_why(from[i]);
	return p->w.why;
}

static bool struck(const struct play *p)
{
	return p->memory ? mem_failed() : faultvfs_struck();
}

static bool says_so(const struct play *p, int r)
{
	enum fault k = p->plan.kind;

	if (p->memory) /* a batch that is lost as a whole says that */
		return r == -ENOMEM || (r == -EIO && *sentence(p));
	if (k == FAULT_FULL || k == FAULT_SHORT)
		return r == -ENOSPC && strstr(sentence(p), "disk is full");
	return k == FAULT_BUSY ? r == -EBUSY : *sentence(p) != 0;
}

/* A step failed: the fault must be the reason, and the same again must go well. */
static size_t recover(struct play *p, size_t i, int r)
{
	bool once = !p->plan.lasting && !faultvfs_is_cut(p->plan.kind);

	if (!struck(p)) {
		snprintf(p->said, sizeof(p->said), "%s", sentence(p));
		p->wrong = "it failed without a reason";
	} else if (!faultvfs_is_cut(p->plan.kind) && !says_so(p, r)) {
		snprintf(p->said, sizeof(p->said), "%s", sentence(p));
		p->wrong = "it does not say what was wrong";
	}
	if (p->wrong)
		return i;
	if (once) {
		r = p->steps[i].run(&p->w);
		if (r < 0) {
			snprintf(p->said, sizeof(p->said), "%s", sentence(p));
			p->wrong = "it does not go on after a fault has passed:";
		}
		return i + 1;
	}
	return look(p, i);
}

static void play(struct play *p)
{
	if (!begin(p)) {
		p->wrong = "no room for the test";
		return;
	}
	faultvfs_plan(p->plan);
	mem_fail_at(p->memory);
	for (size_t i = 0; i < p->n && !p->wrong;) {
		p->w.why[0] = 0;
		int r = p->steps[i].run(&p->w);

		if (r == 0)
			i++;
		else
			i = recover(p, i, r);
	}
	mem_fail_at(0);
	if (!p->wrong)
		(void)look(p, p->n);
	let_go(&p->w);
}

/* Without a fault: what is there after each step. */
static bool rehearse(struct play *p)
{
	if (!begin(p))
		return false;
	faultvfs_plan((struct fault_plan){ 0 });
	for (size_t i = 0; i < p->n; i++) {
		if (p->steps[i].run(&p->w) < 0)
			return false;
		struct store *s = p->w.s ? p->w.s : p->w.reader;
		if (!s)
			p->after[i] = p->after[i - 1];
		else if (digest(s, &p->after[i]) < 0)
			return false;
	}
	return look(p, p->n) == p->n && !p->wrong;
}

static unsigned long count_calls(struct play *p, enum fault kind)
{
	p->plan = (struct fault_plan){ .kind = kind };
	if (!begin(p))
		return 0;
	faultvfs_plan(p->plan);
	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].run(&p->w) < 0)
			return 0;
	unsigned long n = faultvfs_calls();
	let_go(&p->w);
	return n;
}

/* --- all of them ---------------------------------------------------------------------------------- */

static bool all(void)
{
	const char *how = getenv("FAULTS");

	return how && strcmp(how, "all") == 0;
}

static bool try_kind(struct play *p, enum fault kind, bool lasting)
{
	unsigned long calls = count_calls(p, kind);
	const char *given = getenv("FAULTS_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : 1;
	unsigned long stride = all() ? 1 : calls / TRIES + 1, tried = 0, bad = 0;

	if (!calls)
		return false;
	for (unsigned long n = 1 + (all() ? 0 : (seed + kind * 7) % stride); n <= calls; n += stride) {
		p->plan = (struct fault_plan){ kind, n, lasting, seed + n };
		play(p);
		tried++;
		if (!p->wrong)
			continue;
		fprintf(stderr, "%s%s at call %lu of %lu: %s %s\n", fault_names[kind], lasting ? ", lasting" : "", n,
			calls, p->wrong, p->said);
		bad++;
	}
	if (all())
		printf("  %-14s %-8s %5lu calls, each in turn: %lu wrong\n", fault_names[kind],
		       lasting ? "lasting" : "", tried, bad);
	return bad == 0;
}

static unsigned long count_allocations(struct play *p)
{
	enum { MANY = 1 << 30 };

	if (!begin(p))
		return 0;
	faultvfs_plan((struct fault_plan){ 0 });
	mem_fail_at(MANY);
	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].run(&p->w) < 0)
			return 0;
	unsigned long left = mem_fail_hold();
	mem_fail_at(0);
	let_go(&p->w);
	return MANY - left;
}

/* Every seventh allocation, or a few of them. */
static bool try_memory(struct play *p)
{
	unsigned long n = count_allocations(p), stride = all() ? 7 : n / TRIES + 1, tried = 0, bad = 0;

	p->plan = (struct fault_plan){ 0 };
	for (p->memory = 1 + stride / 2; p->memory <= n; p->memory += stride, tried++) {
		play(p);
		if (!p->wrong)
			continue;
		fprintf(stderr, "allocation %lu of %lu: %s %s\n", p->memory, n, p->wrong, p->said);
		bad++;
	}
	p->memory = 0;
	if (all())
		printf("  %-14s %-8s %5lu of %lu allocations: %lu wrong\n", "memory", "", tried, n, bad);
	return n && bad == 0;
}

/* A disk that says it has written what it has not cannot be made good. Nothing may crash, and
 * what fails says why; how it ended is counted. */
static bool try_lies(struct play *p)
{
	unsigned long calls = count_calls(p, FAULT_LIE), stride = all() ? 1 : calls / TRIES + 1;
	unsigned long well = 0, told = 0, other = 0;

	for (unsigned long n = 1; n <= calls; n += stride) {
		uint64_t now = 0;

		if (!begin(p))
			return false;
		faultvfs_plan((struct fault_plan){ FAULT_LIE, n, false, n });
		for (size_t i = 0; i < p->n; i++)
			if (p->steps[i].run(&p->w) < 0 && !p->w.s && do_open(&p->w) < 0)
				break;
		let_go(&p->w);
		faultvfs_plan((struct fault_plan){ 0 });
		int r = do_open(&p->w);
		bool mute = r < 0 && !*sentence(p);
		if (r < 0 || digest(p->w.s, &now) < 0 || whole(p->w.s)) {
			told++;
		} else if (now == p->after[p->n - 1]) {
			well++;
		} else {
			other++;
		}
		let_go(&p->w);
		if (mute)
			return false;
	}
	if (all())
		printf("  %-14s %-8s %5lu calls, each in turn: %lu without a trace, %lu found damaged, %lu lost unnoticed\n",
		       "lie", "", well + told + other, well, told, other);
	return true;
}

static void try_all(struct play *p)
{
	static const struct {
		enum fault kind;
		bool lasting;
	} kinds[] = {
		{ FAULT_ERROR, false }, { FAULT_ERROR, true }, { FAULT_FULL, false }, { FAULT_FULL, true },
		{ FAULT_SHORT, false }, { FAULT_SHORT, true }, { FAULT_BUSY, false }, { FAULT_BUSY, true },
		{ FAULT_CUT_CLEAN, false }, { FAULT_CUT_LATE, false }, { FAULT_CUT_TORN, false },
		{ FAULT_CUT_GARBAGE, false },
	};

	CHECK_EQ(faultvfs_init(), 0);
	bool ok = rehearse(p);
	let_go(&p->w);
	if (p->wrong)
		fprintf(stderr, "without a fault: %s\n", p->wrong);
	for (size_t i = 0; p->after[0] && i < ARRAY_LEN(kinds); i++)
		ok = try_kind(p, kinds[i].kind, kinds[i].lasting) && ok;
	ok = p->after[0] && try_memory(p) && ok;
	ok = p->after[0] && try_lies(p) && ok;
	faultvfs_done();
	CHECK(ok);
}

static void survives_a_life(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	struct play p = { .steps = life, .n = ARRAY_LEN(life), .w.dir = dir };

	CHECK_EQ(lib, 0);
	if (!getenv("VOICED_TEST_OOM")) /* a run takes minutes then */
		try_all(&p);
}

/* The four documents that are there after do_remove(), as the first version kept them. */
static bool make_old(struct play *p, struct buf *to)
{
	static const char back[] =
		"DROP INDEX documents_version; DROP TABLE embeddings;"
		"ALTER TABLE documents DROP COLUMN tags; ALTER TABLE documents DROP COLUMN labels;"
		"ALTER TABLE documents DROP COLUMN version;"
		"DELETE FROM migrations WHERE version > 1; PRAGMA user_version = 1";
	char path[128];
	size_t n = 0;

	if (!begin(p))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(life); i++) {
		if (life[i].run(&p->w) < 0)
			return false;
		if (life[i].run == do_remove)
			break;
	}
	if (db_exec(p->w.s, back) < 0)
		return false;
	let_go(&p->w);
	snprintf(path, sizeof(path), "%s/voiced.db", p->w.dir.path);
	FILE *f = fopen(path, "re");
	void *at = f ? buf_reserve(to, 1 << 20) : NULL;
	if (at)
		n = fread(at, 1, 1 << 20, f);
	if (f)
		fclose(f);
	to->n += n;
	return n > 0;
}

static void survives_a_migration(void)
{
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	AUTO(buf) struct buf old = { 0 };
	struct play p = { .steps = migration, .n = ARRAY_LEN(migration), .w.dir = dir };

	CHECK_EQ(lib, 0);
	if (getenv("VOICED_TEST_OOM"))
		return;
	CHECK(make_old(&p, &old));
	p.start = buf_bytes(&old);
	try_all(&p);
}

TESTS({ "survives_a_life", survives_a_life }, { "survives_a_migration", survives_a_migration })
