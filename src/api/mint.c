#include "api/mint.h"

#include <assert.h>
#include <errno.h>

/* What is kept for the token: a session object, or {session?, access}. A new reference. */
static json_t *bound_to(const struct mint_order *o)
{
	json_t *session = json_object_size(o->config) ? o->config : NULL;

	if (!o->collection && !o->groups)
		return json_incref(session);
	return json_pack("{s:O*, s:{s:s*, s:s}}", "session", session, "access", "collection", o->collection,
			 "groups", o->groups ? o->groups : "");
}

static int bind(struct secrets *s, const struct mint_order *o, struct claims *c)
{
	AUTO(json) json_t *v = bound_to(o);
	AUTO(buf) struct buf text = { 0 };

	c->bound = o->collection || o->groups;
	if (!v)
		return c->bound ? -ENOMEM : 0;
	json_write(&text, v);
	return text.failed ? -ENOMEM : secrets_keep(s, buf_bytes(&text), c->expires_at, c->config);
}

int token_mint(struct secrets *s, const struct token_key *k, const struct env *env,
	       const struct mint_order *o, struct minted *out)
{
	uint64_t now_s = env_wall(env) / US_PER_S;
	struct claims c = {
		.expires_at = now_s + o->life_s,
		.dialect = o->dialect,
		.kind = o->kind,
		.max_sessions = (uint16_t)o->max_sessions,
		.max_duration_s = o->max_duration_s,
	};
	struct minted m = { .expires_at = c.expires_at };

	assert(o->life_s >= MINT_LIFE_MIN_S && o->life_s <= MINT_LIFE_MAX_S);
	assert(o->max_sessions <= TOKEN_SESSIONS_MAX && o->max_duration_s <= MINT_DURATION_MAX_S);
	env_rand(env, c.id, sizeof(c.id));
	int r = o->origin ? token_origin(bytes_str(o->origin), c.origin) : 0;
	if (r == 0)
		r = bind(s, o, &c);
	if (r == 0)
		r = token_write(k, &c, m.value);
	if (r == 0)
		*out = m;
	return r;
}

bool mint_kind(const json_t *config, enum session_kind *out)
{
	const json_t *type = json_object_get(config, "type");

	if (type && !json_is_string(type))
		return false;
	const char *name = type ? json_string_value(type) : "realtime";
	bool realtime = strcmp(name, "realtime") == 0;
	if (!realtime && strcmp(name, "transcription") != 0)
		return false;
	*out = realtime ? SESSION_REALTIME : SESSION_TRANSCRIPTION;
	return true;
}
