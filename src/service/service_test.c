#include "service/service.h"

#include <errno.h>

#include "base/test.h"
#include "base/testdir.h"

static bool shows(const char *line, const char *shown)
{
	AUTO(service) struct service s = { 0 };
	AUTO(buf) struct buf b = { 0 };
	char why[SERVICE_WHY] = "";
	int error = service_parse(&s, line, why);

	if (error == 0)
		service_show(&s, &b);
	else
		buf_puts(&b, why);
	bool same = bytes_is(buf_bytes(&b), shown);
	if (!same && !mem_failed())
		fprintf(stderr, "%s\n  %s\n  %s\n", line, b.n ? (const char *)b.p : "", shown);
	return same;
}

static void no_environment(void)
{
	unsetenv("OPENAI_API_KEY");
	unsetenv("AZURE_OPENAI_API_KEY");
}

static void reads_lines(void)
{
	static const struct {
		const char *line, *shown;
	} table[] = {
		{ "https://api.openai.com/v1 model=gpt-4.1-mini key=sk-1", "https://api.openai.com/v1 api=openai model=gpt-4.1-mini key=…" },
		{ "  https://api.openai.com/  ", "https://api.openai.com/v1 api=openai" },
		{ "http://127.0.0.1:11434/v1/ model=llama3.2", "http://127.0.0.1:11434/v1 api=openai model=llama3.2" },
		{ "http://[::1]:8080/v1", "http://[::1]:8080/v1 api=openai" },
		{ "http://box/v1/chat/completions timeout=1.5", "http://box/v1 api=openai timeout=1.5" },
		{ "https://n.openai.azure.com model=d key=k", "https://n.openai.azure.com api=azure model=d key=…" },
		{ "https://n.openai.azure.com/openai/v1/ model=d key=k", "https://n.openai.azure.com api=azure model=d key=…" },
		{ "https://n.openai.azure.com/openai/deployments/mini/chat/completions?api-version=2024-10-21 key=k",
		  "https://n.openai.azure.com api=azure model=mini key=… version=2024-10-21" },
		{ "https://n.openai.azure.com/openai/deployments/mini?api-version=1 model=other version=2",
		  "https://n.openai.azure.com api=azure model=other version=2" },
		{ "https://gate.example/azure api=azure model=d version=1", "https://gate.example/azure api=azure model=d version=1" },
		{ "wss://n.services.ai.azure.com/voice-live/realtime?api-version=2026-04-10&model=gpt-realtime tenant=t client=c secret=s",
		  "wss://n.services.ai.azure.com/voice-live/realtime api=voice-live model=gpt-realtime version=2026-04-10 tenant=t client=c "
		  "secret=…" },
		{ "wss://n.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=d key=k",
		  "wss://n.openai.azure.com/openai/realtime api=azure-preview model=d key=… version=2025-04-01-preview" },
		{ "wss://n.openai.azure.com/openai/v1/realtime model=d", "wss://n.openai.azure.com/openai/v1/realtime api=azure model=d" },
		{ "ws://127.0.0.1:8080/v1/realtime voice=\"a b\" price-text-in=0.4 price-minute=0.006",
		  "ws://127.0.0.1:8080/v1/realtime api=openai voice=\"a b\" price-text-in=0.4 price-minute=0.006" },
		{ "https://x/ tenant=t client=c secret=s authority=http://127.0.0.1:9",
		  "https://x api=openai tenant=t client=c secret=… authority=http://127.0.0.1:9" },
	};

	no_environment();
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		CHECK(shows(table[i].line, table[i].shown));
}

static void refuses_lines_and_tells_no_secret(void)
{
	static const char secret[] = "sk-SECRET9";
	static const char *const bad[] = {
		"", "model=x", "ftp://x/", "https://", "https:///v1", "https://user:sk-SECRET9@api.openai.com/v1",
		"https://api.openai.com\\@sk-SECRET9/", "https://x#sk-SECRET9", "https://x:port/", "https://x:1234567/",
		"https://[::1", "https://[]/", "https://x/?key=sk-SECRET9", "https://x/ sk-SECRET9", "https://x/ sk-SECRET9==",
		"https://x/ key=", "https://x/ key=\"sk-SECRET9 \x01\"", "https://x/ key=sk-SECRET9 key=sk-SECRET9",
		"https://x/ key-env=VOICED_NO_SUCH_sk-SECRET9", "https://x/ key-file=/no/such/sk-SECRET9",
		"https://x/ key-file=/dev/zero", "https://x/ api=sk-SECRET9", "https://x/ timeout=sk-SECRET9",
		"https://x/ timeout=0", "https://x/ timeout=nan", "https://x/ price-minute=-1", "https://x/ price-minute=1e99",
		"https://x/ nothing=sk-SECRET9", "https://x/ secret=sk-SECRET9", "https://x/ tenant=t client=c secret=sk-SECRET9 key=k",
		"https://x/ tenant=t/../ client=c secret=sk-SECRET9", "https://x/ key=sk-SECRET9\r\nX-Other: 1",
		"https://x/ tenant=t client=c secret=s authority=http://elsewhere/", "https://x/ authority=https://y/",
	};

	no_environment();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(service) struct service s = { 0 };
		char why[SERVICE_WHY] = "";
		int error = service_parse(&s, bad[i], why);

		if (error != -EINVAL && !mem_failed())
			fprintf(stderr, "%s\n", bad[i]);
		CHECK_EQ(error, -EINVAL);
		CHECK(why[0] && !strstr(why, secret) && !s.arena.head);
	}
}

static void takes_keys_from_elsewhere(void)
{
	static const struct {
		const char *line, *key;
	} table[] = {
		{ "https://api.openai.com/v1", "sk-env" },
		{ "wss://api.openai.com/v1/realtime", "sk-env" },
		{ "https://us.api.openai.com/v1", "sk-env" },
		{ "https://api.openai.com/v1 key=mine", "mine" },
		{ "https://n.openai.azure.com", "az-env" },
		{ "https://n.openai.azure.com tenant=t client=c secret=s", NULL },
		{ "https://N.OPENAI.AZURE.COM", "az-env" },
		{ "http://api.openai.com/v1", NULL },
		{ "https://api.openai.com.evil.example/v1", NULL },
		{ "https://evilapi.openai.com/v1", NULL },
		{ "https://openai.azure.com/", NULL },
		{ "http://127.0.0.1:1/v1", NULL },
		{ "https://x/ key-env=VOICED_TEST_KEY", "sk-other" },
	};
	char why[SERVICE_WHY];

	setenv("OPENAI_API_KEY", "sk-env", 1);
	setenv("AZURE_OPENAI_API_KEY", "az-env", 1);
	setenv("VOICED_TEST_KEY", "sk-other", 1);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO(service) struct service s = { 0 };

		CHECK_EQ(service_parse(&s, table[i].line, why), 0);
		CHECK_STR(s.key ? s.key : "(none)", table[i].key ? table[i].key : "(none)");
	}
}

static void reads_a_key_file(void)
{
	AUTO(testdir) struct testdir d = testdir_new();
	AUTO(service) struct service s = { 0 };
	char path[256], line[320], why[SERVICE_WHY];

	GIVEN(testdir_write(&d, "a key", bytes_str("sk-filed\n# not this\n"), path));
	snprintf(line, sizeof(line), "https://x/ key-file=\"%s\"", path);
	CHECK_EQ(service_parse(&s, line, why), 0);
	CHECK_STR(s.key, "sk-filed");
	CHECK_STR(s.host, "x");
	CHECK_EQ(s.timeout_ms, 20000);
}

static void escapes(void)
{
	AUTO(buf) struct buf b = { 0 };

	service_escape(&b, "a-b/c?d&e=\xc3\xa9 ~");
	CHECK(bytes_is(buf_bytes(&b), "a-b%2Fc%3Fd%26e%3D%C3%A9%20~"));
}

TESTS({ "escapes", escapes }, { "reads_lines", reads_lines }, { "refuses_lines_and_tells_no_secret", refuses_lines_and_tells_no_secret },
      { "takes_keys_from_elsewhere", takes_keys_from_elsewhere }, { "reads_a_key_file", reads_a_key_file })
