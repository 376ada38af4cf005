#include "engine/llm_extract.h"

#include "base/loop.h"
#include "base/pool.h"
#include "base/test.h"

struct rig {
	struct loop *loop;
	struct pool *pool;
	struct llm *llm;
	struct buf said; /* what the sink heard, as text */
	bool ended;
};

static void on_text(void *owner, uint64_t ticket, const char *text)
{
	(void)ticket;
	buf_puts(&((struct rig *)owner)->said, text);
}

static void on_cite(void *owner, uint64_t ticket, json_t *source)
{
	(void)ticket;
	buf_printf(&((struct rig *)owner)->said, " [%s %d-%d]", json_str(source, "title", "?"),
		   (int)json_int(source, "start", -1), (int)json_int(source, "end", -1));
}

static void on_call(void *owner, uint64_t ticket, const char *name, const char *arguments)
{
	(void)ticket;
	buf_printf(&((struct rig *)owner)->said, "%s(%s)", name, arguments);
}

static void on_done(void *owner, uint64_t ticket, enum llm_finish f, const struct llm_usage *u)
{
	struct rig *r = owner;

	(void)ticket;
	buf_puts(&r->said, f == LLM_STOP ? "" : f == LLM_TOOL_CALLS ? " calls" : " cut");
	if (u->output_tokens <= 0)
		buf_puts(&r->said, " without usage");
	r->ended = true;
}

static void on_error(void *owner, uint64_t ticket, const struct engine_error *e)
{
	struct rig *r = owner;

	(void)ticket;
	buf_puts(&r->said, e->code);
	r->ended = true;
}

static const struct llm_sink sink = { on_text, on_cite, on_call, on_done, on_error, NULL };

static int rig_make(struct rig *r)
{
	int err = loop_new(&r->loop, 0);
	if (err == 0)
		err = pool_new(&r->pool, POOL_TURN, 1);
	return err ? err : llm_extract_new(&r->llm, r->pool);
}

static inline void rig_auto_(struct rig *r)
{
	llm_extract_ops.free(r->llm);
	pool_free(r->pool);
	loop_free(r->loop);
	buf_done(&r->said);
}

#define USER(text)	"{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"" text "\"}]}"
#define VOICE(text)	"{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"transcript\":\"" text "\"}]}"
#define ASSISTANT(text) "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_audio\",\"transcript\":\"" text "\"}]}"
#define CALL(name)	"{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"" name "\",\"arguments\":\"{}\"}"
#define OUTPUT(json)	"{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"" json "\"}"
#define FOUND                                                                                      \
	"{\\\"results\\\":[{\\\"document\\\":1,\\\"title\\\":\\\"Leave\\\",\\\"page\\\":2,"        \
	"\\\"heading\\\":null,\\\"start\\\":10,\\\"end\\\":46,"                                    \
	"\\\"text\\\":\\\"Staff have twenty days. The cat is grey.\\\"}]}"
#define PASSAGES                                                                                   \
	"[{\\\"content\\\":\\\"Staff have twenty days. The cat is grey.\\\","                              \
	"\\\"sourcePage\\\":\\\"leave.pdf\\\"}]"
#define FIND                                                                                       \
	"[{\"type\":\"function\",\"name\":\"lookup\",\"parameters\":{\"type\":\"object\",\"properties\":{" \
	"\"searchKey\":{\"type\":\"string\"},\"k\":{\"type\":\"integer\"}},\"required\":[\"searchKey\"]}}]"
#define SEARCH "[{\"type\":\"function\",\"name\":\"search\"}]"

static const struct {
	const char *items, *tools, *choice;
	int max_tokens;
	const char *said;
} rows[] = {
	{ VOICE("how many days do staff have"), SEARCH, "auto", 0,
	  "search({\"query\":\"how many days do staff have\"}) calls" },
	{ VOICE("how many days do staff have") "," CALL("search") "," OUTPUT(FOUND), SEARCH, "auto", 0,
	  "Staff have twenty days. [Leave 10-33] That is in Leave, page 2." },
	{ USER("where is the moon") "," CALL("search") "," OUTPUT(FOUND), SEARCH, "auto", 0,
	  "I found nothing about the moon in your documents." },
	{ USER("how many days") "," CALL("search") "," OUTPUT("{\\\"results\\\":[]}"), SEARCH, "auto", 0,
	  "I found nothing about \"how many days\" in your documents." },
	{ USER("how many days") "," CALL("search") "," OUTPUT("{\\\"error\\\":\\\"closed\\\"}"), SEARCH, "auto", 0,
	  "I found nothing about \"how many days\" in your documents." },
	/* What a function of the client's gave back is the answer, as text or as passages. */
	{ USER("how late is it") "," CALL("clock") "," OUTPUT("noon"), SEARCH, "auto", 0, "noon" },
	{ USER("how warm is it") "," CALL("warmth") "," OUTPUT("{\\\"degreesOutside\\\":20,\\\"sun\\\":true}"), SEARCH,
	  "auto", 0, "degrees outside: 20, sun: yes." },
	{ USER("how many days do staff have") "," CALL("find") "," OUTPUT(PASSAGES), SEARCH, "auto", 0,
	  "Staff have twenty days. [leave.pdf 0-23] From leave." },
	{ USER("how many days do staff have"), FIND, "auto", 0,
	  "lookup({\"searchKey\":\"how many days do staff have\"}) calls" },
	{ USER("hello"), FIND, "auto", 0, "Hello. What would you like to know from your documents?" },
	{ USER("hello"), FIND, "required", 0, "lookup({\"searchKey\":\"hello\"}) calls" },
	{ USER("how many days"), FIND, "none", 0,
	  "I can only answer from your documents, and I may not search them now." },
	{ USER("how many days"), SEARCH, "none", 0,
	  "I can only answer from your documents, and I may not search them now." },
	{ USER("how many days"), "[]", "auto", 0,
	  "I can only answer from your documents, and I may not search them now." },
	{ USER("how many days do staff have") "," CALL("search") "," OUTPUT(FOUND), SEARCH, "none", 0,
	  "Staff have twenty days. [Leave 10-33] That is in Leave, page 2." },
	{ USER("Thank you!"), SEARCH, "auto", 0, "You are welcome." },
	{ USER("Thank you!"), SEARCH, "required", 0, "search({\"query\":\"Thank you!\"}) calls" },
	{ USER("x y") "," ASSISTANT("Twenty.") "," VOICE("repeat that please"), SEARCH, "auto", 0, "Twenty." },
	{ USER("repeat that"), SEARCH, "auto", 0, "I have not said anything yet." },
	{ USER("when is the library open") "," ASSISTANT("At nine.") "," VOICE("and on weekends"), SEARCH,
	  "auto", 0, "search({\"query\":\"and on weekends library open\"}) calls" },
	/* Not from a question that came to nothing, nor from small talk or one that borrowed itself. */
	{ USER("who is the emperor of japan") "," ASSISTANT("I found nothing about the emperor of japan in your "
	  "documents.") "," USER("and how much is it"), SEARCH, "auto", 0,
	  "search({\"query\":\"and how much is it\"}) calls" },
	{ USER("when is the library open") "," ASSISTANT("At nine.") "," USER("who is the emperor") ","
	  ASSISTANT("I found nothing about the emperor in your documents.") "," USER("how much is it") ","
	  ASSISTANT("A pound.") "," USER("thanks") "," ASSISTANT("You are welcome.") "," VOICE("and on weekends"),
	  SEARCH, "auto", 0, "search({\"query\":\"and on weekends library open\"}) calls" },
	{ USER("who is the emperor of japan") "," USER("what is a fennibar used for"), SEARCH, "auto", 0,
	  "search({\"query\":\"what is a fennibar used for\"}) calls" },
	{ USER("when is the library open") "," USER("and where is it?") "," CALL("search") "," OUTPUT(FOUND),
	  SEARCH, "auto", 0, "I found nothing about that in your documents." },
	{ USER("how many days do staff have") "," CALL("search") "," OUTPUT(FOUND), SEARCH, "auto", 4,
	  "Staff have twenty [Leave 10-33] cut" },
	{ "", SEARCH, "auto", 0, "I did not catch that. Please say it again." },
};

static void answers_as_the_table_says(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(rig) struct rig r = { 0 };
		AUTO(buf) struct buf text = { 0 };
		struct llm_job *j;
		char why[160];

		CHECK_EQ(rig_make(&r), 0);
		buf_printf(&text, "[%s]", rows[i].items);
		AUTO(json) json_t *items = json_parse(buf_bytes(&text), why);
		AUTO(json) json_t *tools = json_parse(bytes_str(rows[i].tools), why);
		AUTO(json) json_t *choice = json_string(rows[i].choice);
		CHECK(items && tools && choice);
		struct llm_request q = { .items = items, .tools = tools, .tool_choice = choice,
					 .max_output_tokens = rows[i].max_tokens };
		CHECK_EQ(llm_extract_ops.start(r.llm, &j, &q, r.loop, &sink, &r, 1), 0);
		for (int k = 0; k < 5000 && !r.ended; k++)
			loop_once(r.loop, 1);
		CHECK(r.ended);
		CHECK_STR(r.said.p ? (const char *)r.said.p : "", rows[i].said);
	}
}

TESTS({ "answers_as_the_table_says", answers_as_the_table_says })
