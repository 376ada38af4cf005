#include "api/mint.h"

#include <assert.h>
#include <errno.h>

static int bind(struct secrets *s, json_t *config, struct claims *c)
{
	AUTO(buf) struct buf text = { 0 };

	if (!config || json_object_size(config) == 0)
		return 0;
	json_write(&text, config);
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
		r = bind(s, o->config, &c);
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
