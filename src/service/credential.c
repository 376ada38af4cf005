#include "service/credential.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/env.h"
#include "base/json.h"
#include "net/fetch.h"

enum {
	ANSWER_LONGEST = 1 << 16,
	EARLY_US = 300 * US_PER_S,
	PAUSE_MS = 100, /* after the first failure; then twice as long each time */
	PAUSE_LONGEST_MS = 60000,
	REFUSED_US = 60 * US_PER_S,
	TIME_MS = 20000,
};

struct credential {
	struct fetcher *f;
	const struct service *s;
	char *url;
	struct buf form;
	pthread_mutex_t lock; /* the rest */
	pthread_cond_t idle;
	struct fetch *x; /* the request under way, or the next one, which waits for its time */
	bool closing;
	char *token;
	uint64_t end_us,
		refused_us; /* of the token's life; the last time that the service refused one */
	unsigned pause_ms;
	char why[CREDENTIAL_WHY]; /* of the last attempt, when that failed; else "" */
	struct buf answer;
	unsigned status;
	uint64_t retry_after_ms;
};

static uint64_t now_us(void)
{
	return env_now(&env_system);
}

/* --- the token -------------------------------------------------------------------------------------- */

static void ask(struct credential *c, uint64_t after_ms);

static void on_head(void *owner, const struct fetch_head *h)
{
	struct credential *c = owner;

	c->status = h->status; /* these three are the request's thread's while there is a request */
	c->retry_after_ms = h->retry_after_ms;
}

static bool on_body(void *owner, struct bytes part)
{
	struct credential *c = owner;

	buf_put(&c->answer, part.p, part.n);
	return !c->answer.failed;
}

/* A word for people out of what a stranger says: letters, digits, underscores. */
static void plain_word(char *to, size_t cap, const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	snprintf(to, cap, "%.*s", (int)MIN(n, cap - 1), text);
}

/* Says why no token came: the kind of error and Entra's number, never the description. */
static void say_refused(struct credential *c, const json_t *answer)
{
	char kind[40], number[24];
	const char *text = strstr(json_str(answer, "error_description", ""), "AADSTS");

	plain_word(kind, sizeof(kind), json_str(answer, "error", ""));
	plain_word(number, sizeof(number), text ? text : "");
	snprintf(c->why, sizeof(c->why), "The token for %.80s was refused (status %u%s%s%s%s).",
		 c->s->host, c->status, kind[0] ? ", " : "", kind, number[0] ? ", " : "", number);
}

static bool is_token(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return n > 0 && n < CREDENTIAL_FIELD - 64;
}

/* Milliseconds until the next one is to be asked for, or 0: this was none. */
static uint64_t take_token(struct credential *c)
{
	AUTO(json)
	json_t *answer = c->answer.n ? json_parse(buf_bytes(&c->answer), (char[160]){ 0 }) : NULL;
	const char *token = json_str(answer, "access_token", "");
	double life_s = json_num(answer, "expires_in", 0);

	if (c->status != 200 || !is_token(token) || !(life_s > 0)) {
		say_refused(c, answer);
		return 0;
	}
	char *copy = mem_strdup(token);
	if (!copy)
		return 0;
	mem_free(c->token);
	c->token = copy;
	uint64_t life_us = (uint64_t)(MIN(life_s, 86400.0) * US_PER_S);
	c->end_us = now_us() + life_us;
	c->why[0] = 0;
	return (life_us - MIN(life_us / 2, (uint64_t)EARLY_US)) / US_PER_MS + 1;
}

static void on_done(void *owner, int error, const char *why)
{
	struct credential *c = owner;
	uint64_t next_ms = 0;

	pthread_mutex_lock(&c->lock);
	c->x = NULL;
	if (error == 0)
		next_ms = take_token(c);
	else if (error != -ECANCELED)
		snprintf(c->why, sizeof(c->why),
			 "The token for %.60s could not be asked for: %.120s.", c->s->host, why);
	buf_done(&c->answer);
	if (next_ms) {
		c->pause_ms = PAUSE_MS;
	} else if (error != -ECANCELED) {
		next_ms = MAX(c->retry_after_ms, c->pause_ms);
		c->pause_ms = MIN(c->pause_ms * 2, (unsigned)PAUSE_LONGEST_MS);
	}
	if (!c->closing)
		ask(c, next_ms);
	if (!c->x)
		pthread_cond_broadcast(&c->idle);
	pthread_mutex_unlock(&c->lock);
}

static const struct fetch_ops ops = { on_head, on_body, on_done };

/* With the lock. Where this fails, credential_field() tries again. */
static void ask(struct credential *c, uint64_t after_ms)
{
	const struct fetch_request r = {
		.http = { .url = c->url,
			  .body = buf_bytes(&c->form),
			  .fields = { "Content-Type: application/x-www-form-urlencoded",
				      "Accept: application/json" },
			  .time_ms = TIME_MS,
			  .answer_max = ANSWER_LONGEST },
		.after_ms = (unsigned)MIN(after_ms, (uint64_t)UINT32_MAX),
	};

	c->status = 0;
	c->retry_after_ms = 0;
	if (fetch_start(&c->x, c->f, &r, &ops, c) != 0)
		c->x = NULL;
}

/* --- the credential ------------------------------------------------------------------------------------ */

static void put_form(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%s%s=", b->n ? "&" : "", name);
	service_escape(b, value);
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static bool prepare(struct credential *c)
{
	const struct service *s = c->s;
	bool us = ends_in(s->host, ".us");
	const char *authority = s->authority ? s->authority
				: us         ? "https://login.microsoftonline.us"
					     : "https://login.microsoftonline.com";
	size_t n = strlen(authority);

	n -= authority[n - 1] == '/';
	c->url = mem_printf("%.*s/%s/oauth2/v2.0/token", (int)n, authority, s->tenant);
	put_form(&c->form, "grant_type", "client_credentials");
	put_form(&c->form, "client_id", s->client);
	put_form(&c->form, "client_secret", s->secret);
	put_form(&c->form, "scope",
		 s->api == SERVICE_VOICE_LIVE ? "https://ai.azure.com/.default"
		 : us                         ? "https://cognitiveservices.azure.us/.default"
					      : "https://cognitiveservices.azure.com/.default");
	return c->url && !c->form.failed;
}

int credential_new(struct credential **out, struct fetcher *f, const struct service *s)
{
	struct credential *c = mem_zalloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->f = f;
	c->s = s;
	c->pause_ms = PAUSE_MS;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->idle, NULL);
	if (s->tenant && !prepare(c)) {
		credential_free(c);
		return -ENOMEM;
	}
	pthread_mutex_lock(&c->lock);
	if (s->tenant)
		ask(c, 0);
	pthread_mutex_unlock(&c->lock);
	*out = c;
	return 0;
}

void credential_free(struct credential *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->closing = true;
	if (c->x)
		fetch_cancel(c->x);
	while (c->x)
		pthread_cond_wait(&c->idle, &c->lock);
	pthread_mutex_unlock(&c->lock);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->idle);
	buf_done(&c->form);
	buf_done(&c->answer);
	mem_free(c->url);
	mem_free(c->token);
	mem_free(c);
}

static int key_field(const struct service *s, char to[static CREDENTIAL_FIELD])
{
	to[0] = 0;
	if (s->key)
		snprintf(to, CREDENTIAL_FIELD,
			 s->api == SERVICE_OPENAI ? "Authorization: Bearer %s" : "api-key: %s",
			 s->key);
	return 0;
}

int credential_field(struct credential *c, char to[static CREDENTIAL_FIELD],
		     char why[static CREDENTIAL_WHY])
{
	int error = -EAGAIN;

	if (!c->s->tenant)
		return key_field(c->s, to);
	to[0] = why[0] = 0;
	pthread_mutex_lock(&c->lock);
	if (!c->x && !c->closing)
		ask(c, 0);
	if (c->token && now_us() < c->end_us) {
		snprintf(to, CREDENTIAL_FIELD, "Authorization: Bearer %s", c->token);
		error = 0;
	} else if (c->why[0]) {
		snprintf(why, CREDENTIAL_WHY, "%s", c->why);
		error = -EACCES;
	}
	pthread_mutex_unlock(&c->lock);
	return error;
}

void credential_refused(struct credential *c)
{
	uint64_t now = now_us();

	pthread_mutex_lock(&c->lock);
	if (c->s->tenant && c->token && (!c->refused_us || now - c->refused_us > REFUSED_US)) {
		c->refused_us = now;
		c->end_us = 0;
		if (c->x)
			fetch_cancel(c->x); /* and on_done() asks at once */
	}
	pthread_mutex_unlock(&c->lock);
}
