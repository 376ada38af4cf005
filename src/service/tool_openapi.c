#include "service/tool_openapi.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "service/mcp_content.h"
#include "service/openapi.h"
#include "engine/relay.h"
#include "net/fetch.h"

LOG_TOPIC("tools");

enum { ANSWER_MAX = 16 << 20, TYPE_MAX = 96, ERROR_TEXT_MAX = 500 };

struct tool {
	struct http_tools *all;
	const struct openapi_op *op;
	unsigned time_ms;
};

struct http_tools {
	struct relay_set set;
	struct fetcher *fetcher;
	struct mcp_line line;
	struct openapi doc;
	const char *server;
	struct tool tools[OPENAPI_OPS_MAX];
	struct tool_def defs[OPENAPI_OPS_MAX];
	size_t n;
	pthread_mutex_t lock;
	struct list running; /* tool_job.node */
};

struct tool_job {
	struct relay relay;
	struct http_tools *all;
	struct node node;
	/* under all->lock: the fetch may be cancelled until it is done */
	struct fetch *fetch;
	bool done;
	/* the fetcher's thread's */
	struct buf answer;
	unsigned status;
	char type[TYPE_MAX];
};

/* --- answers, on the fetcher's thread ------------------------------------------------------------- */

static void on_head(void *owner, const struct fetch_head *h)
{
	struct tool_job *j = owner;

	j->status = h->status;
	snprintf(j->type, sizeof(j->type), "%s", h->content_type);
}

/* One octet more than is shown, so that it is cut with a note. */
static bool on_body(void *owner, struct bytes part)
{
	struct tool_job *j = owner;
	size_t room = (size_t)MCP_TEXT_MAX + 1 - MIN(j->answer.n, (size_t)MCP_TEXT_MAX + 1);

	buf_put(&j->answer, part.p, MIN(part.n, room));
	return part.n <= room && !j->answer.failed;
}

/* What is no UTF-8 becomes '?': an output is JSON. */
static void make_utf8(struct buf *b)
{
	for (size_t i = 0; i < b->n;) {
		uint8_t c = b->p[i];
		size_t n = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 0;
		bool ok = n > 0 && i + n <= b->n && c != 0;

		for (size_t k = 1; ok && k < n; k++)
			ok = (b->p[i + k] & 0xC0) == 0x80;
		ok = ok && !(c == 0xE0 && b->p[i + 1] < 0xA0) && !(c == 0xED && b->p[i + 1] > 0x9F) &&
		     !(c == 0xF0 && b->p[i + 1] < 0x90) && !(c == 0xF4 && b->p[i + 1] > 0x8F);
		if (!ok)
			b->p[i] = '?';
		i += ok ? n : 1;
	}
}

static bool is_text(const char *type)
{
	static const char *const words[] = { "json", "text/", "xml", "yaml", "javascript", "urlencoded" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasestr(type, words[i]))
			return true;
	return !*type;
}

static void write_error(const char *error, const char *begin, struct bytes text, struct buf *to)
{
	AUTO(buf) struct buf message = { 0 };

	buf_puts(&message, begin);
	buf_put(&message, text.p, MIN(text.n, (size_t)ERROR_TEXT_MAX));
	make_utf8(&message);
	buf_printf(to, "{\"error\":\"%s\",\"message\":", error);
	json_quote(to, buf_bytes(&message));
	buf_puts(to, "}");
	to->failed |= message.failed;
}

static void write_output(struct tool_job *j, int error, const char *why, struct buf *to)
{
	char begin[64];

	if (error && !(error == -ECANCELED && j->answer.n > MCP_TEXT_MAX)) {
		write_error(error == -ETIMEDOUT ? "timeout" : "unreachable", "The service did not answer: ", bytes_str(why),
			    to);
	} else if (j->status / 100 != 2) {
		snprintf(begin, sizeof(begin), "The service answered with HTTP %u. ", j->status);
		write_error("http_error", begin, is_text(j->type) ? buf_bytes(&j->answer) : (struct bytes){ 0 }, to);
	} else if (!is_text(j->type)) {
		buf_printf(to, "{\"content_type\":");
		json_quote(to, bytes_str(j->type));
		buf_puts(to, ",\"message\":\"The answer is no text.\"}");
	} else {
		make_utf8(&j->answer);
		mcp_content_cut(&j->answer, 0);
		to->failed |= j->answer.failed;
		mcp_content_json(j->answer.p ? (const char *)j->answer.p : "", to);
	}
}

static void deliver(struct relay *r, void *payload)
{
	((const struct tool_sink *)r->sink)->on_output(r->owner, r->ticket, payload);
}

/* From here on it cannot be cancelled. */
static void set_done(struct tool_job *j)
{
	pthread_mutex_lock(&j->all->lock);
	node_unlink(&j->node);
	j->done = true;
	pthread_mutex_unlock(&j->all->lock);
}

static void on_done(void *owner, int error, const char *why)
{
	struct tool_job *j = owner;
	AUTO(buf) struct buf out = { 0 };

	set_done(j);
	if (!relay_cancelled(&j->relay))
		write_output(j, error, why, &out);
	if (out.failed)
		relay_lose(&j->relay);
	else if (out.p)
		relay_send(&j->relay, RELAY_LAST, deliver, out.p, out.n + 1);
	relay_release(&j->relay);
}

static const struct fetch_ops fetch_ops = { on_head, on_body, on_done };

/* --- calls, on a session's loop --------------------------------------------------------------------- */

static void on_lost(struct relay *r)
{
	((const struct tool_sink *)r->sink)
		->on_output(r->owner, r->ticket,
			    "{\"error\":\"no_memory\",\"message\":\"The server is out of memory.\"}");
}

static void on_free(struct relay *r)
{
	struct tool_job *j = CONTAINER_OF(r, struct tool_job, relay);

	buf_done(&j->answer);
	mem_free(j);
}

static const struct relay_ops job_ops = { .on_lost = on_lost, .on_free = on_free };

static int send_request(struct tool *t, struct tool_job *j, struct openapi_request *q)
{
	const struct mcp_line *l = &t->all->line;
	struct fetch_request r = {
		.method = t->op->method,
		.http = { .url = (const char *)q->url.p,
			  .body = buf_bytes(&q->body),
			  .time_ms = t->time_ms,
			  .answer_max = ANSWER_MAX },
		.idle_ms = t->time_ms,
	};
	size_t n = 0;

	if (q->body.p)
		r.http.fields[n++] = "Content-Type: application/json";
	for (size_t i = 0; i < l->n_fields && n < HTTP_CLIENT_FIELDS; i++)
		r.http.fields[n++] = l->fields[i];
	for (size_t i = 0; i < q->n_fields && n < HTTP_CLIENT_FIELDS; i++)
		r.http.fields[n++] = q->fields[i];
	return fetch_start(&j->fetch, t->all->fetcher, &r, &fetch_ops, j);
}

static int start(struct tool *t, struct tool_job **out, const struct tool_request *r, struct loop *loop,
		 const struct tool_sink *sink, void *owner, uint64_t ticket)
{
	AUTO(openapi_request) struct openapi_request q = { 0 };
	char why[160];
	AUTO(json) json_t *arguments = json_parse(bytes_str(*r->arguments ? r->arguments : "{}"), why);

	if (!json_is_object(arguments) || !openapi_make(t->op, t->all->server, arguments, &q))
		return -EINVAL;
	struct tool_job *j = mem_zalloc(sizeof(*j));
	if (!j)
		return -ENOMEM;
	j->all = t->all;
	relay_init(&j->relay, &job_ops, &t->all->set, &(struct relay_to){ loop, sink, owner, ticket });
	relay_hold(&j->relay);
	*out = j;
	pthread_mutex_lock(&t->all->lock);
	int err = send_request(t, j, &q); /* its handlers wait for the lock, or come later */
	if (!err)
		list_push(&t->all->running, &j->node);
	pthread_mutex_unlock(&t->all->lock);
	if (err) {
		relay_cancel(&j->relay);
		relay_release(&j->relay);
	}
	return err;
}

static void cancel(struct tool_job *j)
{
	relay_hold(&j->relay);
	relay_cancel(&j->relay);
	pthread_mutex_lock(&j->all->lock);
	if (!j->done)
		fetch_cancel(j->fetch);
	pthread_mutex_unlock(&j->all->lock);
	relay_release(&j->relay);
}

static const struct tool_ops ops = { .start = start, .cancel = cancel };

/* --- the file ------------------------------------------------------------------------------------------ */

static int read_file(const char *path, struct buf *to)
{
	FILE *f = fopen(path, "r");
	size_t n = 0;
	void *p;

	if (!f)
		return -errno;
	while ((p = to->n <= HTTP_TOOLS_FILE_MAX ? buf_reserve(to, 65536) : NULL) && (n = fread(p, 1, 65536, f)) > 0)
		to->n += n;
	int r = ferror(f) ? -EIO : to->failed ? -ENOMEM : to->n > HTTP_TOOLS_FILE_MAX ? -EFBIG : 0;
	fclose(f);
	return r;
}

static enum tool_effect effect_of(const struct mcp_line *l, const struct openapi_op *op)
{
	return mcp_line_has(l->acts, op->name) ? TOOL_ACTS : mcp_line_has(l->reads, op->name) ? TOOL_READS : op->effect;
}

/* `search` is the server's own. */
static const char *tool_name(const struct openapi_op *op)
{
	return strcmp(op->name, "search") == 0 ? "http_search" : op->name;
}

static void add_tools(struct http_tools *t)
{
	const struct mcp_line *l = &t->line;

	for (size_t i = 0; i < t->doc.n; i++) {
		const struct openapi_op *op = &t->doc.ops[i];
		unsigned time_ms = op->time_ms ? op->time_ms : l->time_ms ? l->time_ms : HTTP_TOOLS_TIME_MS;

		if (l->allow && !mcp_line_has(l->allow, op->name))
			continue;
		t->tools[t->n] = (struct tool){ t, op, time_ms };
		t->defs[t->n] = (struct tool_def){
			.name = tool_name(op),
			.description = op->description,
			.parameters = op->schema,
			.effect = effect_of(l, op),
			.when = mcp_line_has(l->silent, op->name) ? TOOL_SILENT :
				mcp_line_has(l->idle, op->name)	  ? TOOL_IDLE :
								    op->when,
			.unasked = op->unasked || mcp_line_has(l->unasked, op->name),
			/* The request's own limit ends it first, and says so. */
			.time_ms = time_ms + 500,
			.filler = op->filler ? op->filler : l->filler,
			.ops = &ops,
			.tool = &t->tools[t->n],
		};
		t->n++;
	}
}

static int load(struct http_tools *t, char why[static MCP_LINE_WHY])
{
	AUTO(buf) struct buf text = { 0 };
	char reason[OPENAPI_WHY];
	int r = read_file(t->line.file, &text);

	if (r != 0) {
		snprintf(why, MCP_LINE_WHY, "tools %.120s: %s", t->line.file, strerror(-r));
		return r;
	}
	r = openapi_parse(&t->doc, buf_bytes(&text), reason);
	if (r != 0) {
		snprintf(why, MCP_LINE_WHY, "tools %.80s: %.150s", t->line.file, reason);
		return r;
	}
	t->server = t->line.url ? t->line.url : t->doc.server;
	if (!*t->server) {
		snprintf(why, MCP_LINE_WHY, "tools %.120s: it names no server: say url=https://…", t->line.file);
		return -EINVAL;
	}
	add_tools(t);
	log_info("file=%s what=ready tools=%zu", t->line.file, t->n);
	return 0;
}

int tool_openapi_new(struct http_tools **out, struct fetcher *f, const char *line, char why[static MCP_LINE_WHY])
{
	struct http_tools *t = mem_zalloc(sizeof(*t));

	if (!t) {
		snprintf(why, MCP_LINE_WHY, "out of memory");
		return -ENOMEM;
	}
	relay_set_init(&t->set, NULL);
	pthread_mutex_init(&t->lock, NULL);
	list_init(&t->running);
	t->fetcher = f;
	int r = mcp_line_parse_file(&t->line, line, why);
	if (r == 0)
		r = load(t, why);
	if (r != 0) {
		tool_openapi_free(t);
		return r;
	}
	*out = t;
	return 0;
}

void tool_openapi_free(struct http_tools *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	LIST_FOR(&t->running, n)
		fetch_cancel(CONTAINER_OF(n, struct tool_job, node)->fetch);
	pthread_mutex_unlock(&t->lock);
	relay_set_done(&t->set);
	pthread_mutex_destroy(&t->lock);
	openapi_done(&t->doc);
	mcp_line_done(&t->line);
	mem_free(t);
}

void tool_openapi_defs(const struct http_tools *t, const struct tool_def **defs, size_t *n)
{
	*defs = t->defs;
	*n = t->n;
}
