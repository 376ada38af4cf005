#include "rtc/ice.h"

#include <assert.h>
#include <errno.h>

#include "base/alloc.h"

struct credential {
	char ufrag[ICE_UFRAG_LEN + 1];
	char pwd[ICE_PWD_LEN + 1];
};

struct path {
	struct addr addr;
	uint64_t checked_us; /* last authenticated check */
	uint32_t priority;   /* as the peer's check gave it; for people to read */
	bool nominated;
};

enum { NONE = -1, CURRENT = 0, PREVIOUS = 1 };

struct ice {
	const struct env *env;
	struct credential creds[2]; /* CURRENT, PREVIOUS (empty ufrag: none) */
	unsigned restarts;
	struct path paths[ICE_PATHS_MAX];
	size_t n_paths;
	int selected;        /* index into paths, or NONE */
	uint64_t checked_us; /* last authenticated check from anywhere; before: creation */
	uint64_t n_checks;
	enum ice_state state;
};

static const uint64_t consent_us = (uint64_t)ICE_CONSENT_S * US_PER_S;
static const uint64_t grace_us = (uint64_t)ICE_GRACE_S * US_PER_S;

static const struct {
	const char *name;
	unsigned next;
} states[] = {
	[ICE_WAITING] = { "waiting", BIT(ICE_READY) | BIT(ICE_LOST) },
	[ICE_READY] = { "ready", BIT(ICE_STALE) | BIT(ICE_LOST) },
	[ICE_STALE] = { "stale", BIT(ICE_READY) | BIT(ICE_LOST) },
	[ICE_LOST] = { "lost", 0 },
};

static void set_state(struct ice *ice, enum ice_state to)
{
	if (ice->state != to && states[ice->state].next & BIT(to))
		ice->state = to;
}

/* "ice-char = ALPHA / DIGIT / "+" / "/"" (RFC 8839, 5.4): digits and letters will do. */
static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

/* The loop's number, seven random characters (41 bits; 24 are asked for by RFC 8445,
 * 5.3), and one that changes with each restart. */
static void make_credential(struct ice *ice, struct credential *c, unsigned loop_index)
{
	c->ufrag[0] = digits[loop_index / 36];
	c->ufrag[1] = digits[loop_index % 36];
	env_id(ice->env, "", c->ufrag + 2, ICE_UFRAG_LEN - 3);
	c->ufrag[ICE_KEY_LEN] = digits[0];
	c->ufrag[ICE_UFRAG_LEN] = 0;
	env_id(ice->env, "", c->pwd, ICE_PWD_LEN);
}

int ice_new(struct ice **out, const struct env *env, unsigned loop_index)
{
	struct ice *ice = mem_zalloc(sizeof(*ice));

	if (!ice)
		return -ENOMEM;
	assert(loop_index < ICE_LOOPS_MAX);
	ice->env = env;
	ice->selected = NONE;
	ice->checked_us = env_now(env);
	make_credential(ice, &ice->creds[CURRENT], loop_index);
	*out = ice;
	return 0;
}

void ice_free(struct ice *ice)
{
	mem_free(ice);
}

struct bytes ice_ufrag(const struct ice *ice)
{
	return bytes_of(ice->creds[CURRENT].ufrag, ICE_UFRAG_LEN);
}

struct bytes ice_pwd(const struct ice *ice)
{
	return bytes_of(ice->creds[CURRENT].pwd, ICE_PWD_LEN);
}

void ice_restart(struct ice *ice)
{
	struct credential *c = &ice->creds[CURRENT];

	ice->creds[PREVIOUS] = *c;
	ice->restarts++;
	c->ufrag[ICE_KEY_LEN] = digits[ice->restarts % 36];
	env_id(ice->env, "", c->pwd, ICE_PWD_LEN);
}

static int find_path(const struct ice *ice, const struct addr *a)
{
	for (size_t i = 0; i < ice->n_paths; i++)
		if (addr_eq(&ice->paths[i].addr, a))
			return (int)i;
	return NONE;
}

/* The table is full of what the authenticated peer itself has shown us: the path longest
 * not checked makes room, never the one in use. */
static int add_path(struct ice *ice, const struct addr *a)
{
	int i = NONE;

	if (ice->n_paths < ICE_PATHS_MAX) {
		i = (int)ice->n_paths++;
	} else {
		for (int k = 0; k < ICE_PATHS_MAX; k++)
			if (k != ice->selected &&
			    (i == NONE || ice->paths[k].checked_us < ice->paths[i].checked_us))
				i = k;
	}
	ice->paths[i] = (struct path){ .addr = *a };
	return i;
}

static void on_check(struct ice *ice, const struct stun_msg *m, const struct addr *from,
		     int credential, uint64_t now_us)
{
	int i = find_path(ice, from);

	if (i == NONE)
		i = add_path(ice, from);
	ice->paths[i].checked_us = ice->checked_us = now_us;
	ice->paths[i].priority = m->priority;
	ice->n_checks++;

	if (m->use_candidate) {
		ice->paths[i].nominated = true;
		ice->selected = i;
		/* A check that names the old user was on its way when the restart was agreed. */
		if (credential == CURRENT)
			ice->creds[PREVIOUS] = (struct credential){ 0 };
	} else if (ice->selected == NONE || ice->state == ICE_STALE) {
		ice->selected = i;
	}
	set_state(ice, ICE_READY);
}

/* Returns whose credential the request bears, or NONE. */
static int authenticate(const struct ice *ice, const struct stun_msg *m)
{
	for (int k = CURRENT; k <= PREVIOUS; k++) {
		struct bytes ufrag = bytes_str(ice->creds[k].ufrag);

		if (stun_verify(m, ufrag, bytes_str(ice->creds[k].pwd)) == STUN_OK)
			return k;
	}
	return NONE;
}

enum ice_verdict ice_input(struct ice *ice, struct bytes datagram, const struct addr *from,
			   uint64_t now_us, struct ice_reply *reply)
{
	struct stun_msg m = { 0 };
	struct ice_reply r = { 0 };
	int selected = ice->selected;

	switch (stun_parse(datagram, &m)) {
	case STUN_OK:
	case STUN_UNKNOWN_ATTR:
		break;
	case STUN_NOT_STUN:
		return ICE_NOT_STUN;
	case STUN_MALFORMED:
	case STUN_BAD_REQUEST:
	case STUN_UNAUTHORIZED:
		return ICE_MALFORMED;
	}
	if (m.type != STUN_BINDING_REQUEST)
		return ICE_NOT_REQUEST;

	int k = ice->state == ICE_LOST ? NONE : authenticate(ice, &m);
	if (k == NONE)
		return ICE_UNAUTHORIZED;

	struct bytes pwd = bytes_str(ice->creds[k].pwd);
	if (m.n_unknown) {
		r.n = stun_write_unknown(&m, pwd, r.p);
	} else {
		r.n = stun_write_success(&m, from, pwd, r.p);
		if (r.n)
			on_check(ice, &m, from, k, now_us);
	}
	if (!r.n)
		return ICE_NO_MEMORY;
	r.selected = ice->selected != selected;
	*reply = r;
	return ICE_ANSWER;
}

bool ice_is_valid(const struct ice *ice, const struct addr *from, uint64_t now_us)
{
	/* Nearly every packet comes on the path in use. */
	int i = ice->selected;

	if (i == NONE || !addr_eq(&ice->paths[i].addr, from))
		i = find_path(ice, from);
	return i != NONE && now_us < ice->paths[i].checked_us + consent_us;
}

const struct addr *ice_selected(const struct ice *ice)
{
	return ice->state == ICE_READY ? &ice->paths[ice->selected].addr : NULL;
}

enum ice_state ice_state(const struct ice *ice)
{
	return ice->state;
}

/* The path in use has had no check for long, but another has: go there. */
static void leave_dead_path(struct ice *ice)
{
	for (size_t i = 0; i < ice->n_paths; i++)
		if (ice->paths[i].checked_us > ice->paths[ice->selected].checked_us)
			ice->selected = (int)i;
}

enum ice_state ice_on_time(struct ice *ice, uint64_t now_us)
{
	uint64_t end = ice->checked_us + consent_us;

	if (ice->state == ICE_WAITING && now_us >= end)
		set_state(ice, ICE_LOST);
	if (ice->state == ICE_READY && now_us >= end)
		set_state(ice, ICE_STALE);
	if (ice->state == ICE_STALE && now_us >= end + grace_us)
		set_state(ice, ICE_LOST);
	if (ice->state == ICE_READY && now_us >= ice->paths[ice->selected].checked_us + consent_us)
		leave_dead_path(ice);
	return ice->state;
}

uint64_t ice_next_us(const struct ice *ice)
{
	switch (ice->state) {
	case ICE_WAITING:
		return ice->checked_us + consent_us;
	case ICE_READY:
		return ice->paths[ice->selected].checked_us + consent_us;
	case ICE_STALE:
		return ice->checked_us + consent_us + grace_us;
	case ICE_LOST:
		break;
	}
	return UINT64_MAX;
}

void ice_dump(const struct ice *ice, struct buf *to)
{
	char text[ADDR_TEXT];

	buf_printf(to, "ice state=%s ufrag=%s restarts=%u checks=%llu\n", states[ice->state].name,
		   ice->creds[CURRENT].ufrag, ice->restarts, (unsigned long long)ice->n_checks);
	for (size_t i = 0; i < ice->n_paths; i++) {
		const struct path *p = &ice->paths[i];

		buf_printf(to, "  path %s priority=%u checked_us=%llu%s%s\n",
			   addr_format(&p->addr, text), p->priority,
			   (unsigned long long)p->checked_us, p->nominated ? " nominated" : "",
			   (int)i == ice->selected ? " selected" : "");
	}
}

static int digit(uint8_t c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

int ice_ufrag_loop(struct bytes username)
{
	if (username.n < 2)
		return -1;
	int high = digit(username.p[0]), low = digit(username.p[1]);
	return high < 0 || low < 0 ? -1 : high * 36 + low;
}

struct bytes ice_key(struct bytes ufrag)
{
	if (ufrag.n != ICE_UFRAG_LEN || ice_ufrag_loop(ufrag) < 0)
		return (struct bytes){ 0 };
	return bytes_sub(ufrag, 0, ICE_KEY_LEN);
}
