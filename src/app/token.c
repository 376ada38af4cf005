/* token.c - a client secret on the command line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/mint.h"
#include "app/command.h"
#include "app/file.h"
#include "base/env.h"

enum { SESSION_FILE_MAX = 1 << 19 }; /* as much as the route takes */

/* --- what is wanted -------------------------------------------------------------------------- */

static int outside(const char *option, unsigned min, unsigned max)
{
	fprintf(stderr, "voiced: --%s wants a number from %u to %u\n", option, min, max);
	return -EINVAL;
}

static int check_numbers(const struct config *c)
{
	const struct {
		const char *option;
		unsigned value, min, max;
	} rows[] = {
		{ "expires", c->expires_s, MINT_LIFE_MIN_S, MINT_LIFE_MAX_S },
		{ "max-sessions", c->token_sessions, 0, TOKEN_SESSIONS_MAX },
		{ "max-duration", c->max_duration_s, 0, MINT_DURATION_MAX_S },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].value < rows[i].min || rows[i].value > rows[i].max)
			return outside(rows[i].option, rows[i].min, rows[i].max);
	return 0;
}

/* *out stays NULL where there is no --session. */
static int read_session(const struct config *c, json_t **out)
{
	AUTO(buf) struct buf text = { 0 };
	char why[FILE_WHY], not_json[160] = "it is not an object";

	if (!c->session)
		return 0;
	if (file_read(c->session, SESSION_FILE_MAX, &text, why) != 0) {
		fprintf(stderr, "voiced: %s\n", why);
		return -EINVAL;
	}
	*out = json_parse(buf_bytes(&text), not_json);
	if (json_is_object(*out))
		return 0;
	fprintf(stderr, "voiced: %s is no session object: %s\n", c->session, not_json);
	return -EINVAL;
}

/* The session as its client will find it; wrong ones are refused here and not later. */
static int preview(const struct mint_order *o, const char *file, json_t **out)
{
	static const struct engines none;
	struct session_params p = { .env = &env_system, .engines = &none, .dialect = o->dialect,
				    .kind = o->kind, .config = o->config,
				    .model = json_str(o->config, "model", NULL) };
	struct api_error e = { 0 };
	int r = session_config_preview(&p, out, &e);

	if (r != 0)
		fprintf(stderr, "voiced: %s: %s\n", file ? file : "the session",
			r == -EINVAL ? e.message : strerror(-r));
	return r;
}

/* --- making it ------------------------------------------------------------------------------- */

static int mint(const struct config *c, const struct mint_order *o, struct minted *m)
{
	AUTO(secrets) struct secrets *s = NULL;
	struct token_key key;
	char why[STORE_WHY] = "not enough memory";
	int r = file_mkdir(c->data, why);

	if (r == 0)
		r = store_init();
	if (r == 0)
		r = secrets_key(c->data, bytes_str(c->key), &env_system, &key, why);
	if (r == 0)
		r = secrets_new(&s, c->data);
	if (r == 0) {
		secrets_tend(s, env_wall(&env_system) / US_PER_S);
		r = token_mint(s, &key, &env_system, o, m);
		if (r == -EINVAL)
			snprintf(why, sizeof(why), "--origin wants scheme and host, such as https://app.example");
		else if (r != 0 && *secrets_why(s))
			snprintf(why, sizeof(why), "%s", secrets_why(s));
	}
	if (r != 0)
		fprintf(stderr, "voiced: %s\n", why);
	return r;
}

static int print_json(const struct minted *m, json_t *session)
{
	AUTO(buf) struct buf out = { 0 };
	AUTO(json) json_t *o = json_pack("{s:s, s:I, s:O}", "value", m->value, "expires_at",
					 (json_int_t)m->expires_at, "session", session);

	json_write(&out, o);
	if (out.failed)
		return 1;
	puts((const char *)out.p);
	return 0;
}

/* For people; standard output is the token alone. */
static void print_hint(const struct config *c, const struct minted *m)
{
	time_t until = (time_t)m->expires_at;
	struct tm tm;
	char when[16] = "", sessions[24] = "any number of sessions";

	if (localtime_r(&until, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	if (c->token_sessions)
		snprintf(sessions, sizeof(sessions), "%u session%s", c->token_sessions,
			 c->token_sessions == 1 ? "" : "s");
	fprintf(stderr, "Good for %s, to be opened until %s, wherever a client wants a key, with servers\n", sessions, when);
	bool bound = c->session || c->token_collection || c->groups.n;
	if (c->key)
		fprintf(stderr, "that have this key%s%s.\n", bound ? " and the data directory " : "", bound ? c->data : "");
	else
		fprintf(stderr, "without a key on %s. For one with a key give the same --key here.\n", c->data);
}

int command_token(struct config *c)
{
	AUTO(json) json_t *config = NULL, *session = NULL;
	char groups[LABELS_SIZE];
	struct minted m;

	if (check_numbers(c) != 0 || config_set_of(&c->groups, "group", groups) != 0)
		return 2;
	if (read_session(c, &config) != 0)
		return 1;
	struct mint_order o = { .config = config, .dialect = DIALECT_GA, .life_s = c->expires_s,
				.max_sessions = c->token_sessions, .max_duration_s = c->max_duration_s,
				.origin = c->origin, .collection = c->token_collection,
				.groups = c->groups.n ? groups : NULL };
	if (!mint_kind(config, &o.kind)) {
		fprintf(stderr, "voiced: %s: \"type\" is neither realtime nor transcription\n", c->session);
		return 1;
	}
	if (preview(&o, c->session, &session) != 0 || mint(c, &o, &m) != 0)
		return 1;
	if (c->json)
		return print_json(&m, session);
	puts(m.value);
	if (isatty(STDERR_FILENO))
		print_hint(c, &m);
	return 0;
}
