#include "service/credential.h"

#include <errno.h>

#include "base/json.h"
#include "base/test.h"
#include "net/fetch.h"
#include "net/peer_test.h"

#define ANSWER(status, body) "HTTP/1.1 " status " X\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body

static int given_service(struct service *s, const char *line)
{
	char why[SERVICE_WHY];
	unsigned long left = mem_fail_hold();

	unsetenv("OPENAI_API_KEY");
	unsetenv("AZURE_OPENAI_API_KEY");
	int error = service_parse(s, line, why);
	mem_fail_resume(left);
	return error;
}

static void sends_keys(void)
{
	static const struct {
		const char *line, *field;
	} table[] = {
		{ "https://api.openai.com/v1 key=sk-1", "Authorization: Bearer sk-1" },
		{ "http://127.0.0.1:1/v1", "" },
		{ "https://n.openai.azure.com key=k1", "api-key: k1" },
		{ "wss://n.services.ai.azure.com/voice-live/realtime key=k1", "api-key: k1" },
	};
	char field[CREDENTIAL_FIELD], why[CREDENTIAL_WHY];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO(service) struct service s = { 0 };
		AUTO(fetcher) struct fetcher *f = NULL;
		AUTO(credential) struct credential *c = NULL;

		CHECK_EQ(given_service(&s, table[i].line), 0);
		CHECK_EQ(fetcher_new(&f), 0);
		CHECK_EQ(credential_new(&c, f, &s), 0);
		CHECK_EQ(credential_field(c, field, why), 0);
		CHECK_STR(field, table[i].field);
		credential_refused(c);
	}
}

/* Until credential_field() returns this, or says this. */
static bool comes_to(struct credential *c, int error, const char *text)
{
	char field[CREDENTIAL_FIELD], why[CREDENTIAL_WHY];

	for (int i = 0; i < 4000; i++) {
		if (credential_field(c, field, why) == error && (error ? strstr(why, text) : strstr(field, text)))
			return true;
		if (mem_failed() && i > 15)
			return false;
		peer_nap(1);
	}
	fprintf(stderr, "%s / %s\n", field, why);
	return false;
}

static void begin(struct peer *p, struct service *s, const struct peer_reply *replies, size_t n, const char *host)
{
	char line[256];

	GIVEN(peer_begin(p, replies, n));
	snprintf(line, sizeof(line), "%s tenant=ten.example client=c&1 secret=s+/2 authority=%s", host, p->url);
	CHECK_EQ(given_service(s, line), 0);
}

static void asks_for_tokens_and_renews_them(void)
{
	static const struct peer_reply replies[] = {
		{ { ANSWER("200", "{\"token_type\":\"Bearer\",\"expires_in\":0.2,\"access_token\":\"first\"}") }, 0, PEER_GOES },
		{ { ANSWER("503", "busy") }, 0, PEER_GOES },
		{ { ANSWER("200", "{\"expires_in\":3599,\"access_token\":\"second\"}") }, 0, PEER_GOES },
		{ { ANSWER("200", "{\"expires_in\":3599,\"access_token\":\"third\"}") }, 0, PEER_GOES },
	};
	AUTO(peer) struct peer p = { 0 };
	AUTO(service) struct service s = { 0 };
	AUTO(fetcher) struct fetcher *f = NULL;
	AUTO(credential) struct credential *c = NULL;
	char field[CREDENTIAL_FIELD], why[CREDENTIAL_WHY];

	/* With every allocation failing in turn: one that is not renewed, and the one after it was refused. */
	size_t skip = getenv("VOICED_TEST_OOM") ? 2 : 0;
	begin(&p, &s, replies + skip, ARRAY_LEN(replies) - skip, "https://n.openai.azure.com");
	CHECK(s.tenant);
	CHECK_EQ(fetcher_new(&f), 0);
	CHECK_EQ(credential_new(&c, f, &s), 0);
	CHECK(skip || comes_to(c, 0, "Authorization: Bearer first"));
	CHECK(comes_to(c, 0, "Authorization: Bearer second")); /* after half of the first one's life, and a failure */
	CHECK(peer_was_asked(&p, 0, "POST /ten.example/oauth2/v2.0/token HTTP/1.1\r\n"));
	CHECK(peer_was_asked(&p, 0, "\r\n\r\ngrant_type=client_credentials&client_id=c%261&client_secret=s%2B%2F2&"
				    "scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default"));
	credential_refused(c);
	CHECK(credential_field(c, field, why) == -EAGAIN || strstr(field, "third"));
	CHECK(comes_to(c, 0, "Authorization: Bearer third"));
	credential_refused(c); /* once a minute at most */
	CHECK_EQ(credential_field(c, field, why), 0);
	CHECK_EQ(peer_asked(&p), 4 - skip);
}

static void says_why_there_is_no_token(void)
{
	static const struct {
		const char *answer, *why;
	} table[] = {
		{ ANSWER("401", "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid secret s+/2. Trace: x\"}"),
		  "The token for n.services.ai.azure.com was refused (status 401, invalid_client, AADSTS7000215)." },
		{ ANSWER("200", "<html>"), "refused (status 200)" },
		{ ANSWER("200", "{\"access_token\":\"a\\r\\nX: 1\",\"expires_in\":3599}"), "refused (status 200)" },
		{ ANSWER("200", "{\"access_token\":\"a\"}"), "refused (status 200)" },
		{ ANSWER("400", "{\"error\":\"<b>\"}"), "refused (status 400)" },
		{ "HTTP/1.1 2", "could not be asked for: " },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO(peer) struct peer p = { 0 };
		AUTO(service) struct service s = { 0 };
		AUTO(fetcher) struct fetcher *f = NULL;
		AUTO(credential) struct credential *c = NULL;
		const struct peer_reply reply = { { table[i].answer }, 0, PEER_GOES };

		begin(&p, &s, &reply, 1, "wss://n.services.ai.azure.com/voice-live/realtime");
		CHECK(s.tenant);
		CHECK_EQ(fetcher_new(&f), 0);
		CHECK_EQ(credential_new(&c, f, &s), 0);
		CHECK(comes_to(c, -EACCES, table[i].why));
		CHECK(peer_was_asked(&p, 0, "scope=https%3A%2F%2Fai.azure.com%2F.default"));
	}
}

int main(int argc, char **argv)
{
	static const struct test tests[] = { { "sends_keys", sends_keys },
					     { "asks_for_tokens_and_renews_them", asks_for_tokens_and_renews_them },
					     { "says_why_there_is_no_token", says_why_there_is_no_token } };

	json_init();
	return test_main_(tests, ARRAY_LEN(tests), argc > 1 ? argv[1] : NULL);
}
