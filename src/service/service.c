#include "service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

enum { LINE_LONGEST = 16384, SECRET_MAX = 8000, TIMEOUT_MS = 20000 };

/* What is said of a service while its line is read. */
struct reading {
	struct service s;
	char *why;
	bool keyed; /* a key or a secret was named */
};

static int refuse(struct reading *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int refuse(struct reading *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->why, SERVICE_WHY, fmt, args);
	va_end(args);
	return -EINVAL;
}

static int no_memory(struct reading *r)
{
	snprintf(r->why, SERVICE_WHY, "out of memory");
	return -ENOMEM;
}

static int keep(struct reading *r, const char **to, struct bytes text)
{
	*to = arena_strndup(&r->s.arena, (const char *)text.p, text.n);
	return *to ? 0 : no_memory(r);
}

/* --- values ------------------------------------------------------------------------------------- */

struct word {
	const char *name;
	int (*take)(struct reading *r, const struct word *w, struct bytes value);
	size_t at; /* of the member in struct service */
	bool secret;
};

static const char **text_at(struct reading *r, const struct word *w)
{
	return (const char **)(void *)((char *)&r->s + w->at);
}

static int take_text(struct reading *r, const struct word *w, struct bytes v)
{
	if (!v.n)
		return refuse(r, "%s has no value", w->name);
	if (*text_at(r, w))
		return refuse(r, "%s is said twice", w->name);
	return keep(r, text_at(r, w), v);
}

/* It becomes part of a header field: nothing may end that. */
static int take_secret(struct reading *r, const struct word *w, struct bytes v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] > '~')
			return refuse(r, "%s has characters that no key has", w->name);
	if (v.n > SECRET_MAX)
		return refuse(r, "%s is too long", w->name);
	r->keyed = true;
	return take_text(r, w, v);
}

static int take_env(struct reading *r, const struct word *w, struct bytes v)
{
	char name[128];
	const char *value = NULL;

	if (v.n && v.n < sizeof(name)) {
		memcpy(name, v.p, v.n);
		name[v.n] = 0;
		value = getenv(name);
	}
	if (!value || !*value)
		return refuse(r, "%s names a variable that is not set", w->name);
	return take_secret(r, w, bytes_str(value));
}

/* The first line of a regular file. */
static int take_file(struct reading *r, const struct word *w, struct bytes v)
{
	char path[4096], text[SECRET_MAX + 2];
	struct stat st;
	ssize_t n = -1;

	if (!v.n || v.n >= sizeof(path))
		return refuse(r, "%s names no file", w->name);
	memcpy(path, v.p, v.n);
	path[v.n] = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return refuse(r, "%s names a file that cannot be read or is empty", w->name);
	text[n] = 0;
	return take_secret(r, w, bytes_of(text, strcspn(text, "\r\n")));
}

static int take_number(struct reading *r, const struct word *w, struct bytes v, double max,
		       double *to)
{
	char text[32], *end = text;

	if (v.n && v.n < sizeof(text)) {
		memcpy(text, v.p, v.n);
		text[v.n] = 0;
		*to = strtod(text, &end);
	}
	if (end == text || *end || !isfinite(*to) || *to < 0 || *to > max)
		return refuse(r, "%s is no number from 0 to %.0f", w->name, max);
	return 0;
}

static int take_price(struct reading *r, const struct word *w, struct bytes v)
{
	return take_number(r, w, v, 1e6, (double *)(void *)((char *)&r->s + w->at));
}

static int take_timeout(struct reading *r, const struct word *w, struct bytes v)
{
	double s = 0;
	int error = take_number(r, w, v, 3600, &s);

	if (error == 0 && s < 0.01)
		return refuse(r, "%s is too short", w->name);
	if (error == 0)
		r->s.timeout_ms = (unsigned)(s * 1000);
	return error;
}

static const char *const api_names[] = {
	[SERVICE_OPENAI] = "openai",
	[SERVICE_AZURE] = "azure",
	[SERVICE_AZURE_PREVIEW] = "azure-preview",
	[SERVICE_VOICE_LIVE] = "voice-live",
};

static int take_api(struct reading *r, const struct word *w, struct bytes v)
{
	(void)w;
	for (size_t i = 0; i < ARRAY_LEN(api_names); i++)
		if (bytes_is(v, api_names[i])) {
			r->s.api = (enum service_api)i;
			return 0;
		}
	return refuse(r, "api is none of openai, azure, azure-preview, voice-live");
}

#define MEMBER(m) offsetof(struct service, m)
static const struct word words[] = {
	{ "model", take_text, MEMBER(model), false },
	{ "key", take_secret, MEMBER(key), true },
	{ "key-env", take_env, MEMBER(key), false },
	{ "key-file", take_file, MEMBER(key), false },
	{ "api", take_api, MEMBER(api), false },
	{ "version", take_text, MEMBER(version), false },
	{ "voice", take_text, MEMBER(voice), false },
	{ "tenant", take_text, MEMBER(tenant), false },
	{ "client", take_text, MEMBER(client), false },
	{ "secret", take_secret, MEMBER(secret), true },
	{ "secret-env", take_env, MEMBER(secret), false },
	{ "secret-file", take_file, MEMBER(secret), false },
	{ "authority", take_text, MEMBER(authority), false },
	{ "timeout", take_timeout, MEMBER(timeout_ms), false },
	{ "price-text-in", take_price, MEMBER(price.text_in), false },
	{ "price-text-out", take_price, MEMBER(price.text_out), false },
	{ "price-audio-in", take_price, MEMBER(price.audio_in), false },
	{ "price-audio-out", take_price, MEMBER(price.audio_out), false },
	{ "price-cached-in", take_price, MEMBER(price.cached_in), false },
	{ "price-minute", take_price, MEMBER(price.minute), false },
	{ "price-characters", take_price, MEMBER(price.characters), false },
};

/* --- the URL --------------------------------------------------------------------------------------- */

struct url {
	struct bytes scheme, host, port, path, query; /* port with its colon */
};

static bool only(struct bytes b, const char *others)
{
	for (size_t i = 0; i < b.n; i++) {
		uint8_t c = b.p[i], low = c | 0x20;

		if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') &&
		    (!c || !strchr(others, c)))
			return false;
	}
	return true;
}

static struct bytes cut_at(struct bytes *rest, const char *marks)
{
	struct bytes head = { rest->p, 0 };

	while (head.n < rest->n && !strchr(marks, rest->p[head.n]))
		head.n++;
	*rest = bytes_sub(*rest, head.n, rest->n - head.n);
	return head;
}

/* Stricter than a URL may be, so that nobody behind us can read another host in it. */
static bool url_split(struct bytes text, struct url *u)
{
	static const char *const schemes[] = { "https", "http", "wss", "ws" };
	bool known = false;

	u->scheme = cut_at(&text, ":");
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		known |= bytes_is(u->scheme, schemes[i]);
	if (!known || !bytes_starts(text, "://"))
		return false;
	text = bytes_sub(text, 3, text.n - 3);
	if (text.n && text.p[0] == '[') {
		u->host = cut_at(&text, "]");
		if (!text.n || !only(bytes_sub(u->host, 1, u->host.n - 1), ":.") || u->host.n < 3)
			return false;
		u->host.n++;
		text = bytes_sub(text, 1, text.n - 1);
	} else {
		u->host = cut_at(&text, ":/?");
		if (!u->host.n || !only(u->host, ".-_"))
			return false;
	}
	u->port = cut_at(&text, "/?");
	u->path = cut_at(&text, "?");
	u->query = text;
	for (size_t i = 1; i < u->port.n; i++)
		if (u->port.p[i] < '0' || u->port.p[i] > '9')
			return false;
	return (!u->port.n || (u->port.p[0] == ':' && u->port.n > 1 && u->port.n < 7)) &&
	       only(u->path, "/._~-%+,:") && only(u->query, "?=&._~-%");
}

static bool host_is(struct bytes host, const char *name)
{
	size_t n = strlen(name);

	/* ".x" is whatever ends in it. */
	if (name[0] == '.' ? host.n <= n : host.n != n)
		return false;
	return strncasecmp((const char *)host.p + host.n - n, name, n) == 0;
}

static bool host_is_any(struct bytes host, const char *const *names)
{
	for (; *names; names++)
		if (host_is(host, *names))
			return true;
	return false;
}

static const char *const loopbacks[] = { "127.0.0.1", "localhost", "[::1]", NULL };
static const char *const openai_hosts[] = { "api.openai.com", ".api.openai.com", NULL };
static const char *const azure_hosts[] = {
	".openai.azure.com",
	".cognitiveservices.azure.com",
	".services.ai.azure.com",
	".openai.azure.us",
	".cognitiveservices.azure.us",
	".services.ai.azure.us",
	NULL,
};

/* A member of the query that is ours becomes what it says; another is refused, as it may be a key. */
static int take_query(struct reading *r, struct bytes q)
{
	static const struct {
		const char *name;
		size_t at;
	} known[] = { { "api-version=", MEMBER(version) },
		      { "deployment=", MEMBER(model) },
		      { "model=", MEMBER(model) } };

	while (q.n) {
		q = bytes_sub(q, 1, q.n - 1);
		struct bytes one = cut_at(&q, "&");
		int error = one.n ? -EINVAL : 0;

		for (size_t i = 0; i < ARRAY_LEN(known) && error; i++) {
			const struct word w = { known[i].name, NULL, known[i].at, false };
			size_t n = strlen(w.name);

			if (!bytes_starts(one, w.name))
				continue;
			*text_at(r, &w) = NULL;
			if (keep(r, text_at(r, &w), bytes_sub(one, n, one.n - n)) != 0)
				return -ENOMEM;
			error = 0;
		}
		if (error)
			return refuse(
				r,
				"the URL's query may only hold api-version, deployment or model");
	}
	return 0;
}

static struct bytes find(struct bytes in, const char *what)
{
	const uint8_t *p = in.n ? memmem(in.p, in.n, what, strlen(what)) : NULL;

	return p ? bytes_of(p, in.n - (size_t)(p - in.p)) : (struct bytes){ NULL, 0 };
}

static bool drop_end(struct bytes *b, const char *end)
{
	size_t n = strlen(end);

	if (b->n < n || memcmp(b->p + b->n - n, end, n) != 0)
		return false;
	b->n -= n;
	return true;
}

/* What a portal shows is often the URL of one function of a deployment: the service is before that. */
static int trim_path(struct reading *r, struct bytes *path)
{
	static const char *const ends[] = { "/chat/completions", "/audio/transcriptions",
					    "/audio/speech" };
	static const char deployments[] = "/openai/deployments/";
	struct bytes d = find(*path, deployments);

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		(void)drop_end(path, ends[i]);
	if (r->s.api == SERVICE_AZURE && d.n) {
		path->n = (size_t)(d.p - path->p);
		d = bytes_sub(d, sizeof(deployments) - 1, d.n - (sizeof(deployments) - 1));
		struct bytes name = cut_at(&d, "/");
		if (!r->s.model && name.n)
			return keep(r, &r->s.model, name);
	} else if (r->s.api == SERVICE_AZURE) {
		(void)(drop_end(path, "/openai/v1") || drop_end(path, "/openai"));
	}
	return 0;
}

/* Which interface speaks at this address? */
static enum service_api api_of(const struct url *u)
{
	bool azure = host_is_any(u->host, azure_hosts);

	if (azure && find(u->path, "/voice-live").p)
		return SERVICE_VOICE_LIVE;
	if (azure && find(u->path, "/openai/realtime").p)
		return SERVICE_AZURE_PREVIEW;
	return azure ? SERVICE_AZURE : SERVICE_OPENAI;
}

static int take_url(struct reading *r, const struct url *u)
{
	struct service *s = &r->s;
	struct bytes path = u->path;
	bool http = bytes_starts(u->scheme, "http");

	while (drop_end(&path, "/"))
		;
	int error = http ? trim_path(r, &path) : 0;
	if (error)
		return error;
	while (drop_end(&path, "/"))
		;
	if (!path.n && host_is_any(u->host, openai_hosts))
		path = bytes_str("/v1");
	s->url = arena_printf(&s->arena, "%.*s://%.*s%.*s%.*s", (int)u->scheme.n, u->scheme.p,
			      (int)u->host.n, u->host.p, (int)u->port.n,
			      u->port.n ? (const char *)u->port.p : "", (int)path.n,
			      path.n ? (const char *)path.p : "");
	s->host = arena_printf(&s->arena, "%.*s%.*s", (int)u->host.n, u->host.p, (int)u->port.n,
			       u->port.n ? (const char *)u->port.p : "");
	return s->url && s->host ? 0 : no_memory(r);
}

/* --- the line ------------------------------------------------------------------------------------------ */

static int take_word(struct reading *r, unsigned nth, struct bytes name, struct bytes value)
{
	bool plain = name.n < 24;

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (bytes_is(name, words[i].name))
			return words[i].take(r, &words[i], value);
	/* It might be a key whose name was forgotten. */
	for (size_t i = 0; i < name.n; i++)
		plain &= (name.p[i] >= 'a' && name.p[i] <= 'z') || name.p[i] == '-';
	if (!plain)
		return refuse(r, "word %u is not name=value with a name that is known", nth);
	return refuse(r, "nothing is called %.*s", (int)name.n, name.p);
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* name=value or name="value with spaces"; false: none is left. */
static bool next_word(struct bytes *rest, struct bytes *name, struct bytes *value)
{
	while (rest->n && is_space(rest->p[0]))
		*rest = bytes_sub(*rest, 1, rest->n - 1);
	if (!rest->n)
		return false;
	*name = cut_at(rest, "= \t\r\n");
	*value = bytes_sub(*rest, 0, 0);
	if (!rest->n || rest->p[0] != '=')
		return true;
	*rest = bytes_sub(*rest, 1, rest->n - 1);
	if (rest->n && rest->p[0] == '"') {
		*rest = bytes_sub(*rest, 1, rest->n - 1);
		*value = cut_at(rest, "\"");
		if (rest->n)
			*rest = bytes_sub(*rest, 1, rest->n - 1);
	} else {
		*value = cut_at(rest, " \t\r\n");
	}
	return true;
}

/* A key of the environment goes to the service it was made for, and never in the clear. */
static int take_usual_key(struct reading *r, const struct url *u)
{
	static const struct {
		const char *const *hosts;
		const char *variable;
	} table[] = { { openai_hosts, "OPENAI_API_KEY" }, { azure_hosts, "AZURE_OPENAI_API_KEY" } };
	static const struct word w = { "the environment's key", NULL, MEMBER(key), true };

	if (r->keyed || (!bytes_is(u->scheme, "https") && !bytes_is(u->scheme, "wss")))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *value = getenv(table[i].variable);

		if (value && *value && host_is_any(u->host, table[i].hosts))
			return take_secret(r, &w, bytes_str(value));
	}
	return 0;
}

static int check(struct reading *r)
{
	struct service *s = &r->s;
	unsigned n = (s->tenant != NULL) + (s->client != NULL) + (s->secret != NULL);
	struct url u = { 0 };

	if (n && (n < 3 || s->key))
		return refuse(r, "a token of Entra ID needs tenant, client and secret, and no key");
	if (s->authority && !n)
		return refuse(r, "authority is of use with tenant, client and secret only");
	if (s->tenant && !only(bytes_str(s->tenant), ".-"))
		return refuse(r, "tenant is neither a domain nor a number");
	if (!s->authority)
		return 0;
	if (!url_split(bytes_str(s->authority), &u) || u.query.n ||
	    !bytes_starts(u.scheme, "http") ||
	    (bytes_is(u.scheme, "http") && !host_is_any(u.host, loopbacks)))
		return refuse(r, "authority is no https URL");
	return 0;
}

static int read_line(struct reading *r, struct bytes rest)
{
	struct url u = { 0 };
	struct bytes name, value;

	while (rest.n && is_space(rest.p[0]))
		rest = bytes_sub(rest, 1, rest.n - 1);
	if (!url_split(cut_at(&rest, " \t\r\n"), &u))
		return refuse(
			r,
			"a service begins with a URL: https, http, wss or ws, without a user or key");
	r->s.api = api_of(&u);
	r->s.timeout_ms = TIMEOUT_MS;
	int error = 0;
	for (unsigned nth = 2; error == 0 && next_word(&rest, &name, &value); nth++)
		error = take_word(r, nth, name, value);
	const char *model = r->s.model, *version = r->s.version;
	if (error == 0)
		error = take_query(r, u.query);
	/* What the line says in a word of its own counts. */
	r->s.model = model ? model : r->s.model;
	r->s.version = version ? version : r->s.version;
	if (error == 0)
		error = take_url(r, &u);
	if (error == 0 && !r->s.tenant)
		error = take_usual_key(r, &u);
	return error ? error : check(r);
}

int service_parse(struct service *to, const char *line, char why[static SERVICE_WHY])
{
	struct reading r = { .why = why };
	int error = strlen(line) > LINE_LONGEST ? refuse(&r, "the line is too long")
						: read_line(&r, bytes_str(line));

	if (error)
		arena_done(&r.s.arena);
	else
		*to = r.s;
	return error;
}

void service_done(struct service *s)
{
	arena_done(&s->arena);
	*s = (struct service){ 0 };
}

static void show_word(struct buf *to, const char *name, const char *value)
{
	if (value)
		buf_printf(to, strchr(value, ' ') ? " %s=\"%s\"" : " %s=%s", name, value);
}

void service_show(const struct service *s, struct buf *to)
{
	static const char hidden[] = "\xe2\x80\xa6";
	char number[32];

	buf_puts(to, s->url);
	show_word(to, "api", api_names[s->api]);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const struct word *w = &words[i];
		const void *at = (const char *)s + w->at;

		if (w->take == take_text)
			show_word(to, w->name, *(const char *const *)at);
		else if (w->secret)
			show_word(to, w->name, *(const char *const *)at ? hidden : NULL);
		else if (w->take == take_price && *(const double *)at > 0) {
			snprintf(number, sizeof(number), "%g", *(const double *)at);
			show_word(to, w->name, number);
		}
	}
	if (s->timeout_ms != TIMEOUT_MS)
		buf_printf(to, " timeout=%g", s->timeout_ms / 1000.0);
}

void service_escape(struct buf *to, const char *text)
{
	for (; *text; text++) {
		const uint8_t c = (uint8_t)*text;

		if (only(bytes_of(&c, 1), "-._~"))
			buf_putc(to, *text);
		else
			buf_printf(to, "%%%02X", c);
	}
}
