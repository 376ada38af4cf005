#include "app/services.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/meter.h"
#include "service/chain_llm.h"
#include "service/chain_stt.h"
#include "service/chain_tts.h"
#include "service/llm_openai.h"
#include "service/mcp.h"
#include "service/tool_openapi.h"
#include "service/realtime_ws.h"
#include "service/service.h"
#include "service/stt_openai.h"
#include "service/tts_openai.h"
#include "net/fetch.h"

enum { LINES_MAX = 8 }; /* of one kind, the embedded engine included */

enum { KIND_STT, KIND_LLM, KIND_TTS, N_KINDS };
enum level { FULL, CHEAPER, N_LEVELS };

/* One engine of a list. `ops` is of the type of its kind, its free() does nothing: chains free what they
 * hold, and an engine is in those of both levels. */
struct member {
	union {
		struct stt_ops stt;
		struct llm_ops llm;
		struct tts_ops tts;
	} ops;
	union {
		struct stt *stt;
		struct llm *llm;
		struct tts *tts;
	} engine;
	const struct service *service; /* NULL: embedded, and not ours */
	struct health health;          /* as the chains of both levels share it */
};

struct services {
	struct fetcher *fetcher;
	struct mcp *mcp;
	struct http_tools *http[CONFIG_LIST_MAX];
	size_t n_http;
	struct tool_def *fixed; /* of all of them */
	size_t n_fixed;
	struct service lines[(N_KINDS + 1) * LINES_MAX];
	size_t n_lines;
	struct member members[N_KINDS][LINES_MAX];
	size_t n[N_KINDS];
	struct realtime *realtime;
	const struct service *first_realtime;
	size_t n_realtime;
	struct engines engines[N_LEVELS];
	bool chained[N_LEVELS][N_KINDS];
};

/* --- the three kinds -------------------------------------------------------------------------------------------- */

static void keep_stt(struct stt *e)
{
	(void)e;
}

static void keep_llm(struct llm *e)
{
	(void)e;
}

static void keep_tts(struct tts *e)
{
	(void)e;
}

static int open_stt(struct member *m, struct fetcher *f)
{
	m->ops.stt = stt_openai_ops;
	return stt_openai_new(&m->engine.stt, f, m->service);
}

static int open_llm(struct member *m, struct fetcher *f)
{
	m->ops.llm = llm_openai_ops;
	return llm_openai_new(&m->engine.llm, f, m->service);
}

static int open_tts(struct member *m, struct fetcher *f)
{
	m->ops.tts = tts_openai_ops;
	return tts_openai_new(&m->engine.tts, f, m->service);
}

static bool embedded_stt(struct member *m, const struct engines *e)
{
	if (e->stt_ops)
		m->ops.stt = *e->stt_ops;
	m->engine.stt = e->stt;
	return e->stt_ops != NULL;
}

static bool embedded_llm(struct member *m, const struct engines *e)
{
	if (e->llm_ops)
		m->ops.llm = *e->llm_ops;
	m->engine.llm = e->llm;
	return e->llm_ops != NULL;
}

static bool embedded_tts(struct member *m, const struct engines *e)
{
	if (e->tts_ops)
		m->ops.tts = *e->tts_ops;
	m->engine.tts = e->tts;
	return e->tts_ops != NULL;
}

static struct bill bill_of(const struct member *m, const char *kind, const char *embedded)
{
	return (struct bill){ m->service ? &m->service->price : NULL,
			      meter_of(kind, m->service ? m->service->host : embedded) };
}

/* One that is embedded needs nobody to watch it. */
static bool is_chain(const struct member *m, size_t n)
{
	return n > 1 || (n && m->service);
}

/* What the members are together. */
static int use_stt(struct engines *to, struct member *m, size_t n)
{
	struct chain_stt_member parts[LINES_MAX];

	to->stt_ops = n ? &m->ops.stt : NULL;
	to->stt = n ? m->engine.stt : NULL;
	for (size_t i = 0; i < n; i++)
		parts[i] = (struct chain_stt_member){ &m[i].ops.stt, m[i].engine.stt,
						      &m[i].health, m[i].service ? stt_openai_rest_ms : NULL };
	int r = !is_chain(m, n) ? 0 : chain_stt_new(&to->stt, &to->stt_ops, parts, n);
	for (size_t i = 0; i < n && is_chain(m, n) && r == 0; i++)
		chain_stt_bill(to->stt, i, bill_of(&m[i], "stt", "pocketsphinx"));
	return r;
}

static int use_llm(struct engines *to, struct member *m, size_t n)
{
	struct chain_llm_part parts[LINES_MAX];

	to->llm_ops = n ? &m->ops.llm : NULL;
	to->llm = n ? m->engine.llm : NULL;
	for (size_t i = 0; i < n; i++)
		parts[i] = (struct chain_llm_part){ m[i].service ? m[i].service->host : "extract", &m[i].ops.llm,
						    m[i].engine.llm, m[i].service ? m[i].service->timeout_ms : 0,
						    &m[i].health, m[i].service ? llm_openai_rest_ms : NULL,
						    m[i].service ? &m[i].service->price : NULL,
						    meter_of("llm", m[i].service ? m[i].service->host : "extract") };
	if (!is_chain(m, n))
		return 0;
	to->llm_ops = &chain_llm_ops;
	return chain_llm_new(&to->llm, parts, n);
}

static int use_tts(struct engines *to, struct member *m, size_t n)
{
	struct chain_tts_member parts[LINES_MAX];

	to->tts_ops = n ? &m->ops.tts : NULL;
	to->tts = n ? m->engine.tts : NULL;
	for (size_t i = 0; i < n; i++)
		parts[i] = (struct chain_tts_member){ &m[i].ops.tts, m[i].engine.tts,
						      &m[i].health, m[i].service ? tts_openai_rest_ms : NULL };
	int r = !is_chain(m, n) ? 0 : chain_tts_new(&to->tts, &to->tts_ops, parts, n);
	for (size_t i = 0; i < n && is_chain(m, n) && r == 0; i++)
		chain_tts_bill(to->tts, i, bill_of(&m[i], "tts", "flite"));
	return r;
}

static void end_stt(struct engines *e)
{
	e->stt_ops->free(e->stt);
}

static void end_llm(struct engines *e)
{
	e->llm_ops->free(e->llm);
}

static void end_tts(struct engines *e)
{
	e->tts_ops->free(e->tts);
}

static void close_stt(struct member *m)
{
	stt_openai_ops.free(m->engine.stt);
}

static void close_llm(struct member *m)
{
	llm_openai_ops.free(m->engine.llm);
}

static void close_tts(struct member *m)
{
	tts_openai_ops.free(m->engine.tts);
}

static const struct kind {
	const char *option, *embedded;
	size_t lines;                                           /* in struct config */
	int (*open)(struct member *m, struct fetcher *f);
	bool (*take)(struct member *m, const struct engines *e); /* false: there is none */
	int (*use)(struct engines *to, struct member *m, size_t n);
	void (*end)(struct engines *e);                         /* a chain */
	void (*close)(struct member *m);
	size_t price, meter;                                    /* in struct engines */
} kinds[N_KINDS] = {
	[KIND_STT] = { "stt", "pocketsphinx", offsetof(struct config, stt), open_stt, embedded_stt, use_stt, end_stt,
		       close_stt, offsetof(struct engines, stt_price), offsetof(struct engines, stt_meter) },
	[KIND_LLM] = { "llm", "extract", offsetof(struct config, llm), open_llm, embedded_llm, use_llm, end_llm, close_llm,
		       offsetof(struct engines, llm_price), offsetof(struct engines, llm_meter) },
	[KIND_TTS] = { "tts", "flite", offsetof(struct config, tts), open_tts, embedded_tts, use_tts, end_tts, close_tts,
		       offsetof(struct engines, tts_price), offsetof(struct engines, tts_meter) },
};

static const struct config_list *lines_of(const struct config *c, const struct kind *k)
{
	return (const struct config_list *)(const void *)((const char *)c + k->lines);
}

static bool is_named(const struct config_list *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i], word) == 0)
			return true;
	return false;
}

/* Behind the services of a kind, where none of its lines names it: unless only services may work. */
static bool stands_behind(const struct config *c, const struct kind *k)
{
	const struct config_list *list = lines_of(c, k);

	return !is_named(list, k->embedded) && (!c->no_embedded || (!list->n && !c->realtime.n));
}

bool services_want(const struct config *c, const char *embedded)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (strcmp(kinds[i].embedded, embedded) == 0)
			return is_named(lines_of(c, &kinds[i]), embedded) || stands_behind(c, &kinds[i]);
	return false;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static int read_line(struct services *s, const char *option, const char *line, const struct service **out,
		     char why[static SERVICES_WHY])
{
	struct service *to = &s->lines[s->n_lines];
	char reason[SERVICE_WHY];
	int r = service_parse(to, line, reason);

	if (r != 0) {
		service_done(to);
		snprintf(why, SERVICES_WHY, "%s: %s", option, reason);
		return r;
	}
	s->n_lines++;
	*out = to;
	return 0;
}

/* The caller's copy of ops whose free() does nothing. */
static void lend(size_t kind, struct member *m)
{
	if (kind == KIND_STT)
		m->ops.stt.free = keep_stt;
	else if (kind == KIND_LLM)
		m->ops.llm.free = keep_llm;
	else
		m->ops.tts.free = keep_tts;
}

static int add_line(struct services *s, size_t kind, const char *line, const struct engines *embedded,
		    char why[static SERVICES_WHY])
{
	const struct kind *k = &kinds[kind];
	struct member *m = &s->members[kind][s->n[kind]];
	int r = 0;

	if (s->n[kind] == LINES_MAX) {
		snprintf(why, SERVICES_WHY, "%s: %d are as many as are tried", k->option, LINES_MAX);
		return -EINVAL;
	}
	if (strcmp(line, k->embedded) == 0) {
		if (!k->take(m, embedded))
			return 0;
	} else {
		r = read_line(s, k->option, line, &m->service, why);
		if (r != 0)
			return r;
		r = k->open(m, s->fetcher);
		if (r == -EINVAL)
			snprintf(why, SERVICES_WHY, "%s: %.200s is no http:// or https:// service", k->option, m->service->host);
	}
	if (r == 0) {
		lend(kind, m);
		health_init(&m->health);
		s->n[kind]++;
	}
	return r;
}

static int open_kind(struct services *s, const struct config *c, size_t kind, const struct engines *embedded,
		     char why[static SERVICES_WHY])
{
	const struct config_list *list = lines_of(c, &kinds[kind]);
	int r = 0;

	for (size_t i = 0; i < list->n && r == 0; i++)
		r = add_line(s, kind, list->at[i], embedded, why);
	if (r == 0 && stands_behind(c, &kinds[kind]))
		r = add_line(s, kind, kinds[kind].embedded, embedded, why);
	return r;
}

static int open_realtime(struct services *s, const struct config *c, char why[static SERVICES_WHY])
{
	struct realtime_ws_params p = { .services = &s->lines[s->n_lines], .n_services = c->realtime.n,
					.fetcher = s->fetcher };
	const struct service *v;
	char reason[REALTIME_WHY];
	int r = 0;

	if (!c->realtime.n)
		return 0;
	if (c->realtime.n > LINES_MAX) {
		snprintf(why, SERVICES_WHY, "realtime: %d are as many as are tried", LINES_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < c->realtime.n && r == 0; i++)
		r = read_line(s, "realtime", c->realtime.at[i], &v, why);
	if (r != 0)
		return r;
	r = realtime_ws_new(&s->realtime, &p, reason);
	if (r != 0)
		snprintf(why, SERVICES_WHY, "realtime: %s", reason);
	s->first_realtime = p.services;
	s->n_realtime = r == 0 ? p.n_services : 0;
	for (size_t l = 0; l < N_LEVELS && r == 0; l++) {
		s->engines[l].realtime_ops = l == FULL ? &realtime_ws_ops : NULL;
		s->engines[l].realtime = s->realtime;
		s->engines[l].realtime_price = &p.services[0].price;
		s->engines[l].realtime_meter = meter_of("realtime", p.services[0].host);
	}
	return r;
}

static int keep_tools(struct services *s, const struct http_tools *t)
{
	const struct tool_def *defs;
	size_t n;

	tool_openapi_defs(t, &defs, &n);
	struct tool_def *all = mem_realloc(s->fixed, (s->n_fixed + n + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	memcpy(all + s->n_fixed, defs, n * sizeof(*defs));
	s->fixed = all;
	s->n_fixed += n;
	return 0;
}

static int open_tools(struct services *s, const struct config *c, char why[static SERVICES_WHY])
{
	char reason[MCP_LINE_WHY];
	int r = 0;

	for (size_t i = 0; i < c->tools.n && r == 0; i++) {
		r = tool_openapi_new(&s->http[s->n_http], s->fetcher, c->tools.at[i], reason);
		if (r != 0)
			snprintf(why, SERVICES_WHY, "%s", reason);
		else
			r = keep_tools(s, s->http[s->n_http++]);
	}
	return r;
}

/* Sessions may name servers even where the operator has none. */
static int open_mcp(struct services *s, const struct config *c, char why[static SERVICES_WHY])
{
	const char *lines[CONFIG_LIST_MAX + 1] = { 0 }, *allow[CONFIG_LIST_MAX + 1] = { 0 };
	const struct mcp_params p = { .fetcher = s->fetcher, .lines = lines, .allow = allow, .more = s->fixed,
				      .n_more = s->n_fixed };
	char reason[MCP_LINE_WHY];

	memcpy(lines, c->mcp.at, c->mcp.n * sizeof(*lines));
	memcpy(allow, c->mcp_allow.at, c->mcp_allow.n * sizeof(*allow));
	int r = mcp_new(&s->mcp, &p, reason);
	if (r == -EINVAL)
		snprintf(why, SERVICES_WHY, "mcp: %s", reason);
	for (size_t l = 0; l < N_LEVELS && r == 0; l++) {
		s->engines[l].mcp_ops = &mcp_client_ops;
		s->engines[l].mcp = s->mcp;
	}
	return r;
}

static int check_turns(struct services *s, const struct config *c, char why[static SERVICES_WHY])
{
	const char *turns = c->turns ? c->turns : "voiced";
	bool service = strcmp(turns, "service") == 0;

	if (!service && strcmp(turns, "voiced") != 0) {
		snprintf(why, SERVICES_WHY, "--turns wants voiced or service, not '%.80s'", turns);
		return -EINVAL;
	}
	for (size_t l = 0; l < N_LEVELS; l++)
		s->engines[l].service_turns = service;
	return 0;
}

/* The level's engines: all of a list, or those behind its first where there are any. */
static int compose(struct services *s, enum level l)
{
	struct engines *to = &s->engines[l];
	int r = 0;

	for (size_t k = 0; k < N_KINDS && r == 0; k++) {
		size_t from = l == CHEAPER && s->n[k] > 1 ? 1 : 0, n = s->n[k] - from;
		struct member *m = &s->members[k][from];
		const struct service *v = n ? m->service : NULL;

		r = kinds[k].use(to, m, n);
		s->chained[l][k] = r == 0 && is_chain(m, n);
		*(const struct price **)(void *)((char *)to + kinds[k].price) = v ? &v->price : NULL;
		*(struct meter **)(void *)((char *)to + kinds[k].meter) =
			n && (!is_chain(m, n) || k == KIND_LLM) ? bill_of(m, kinds[k].option, kinds[k].embedded).meter
						       : NULL; /* the chain counts */
	}
	/* A model elsewhere takes its time: what it will ask for is found while the user still speaks. Who only
	 * quotes asks at once, and for the words themselves. */
	to->search_first = s->n[KIND_LLM] && to->llm_price;
	to->search_ahead = to->search_first || to->realtime_ops;
	return r;
}

static int open_all(struct services *s, const struct config *c, const struct engines *embedded,
		    char why[static SERVICES_WHY])
{
	int r = http_client_init();

	if (r == 0)
		r = fetcher_new(&s->fetcher);
	for (size_t k = 0; k < N_KINDS && r == 0; k++)
		r = open_kind(s, c, k, embedded, why);
	if (r == 0)
		r = open_realtime(s, c, why);
	if (r == 0)
		r = open_tools(s, c, why);
	if (r == 0)
		r = open_mcp(s, c, why);
	if (r == 0)
		r = check_turns(s, c, why);
	for (enum level l = FULL; l < N_LEVELS && r == 0; l++)
		r = compose(s, l);
	return r;
}

int services_open(struct services **out, const struct config *c, const struct engines *embedded,
		  char why[static SERVICES_WHY])
{
	struct services *s = mem_zalloc(sizeof(*s));

	why[0] = 0;
	int r = s ? open_all(s, c, embedded, why) : -ENOMEM;
	if (r != 0) {
		if (!why[0])
			snprintf(why, SERVICES_WHY, "out of memory");
		services_free(s);
		return r;
	}
	*out = s;
	return 0;
}

static void member_done(struct member *m, const struct kind *k)
{
	if (m->service)
		k->close(m);
	health_done(&m->health);
}

void services_free(struct services *s)
{
	if (!s)
		return;
	for (size_t l = 0; l < N_LEVELS; l++)
		for (size_t k = 0; k < N_KINDS; k++)
			if (s->chained[l][k])
				kinds[k].end(&s->engines[l]);
	for (size_t k = 0; k < N_KINDS; k++)
		for (size_t i = 0; i < s->n[k]; i++)
			member_done(&s->members[k][i], &kinds[k]);
	if (s->realtime)
		realtime_ws_ops.free(s->realtime);
	mcp_free(s->mcp);
	for (size_t i = 0; i < s->n_http; i++)
		tool_openapi_free(s->http[i]);
	mem_free(s->fixed);
	fetcher_free(s->fetcher);
	for (size_t i = 0; i < s->n_lines; i++)
		service_done(&s->lines[i]);
	mem_free(s);
}

static void describe(struct services_row *to, const char *kind, const char *embedded, const struct service *v,
		     struct health *h)
{
	*to = (struct services_row){ .kind = kind, .name = v ? v->host : embedded, .model = v ? v->model : NULL,
				     .is_service = v != NULL };
	health_view(h, env_now(&env_system), &to->health);
}

bool services_row(struct services *s, size_t i, struct services_row *to)
{
	for (size_t k = 0; k < N_KINDS; i -= s->n[k++])
		if (i < s->n[k]) {
			struct member *m = &s->members[k][i];

			describe(to, kinds[k].option, kinds[k].embedded, m->service, &m->health);
			return true;
		}
	if (i >= s->n_realtime)
		return false;
	describe(to, "realtime", "", &s->first_realtime[i], realtime_ws_health(s->realtime, i));
	return true;
}

const struct engines *services_engines(const struct services *s)
{
	return &s->engines[FULL];
}

const struct engines *services_cheaper(const struct services *s)
{
	return &s->engines[CHEAPER];
}

bool services_settled(struct services *s)
{
	return !s->mcp || mcp_settled(s->mcp);
}

void services_tools(struct services *s, const struct tool_def **defs, size_t *n)
{
	*n = 0;
	if (s->mcp)
		mcp_tools(s->mcp, defs, n);
}
