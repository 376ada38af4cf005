#include "engine/tool_search.h"
#include "base/test.h"

#include "base/loop.h"
#include "base/pool.h"
#include "knowledge/search.h"

struct heard {
	struct loop *loop;
	char *output;
	int n;
};

static void on_output(void *owner, uint64_t ticket, const char *output)
{
	struct heard *h = owner;

	h->n += ticket == 7;
	mem_free(h->output);
	h->output = mem_strdup(output);
}

static const struct tool_sink sink = { on_output };

static void tool_auto_(struct tool **t)
{
	tool_search_free(*t);
}

static void heard_auto_(struct heard *h)
{
	mem_free(h->output);
}

static void wait_for(struct heard *h, int n)
{
	for (int i = 0; i < 2000 && h->n < n; i++)
		loop_once(h->loop, 1);
}

static void answers_in_json_whatever_is_asked(void)
{
	AUTO(loop) struct loop *loop = NULL;
	AUTO(searcher) struct searcher *s = NULL;
	AUTO(pool) struct pool *pool = NULL;
	AUTO(tool) struct tool *t = NULL;
	AUTO(heard) struct heard h = { 0 };
	struct tool_job *j;

	json_init();
	CHECK_EQ(loop_new(&loop, 0), 0);
	CHECK_EQ(searcher_new(&s), 0);
	CHECK_EQ(pool_new(&pool, POOL_TURN, 1), 0);
	CHECK_EQ(tool_search_new(&t, pool, s, "none"), 0);
	h.loop = loop;
	const struct tool_def def = tool_search_def(t);
	CHECK_EQ(def.ops->start(t, &j, &(struct tool_request){ "{\"query\":\"x\"}", "" }, loop, &sink, &h, 7), 0);
	wait_for(&h, 1);
	CHECK_EQ(h.n, 1);
	CHECK(h.output && (mem_failed() || strncmp(h.output, "{\"results\":[]", 13) == 0));
	CHECK_EQ(def.ops->start(t, &j, &(struct tool_request){ "not json", "" }, loop, &sink, &h, 7), 0);
	wait_for(&h, 2);
	CHECK(h.output && strstr(h.output, "\"error\""));
	CHECK_EQ(def.ops->start(t, &j, &(struct tool_request){ "{}", "" }, loop, &sink, &h, 7), 0);
	def.ops->cancel(j);
	loop_once(loop, 5);
	CHECK_EQ(h.n, 2);
}

TESTS({ "answers_in_json_whatever_is_asked", answers_in_json_whatever_is_asked })
