#include "net/fetch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/list.h"
#include "net/guard.h"
#include "net/http_client_inner.h"

enum {
	IDLE_MS = 30000,
	WARM_US = 45 * US_PER_S, /* servers and balancers drop what is idle for a minute */
	WAIT_MS = 60000,
	CONNECTIONS = 64,   /* that are kept                    */
	UNDER_WAY = 4096,   /* requests, of all kinds, at most  */
	HEAD_MAX = 1 << 18, /* octets of fields                 */
	SESSION_MAX = 512,
};

struct fetcher {
	CURLM *multi;
	pthread_t thread;
	struct list running;  /* the thread's */
	pthread_mutex_t lock; /* the rest */
	struct list queue;
	size_t n;
	bool closing;
};

enum end { END_NONE, END_TOO_LONG, END_ENOUGH, END_GUARDED, END_IDLE };

struct fetch {
	struct node node; /* in queue, then in running */
	struct fetcher *f;
	const struct fetch_ops *ops;
	void *owner;
	atomic_bool cancelled;
	/* the thread's from here on */
	CURL *easy;
	struct curl_slist *fields;
	uint8_t *body;
	enum end end; /* why we broke off */
	bool public_only, keep, told_head;
	bool added; /* to the multi handle; else it rests until again_us */
	unsigned idle_ms;
	size_t left, head; /* octets: of the answer that may come, of fields that came */
	uint64_t heard_us, again_us, retry_after_ms;
	curl_off_t sent;
	char session[SESSION_MAX];
	char error[CURL_ERROR_SIZE];
};

static uint64_t now_us(void)
{
	return env_now(&env_system);
}

/* --- what libcurl tells ------------------------------------------------------------------------- */

static void tell_head(struct fetch *x)
{
	long status = 0;
	const char *type = NULL;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200) /* an interim answer (RFC 9110, 15.2) */
		return;
	curl_easy_getinfo(x->easy, CURLINFO_CONTENT_TYPE, &type);
	x->told_head = true;
	const struct fetch_head h = { (unsigned)status, type ? type : "",
				      http_client_retry_after(x->easy, x->retry_after_ms),
				      x->session[0] ? x->session : NULL };
	if (!x->keep)
		x->ops->on_head(x->owner, &h);
}

static size_t on_field(char *p, size_t size, size_t n, void *ctx)
{
	struct fetch *x = ctx;
	struct bytes line = bytes_of(p, size * n), value;

	x->heard_us = now_us();
	x->head += line.n;
	if (x->head > HEAD_MAX) {
		x->end = END_TOO_LONG;
		return 0;
	}
	if (x->told_head) /* trailers */
		return line.n;
	if (bytes_starts(line, "HTTP/")) {
		x->retry_after_ms = 0;
		x->session[0] = 0;
	} else if (http_client_field(line, "retry-after-ms", &value)) {
		x->retry_after_ms = http_client_ms(value);
	} else if (http_client_field(line, "mcp-session-id", &value) && value.n < SESSION_MAX) {
		memcpy(x->session, value.p, value.n);
		x->session[value.n] = 0;
	} else if (line.n <= 2 && (bytes_is(line, "\r\n") || bytes_is(line, "\n"))) {
		tell_head(x);
	}
	return atomic_load(&x->cancelled) ? 0 : line.n;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct fetch *x = ctx;

	n *= size;
	x->heard_us = now_us();
	if (n > x->left)
		x->end = END_TOO_LONG;
	else if (!x->keep && !x->ops->on_body(x->owner, bytes_of(p, n)))
		x->end = END_ENOUGH;
	x->left -= MIN(n, x->left);
	return x->end != END_NONE || atomic_load(&x->cancelled) ? 0 : n;
}

/* Where the name leads is looked at when it is connected to, not before: names change. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct fetch *x = ctx;
	struct addr a;

	(void)purpose;
	if (!addr_from_sockaddr(&to->addr, &a) || !guard_is_public(&a)) {
		x->end = END_GUARDED;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* A connection that somebody else has opened, whom the guard does not bind, is no way around it. */
static int on_connected(void *ctx, char *ip, char *local_ip, int port, int local_port)
{
	struct fetch *x = ctx;
	struct addr a;

	(void)local_ip, (void)port, (void)local_port;
	if (addr_parse(bytes_str(ip), &a) && guard_is_public(&a)) {
		x->end = END_NONE; /* one of several addresses may have been refused before */
		return CURL_PREREQFUNC_OK;
	}
	x->end = END_GUARDED;
	return CURL_PREREQFUNC_ABORT;
}

/* --- the start -------------------------------------------------------------------------------------- */

static bool is_url(const char *url)
{
	CURLU *u = curl_url();
	char *scheme = NULL;
	bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0);

	curl_free(scheme);
	curl_url_cleanup(u);
	return ok;
}

static bool set_method(struct fetch *x, const char *method)
{
	if (!method)
		return true;
	if (strcmp(method, "HEAD") == 0)
		return curl_easy_setopt(x->easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
	if (strcmp(method, "POST") == 0 && !x->body)
		return curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, "") == CURLE_OK;
	return curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
}

static bool set_guard(struct fetch *x)
{
	bool ok = true;

#define SET(option, value) ok = ok && curl_easy_setopt(x->easy, option, value) == CURLE_OK
	SET(CURLOPT_PROXY, ""); /* it would look up the name in our stead */
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_OPENSOCKETDATA, x);
	SET(CURLOPT_PREREQFUNCTION, on_connected);
	SET(CURLOPT_PREREQDATA, x);
	return ok;
}

static bool set_up(struct fetch *x, const struct fetch_request *r)
{
	struct http_client_request own = r->http;
	bool ok;

	own.body.p = x->body;
	ok = http_client_set_up(x->easy, &own, r->http.time_ms, &x->fields, x->error);
	SET(CURLOPT_PRIVATE, x);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, x);
	SET(CURLOPT_HEADERFUNCTION, on_field);
	SET(CURLOPT_HEADERDATA, x);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_TCP_NODELAY, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* a look-up that hangs holds nobody when it is cancelled */
#undef SET
	return ok && set_method(x, r->method) && (!r->public_only || set_guard(x));
}

static void fetch_free(struct fetch *x)
{
	curl_easy_cleanup(x->easy);
	curl_slist_free_all(x->fields);
	mem_free(x->body);
	mem_free(x);
}

static struct fetch *fetch_new(struct fetcher *f, const struct fetch_request *r,
			       const struct fetch_ops *ops, void *owner)
{
	struct fetch *x = mem_zalloc(sizeof(*x));

	if (!x)
		return NULL;
	x->f = f;
	x->ops = ops;
	x->owner = owner;
	x->public_only = r->public_only;
	x->keep = r->keep;
	x->idle_ms = r->idle_ms ? r->idle_ms : (unsigned)IDLE_MS;
	x->again_us = r->after_ms ? now_us() + (uint64_t)r->after_ms * US_PER_MS : 0;
	x->left = r->http.answer_max ? r->http.answer_max : (size_t)HTTP_CLIENT_ANSWER_MAX;
	x->easy = curl_easy_init();
	/* One octet more: an empty body is a body. */
	if (r->http.body.p)
		x->body = mem_zalloc(r->http.body.n + 1);
	if (!x->easy || (r->http.body.p && !x->body)) {
		fetch_free(x);
		return NULL;
	}
	if (r->http.body.n)
		memcpy(x->body, r->http.body.p, r->http.body.n);
	if (set_up(x, r))
		return x;
	fetch_free(x);
	return NULL;
}

int fetch_start(struct fetch **out, struct fetcher *f, const struct fetch_request *r,
		const struct fetch_ops *ops, void *owner)
{
	if (!is_url(r->http.url))
		return -EINVAL;
	struct fetch *x = fetch_new(f, r, ops, owner);
	if (!x)
		return -ENOMEM;

	pthread_mutex_lock(&f->lock);
	int error = f->closing ? -ECANCELED : f->n >= UNDER_WAY ? -EAGAIN : 0;
	if (error == 0) {
		*out = x; /* before the thread can see it: a handler may want it at once */
		f->n++;
		list_push(&f->queue, &x->node);
	}
	pthread_mutex_unlock(&f->lock);
	if (error == 0)
		curl_multi_wakeup(f->multi);
	else
		fetch_free(x);
	return error;
}

void fetch_cancel(struct fetch *x)
{
	CURLM *multi = x->f->multi;

	atomic_store(&x->cancelled, true); /* from here on x may be gone */
	curl_multi_wakeup(multi);
}

/* --- the thread --------------------------------------------------------------------------------------- */

static int verdict(struct fetch *x, CURLcode code, char why[static HTTP_CLIENT_WHY])
{
	static const struct {
		int error;
		const char *why;
	} ends[] = {
		[END_TOO_LONG] = { -EMSGSIZE, "the answer is too long" },
		[END_ENOUGH] = { -ECANCELED, "the rest was not wanted" },
		[END_GUARDED] = { -EACCES, "this is no public address" },
		[END_IDLE] = { -ETIMEDOUT, "nothing came for too long" },
	};
	int error = http_client_error(code);

	why[0] = 0;
	if (error == 0)
		return 0;
	const char *text = x->error[0] ? x->error : curl_easy_strerror(code);
	if (x->end != END_NONE) {
		error = ends[x->end].error;
		text = ends[x->end].why;
	} else if (atomic_load(&x->cancelled)) {
		error = -ECANCELED;
		text = "it was cancelled";
	} else if (error == -EINVAL) {
		error = -EPROTO; /* the URL has been looked at: the answer is no HTTP */
	}
	snprintf(why, HTTP_CLIENT_WHY, "%.*s", HTTP_CLIENT_WHY - 1, text);
	return error;
}

static void finish(struct fetch *x, CURLcode code)
{
	struct fetcher *f = x->f;
	char why[HTTP_CLIENT_WHY];

	if (x->added)
		curl_multi_remove_handle(f->multi, x->easy);
	x->added = false;
	if (x->keep && !atomic_load(&x->cancelled) && code != CURLE_ABORTED_BY_CALLBACK) {
		x->again_us = now_us() + WARM_US;
		return;
	}
	int error = verdict(x, code, why);
	node_unlink(&x->node);
	pthread_mutex_lock(&f->lock);
	f->n--;
	pthread_mutex_unlock(&f->lock);
	x->ops->on_done(x->owner, error, why);
	fetch_free(x);
}

static void begin(struct fetch *x)
{
	x->heard_us = now_us();
	x->sent = 0;
	x->head = 0;
	x->told_head = false;
	x->end = END_NONE;
	x->error[0] = 0;
	x->added = curl_multi_add_handle(x->f->multi, x->easy) == CURLM_OK;
	if (!x->added)
		finish(x, CURLE_OUT_OF_MEMORY);
}

/* When there is something to do for x at the latest; what is due is done. */
static uint64_t look_at(struct fetch *x, uint64_t now)
{
	if (!x->added) {
		if (x->again_us > now)
			return x->again_us;
		begin(x);
		return now + WARM_US;
	}
	uint64_t end = x->heard_us + (uint64_t)x->idle_ms * US_PER_MS;
	curl_off_t sent = 0;
	if (end > now)
		return end;
	/* Octets that go out count as well, but nobody tells us of each. */
	curl_easy_getinfo(x->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	if (sent > x->sent) {
		x->sent = sent;
		x->heard_us = now;
		return now + (uint64_t)x->idle_ms * US_PER_MS;
	}
	x->end = END_IDLE;
	finish(x, CURLE_OPERATION_TIMEDOUT);
	return UINT64_MAX;
}

/* Ends what is cancelled, late or (all) whatever runs. Returns for how long there is nothing to do. */
static int look_at_all(struct fetcher *f, bool all)
{
	uint64_t now = now_us(), next = now + (uint64_t)WAIT_MS * US_PER_MS;

	LIST_FOR(&f->running, n) {
		struct fetch *x = CONTAINER_OF(n, struct fetch, node);

		if (all)
			atomic_store(&x->cancelled, true);
		if (atomic_load(&x->cancelled)) {
			finish(x, CURLE_ABORTED_BY_CALLBACK);
		} else {
			uint64_t at = look_at(x, now);

			next = MIN(next, at);
		}
	}
	return (int)((MAX(next, now) - now) / US_PER_MS + 1);
}

/* What has been started since. */
static bool take_queue(struct fetcher *f)
{
	for (;;) {
		pthread_mutex_lock(&f->lock);
		struct node *n = list_pop(&f->queue);
		bool closing = f->closing;
		pthread_mutex_unlock(&f->lock);
		if (!n)
			return !closing;
		struct fetch *x = CONTAINER_OF(n, struct fetch, node);
		list_push(&f->running, &x->node);
		if (!x->again_us)
			begin(x);
	}
}

static void take_finished(struct fetcher *f)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left))) {
		void *x = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
		finish(x, m->data.result);
	}
}

static void *run(void *arg)
{
	struct fetcher *f = arg;
	int n;

	while (take_queue(f)) {
		curl_multi_perform(f->multi, &n);
		take_finished(f);
		curl_multi_poll(f->multi, NULL, 0, look_at_all(f, false), NULL);
	}
	while (!list_empty(&f->running))
		look_at_all(f, true);
	return NULL;
}

/* Signals are the main thread's; SIGPIPE, which OpenSSL raises, nobody's. */
static int spawn(struct fetcher *f)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&f->thread, NULL, run, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

int fetcher_new(struct fetcher **out)
{
	struct fetcher *f = mem_zalloc(sizeof(*f));
	int error = -ENOMEM;

	if (!f)
		return error;
	list_init(&f->running);
	list_init(&f->queue);
	pthread_mutex_init(&f->lock, NULL);
	f->multi = curl_multi_init();
	if (f->multi &&
	    curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS) == CURLM_OK)
		error = spawn(f);
	if (error == 0) {
		*out = f;
		return 0;
	}
	curl_multi_cleanup(f->multi);
	pthread_mutex_destroy(&f->lock);
	mem_free(f);
	return error;
}

void fetcher_free(struct fetcher *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->closing = true;
	pthread_mutex_unlock(&f->lock);
	curl_multi_wakeup(f->multi);
	pthread_join(f->thread, NULL);
	curl_multi_cleanup(f->multi);
	pthread_mutex_destroy(&f->lock);
	mem_free(f);
}
