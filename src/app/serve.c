/* serve.c - the service: loops, sockets, engines and routes wired together, until Ctrl-C. */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "api/budget.h"
#include "api/secrets.h"
#include "app/command.h"
#include "app/file.h"
#include "app/parts.h"
#include "app/shown.h"
#include "base/alloc.h"
#include "base/env.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/pool.h"
#include "knowledge/embed_remote.h"
#include "knowledge/intake.h"
#include "net/program.h"
#include "net/tls.h"
#include "net/udp.h"
#include "rtc/assoc.h"

LOG_TOPIC("serve");

enum { LOOPS_MAX = 64, QUESTIONS_MAX = 12, ADDRESSES_MAX = 12, TEND_S = 2, READ_WAIT_S = 10 /* that the first questions wait for the folders */, GOODBYE_MS = 150,
       LEAVE_MS = 500, HOST_TEXT = 256 };

struct seat_thread {
	struct service *service;
	struct loop *loop;
	struct udp *udp;
	pthread_t thread;
	bool running;
	size_t index;
};

struct service {
	struct config *c;
	const char *labels; /* of the documents in --docs; NULL: none */
	const char *groups; /* of requests without a client secret; NULL: all */
	struct addr at;                       /* listened on */
	struct addr addresses[ADDRESSES_MAX]; /* under which this machine is reached there */
	size_t n_addresses;
	size_t n;
	struct seat_thread seats[LOOPS_MAX];
	struct loop *loops[LOOPS_MAX];
	struct parts *parts;
	struct cert *cert;
	struct sctp_service *sctp;
	struct auth auth;
	struct secrets *secrets; /* for the bulk pool; each loop has its own */
	struct budgets *budgets;
	struct tls_ctx *tls;
	struct http_policy policy;
	struct api *api;
	struct http_server *http;
	struct intake *intake;
	struct job tend;
	atomic_bool tending, unsettled; /* documents have changed, and settled since */
	uint64_t started_us;
	uint64_t stopped_us; /* when the signal came; 0: not yet */
	char *questions_text;
	const char *questions[QUESTIONS_MAX];
	size_t n_questions;
	char https_url[ADDR_TEXT + 16];
	char why[PARTS_WHY];
};

/* --- where we listen ------------------------------------------------------------------------- */

static bool is_loopback(const struct addr *a)
{
	static const uint8_t v6[16] = { [15] = 1 };

	return a->family == ADDR_V4 ? a->ip[0] == 127 : memcmp(a->ip, v6, sizeof(v6)) == 0;
}

static bool is_any(const struct addr *a)
{
	static const uint8_t none[16];

	return memcmp(a->ip, none, sizeof(none)) == 0;
}

static void add_address(struct service *s, const struct addr *a)
{
	if (s->n_addresses < ADDRESSES_MAX && (a->family == s->at.family || s->at.family == ADDR_V6)) {
		s->addresses[s->n_addresses] = *a;
		s->addresses[s->n_addresses++].port = s->at.port;
	}
}

/* Of all interfaces when we listen on all; those of the network before loopback. */
static void find_addresses(struct service *s)
{
	struct ifaddrs *list = NULL;
	struct addr a;

	if (!is_any(&s->at)) {
		add_address(s, &s->at);
		return;
	}
	if (getifaddrs(&list) != 0)
		return;
	for (int loopback = 0; loopback < 2; loopback++)
		for (struct ifaddrs *i = list; i; i = i->ifa_next)
			if (i->ifa_addr && i->ifa_flags & IFF_UP && addr_from_sockaddr(i->ifa_addr, &a) &&
			    is_loopback(&a) == loopback && !(a.family == ADDR_V6 && a.ip[0] == 0xfe))
				add_address(s, &a);
	freeifaddrs(list);
}

static int parse_listen(struct service *s)
{
	const char *text = s->c->listen;
	char numeric[64];

	if (strncmp(text, "localhost:", 10) == 0)
		snprintf(numeric, sizeof(numeric), "127.0.0.1:%s", text + 10);
	else
		snprintf(numeric, sizeof(numeric), "%s", text);
	if (!addr_parse(bytes_str(numeric), &s->at) || strlen(text) >= sizeof(numeric) - 16) {
		snprintf(s->why, sizeof(s->why),
			 "--listen wants ADDRESS:PORT, such as 127.0.0.1:8080 or [::]:8443, not '%.80s'", text);
		return -EINVAL;
	}
	if (s->at.port == 0 && !strstr(numeric, ":0"))
		s->at.port = 8080;
	if (!is_loopback(&s->at) && !s->c->key) {
		snprintf(s->why, sizeof(s->why),
			 "listening on %.60s lets other machines in, so a key is required: add --key KEY", text);
		return -EACCES;
	}
	if (listen_probe(&s->at, s->why) != LISTEN_OK)
		return -EADDRINUSE;
	find_addresses(s);
	return 0;
}

/* --- parts -------------------------------------------------------------------------------------- */

static int read_questions(struct service *s)
{
	AUTO(buf) struct buf text = { 0 };

	if (!s->c->questions)
		return 0;
	int r = file_read(s->c->questions, 64 * 1024, &text, s->why);
	if (r != 0)
		return r;
	buf_putc(&text, '\n');
	s->questions_text = buf_take(&text);
	if (!s->questions_text)
		return -ENOMEM;
	for (char *at = s->questions_text, *end; (end = strchr(at, '\n')); at = end + 1) {
		*end = 0;
		if (*at && s->n_questions < QUESTIONS_MAX)
			s->questions[s->n_questions++] = at;
	}
	return 0;
}

/* "name:8443", "[2001:db8::1]:8443": a certificate knows no ports and no brackets. */
static const char *host_alone(const char *host, char to[static HOST_TEXT])
{
	const char *inside = host + (*host == '[');
	const char *colon = strchr(host, ':');
	bool port = *host != '[' && colon && !strchr(colon + 1, ':');
	size_t n = *host == '[' ? strcspn(inside, "]") : port ? (size_t)(colon - host) : strlen(host);

	snprintf(to, HOST_TEXT, "%.*s", (int)MIN(n, (size_t)HOST_TEXT - 1), inside);
	return to;
}

static int open_tls(struct service *s)
{
	char text[ADDRESSES_MAX][ADDR_TEXT], hosts[CONFIG_LIST_MAX][HOST_TEXT], why[TLS_WHY];
	const char *names[ADDRESSES_MAX + CONFIG_LIST_MAX];
	size_t n = 0;

	if (s->c->cert || s->c->cert_key) {
		if (s->c->cert && s->c->cert_key)
			s->tls = tls_ctx_new(s->c->cert, s->c->cert_key, s->why);
		else
			snprintf(s->why, sizeof(s->why), "--cert and --cert-key go together");
		return s->tls ? 0 : -EINVAL;
	}
	for (size_t i = 0; i < s->n_addresses; i++)
		names[n++] = addr_format_ip(&s->addresses[i], text[i]);
	for (size_t i = 0; i < s->c->hosts.n; i++)
		names[n++] = host_alone(s->c->hosts.at[i], hosts[i]);
	struct tls_self_params p = { s->c->data, names, n, env_wall(&env_system) };
	if (tls_self_signed(&p, why) == TLS_FAILED) {
		snprintf(s->why, sizeof(s->why), "%s", why);
		return -EIO;
	}
	AUTO(mem) char *cert = mem_printf("%s/cert.pem", s->c->data);
	AUTO(mem) char *key = mem_printf("%s/key.pem", s->c->data);
	s->tls = cert && key ? tls_ctx_new(cert, key, s->why) : NULL;
	return s->tls ? 0 : -EIO;
}

static bool ready(void *ctx)
{
	return parts_ready(((struct service *)ctx)->parts);
}

static json_t *engines_shown(void *ctx)
{
	return shown_status(parts_services(((struct service *)ctx)->parts));
}

static void engines_metrics(void *ctx, struct buf *to)
{
	shown_metrics(parts_services(((struct service *)ctx)->parts), to);
}

static const struct engines *engines_of(void *ctx, const char **collection)
{
	return parts_engines(((struct service *)ctx)->parts, collection);
}

/* The embedded engines serve on when money is used up. */
static const struct engines *engines_at(void *ctx, enum cost_level l, const char *collection)
{
	struct service *s = ctx;

	if (l == COST_EMBEDDED && s->c->no_embedded)
		return NULL;
	return parts_engines_at(s->parts, l == COST_CHEAPER ? PARTS_CHEAPER : PARTS_EMBEDDED, &collection);
}

static int open_budgets(struct service *s)
{
	static const char *const options[N_COST_SCOPES] = { "budget-session", "budget-key", "budget-day" };
	struct budget_params p = { .env = &env_system, .dir = s->c->data, .currency = s->c->currency,
				   .engines = engines_at, .ctx = s };

	for (size_t i = 0; i < N_COST_SCOPES; i++) {
		char why[BUDGET_WHY];

		if (budget_parse(s->c->budget[i], &p.of[i], why) == 0)
			continue;
		snprintf(s->why, sizeof(s->why), "--%s %s", options[i], why);
		return -EINVAL;
	}
	return budgets_new(&s->budgets, &p, s->why);
}

static int open_api(struct service *s)
{
	struct config *c = s->c;
	const struct addr *shown = &s->addresses[0];
	struct token_key tokens;
	char text[ADDR_TEXT];

	int r = secrets_key(c->data, bytes_str(c->key), &env_system, &tokens, s->why);
	if (r != 0)
		return r;
	auth_init(&s->auth, &env_system, bytes_str(c->key), &tokens);
	if (s->n_addresses)
		snprintf(s->https_url, sizeof(s->https_url), "https://%s/", addr_format(shown, text));
	struct api_params p = {
		.env = &env_system, .loops = s->loops, .n_loops = s->n,
		.engines_of = engines_of, .turn = parts_turn_pool(s->parts),
		.searcher = parts_searcher(s->parts), .intake = s->intake, .data = c->data, .collection = c->collection,
		.groups = s->groups,
		.budgets = s->budgets, .auth = &s->auth, .cert = s->cert, .sctp = s->sctp, .candidates = s->addresses,
		.n_candidates = s->n_addresses, .questions = s->questions, .n_questions = s->n_questions,
		.models = c->models.at, .n_models = c->models.n, .middle_tier = c->middle_tier,
		.max_session_us = (uint64_t)c->max_session_s * US_PER_S,
		.grace_us = (uint64_t)c->control_grace_s * US_PER_S,
		.max_sessions = c->max_sessions, .record = c->record, .https_url = s->https_url, .ready = ready,
		.engines_shown = engines_shown, .engines_metrics = engines_metrics, .ctx = s,
	};
	r = api_new(&s->api, &p);
	if (r != 0)
		return r;
	s->policy = (struct http_policy){ c->hosts.at, c->hosts.n, c->allow_origins.at, c->allow_origins.n };
	struct http_server_params h = { .loops = s->loops, .n_loops = s->n, .ops = &api_http_ops,
					.ctx = s->api, .policy = &s->policy, .tls = s->tls };
	return http_server_new(&s->http, &h);
}

/* --- documents ----------------------------------------------------------------------------------- */

static void on_change(void *ctx)
{
	parts_refresh(((struct service *)ctx)->parts);
}

static bool is_stopping(void *job)
{
	return job_cancelled(job);
}

static void tend_work(struct job *j)
{
	struct service *s = CONTAINER_OF(j, struct service, tend);

	secrets_tend(s->secrets, env_wall(&env_system) / US_PER_S);
	budgets_tend(s->budgets);
	if (!atomic_exchange(&s->unsettled, false))
		return;
	if (!parts_settle(s->parts, is_stopping, j))
		atomic_store(&s->unsettled, true);
	parts_know(s->parts);
}

static void tend_done(struct job *j)
{
	atomic_store(&CONTAINER_OF(j, struct service, tend)->tending, false);
}

static void tend(struct service *s)
{
	if (!atomic_exchange(&s->tending, true))
		pool_run(parts_bulk_pool(s->parts), &s->tend);
}

static void on_quiet(void *ctx)
{
	struct service *s = ctx;

	atomic_store(&s->unsettled, true);
	tend(s);
}

static void on_run(void *ctx, int r, const struct ingest_summary *sum)
{
	size_t n = sum->added + sum->updated + sum->renamed + sum->removed;

	(void)ctx;
	if (r != 0)
		log_warn("what=documents why=\"%s\"", sum->why);
	if (n)
		log_info("what=documents added=%zu updated=%zu renamed=%zu removed=%zu", sum->added,
			 sum->updated, sum->renamed, sum->removed);
	for (size_t i = 0; i < sum->n_listed; i++)
		log_warn("what=documents why=\"%s\"", sum->failed[i].why);
}

static int check_docs(struct service *s)
{
	for (size_t i = 0; i < s->c->docs.n; i++)
		if (access(s->c->docs.at[i], R_OK) != 0) {
			snprintf(s->why, sizeof(s->why), "--docs %.160s: %s", s->c->docs.at[i], strerror(errno));
			return -EINVAL;
		}
	return 0;
}

static int open_intake(struct service *s)
{
	struct intake_params p = { .data = s->c->data, .collection = s->c->collection,
				   .folders = s->c->docs.at, .n_folders = s->c->docs.n, .labels = s->labels,
				   .on_change = on_change, .on_read = on_quiet, .on_quiet = on_quiet,
				   .on_run = on_run, .ctx = s };

	s->tend = (struct job){ .work = tend_work, .done = tend_done };
	return intake_new(&s->intake, &p);
}

/* RT */
static void on_datagram(void *owner, struct bytes d, const struct addr *from, uint64_t now_us)
{
	struct seat_thread *t = owner;

	api_datagram(t->service->api, t->index, d, from, now_us);
}

static const struct udp_ops udp_ops = { on_datagram };

static int open_sockets(struct service *s)
{
	if (http_server_listen(s->http, &s->at, s->why) != LISTEN_OK)
		return -EADDRINUSE;
	for (size_t i = 0; i < s->n; i++) {
		if (udp_open(&s->seats[i].udp, s->loops[i], &s->at, &udp_ops, &s->seats[i], s->why) != LISTEN_OK)
			return -EADDRINUSE;
		api_set_udp(s->api, i, s->seats[i].udp);
	}
	return 0;
}

static int open_loops(struct service *s)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = s->c->loops ? s->c->loops : cores > 0 ? (size_t)cores : 1;
	int r = 0;

	s->n = MIN(n, (size_t)LOOPS_MAX);
	for (size_t i = 0; i < s->n && r == 0; i++) {
		r = loop_new(&s->loops[i], (unsigned)i);
		s->seats[i] = (struct seat_thread){ .service = s, .loop = s->loops[i], .index = i };
	}
	return r;
}

static int open_all(struct service *s)
{
	int r = parse_listen(s);

	if (r == 0)
		r = check_docs(s);
	if (r == 0)
		r = file_mkdir(s->c->data, s->why);
	if (r == 0)
		r = read_questions(s);
	if (r == 0 && s->c->record)
		r = file_mkdir(s->c->record, s->why);
	if (r == 0)
		r = open_loops(s);
	if (r == 0)
		r = open_tls(s);
	if (r == 0)
		r = parts_open(&s->parts, s->c, PARTS_SERVE, s->why);
	if (r == 0)
		r = secrets_new(&s->secrets, s->c->data);
	if (r == 0)
		r = open_budgets(s);
	if (r == 0)
		r = open_intake(s);
	if (r == 0)
		r = cert_new(&s->cert, &env_system);
	if (r == 0)
		r = sctp_service_new(&s->sctp);
	if (r == 0)
		r = open_api(s);
	if (r == 0)
		r = open_sockets(s);
	return r;
}

static void *leave(void *left_ms)
{
	uintptr_t ms = (uintptr_t)left_ms;
	struct timespec nap = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&nap, NULL);
	program_kill_all();
	_exit(0);
}

/* What is left to do is to free memory, but a decoder that is being built or a voice about to
 * speak cannot be stopped, and on a busy machine takes its time: it is not waited for longer
 * than LEAVE_MS after the signal. */
static void leave_in_time(struct service *s)
{
	pthread_t thread;

	if (!s->stopped_us)
		return;
	uint64_t gone_ms = (env_now(&env_system) - s->stopped_us) / US_PER_MS;
	uintptr_t left_ms = LEAVE_MS - MIN(gone_ms, (uint64_t)LEAVE_MS);
	if (pthread_create(&thread, NULL, leave, (void *)left_ms) == 0)
		pthread_detach(thread);
}

static void close_all(struct service *s)
{
	for (size_t i = 0; i < s->n; i++)
		udp_free(s->seats[i].udp);
	http_server_free(s->http);
	api_free(s->api);
	if (s->budgets)
		budgets_tend(s->budgets); /* now: what follows may be cut short */
	if (s->parts)
		pool_finish(parts_turn_pool(s->parts)); /* recordings */
	leave_in_time(s);
	embed_remote_stop();
	intake_free(s->intake);
	parts_free(s->parts);
	budgets_free(s->budgets);
	secrets_free(s->secrets);
	sctp_service_free(s->sctp);
	cert_free(s->cert);
	tls_ctx_free(s->tls);
	for (size_t i = 0; i < s->n; i++)
		loop_free(s->loops[i]);
	mem_free(s->questions_text);
}

/* --- running ---------------------------------------------------------------------------------------- */

static void *run_loop(void *arg)
{
	struct seat_thread *t = arg;
	char name[16];

	snprintf(name, sizeof(name), "loop-%zu", t->index);
	thread_set_name(name);
	if (loop_run(t->loop) != 0)
		log_error("loop=%zu what=\"ended by itself\"", t->index);
	return NULL;
}

static void drain(void *payload)
{
	struct seat_thread *t = *(struct seat_thread **)payload;

	api_drain(t->service->api, t->index);
}

static void stop_loops(struct service *s)
{
	struct timespec nap = { .tv_nsec = GOODBYE_MS * 1000000l };

	for (size_t i = 0; i < s->n; i++) {
		struct seat_thread *t = &s->seats[i];

		if (t->running && loop_post(t->loop, drain, &t, sizeof(t)) != 0)
			log_warn("loop=%zu what=\"too busy to say goodbye\"", i);
	}
	nanosleep(&nap, NULL);
	for (size_t i = 0; i < s->n; i++)
		if (s->seats[i].running)
			loop_stop(s->loops[i]);
	for (size_t i = 0; i < s->n; i++)
		if (s->seats[i].running)
			pthread_join(s->seats[i].thread, NULL);
}

/* What is to be done now and then, until a signal says stop. */
static void wait_for_signal(struct service *s, const sigset_t *signals)
{
	struct timespec wait = { .tv_sec = TEND_S };

	s->started_us = env_now(&env_system);
	do {
		tend(s);
		if (env_now(&env_system) - s->started_us > (uint64_t)READ_WAIT_S * US_PER_S)
			parts_know(s->parts);
	} while (sigtimedwait(signals, NULL, &wait) < 0);
	s->stopped_us = env_now(&env_system);
}

static void print_welcome(const struct service *s)
{
	char text[ADDR_TEXT];
	bool here = is_loopback(&s->at);

	printf("voiced %s\n\n", VERSION);
	const char *hash = s->auth.key.n ? "/#code=" : "", *code = s->auth.key.n ? s->auth.code : "";
	if (here && s->at.family == ADDR_V4)
		printf("  Open   http://localhost:%u%s%s\n", s->at.port, hash, code);
	for (size_t i = 0; i < s->n_addresses && !here; i++)
		printf("  Open   https://%s/#code=%s%s\n", addr_format(&s->addresses[i], text), s->auth.code,
		       i ? "" : "   (works once; the certificate is self-signed)");
	if (here && s->at.family == ADDR_V6)
		printf("  Open   http://%s%s%s\n", addr_format(&s->at, text), hash, code);
	for (size_t i = 0; i < s->n_questions; i++)
		printf("%s%s\n", i ? "         " : "  Ask    ", s->questions[i]);
	AUTO(buf) struct buf ways = { 0 };
	shown_ways(parts_services(s->parts), s->c->embedder && strstr(s->c->embedder, "://") ? s->c->embedder : NULL, &ways);
	printf("\n  %.*s Ctrl-C stops.\n", (int)ways.n, ways.n ? (const char *)ways.p : "");
	fflush(stdout);
}

static int start_loops(struct service *s)
{
	for (size_t i = 0; i < s->n; i++) {
		int r = pthread_create(&s->seats[i].thread, NULL, run_loop, &s->seats[i]);

		if (r != 0)
			return -r;
		s->seats[i].running = true;
	}
	return 0;
}

int command_serve(struct config *c)
{
	char labels[LABELS_SIZE], groups[LABELS_SIZE];
	sigset_t signals;
	int r = -ENOMEM;

	if (config_set_of(&c->labels, "label", labels) != 0 || config_set_of(&c->groups, "group", groups) != 0)
		return 2;
	struct service *s = mem_zalloc(sizeof(*s));
	/* Blocked before any thread is made: only the wait below sees them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (s) {
		s->c = c;
		s->labels = c->labels.n ? labels : NULL;
		s->groups = c->groups.n ? groups : NULL;
		r = open_all(s);
	}
	if (r == 0)
		r = start_loops(s);
	if (r == 0) {
		print_welcome(s);
		wait_for_signal(s, &signals);
	}
	if (r != 0)
		fprintf(stderr, "voiced: %s\n", s && s->why[0] ? s->why : strerror(-r));
	if (s) {
		stop_loops(s);
		close_all(s);
	}
	mem_free(s);
	return r != 0;
}
