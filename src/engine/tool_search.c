#include "engine/tool_search.h"

#include <errno.h>

#include "base/alloc.h"
#include "knowledge/index.h"
#include "engine/relay.h"

enum { RESULTS = 8 };

struct tool {
	struct relay_set set;
	struct searcher *searcher;
	char *collection; /* NULL: the default */
	enum search_by by;
};

struct tool_job {
	struct relay relay;
	struct tool *tool;
	char *arguments, *groups;
};

static const char no_memory[] = "{\"error\":\"The server is out of memory.\"}";

static void deliver(struct relay *r, void *payload)
{
	((const struct tool_sink *)r->sink)->on_output(r->owner, r->ticket, payload);
}

static void on_lost(struct relay *r)
{
	((const struct tool_sink *)r->sink)->on_output(r->owner, r->ticket, no_memory);
}

static void on_free(struct relay *r)
{
	struct tool_job *j = CONTAINER_OF(r, struct tool_job, relay);

	mem_free(j->arguments);
	mem_free(j->groups);
	mem_free(j);
}

static void find(struct tool_job *j, const char *query, struct buf *out)
{
	AUTO(search_result) struct search_result result = { 0 };
	struct search_request q = { .collection = j->tool->collection, .query = query,
				    .filter = { .groups = j->groups }, .k = RESULTS,
				    .by = j->tool->by };

	/* -ENOENT: nothing has been ingested yet, so nothing is found. */
	if (search_run(j->tool->searcher, &q, &result) == -ENOENT) {
		buf_puts(out, "{\"results\":[],\"confidence\":0}");
		return;
	}
	AUTO(json) json_t *o = search_result_json(&q, &result);
	json_write(out, o);
}

static void work(struct relay *r)
{
	struct tool_job *j = CONTAINER_OF(r, struct tool_job, relay);
	AUTO(buf) struct buf out = { 0 };
	char why[160];
	AUTO(json) json_t *arguments = json_parse(bytes_str(j->arguments), why);
	const char *query = json_str(arguments, "query", NULL);

	if (query)
		find(j, query, &out);
	else
		buf_puts(&out, "{\"error\":\"search wants {\\\"query\\\": \\\"…\\\"}.\"}");
	if (out.failed)
		relay_lose(&j->relay);
	else
		relay_send(&j->relay, RELAY_LAST, deliver, out.p, out.n + 1);
}

static const struct relay_ops job_ops = { .work = work, .on_lost = on_lost, .on_free = on_free };

static int start(struct tool *t, struct tool_job **out, const struct tool_request *r,
		 struct loop *loop, const struct tool_sink *sink, void *owner, uint64_t ticket)
{
	struct tool_job *j = mem_zalloc(sizeof(*j));

	if (!j || !(j->arguments = mem_strdup(r->arguments)) ||
	    (r->groups && !(j->groups = mem_strdup(r->groups)))) {
		if (j)
			mem_free(j->arguments);
		mem_free(j);
		return -ENOMEM;
	}
	j->tool = t;
	*out = j;
	relay_run(&j->relay, &job_ops, &t->set, &(struct relay_to){ loop, sink, owner, ticket });
	return 0;
}

static void cancel(struct tool_job *j)
{
	relay_cancel(&j->relay);
}

int tool_search_new(struct tool **out, struct pool *turn, struct searcher *s, const char *collection)
{
	struct tool *t = mem_zalloc(sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->searcher = s;
	if (collection && !(t->collection = mem_strdup(collection))) {
		mem_free(t);
		return -ENOMEM;
	}
	relay_set_init(&t->set, turn);
	*out = t;
	return 0;
}

void tool_search_by(struct tool *t, enum search_by by)
{
	t->by = by;
}

void tool_search_free(struct tool *t)
{
	if (!t)
		return;
	relay_set_done(&t->set);
	mem_free(t->collection);
	mem_free(t);
}

static bool idle(const struct tool *t)
{
	struct index *x = searcher_index(t->searcher, t->collection);
	bool empty = !x || index_n_alive(x) == 0;

	index_unref(x);
	return empty;
}

static const struct tool_ops ops = { .start = start, .cancel = cancel, .idle = idle };

struct tool_def tool_search_def(struct tool *t)
{
	return (struct tool_def){
		.name = "search",
		.description = "Finds passages in the user's documents that answer a question.",
		.parameters = "{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\",\"description\":"
			      "\"What to look for, in the user's words.\"}},\"required\":[\"query\"]}",
		.ops = &ops,
		.tool = t,
	};
}
