#include "knowledge/intake.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/test.h"
#include "knowledge/testlib.h"

struct rig {
	struct testdir data, docs;
	struct loop *loop;
	struct intake *intake;
	atomic_uint changes, runs, reads;
	unsigned answers;
	struct intake_request last;
};

static void on_change(void *ctx)
{
	atomic_fetch_add(&((struct rig *)ctx)->changes, 1);
}

static void on_read(void *ctx)
{
	atomic_fetch_add(&((struct rig *)ctx)->reads, 1);
}

static void on_quiet(void *ctx)
{
	(void)ctx;
}

static void on_run(void *ctx, int r, const struct ingest_summary *sum)
{
	struct rig *g = ctx;

	(void)sum;
	atomic_fetch_add(&g->runs, r == 0);
}

static void rig_auto_(struct rig *g)
{
	intake_free(g->intake);
	loop_free(g->loop);
	json_decref(g->last.answer);
	testdir_auto_(&g->data);
	testdir_auto_(&g->docs);
}

static void answered(struct intake_request *r)
{
	struct rig *g = CONTAINER_OF(r, struct rig, last);

	g->answers++;
}

/* The intake is a thread of its own: we wait for what it says. */
static bool ask(struct rig *g, struct intake_request r)
{
	unsigned before = g->answers;

	json_decref(g->last.answer);
	g->last = r;
	g->last.loop = g->loop;
	g->last.done = answered;
	if (intake_ask(g->intake, &g->last) != 0)
		return false;
	for (unsigned i = 0; i < 2000 && g->answers == before; i++)
		loop_once(g->loop, 5);
	return g->answers > before;
}

static bool reaches(atomic_uint *n, unsigned at_least)
{
	const struct timespec nap = { .tv_nsec = 5000000 };

	for (unsigned i = 0; i < 2000 && atomic_load(n) < at_least; i++)
		nanosleep(&nap, NULL);
	return atomic_load(n) >= at_least;
}

static bool begin(struct rig *g, size_t n_folders)
{
	const char *folder = g->docs.path;
	const struct intake_params p = { .data = g->data.path, .collection = STORE_DEFAULT_COLLECTION,
					 .folders = &folder, .n_folders = n_folders,
					 .on_change = on_change, .on_read = on_read, .on_quiet = on_quiet,
					 .on_run = on_run, .ctx = g };

	return loop_new(&g->loop, 0) == 0 && intake_new(&g->intake, &p) == 0 && reaches(&g->reads, 1);
}

static struct ingest_document text(const char *name, const char *content)
{
	return (struct ingest_document){ .name = name, .content = bytes_str(content) };
}

/* Threads of its own allocate: a failure would hit anybody. */
static void takes_uploads_and_removals(void)
{
	unsigned long left = mem_fail_hold();
	bool ok = false;
	{
		AUTO(testlib) int lib = testlib_new();
		AUTO(rig) struct rig g = { .data = testdir_new(), .docs = testdir_new() };
		struct ingest_document docs[] = { text("a.md", "# A\n\nfirst"), text("b.bin", "\0\1") };

		docs[1].content.n = 2;
		ok = lib == 0 && begin(&g, 0);
		ok = ok && ask(&g, (struct intake_request){ .verb = INTAKE_ADD, .documents = docs, .n = 2 });
		ok = ok && g.last.result == 0 && docs[0].done == INGEST_ADDED && docs[0].id == 1 &&
		     docs[1].done == INGEST_FAILED && docs[1].why[0] && atomic_load(&g.changes) >= 2;
		ok = ok && strcmp(json_str(g.last.answer, "state", ""), "done") == 0;
		ok = ok && ask(&g, (struct intake_request){ .verb = INTAKE_LOOK, .id = 1 }) && g.last.result == 0;
		ok = ok && ask(&g, (struct intake_request){ .verb = INTAKE_LOOK, .id = 9 }) && g.last.result == -ENOENT;
		ok = ok && ask(&g, (struct intake_request){ .verb = INTAKE_REPORT }) && g.last.answer;
		ok = ok && ask(&g, (struct intake_request){ .verb = INTAKE_REMOVE, .document = 1 }) && g.last.result == 0;
		ok = ok && ask(&g, (struct intake_request){ .verb = INTAKE_REMOVE, .document = 1 }) && g.last.result == -ENOENT;
	}
	mem_fail_resume(left);
	CHECK(ok);
}

static void follows_its_folders(void)
{
	unsigned long left = mem_fail_hold();
	bool ok = false;
	{
		AUTO(testlib) int lib = testlib_new();
		AUTO(rig) struct rig g = { .data = testdir_new(), .docs = testdir_new() };
		char path[256];

		ok = lib == 0 && testdir_write(&g.docs, "a.md", bytes_str("first"), path) && begin(&g, 1);
		ok = ok && reaches(&g.runs, 1) && testdir_write(&g.docs, "b.md", bytes_str("second"), path);
		ok = ok && reaches(&g.runs, 2) && unlink(path) == 0 && reaches(&g.runs, 3);
		ok = ok && ask(&g, (struct intake_request){ .verb = INTAKE_REPORT });
		const json_t *since = ok ? json_object_get(g.last.answer, "since_start") : NULL;
		ok = ok && json_int(since, "added", 0) == 2 && json_int(since, "removed", 0) == 1;
	}
	mem_fail_resume(left);
	CHECK(ok);
}

TESTS({ "takes_uploads_and_removals", takes_uploads_and_removals },
      { "follows_its_folders", follows_its_folders })
