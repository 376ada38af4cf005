#include "engine/llm_extract.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/answer.h"
#include "engine/client_tool.h"
#include "engine/relay.h"
#include "engine/topic.h"

#define NOTHING "I found nothing about "

enum { LOOK_BACK = 8 }; /* questions, for the one that told the subject */

struct llm {
	struct relay_set set;
};

/* May the search tool be called? */
enum may_search { SEARCH_NO, SEARCH_MAY, SEARCH_MUST };

struct llm_job {
	struct relay relay;
	enum may_search search;
	bool heard;     /* it was spoken                       */
	char *question; /* the last user message; "" if none   */
	char *before;   /* what it may be a follow-up to, or NULL */
	char *repeat;   /* the last answer, or NULL            */
	char *found;    /* search's output, or NULL            */
	char *told;     /* what the client's functions gave back, or NULL */
	char *calls;    /* of the client's functions: JSON, or NULL */
	enum tool_want want;
	struct llm_usage usage;
	int tokens_left; /* -1: no limit */
};

/* --- small talk ------------------------------------------------------------------------------ */

#define HELP                                                                                       \
	"Ask me anything about your documents. I look it up, read you the passage that answers, "  \
	"and tell you where it stands."

/* The whole message, without marks and case, is one of the phrases; '|' between them. */
static const struct {
	const char *phrases, *reply; /* NULL: the last answer once more */
} intents[] = {
	{ "hello|hi|hey|hello there|hi there|good morning|good afternoon|good evening",
	  "Hello. What would you like to know from your documents?" },
	{ "thanks|thank you|thank you very much|thanks a lot|many thanks|ok thanks|okay thank you|"
	  "great thanks|great thank you|okay thanks",
	  "You are welcome." },
	{ "bye|goodbye|good bye|bye bye|see you|see you later|good night", "Goodbye." },
	{ "stop|be quiet|quiet|shut up|enough|cancel|never mind|nevermind", "All right." },
	{ "help|help me|what can you do|what can i ask|what can i ask you|who are you|what are you|"
	  "how does this work|what do you do|how can you help me|can you help me",
	  HELP },
	{ "repeat|repeat that|say that again|again|say it again|pardon|sorry|what|"
	  "what did you say|could you repeat that|can you repeat that|please repeat|"
	  "please repeat that|repeat that please|can you say that again|once more",
	  NULL },
	{ "ok|okay|yes|no|right|good|great|fine|i see|alright|all right|hm|uh|um",
	  "What else would you like to know?" },
	{ "", "I did not catch that. Please say it again." },
};

/* Letters and digits in lower case with single blanks. */
static void plain_words(const char *s, char *to, size_t size)
{
	size_t n = 0;

	for (; *s && n + 2 < size; s++) {
		if (isalnum((unsigned char)*s))
			to[n++] = (char)tolower((unsigned char)*s);
		else if (*s != '\'' && n && to[n - 1] != ' ')
			to[n++] = ' ';
	}
	while (n && to[n - 1] == ' ')
		n--;
	to[n] = '\0';
}

static bool among(const char *phrases, const char *s)
{
	size_t n = strlen(s), len;

	for (const char *p = phrases;; p += len + 1) {
		len = strcspn(p, "|");
		if (len == n && memcmp(p, s, n) == 0)
			return true;
		if (!p[len])
			return false;
	}
}

/* The row of small talk, or SIZE_MAX. */
static size_t small_talk(const char *question)
{
	char plain[64];

	plain_words(question, plain, sizeof(plain));
	for (size_t i = 0; i < ARRAY_LEN(intents); i++)
		if (among(intents[i].phrases, plain))
			return i;
	return SIZE_MAX;
}

/* --- reading the request (on the loop) ------------------------------------------------ */

/* All text of a message; the caller frees. */
static char *message_text(const json_t *item)
{
	AUTO(buf) struct buf b = { 0 };
	const json_t *parts = json_object_get(item, "content");

	if (json_is_string(parts))
		buf_puts(&b, json_string_value(parts));
	for (size_t i = 0; i < json_array_size(parts); i++) {
		const json_t *part = json_array_get(parts, i);
		const char *text = json_str(part, "text", json_str(part, "transcript", ""));

		if (*text && b.n)
			buf_putc(&b, ' ');
		buf_puts(&b, text);
	}
	buf_puts(&b, "");
	return b.n || b.failed ? buf_take(&b) : mem_strdup("");
}

static bool was_spoken(const json_t *message)
{
	const json_t *parts = json_object_get(message, "content");

	for (size_t i = 0; i < json_array_size(parts); i++)
		if (strcmp(json_str(json_array_get(parts, i), "type", ""), "input_audio") == 0)
			return true;
	return false;
}

static bool is_message(const json_t *item, const char *role)
{
	return strcmp(json_str(item, "type", "message"), "message") == 0 &&
	       strcmp(json_str(item, "role", ""), role) == 0;
}

/* The n-th message of a role from the end; SIZE_MAX: none. */
static size_t find_message(const json_t *items, const char *role, size_t n)
{
	for (size_t i = json_array_size(items); i-- > 0;)
		if (is_message(json_array_get(items, i), role) && n-- == 0)
			return i;
	return SIZE_MAX;
}

/* The call that an output belongs to; NULL: it is not among the items. */
static const json_t *call_of(const json_t *items, const json_t *output)
{
	const char *id = json_str(output, "call_id", "");

	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);

		if (strcmp(json_str(item, "type", ""), "function_call") == 0 &&
		    strcmp(json_str(item, "call_id", ""), id) == 0)
			return item;
	}
	return NULL;
}

/* Is it `search`'s, as tool_search.h has it? When the call is not among the items: yes. */
static bool is_from_search(const json_t *items, const json_t *output)
{
	static const char *const begins[] = { "{\"query\":", "{\"results\":", "{\"confidence\":", "{\"error\":" };
	const json_t *call = call_of(items, output);
	struct bytes text = bytes_str(json_str(output, "output", ""));

	for (size_t i = 0; i < ARRAY_LEN(begins); i++)
		if (bytes_starts(text, begins[i]))
			return !call || strcmp(json_str(call, "name", ""), "search") == 0;
	return false;
}

static bool is_output(const json_t *item)
{
	return strcmp(json_str(item, "type", ""), "function_call_output") == 0;
}

/* The output of the last search behind the item at `after`, borrowed; NULL: none. */
static const char *find_output(const json_t *items, size_t after)
{
	for (size_t i = json_array_size(items); i-- > 0 && (after == SIZE_MAX || i > after);) {
		const json_t *item = json_array_get(items, i);

		if (is_output(item) && is_from_search(items, item))
			return json_str(item, "output", "");
	}
	return NULL;
}

/* What the client's functions gave back behind that item: an array of texts, or NULL: nothing. */
static char *find_told(const json_t *items, size_t after)
{
	AUTO(json) json_t *list = json_array();
	AUTO(buf) struct buf text = { 0 };

	for (size_t i = after == SIZE_MAX ? 0 : after + 1; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);

		if (is_output(item) && !is_from_search(items, item) &&
		    json_array_append_new(list, json_string(json_str(item, "output", ""))) < 0)
			return NULL;
	}
	if (!json_array_size(list))
		return NULL;
	json_write(&text, list);
	return text.failed ? NULL : mem_strdup((const char *)text.p);
}

static bool has_search(const json_t *tools)
{
	for (size_t i = 0; i < json_array_size(tools); i++) {
		const json_t *t = json_array_get(tools, i);

		if (strcmp(json_str(t, "type", "function"), "function") == 0 &&
		    strcmp(json_str(t, "name", ""), "search") == 0)
			return true;
	}
	return false;
}

static enum may_search may_search(const struct llm_request *r)
{
	const char *choice = json_string_value(r->tool_choice);

	if (!has_search(r->tools))
		return SEARCH_NO;
	if (json_is_object(r->tool_choice))
		return strcmp(json_str(r->tool_choice, "name", ""), "search") == 0 ? SEARCH_MUST
										   : SEARCH_NO;
	if (choice && strcmp(choice, "none") == 0)
		return SEARCH_NO;
	return choice && strcmp(choice, "required") == 0 ? SEARCH_MUST : SEARCH_MAY;
}

static int count_tokens(const char *s)
{
	int words = 0;

	while (*(s += strspn(s, " \t\r\n"))) {
		words++;
		s += strcspn(s, " \t\r\n");
	}
	return (words * 4 + 2) / 3;
}

static bool copy_into(char **to, char *copy)
{
	*to = copy;
	return copy != NULL;
}

/* The calls are made here, on the loop: the client's schemas stay the loop's own. */
static bool read_calls(struct llm_job *j, const struct llm_request *r)
{
	AUTO(json) json_t *calls = client_calls(r->tools, r->tool_choice, j->question);
	AUTO(buf) struct buf text = { 0 };

	j->want = client_want(r->tool_choice);
	json_write(&text, calls);
	return calls && !text.failed &&
	       (!json_array_size(calls) || copy_into(&j->calls, mem_strdup((const char *)text.p)));
}

/* Was the user's message at `at` answered with NOTHING? Then nobody knows what it was about. */
static bool came_to_nothing(const json_t *items, size_t at)
{
	for (size_t i = at + 1; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);

		if (is_message(item, "user"))
			return false;
		if (!is_message(item, "assistant"))
			continue;
		AUTO(mem) char *said = message_text(item);
		if (!said || strncmp(said, NOTHING, strlen(NOTHING)) == 0)
			return true;
	}
	return false;
}

/* The last question before this one that told what it is about, and was not in vain. */
static char *find_before(const json_t *items)
{
	for (size_t n = 1; n <= LOOK_BACK; n++) {
		size_t at = find_message(items, "user", n);
		char *text = at == SIZE_MAX ? NULL : message_text(json_array_get(items, at));

		if (!text)
			return NULL;
		if (small_talk(text) == SIZE_MAX && answer_has_subject(text) && !came_to_nothing(items, at))
			return text;
		mem_free(text);
	}
	return NULL;
}

/* Takes what the answer needs, so that the caller's items stay the loop's own. */
static int read_request(struct llm_job *j, const struct llm_request *r)
{
	size_t last = find_message(r->items, "user", 0);
	size_t said = find_message(r->items, "assistant", 0);
	const char *found = find_output(r->items, last);

	j->search = may_search(r);
	j->heard = last != SIZE_MAX && was_spoken(json_array_get(r->items, last));
	j->tokens_left = r->max_output_tokens > 0 ? r->max_output_tokens : -1;
	if (!copy_into(&j->question, last == SIZE_MAX
					     ? mem_strdup("")
					     : message_text(json_array_get(r->items, last))))
		return -ENOMEM;
	j->before = find_before(r->items);
	if (said != SIZE_MAX && !copy_into(&j->repeat, message_text(json_array_get(r->items, said))))
		return -ENOMEM;
	if (found && !copy_into(&j->found, mem_strdup(found)))
		return -ENOMEM;
	j->told = find_told(r->items, last);
	if (!read_calls(j, r))
		return -ENOMEM;
	j->usage.input_tokens = count_tokens(j->question) + (found ? count_tokens(found) : 0);
	return 0;
}

/* --- to the sink ------------------------------------------------------------------------- */

static const struct llm_sink *sink_of(const struct relay *r)
{
	return r->sink;
}

static void deliver_text(struct relay *r, void *payload)
{
	sink_of(r)->on_text(r->owner, r->ticket, payload);
}

/* Payload: JSON text. A source crosses threads as text: values of jansson do not. */
static void deliver_cite(struct relay *r, void *payload)
{
	char why[160];
	AUTO(json) json_t *source = json_parse(bytes_str(payload), why);

	if (source)
		sink_of(r)->on_cite(r->owner, r->ticket, source);
}

static void deliver_search(struct relay *r, void *payload)
{
	sink_of(r)->on_call(r->owner, r->ticket, "search", payload);
}

/* Payload: JSON text, [{name, arguments}, …]. */
static void deliver_calls(struct relay *r, void *payload)
{
	char why[160];
	AUTO(json) json_t *calls = json_parse(bytes_str(payload), why);

	for (size_t i = 0; i < json_array_size(calls); i++) {
		const json_t *c = json_array_get(calls, i);

		sink_of(r)->on_call(r->owner, r->ticket, json_str(c, "name", ""),
				    json_str(c, "arguments", "{}"));
	}
}

struct end {
	enum llm_finish finish;
	struct llm_usage usage;
};

static void deliver_done(struct relay *r, void *payload)
{
	const struct end *e = payload;

	sink_of(r)->on_done(r->owner, r->ticket, e->finish, &e->usage);
}

static void on_lost(struct relay *r)
{
	sink_of(r)->on_error(r->owner, r->ticket, &relay_no_memory);
}

/* Says `text` as far as the limit lets it; false: the limit is reached. */
static bool say(struct llm_job *j, const char *text)
{
	size_t n = strlen(text);
	int tokens = count_tokens(text);
	char *part = NULL;

	if (j->tokens_left >= 0 && tokens > j->tokens_left) {
		n = 0;
		for (int words = j->tokens_left * 3 / 4; words > 0; words--) {
			n += strspn(text + n, " ");
			n += strcspn(text + n, " ");
		}
		tokens = j->tokens_left;
	}
	j->usage.output_tokens += tokens;
	if (j->tokens_left >= 0)
		j->tokens_left -= tokens;
	if (n == strlen(text)) {
		relay_send(&j->relay, RELAY_MORE, deliver_text, text, n + 1);
		return true;
	}
	part = mem_dup(text, n + 1);
	if (!part) {
		relay_lose(&j->relay);
		return false;
	}
	part[n] = '\0';
	if (n)
		relay_send(&j->relay, RELAY_MORE, deliver_text, part, n + 1);
	mem_free(part);
	return false;
}

static void finish(struct llm_job *j, enum llm_finish f)
{
	struct end e = { f, j->usage };

	relay_send(&j->relay, RELAY_LAST, deliver_done, &e, sizeof(e));
}

static void say_only(struct llm_job *j, const char *text)
{
	finish(j, say(j, text) ? LLM_STOP : LLM_MAX_TOKENS);
}

/* --- work on a pool thread ---------------------------------------------------------------------- */

static void call_search(struct llm_job *j)
{
	AUTO(mem) char *query = answer_query(j->question, j->before);
	AUTO(buf) struct buf b = { 0 };

	buf_puts(&b, "{\"query\":");
	json_quote(&b, bytes_str(query ? query : ""));
	buf_putc(&b, '}');
	if (!query || b.failed) {
		relay_lose(&j->relay);
		return;
	}
	j->usage.output_tokens += count_tokens(query);
	relay_send(&j->relay, RELAY_MORE, deliver_search, b.p, b.n + 1);
	finish(j, LLM_TOOL_CALLS);
}

static void say_nothing_found(struct llm_job *j, const char *query)
{
	/* What it shares with the question before has no name in the user's words. */
	AUTO(mem) char *topic = topic_of(strcmp(query, j->question) == 0 ? query : "");
	AUTO(mem) char *text = topic ? mem_printf(NOTHING "%s in your documents.", *topic ? topic : "that") : NULL;

	if (text)
		say_only(j, text);
	else
		relay_lose(&j->relay);
}

/* The quoted sentences, their source, and where they stand. False: enough said. */
static bool say_part(struct llm_job *j, const struct answer_part *p, const char *gap)
{
	AUTO(buf) struct buf source = { 0 };
	AUTO(mem) char *text = mem_printf("%s%s", gap, p->text);
	AUTO(mem) char *where = mem_printf(" %s", p->whereabouts);

	json_write(&source, p->source);
	if (!text || !where || source.failed) {
		relay_lose(&j->relay);
		return false;
	}
	bool more = say(j, text);
	relay_send(&j->relay, RELAY_MORE, deliver_cite, source.p, source.n + 1);
	return more && say(j, where);
}

static void say_found(struct llm_job *j, const json_t *results)
{
	AUTO(mem) char *query = answer_query(j->question, j->before);
	AUTO(answer) struct answer a = { 0 };
	bool more = true;

	if (!query || answer_find(&a, query, j->heard ? ANSWER_HEARD : ANSWER_TYPED, results) != 0) {
		relay_lose(&j->relay);
		return;
	}
	if (a.n_parts == 0) {
		say_nothing_found(j, query);
		return;
	}
	for (size_t i = 0; i < a.n_parts && more; i++)
		more = say_part(j, &a.parts[i], i ? " " : "");
	finish(j, more ? LLM_STOP : LLM_MAX_TOKENS);
}

static void say_answer(struct llm_job *j)
{
	char why[160];
	AUTO(json) json_t *results = json_parse(bytes_str(j->found), why);

	say_found(j, results);
}

/* Passages are quoted from; any other text is the answer as it stands. */
static void say_told(struct llm_job *j)
{
	char why[160];
	AUTO(json) json_t *told = json_parse(bytes_str(j->told), why);
	AUTO(buf) struct buf text = { 0 };

	for (size_t i = 0; i < json_array_size(told); i++) {
		const char *output = json_string_value(json_array_get(told, i));
		bool no_memory = false;
		AUTO(json) json_t *results = client_results(output ? output : "", &no_memory);

		if (no_memory) {
			relay_lose(&j->relay);
			return;
		}
		if (results) {
			say_found(j, results);
			return;
		}
		if (text.n)
			buf_putc(&text, ' ');
		client_text(output ? output : "", &text);
	}
	buf_puts(&text, "");
	if (text.failed)
		relay_lose(&j->relay);
	else
		say_only(j, text.n ? (const char *)text.p : "The function gave no answer.");
}

static void call_client(struct llm_job *j)
{
	relay_send(&j->relay, RELAY_MORE, deliver_calls, j->calls, strlen(j->calls) + 1);
	j->usage.output_tokens += count_tokens(j->question) + 1;
	finish(j, LLM_TOOL_CALLS);
}

static void work(struct relay *r)
{
	struct llm_job *j = CONTAINER_OF(r, struct llm_job, relay);
	size_t talk = small_talk(j->question);

	if (j->found)
		say_answer(j);
	else if (j->told)
		say_told(j);
	else if (j->calls && (j->want == TOOL_MUST || talk == SIZE_MAX))
		call_client(j);
	else if (j->search == SEARCH_MUST || (j->search == SEARCH_MAY && talk == SIZE_MAX))
		call_search(j);
	else if (talk == SIZE_MAX)
		say_only(j, "I can only answer from your documents, and I may not search them now.");
	else if (intents[talk].reply)
		say_only(j, intents[talk].reply);
	else
		say_only(j, j->repeat && *j->repeat ? j->repeat : "I have not said anything yet.");
}

/* --- the caller's side ------------------------------------------------------------------------------ */

static void on_free(struct relay *r)
{
	struct llm_job *j = CONTAINER_OF(r, struct llm_job, relay);

	mem_free(j->question);
	mem_free(j->before);
	mem_free(j->repeat);
	mem_free(j->found);
	mem_free(j->told);
	mem_free(j->calls);
	mem_free(j);
}

static const struct relay_ops job_ops = { .work = work, .on_lost = on_lost, .on_free = on_free };

static int extract_start(struct llm *e, struct llm_job **out, const struct llm_request *r,
			 struct loop *loop, const struct llm_sink *sink, void *owner, uint64_t ticket)
{
	struct llm_job *j = mem_zalloc(sizeof(*j));

	if (!j)
		return -ENOMEM;
	if (read_request(j, r) != 0) {
		on_free(&j->relay);
		return -ENOMEM;
	}
	*out = j;
	relay_run(&j->relay, &job_ops, &e->set, &(struct relay_to){ loop, sink, owner, ticket });
	return 0;
}

static void extract_cancel(struct llm_job *j)
{
	relay_cancel(&j->relay);
}

static void extract_free(struct llm *e)
{
	if (!e)
		return;
	relay_set_done(&e->set);
	mem_free(e);
}

int llm_extract_new(struct llm **out, struct pool *turn)
{
	struct llm *e = mem_zalloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	relay_set_init(&e->set, turn);
	*out = e;
	return 0;
}

const struct llm_ops llm_extract_ops = {
	.name = "extract", .start = extract_start, .cancel = extract_cancel, .free = extract_free,
	.cites = true,
};
