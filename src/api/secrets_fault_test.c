/* What secrets.h keeps, with the disk failing at every call: what was kept or counted before the
 * program ended is there, no token opens a session too many, and it goes on. Before a power cut the
 * last moment may be forgotten (synchronous NORMAL), the rest is whole.
 *
 * FAULTS=all tries every call (script/faults); else a few of them.
 */
#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

#include "api/secrets.h"
#include "base/test.h"
#include "knowledge/faultvfs.h"
#include "knowledge/testlib.h"

enum { NOW = 1767225600, KEPT = 8, CONFIG = 6000, USES_MAX = 3, TRIES = 2 };

static const struct claims limited = { .expires_at = NOW + 600, .id = "0123456789abcdef", .max_sessions = USES_MAX };

struct play {
	struct testdir dir;
	struct secrets *s;
	uint8_t hash[KEPT][TOKEN_HASH_LEN];
	bool kept[KEPT];
	unsigned opened; /* sessions with the limited token */
	bool forgets; /* the power went */
	struct fault_plan plan;
	const char *wrong;
};

static struct bytes config_of(unsigned i)
{
	static uint8_t text[CONFIG];

	memset(text, 'a' + (int)i, sizeof(text));
	return bytes_of(text, sizeof(text));
}

static void start(struct play *p)
{
	secrets_free(p->s);
	p->s = NULL;
	if (secrets_new(&p->s, p->dir.path) != 0)
		p->wrong = "no memory";
}

/* The program ends where it stands; if the power is gone, the disk is what it is. */
static void start_anew(struct play *p)
{
	secrets_free(p->s);
	p->s = NULL;
	p->forgets |= faultvfs_struck() && faultvfs_is_cut(p->plan.kind) && p->plan.kind != FAULT_CUT_LATE;
	if (faultvfs_restart() != 0)
		p->wrong = "the test's own disk";
	start(p);
}

static void must_say(struct play *p)
{
	if (!faultvfs_struck())
		p->wrong = "it failed without a reason";
	else if (!*secrets_why(p->s))
		p->wrong = "it does not say what was wrong";
}

static void failed(struct play *p)
{
	must_say(p);
	if (!p->wrong && (p->plan.lasting || faultvfs_is_cut(p->plan.kind)))
		start_anew(p);
}

static void keep(struct play *p, unsigned i)
{
	for (unsigned tries = 0; !p->wrong && !p->kept[i]; tries++) {
		p->kept[i] = secrets_keep(p->s, config_of(i), NOW + 600 + i, p->hash[i]) == 0;
		if (!p->kept[i] && tries > 2)
			p->wrong = "it does not go on";
		else if (!p->kept[i])
			failed(p);
	}
}

static void spend(struct play *p)
{
	enum secrets_spend v = secrets_spend(p->s, &limited);

	p->opened += v == SPEND_OK;
	if (v == SPEND_FAILED)
		failed(p);
}

static void live(struct play *p)
{
	start(p);
	for (unsigned i = 0; i < KEPT && !p->wrong; i++) {
		keep(p, i);
		if (!p->wrong && i % 2)
			spend(p);
		if (!p->wrong && i % 3 == 2)
			secrets_tend(p->s, NOW);
		if (!p->wrong && i == KEPT / 2)
			start(p);
	}
}

/* What was acknowledged; after a power cut, all or nothing of each. */
static void look(struct play *p)
{
	start_anew(p);
	for (unsigned i = 0; i < KEPT && !p->wrong; i++) {
		AUTO(buf) struct buf got = { 0 };
		int r = secrets_find(p->s, p->hash[i], &got);

		if (r == 0 && !bytes_eq(buf_bytes(&got), config_of(i)))
			p->wrong = "another session object";
		else if (r != 0 && !(r == -ENOENT && p->forgets))
			p->wrong = "a session object is lost";
	}
	while (!p->wrong && p->opened <= 2 * USES_MAX + 2 && secrets_spend(p->s, &limited) == SPEND_OK)
		p->opened++;
	/* One that failed may have been counted. */
	if (!p->wrong && !p->forgets && (p->opened > USES_MAX || p->opened + 1 < USES_MAX))
		p->wrong = "sessions are counted wrong";
}

static const char *whole(const struct play *p)
{
	char path[128];
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;

	snprintf(path, sizeof(path), "%s/tokens.db", p->dir.path);
	bool ok = sqlite3_open(path, &db) == SQLITE_OK &&
		  sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &q, NULL) == SQLITE_OK &&
		  sqlite3_step(q) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(q, 0), "ok") == 0;
	sqlite3_finalize(q);
	sqlite3_close(db);
	return ok ? NULL : "the database is damaged";
}

static void play(struct play *p)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(path, sizeof(path), "%s/tokens.db%s", p->dir.path, ends[i]);
		(void)!unlink(path);
	}
	memset(p->kept, 0, sizeof(p->kept));
	p->opened = 0;
	p->forgets = false;
	p->wrong = NULL;
	faultvfs_plan(p->plan);
	live(p);
	if (!p->wrong && p->plan.at)
		look(p);
	secrets_free(p->s);
	p->s = NULL;
	if (!p->wrong && p->plan.at)
		p->wrong = whole(p);
}

static bool try_kind(struct play *p, enum fault kind, bool lasting)
{
	const char *how = getenv("FAULTS");
	bool all = how && strcmp(how, "all") == 0;

	p->plan = (struct fault_plan){ .kind = kind };
	play(p);
	unsigned long calls = faultvfs_calls(), stride = all ? 1 : calls / TRIES + 1, tried = 0, bad = 0;

	for (unsigned long n = 1 + stride / 2; calls && n <= calls; n += stride, tried++) {
		p->plan = (struct fault_plan){ kind, n, lasting, n };
		play(p);
		if (!p->wrong)
			continue;
		fprintf(stderr, "secrets: %s%s at call %lu of %lu: %s\n", fault_names[kind], lasting ? ", lasting" : "",
			n, calls, p->wrong);
		bad++;
	}
	if (all)
		printf("  %-14s %-8s %5lu calls, each in turn: %lu wrong\n", fault_names[kind],
		       lasting ? "lasting" : "", tried, bad);
	return calls && bad == 0;
}

static void survive_faults(void)
{
	static const struct {
		enum fault kind;
		bool lasting;
	} kinds[] = {
		{ FAULT_ERROR, false }, { FAULT_ERROR, true }, { FAULT_FULL, false }, { FAULT_FULL, true },
		{ FAULT_SHORT, false }, { FAULT_BUSY, false }, { FAULT_BUSY, true }, { FAULT_CUT_CLEAN, false },
		{ FAULT_CUT_LATE, false }, { FAULT_CUT_TORN, false }, { FAULT_CUT_GARBAGE, false },
	};
	AUTO(testlib) int lib = testlib_new();
	AUTO(testdir) struct testdir dir = testdir_new();
	struct play p = { .dir = dir };
	bool ok = true;

	CHECK_EQ(lib, 0);
	if (getenv("VOICED_TEST_OOM")) /* a run takes minutes then */
		return;
	CHECK_EQ(faultvfs_init(), 0);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		ok = try_kind(&p, kinds[i].kind, kinds[i].lasting) && ok;
	faultvfs_done();
	CHECK(ok);
}

TESTS({ "survive_faults", survive_faults })
