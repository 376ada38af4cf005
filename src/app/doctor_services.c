/* doctor_services.c - does each configured service let us in, and does each MCP server start? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/doctor.h"
#include "base/env.h"
#include "base/json.h"
#include "base/loop.h"
#include "service/credential.h"
#include "service/mcp.h"
#include "service/realtime_dialect.h"
#include "service/remote.h"
#include "service/tool_openapi.h"
#include "net/tls.h"
#include "net/ws_client.h"

enum { PATIENCE_MS = 5000, MCP_PATIENCE_MS = 15000, ANSWER_MAX = 1 << 20, MESSAGE_MAX = 1 << 20 };

/* What came of asking. */
struct reply {
	int error;       /* there was no answer: -errno */
	unsigned status; /* of HTTP; 101 and a greeting count as 200 */
	char why[CREDENTIAL_WHY]; /* with an error, or a service's own code */
	uint64_t ms;
};

static uint64_t now_ms(void)
{
	return env_now(&env_system) / US_PER_MS;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 5 * 1000000 }, NULL);
}

/* --- in words ------------------------------------------------------------------------------------- */

static const struct {
	unsigned status;
	enum verdict verdict;
	const char *text, *mend;
} statuses[] = {
	{ 401, BAD, "refuses our key", "correct the line's key, key-env, key-file or secret" },
	{ 403, BAD, "does not allow this to our key", "give the key this right, or use another one" },
	{ 404, BAD, "knows no such path or model", "correct the line's URL and model" },
	{ 429, NOTE, "lets us in, but has no room just now (429), or its quota is used up", "" },
};

static const struct {
	int error;
	const char *part; /* of the reason; "": any */
	const char *text, *mend;
} errors[] = {
	{ -ECONNREFUSED, "", "refuses the connection", "start it, or correct the port in its URL" },
	{ -EHOSTUNREACH, "", "is a name that nobody knows", "correct the host in its URL, or this machine's DNS" },
	{ -ETIMEDOUT, "", "does not answer", "see whether it runs, and whether a firewall is in between" },
	{ -EPROTO, "certificate", "has a certificate that is not trusted",
	  "install its authority (update-ca-certificates), or name it in SSL_CERT_FILE" },
	{ -EPROTO, "", "does not speak what the URL says", "see whether it is http:// or https://, ws:// or wss://" },
	{ -EACCES, "", "was not asked: no token could be had", "correct the line's tenant, client and secret" },
};

static void say_error(struct finding *f, const struct service *s, const struct reply *r)
{
	f->verdict = BAD;
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		if (errors[i].error != r->error || !strcasestr(r->why, errors[i].part))
			continue;
		bool more = r->error == -EPROTO || r->error == -EACCES;

		snprintf(f->text, sizeof(f->text), "%s %s%s%s%s", s->host, errors[i].text, more ? " (" : "",
			 more ? r->why : "", more ? ")" : "");
		snprintf(f->mend, sizeof(f->mend), "%s", errors[i].mend);
		return;
	}
	snprintf(f->text, sizeof(f->text), "%s cannot be asked: %s", s->host, *r->why ? r->why : strerror(-r->error));
}

static void say_status(struct finding *f, const struct service *s, const struct reply *r)
{
	bool keyless = r->status == 401 && !s->key && !s->tenant;

	for (size_t i = 0; i < ARRAY_LEN(statuses) && !keyless; i++)
		if (statuses[i].status == r->status) {
			f->verdict = statuses[i].verdict;
			snprintf(f->text, sizeof(f->text), "%s %s%s%s%s (%llu ms)", s->host, statuses[i].text,
				 *r->why ? ": " : "", r->why, "", (unsigned long long)r->ms);
			snprintf(f->mend, sizeof(f->mend), "%s", statuses[i].mend);
			return;
		}
	f->verdict = BAD;
	if (keyless)
		snprintf(f->mend, sizeof(f->mend), "add key-env=NAME or key-file=FILE to the line");
	else if (r->status >= 500)
		snprintf(f->mend, sizeof(f->mend), "try again later, or look at that service's log");
	snprintf(f->text, sizeof(f->text), "%s %s%s%s (%u, %llu ms)", s->host,
		 keyless ? "wants a key" : r->status >= 500 ? "has failed" : "refuses this",
		 *r->why ? ": " : "", r->why, r->status, (unsigned long long)r->ms);
}

static void say(struct finding *f, const struct service *s, const struct reply *r)
{
	if (r->error)
		say_error(f, s, r);
	else if (r->status < 200 || r->status > 299)
		say_status(f, s, r);
	else
		snprintf(f->text, sizeof(f->text), "%s lets us in (%llu ms)%s%s", s->host, (unsigned long long)r->ms,
			 s->model ? ", model " : "", s->model ? s->model : "");
}

/* --- what all of them need ------------------------------------------------------------------------- */

/* What opens the door; false: *r says why not. */
static bool find_key(struct credential *c, char field[static CREDENTIAL_FIELD], struct reply *r)
{
	char why[CREDENTIAL_WHY] = "";

	for (uint64_t until = now_ms() + PATIENCE_MS; (r->error = credential_field(c, field, why)) == -EAGAIN;) {
		if (now_ms() >= until) {
			r->error = -ETIMEDOUT;
			break;
		}
		nap();
	}
	snprintf(r->why, sizeof(r->why), "%.*s", (int)sizeof(r->why) - 1, why);
	return r->error == 0;
}

static unsigned patience(const struct service *s)
{
	return MIN(s->timeout_ms, (unsigned)PATIENCE_MS);
}

/* --- by HTTP: GET …/models ---------------------------------------------------------------------------- */

static void models_url(const struct service *s, struct buf *to)
{
	if (s->api == SERVICE_OPENAI || !s->version || strcmp(s->version, "v1") == 0) {
		remote_url(s, "models", to);
		return;
	}
	buf_printf(to, "%s/openai/models?api-version=", s->url); /* deployments have none of their own */
	service_escape(to, s->version);
}

/* Some services have no such list, and those that have it may call a model by more than one name. */
static void look_for_model(struct finding *f, const struct service *s, struct bytes body)
{
	char why[160];
	AUTO(json) json_t *o = json_parse(body, why);
	const json_t *list = json_object_get(o, "data");
	size_t n = s->model ? strlen(s->model) : 0, i;
	json_t *m;

	if (s->api != SERVICE_OPENAI || !n || !json_array_size(list))
		return;
	json_array_foreach(list, i, m)
		if (strncmp(json_str(m, "id", ""), s->model, n) == 0)
			return;
	f->verdict = NOTE;
	n = strlen(f->text);
	snprintf(f->text + n, sizeof(f->text) - n, ", which is not among the %zu it lists", json_array_size(list));
	snprintf(f->mend, sizeof(f->mend), "see whether model=%.60s is right; the list begins with %.60s", s->model,
		 json_str(json_array_get(list, 0), "id", ""));
}

static void get_models(struct finding *f, const struct service *s, const char *field)
{
	AUTO(http_client) struct http_client *h = NULL;
	AUTO(http_client_answer) struct http_client_answer a = { 0 };
	AUTO(buf) struct buf url = { 0 };
	struct reply r = { .error = http_client_new(&h) };
	uint64_t from = now_ms();

	models_url(s, &url);
	if (r.error == 0 && url.failed)
		r.error = -ENOMEM;
	const struct http_client_request q = { .url = (const char *)url.p, .fields = { *field ? field : NULL },
					       .connect_ms = patience(s), .time_ms = patience(s),
					       .answer_max = ANSWER_MAX };
	if (r.error == 0)
		r.error = http_client_do(h, &q, &a);
	r.status = a.status;
	r.ms = now_ms() - from;
	snprintf(r.why, sizeof(r.why), "%s", r.error ? a.why : "");
	say(f, s, &r);
	if (!r.error && r.status == 404) { /* it has no such list; so it cannot tell */
		f->verdict = NOTE;
		snprintf(f->text, sizeof(f->text), "%s answers (%llu ms), but lists no models: whether it lets us in shows with "
			 "the first question", s->host, (unsigned long long)r.ms);
		f->mend[0] = 0;
	}
	if (!r.error && r.status == 200)
		look_for_model(f, s, buf_bytes(&a.body));
}

/* --- by WebSocket: a handshake, and what it is greeted with ----------------------------------------------- */

struct visit {
	struct ws_client *ws;
	struct reply reply;
	bool over;
};

static void on_open(void *owner, const char *protocol)
{
	(void)owner, (void)protocol;
}

/* Their words may hold anything; a code is a word. */
static void on_message(void *owner, enum ws_kind kind, struct bytes data)
{
	struct visit *v = owner;
	char why[160];
	AUTO(json) json_t *o = json_parse(data, why);
	const json_t *error = json_object_get(o, "error");
	const char *code = json_str(error, "code", json_str(error, "type", ""));

	(void)kind;
	v->over = true;
	v->reply.status = error ? 400 : 200;
	if (strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(code))
		snprintf(v->reply.why, sizeof(v->reply.why), "%.64s", code);
}

static void on_closed(void *owner, const struct ws_client_end *e)
{
	struct visit *v = owner;

	v->ws = NULL;
	v->over = true;
	v->reply.status = e->status;
	v->reply.error = e->status ? 0 : e->error ? e->error : -EPROTO;
	snprintf(v->reply.why, sizeof(v->reply.why), "%s", e->status ? "" : e->why);
}

static void shake_hands(struct finding *f, const struct service *s, const char *field)
{
	static const struct ws_client_ops ops = { .on_open = on_open, .on_message = on_message, .on_closed = on_closed };
	struct visit v = { .reply = { .error = -ETIMEDOUT } };
	struct conn_home home;
	struct loop *loop = NULL;
	char why[TLS_WHY];
	AUTO(buf) struct buf url = { 0 };
	struct tls_ctx *tls = tls_client_ctx_new(why);
	uint64_t from = now_ms();

	rt_url(s, &url);
	int err = url.failed ? -ENOMEM : loop_new(&loop, 0);
	if (err == 0) {
		conn_home_init(&home, loop, NULL);
		const struct ws_client_params p = { .home = &home, .tls = tls, .url = (const char *)url.p, .fields = { field },
						    .open_ms = patience(s), .message_max = MESSAGE_MAX };
		err = ws_client_new(&v.ws, &p, &ops, &v);
		if (err == 0)
			v.reply.error = 0;
		for (uint64_t until = from + 2 * patience(s); err == 0 && !v.over && now_ms() < until;)
			loop_once(loop, 20);
		if (!v.over)
			v.reply.error = -ETIMEDOUT;
		ws_client_free(v.ws);
		conn_home_done(&home);
	}
	if (err != 0)
		v.reply.error = err;
	v.reply.ms = now_ms() - from;
	loop_free(loop);
	tls_ctx_free(tls);
	say(f, s, &v.reply);
}

/* --- MCP servers ----------------------------------------------------------------------------------------- */

static void check_mcp(const char *line, struct fetcher *fetcher, struct finding *f)
{
	const char *lines[] = { line, NULL };
	const struct mcp_params p = { .fetcher = fetcher, .lines = lines };
	AUTO(mcp) struct mcp *m = NULL;
	char why[MCP_LINE_WHY];
	struct mcp_state state = { 0 };
	uint64_t from = now_ms();

	f->verdict = BAD;
	if (mcp_new(&m, &p, why) != 0) {
		snprintf(f->text, sizeof(f->text), "%s", why);
		snprintf(f->mend, sizeof(f->mend), "correct the line: LABEL URL, or LABEL COMMAND");
		return;
	}
	while (mcp_server_state(m, 0, &state) && !state.settled && now_ms() - from < MCP_PATIENCE_MS)
		nap();
	if (state.settled && state.up) {
		f->verdict = FINE;
		snprintf(f->text, sizeof(f->text), "%s starts, %zu tool%s (%llu ms)", state.label, state.n_tools,
			 state.n_tools == 1 ? "" : "s", (unsigned long long)(now_ms() - from));
		return;
	}
	snprintf(f->text, sizeof(f->text), "%s does not start: %s", state.label,
		 !state.settled ? "it says nothing" : *state.why ? state.why : "it ended");
	snprintf(f->mend, sizeof(f->mend), "try its command or URL by hand; what it says stands in the log above");
}

static void check_tools(const char *line, struct fetcher *fetcher, struct finding *f)
{
	struct http_tools *t = NULL;
	const struct tool_def *defs;
	char why[MCP_LINE_WHY];
	size_t n;

	if (tool_openapi_new(&t, fetcher, line, why) != 0) {
		f->verdict = BAD;
		snprintf(f->text, sizeof(f->text), "%s", why);
		return;
	}
	tool_openapi_defs(t, &defs, &n);
	snprintf(f->text, sizeof(f->text), "%.*s describes %zu tool%s", (int)strcspn(line, " "), line, n, n == 1 ? "" : "s");
	tool_openapi_free(t);
}

/* --- all of them ------------------------------------------------------------------------------------------ */

static void check_service(const char *line, struct fetcher *fetcher, struct finding *f,
			  void (*ask)(struct finding *f, const struct service *s, const char *field))
{
	AUTO(service) struct service s = { 0 };
	AUTO(credential) struct credential *c = NULL;
	char why[SERVICE_WHY], field[CREDENTIAL_FIELD] = "";
	struct reply r = { 0 };

	if (service_parse(&s, line, why) != 0) {
		f->verdict = BAD;
		snprintf(f->text, sizeof(f->text), "%s", why);
		snprintf(f->mend, sizeof(f->mend), "correct the line: URL model=NAME key-env=NAME");
		return;
	}
	if (credential_new(&c, fetcher, &s) != 0)
		r.error = -ENOMEM;
	else if (find_key(c, field, &r)) {
		ask(f, &s, field);
		explicit_bzero(field, sizeof(field));
		return;
	}
	say(f, &s, &r);
}

static bool is_embedded(const char *line)
{
	return !strstr(line, "://") && !strchr(line, ' ');
}

size_t doctor_services(const struct config *c, struct finding to[static DOCTOR_SERVICES_MAX])
{
	const struct {
		const char *name;
		const struct config_list *lines;
		void (*ask)(struct finding *f, const struct service *s, const char *field); /* or NULL */
		void (*check)(const char *line, struct fetcher *fetcher, struct finding *f);
	} kinds[] = { { "stt", &c->stt, get_models, NULL }, { "llm", &c->llm, get_models, NULL },
		      { "tts", &c->tts, get_models, NULL }, { "realtime", &c->realtime, shake_hands, NULL },
		      { "mcp", &c->mcp, NULL, check_mcp }, { "tools", &c->tools, NULL, check_tools } };
	AUTO(fetcher) struct fetcher *fetcher = NULL;
	size_t n = 0, lines = 0;

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		lines += kinds[k].lines->n;
	if (!lines || http_client_init() != 0 || fetcher_new(&fetcher) != 0)
		return 0;
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (size_t i = 0; i < kinds[k].lines->n; i++) {
			const char *line = kinds[k].lines->at[i];

			if (kinds[k].ask && is_embedded(line))
				continue;
			struct finding *f = &to[n++];
			f->name = kinds[k].name;
			if (kinds[k].ask)
				check_service(line, fetcher, f, kinds[k].ask);
			else
				kinds[k].check(line, fetcher, f);
		}
	return n;
}
