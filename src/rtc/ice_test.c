#include "rtc/ice.h"

#include "base/crypto.h"
#include "base/test.h"

/* What a full agent sends: a Binding request with both credentials. */
struct check {
	const char *ufrag, *pwd;
	bool nominate, unknown_attr;
};

static struct bytes write_check(const struct check *c, uint8_t to[static 256])
{
	uint8_t *p = to;
	char user[64];
	int n = snprintf(user, sizeof(user), "%s:them", c->ufrag);

	memcpy(p, "\x00\x01\x00\x00\x21\x12\xa4\x42transactions", 20);
	p += 20;
	put_be16(p, 0x0006);
	put_be16(p + 2, (uint16_t)n);
	memset(p + 4, 0, 64);
	memcpy(p + 4, user, (size_t)n);
	p += 4 + (((size_t)n + 3) & ~3u);
	if (c->nominate) {
		memcpy(p, "\x00\x25\x00\x00", 4);
		p += 4;
	}
	if (c->unknown_attr) {
		memcpy(p, "\x7f\x01\x00\x00", 4);
		p += 4;
	}
	put_be16(to + 2, (uint16_t)(p - to - 20 + 24));

	struct bytes before = { to, (size_t)(p - to) };
	put_be16(p, 0x0008);
	put_be16(p + 2, 20);
	if (hmac_sha1(bytes_str(c->pwd), &before, 1, p + 4) != 0)
		return (struct bytes){ 0 };
	return bytes_of(to, before.n + 24);
}

struct creds {
	char ufrag[32], pwd[32];
};

static struct creds creds_of(const struct ice *ice)
{
	struct creds c = { 0 };

	memcpy(c.ufrag, ice_ufrag(ice).p, ice_ufrag(ice).n);
	memcpy(c.pwd, ice_pwd(ice).p, ice_pwd(ice).n);
	return c;
}

enum kind { PLAIN, NOMINATE };

static enum ice_verdict check_from(struct ice *ice, const struct creds *c, const char *from,
				   enum kind kind, uint64_t now_us, struct ice_reply *r)
{
	uint8_t d[256];
	struct addr a;
	struct check k = { .ufrag = c->ufrag, .pwd = c->pwd, .nominate = kind == NOMINATE };

	if (!addr_parse(bytes_str(from), &a))
		return ICE_MALFORMED;
	return ice_input(ice, write_check(&k, d), &a, now_us, r);
}

static bool selected_is(const struct ice *ice, const char *want)
{
	struct addr a;

	return addr_parse(bytes_str(want), &a) && ice_selected(ice) &&
	       addr_eq(ice_selected(ice), &a);
}

static const char A[] = "192.0.2.1:1000", B[] = "192.0.2.2:2000", C[] = "[2001:db8::1]:3000";

static void credentials_carry_the_loop(void)
{
	static const unsigned loops[] = { 0, 7, 35, 36, ICE_LOOPS_MAX - 1 };
	struct env_fake f;

	env_fake_init(&f, 1);
	for (size_t i = 0; i < ARRAY_LEN(loops); i++) {
		AUTO(ice) struct ice *ice = NULL;

		CHECK(ice_new(&ice, &f.env, loops[i]) == 0);
		CHECK_EQ(ice_ufrag(ice).n, ICE_UFRAG_LEN);
		CHECK_EQ(ice_pwd(ice).n, ICE_PWD_LEN);
		CHECK_EQ(ice_ufrag_loop(ice_ufrag(ice)), loops[i]);
		CHECK_EQ(ice_key(ice_ufrag(ice)).n, ICE_KEY_LEN);
	}
	CHECK_EQ(ice_ufrag_loop(bytes_str("-1")), -1);
	CHECK_EQ(ice_ufrag_loop(bytes_str("a")), -1);
	CHECK_EQ(ice_ufrag_loop((struct bytes){ 0 }), -1);
	CHECK(!ice_key(bytes_str("evtj")).p);
}

static void answers_and_selects(void)
{
	AUTO(ice) struct ice *ice = NULL;
	struct env_fake f;
	struct ice_reply r;
	struct addr a;

	env_fake_init(&f, 1);
	CHECK(ice_new(&ice, &f.env, 3) == 0);
	struct creds c = creds_of(ice);

	CHECK(!ice_selected(ice) && ice_state(ice) == ICE_WAITING);
	CHECK_EQ(check_from(ice, &c, A, PLAIN, f.now_us, &r), ICE_ANSWER);
	CHECK(r.selected && r.n > 0 && selected_is(ice, A)); /* before nomination: the first */
	CHECK_EQ(check_from(ice, &c, B, PLAIN, f.now_us, &r), ICE_ANSWER);
	CHECK(!r.selected && selected_is(ice, A));
	CHECK_EQ(check_from(ice, &c, B, NOMINATE, f.now_us, &r), ICE_ANSWER);
	CHECK(r.selected && selected_is(ice, B));
	CHECK_EQ(check_from(ice, &c, C, PLAIN, f.now_us, &r), ICE_ANSWER);
	CHECK(selected_is(ice, B));
	CHECK_EQ(check_from(ice, &c, C, NOMINATE, f.now_us, &r), ICE_ANSWER);
	CHECK(selected_is(ice, C)); /* the latest nomination wins */

	CHECK(addr_parse(bytes_str(A), &a) && ice_is_valid(ice, &a, f.now_us));
	CHECK(addr_parse(bytes_str("192.0.2.3:1000"), &a) && !ice_is_valid(ice, &a, f.now_us));
}

static void strangers_get_silence(void)
{
	AUTO(ice) struct ice *ice = NULL;
	struct env_fake f;
	struct ice_reply r = { .n = 77 };
	struct addr a;
	uint8_t d[256];

	env_fake_init(&f, 1);
	CHECK(ice_new(&ice, &f.env, 3) == 0);
	CHECK(addr_parse(bytes_str(A), &a));

	struct creds c = creds_of(ice), wrong_pwd = c, wrong_user = c;
	wrong_pwd.pwd[5] ^= 1;
	wrong_user.ufrag[5] ^= 1;
	CHECK_EQ(check_from(ice, &wrong_pwd, A, NOMINATE, f.now_us, &r), ICE_UNAUTHORIZED);
	CHECK_EQ(check_from(ice, &wrong_user, A, NOMINATE, f.now_us, &r), ICE_UNAUTHORIZED);

	/* Unknown attributes of a stranger: silence too, not 420. */
	struct check k = { .ufrag = c.ufrag, .pwd = wrong_pwd.pwd, .unknown_attr = true };
	CHECK_EQ(ice_input(ice, write_check(&k, d), &a, f.now_us, &r), ICE_UNAUTHORIZED);

	k = (struct check){ .ufrag = c.ufrag, .pwd = c.pwd };
	struct bytes good = write_check(&k, d);
	CHECK_EQ(ice_input(ice, bytes_sub(good, 0, good.n - 4), &a, f.now_us, &r), ICE_MALFORMED);
	d[0] = 1; /* a response */
	CHECK_EQ(ice_input(ice, good, &a, f.now_us, &r), ICE_NOT_REQUEST);
	d[0] = 22;
	CHECK_EQ(ice_input(ice, good, &a, f.now_us, &r), ICE_NOT_STUN);
	CHECK_EQ(r.n, 77);
	CHECK(ice_state(ice) == ICE_WAITING && !ice_is_valid(ice, &a, f.now_us));
}

static void unknown_attribute_validates_nothing(void)
{
	AUTO(ice) struct ice *ice = NULL;
	struct env_fake f;
	struct ice_reply r;
	struct addr a;
	uint8_t d[256];

	env_fake_init(&f, 1);
	CHECK(ice_new(&ice, &f.env, 3) == 0);
	CHECK(addr_parse(bytes_str(A), &a));
	struct creds c = creds_of(ice);
	struct check k = { .ufrag = c.ufrag, .pwd = c.pwd, .unknown_attr = true };
	CHECK_EQ(ice_input(ice, write_check(&k, d), &a, f.now_us, &r), ICE_ANSWER);
	CHECK_EQ(be16(r.p), STUN_BINDING_ERROR);
	CHECK(!ice_is_valid(ice, &a, f.now_us) && ice_state(ice) == ICE_WAITING);
}

static void nobody_comes(void)
{
	AUTO(ice) struct ice *ice = NULL;
	struct env_fake f;
	struct ice_reply r;

	env_fake_init(&f, 1);
	CHECK(ice_new(&ice, &f.env, 3) == 0);
	struct creds c = creds_of(ice);
	uint64_t at = ice_next_us(ice);
	CHECK_EQ(at, f.now_us + 30 * US_PER_S);
	CHECK_EQ(ice_on_time(ice, at - 1), ICE_WAITING);
	CHECK_EQ(ice_on_time(ice, at), ICE_LOST);
	CHECK(ice_next_us(ice) == UINT64_MAX);
	CHECK_EQ(check_from(ice, &c, A, NOMINATE, at, &r), ICE_UNAUTHORIZED); /* for good */
}

static void consent_runs_out(void)
{
	AUTO(ice) struct ice *ice = NULL;
	struct env_fake f;
	struct ice_reply r;

	env_fake_init(&f, 1);
	CHECK(ice_new(&ice, &f.env, 3) == 0);
	struct creds c = creds_of(ice);
	uint64_t t = f.now_us;

	CHECK_EQ(check_from(ice, &c, A, NOMINATE, t, &r), ICE_ANSWER);
	t += 20 * US_PER_S;
	CHECK_EQ(check_from(ice, &c, B, PLAIN, t, &r), ICE_ANSWER);
	t += 10 * US_PER_S; /* A is silent for 30 s, B is not: move */
	CHECK_EQ(ice_next_us(ice), t);
	CHECK_EQ(ice_on_time(ice, t), ICE_READY);
	CHECK(selected_is(ice, B));
	t += 20 * US_PER_S;
	CHECK_EQ(ice_next_us(ice), t);
	CHECK_EQ(ice_on_time(ice, t), ICE_STALE);
	CHECK(!ice_selected(ice));
	t += 4 * US_PER_S; /* within the grace a check brings it back */
	CHECK_EQ(check_from(ice, &c, C, PLAIN, t, &r), ICE_ANSWER);
	CHECK(ice_state(ice) == ICE_READY && selected_is(ice, C));
	t += 30 * US_PER_S;
	CHECK_EQ(ice_on_time(ice, t), ICE_STALE);
	CHECK_EQ(ice_next_us(ice), t + 5 * US_PER_S);
	CHECK_EQ(ice_on_time(ice, t + 5 * US_PER_S), ICE_LOST);
}

static void restart_keeps_the_path_until_nomination(void)
{
	AUTO(ice) struct ice *ice = NULL;
	struct env_fake f;
	struct ice_reply r;

	env_fake_init(&f, 1);
	CHECK(ice_new(&ice, &f.env, 3) == 0);
	struct creds old = creds_of(ice);
	CHECK_EQ(check_from(ice, &old, A, NOMINATE, f.now_us, &r), ICE_ANSWER);

	ice_restart(ice);
	struct creds new = creds_of(ice);
	CHECK(strcmp(old.ufrag, new.ufrag) != 0 && strcmp(old.pwd, new.pwd) != 0);
	CHECK(memcmp(old.ufrag, new.ufrag, ICE_KEY_LEN) == 0);
	CHECK_EQ(check_from(ice, &old, A, NOMINATE, f.now_us, &r), ICE_ANSWER);
	CHECK_EQ(check_from(ice, &new, B, PLAIN, f.now_us, &r), ICE_ANSWER);
	CHECK(selected_is(ice, A));
	CHECK_EQ(check_from(ice, &new, B, NOMINATE, f.now_us, &r), ICE_ANSWER);
	CHECK(selected_is(ice, B));
	CHECK_EQ(check_from(ice, &old, A, NOMINATE, f.now_us, &r), ICE_UNAUTHORIZED);
}

static void many_paths(void)
{
	AUTO(ice) struct ice *ice = NULL;
	AUTO(buf) struct buf dump = { 0 };
	struct env_fake f;
	struct ice_reply r;
	struct addr last;

	env_fake_init(&f, 1);
	CHECK(ice_new(&ice, &f.env, 3) == 0);
	struct creds c = creds_of(ice);
	CHECK_EQ(check_from(ice, &c, A, NOMINATE, f.now_us, &r), ICE_ANSWER);
	for (int i = 1; i < 40; i++) {
		char from[32];

		snprintf(from, sizeof(from), "192.0.2.9:%d", i);
		CHECK_EQ(check_from(ice, &c, from, PLAIN, f.now_us + (uint64_t)i, &r), ICE_ANSWER);
		CHECK(addr_parse(bytes_str(from), &last));
		CHECK(ice_is_valid(ice, &last, f.now_us));
	}
	CHECK(selected_is(ice, A)); /* the one in use is never pushed out */
	CHECK(addr_parse(bytes_str("192.0.2.9:1"), &last) && !ice_is_valid(ice, &last, f.now_us));
	ice_dump(ice, &dump);
	CHECK(!dump.failed && strstr((char *)dump.p, "192.0.2.1:1000"));
	CHECK(strstr((char *)dump.p, "selected") && !strstr((char *)dump.p, c.pwd));
}

TESTS({ "credentials_carry_the_loop", credentials_carry_the_loop },
      { "answers_and_selects", answers_and_selects },
      { "strangers_get_silence", strangers_get_silence },
      { "unknown_attribute_validates_nothing", unknown_attribute_validates_nothing },
      { "nobody_comes", nobody_comes }, { "consent_runs_out", consent_runs_out },
      { "restart_keeps_the_path_until_nomination", restart_keeps_the_path_until_nomination },
      { "many_paths", many_paths })
