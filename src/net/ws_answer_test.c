#include "net/ws_answer.h"

#include "base/json.h"
#include "base/test.h"

static void answer_auto_(struct ws_answer *a)
{
	ws_answer_done(a);
}

#define KEY .key = "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455, 1.3 */
#define UP "HTTP/1.1 101 Switching Protocols\r\n"
#define HEAD "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
#define GOOD "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

/* In pieces of every size, the verdict is the same. */
static enum ws_answer_verdict play(struct ws_answer *a, const char *text, size_t piece, size_t *used)
{
	enum ws_answer_verdict v = ANSWER_MORE;
	size_t n = strlen(text);

	*used = 0;
	while (*used < n && v == ANSWER_MORE) {
		size_t took = 0;

		v = ws_answer_input(a, bytes_of(text + *used, MIN(piece, n - *used)), &took);
		*used += took;
	}
	return v;
}

static const struct {
	const char *text;
	enum ws_answer_verdict verdict;
	unsigned status;
	uint64_t retry_ms;
	const char *why;
} cases[] = {
	{ UP HEAD GOOD "\r\n", ANSWER_OPEN, 101, 0, "" },
	{ "HTTP/1.1 100 Continue\r\n\r\n" UP HEAD GOOD "\r\n", ANSWER_OPEN, 101, 0, "" },
	{ UP HEAD GOOD "Sec-WebSocket-Protocol: realtime\r\n\r\n", ANSWER_OPEN, 101, 0, "" },
	{ UP HEAD GOOD "Sec-WebSocket-Protocol: other\r\n\r\n", ANSWER_BAD, 101, 0,
	  "the server chose a subprotocol that was not offered" },
	{ UP HEAD GOOD "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", ANSWER_BAD, 101, 0,
	  "the server uses an extension that was not offered" },
	{ UP HEAD "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n\r\n", ANSWER_BAD, 101, 0,
	  "the server's Sec-WebSocket-Accept is wrong" },
	{ UP HEAD "\r\n", ANSWER_BAD, 101, 0, "the server's Sec-WebSocket-Accept is wrong" },
	{ UP "Connection: Upgrade\r\n" GOOD "\r\n", ANSWER_BAD, 101, 0,
	  "the server switched to something else than WebSocket" },
	{ "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 35\r\n\r\n"
	  "{\"error\":{\"message\":\"Slow\\ndown.\"}}", ANSWER_REFUSED, 429, 7000,
	  "the server answers 429: Slow down." },
	{ "HTTP/1.1 429 Too Many\r\nretry-after-ms: 250\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
	  ANSWER_REFUSED, 429, 250, "the server answers 429" },
	{ "HTTP/1.1 401\r\nTransfer-Encoding: chunked\r\n\r\n8;x=1\r\n{\"error\"\r\n6\r\n:\"No\"}\r\n0\r\n\r\n",
	  ANSWER_REFUSED, 401, 0, "the server answers 401: No" },
	{ "HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", ANSWER_BAD, 500, 0,
	  "the server's chunks are broken" },
	{ "HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 4\r\n\r\n<ht>", ANSWER_REFUSED,
	  302, 0, "the server answers 302" },
	{ "HTTP/1.1 500 x\r\nContent-Length: -1\r\n\r\n", ANSWER_BAD, 500, 0,
	  "the server's Content-Length is no number" },
	{ "SSH-2.0-OpenSSH_9.2\r\n\r\n", ANSWER_BAD, 0, 0, "the server does not speak HTTP" },
	{ "HTTP/1.1 101 Switching\r\nno colon\r\n\r\n", ANSWER_BAD, 101, 0,
	  "the server's answer is no HTTP" },
};

static void reads_answers_in_any_pieces(void)
{
	static const size_t pieces[] = { 1, 7, 4096 };

	json_init();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
			AUTO(answer) struct ws_answer a = { KEY, .protocol = "realtime" };
			size_t used;

			CHECK_EQ(play(&a, cases[i].text, pieces[k], &used), cases[i].verdict);
			CHECK_EQ(a.status, cases[i].status);
			CHECK_EQ(a.retry_after_ms, cases[i].retry_ms);
			CHECK_STR(a.why, cases[i].why);
		}
}

static void leaves_what_is_not_its_own(void)
{
	AUTO(answer) struct ws_answer a = { KEY };
	size_t used;

	CHECK_EQ(play(&a, UP HEAD GOOD "\r\n\x81\x02hi", 4096, &used), ANSWER_OPEN);
	CHECK_EQ(used, strlen(UP HEAD GOOD "\r\n"));
	CHECK_STR(a.chosen, "");
}

static void has_limits(void)
{
	AUTO(answer) struct ws_answer a = { KEY };
	AUTO(answer) struct ws_answer b = { KEY };
	enum ws_answer_verdict v = ANSWER_MORE;
	size_t used;

	json_init();
	CHECK_EQ(play(&a, "HTTP/1.1 101 x\r\n", 4096, &used), ANSWER_MORE);
	for (int i = 0; i < 2000 && v == ANSWER_MORE; i++)
		v = ws_answer_input(&a, bytes_str("X-Long: yes\r\n"), &used);
	CHECK_EQ(v, ANSWER_BAD);
	/* An endless body is read as far as its message could be. */
	CHECK_EQ(play(&b, "HTTP/1.1 503 x\r\n\r\n", 4096, &used), ANSWER_MORE);
	v = ANSWER_MORE;
	for (int i = 0; i < 200000 && v == ANSWER_MORE; i++)
		v = ws_answer_input(&b, bytes_str("{\"error\": 1, "), &used);
	CHECK_EQ(v, ANSWER_REFUSED);
	CHECK(b.body.n <= ANSWER_BODY_MAX);
}

static void ends_with_the_connection(void)
{
	AUTO(answer) struct ws_answer a = { KEY };
	AUTO(answer) struct ws_answer b = { KEY };
	size_t used;

	json_init();
	CHECK_EQ(play(&a, "HTTP/1.1 403 x\r\n\r\n{\"message\":\"No entry.\"}", 4096, &used), ANSWER_MORE);
	CHECK_EQ(ws_answer_end(&a), ANSWER_REFUSED);
	CHECK_STR(a.why, "the server answers 403: No entry.");
	CHECK_EQ(ws_answer_end(&b), ANSWER_BAD);
}

static void their_words_are_cut(void)
{
	AUTO(answer) struct ws_answer a = { KEY };
	AUTO(buf) struct buf text = { 0 };
	size_t used;

	json_init();
	buf_puts(&text, "HTTP/1.1 400 x\r\n\r\n{\"message\":\"x");
	for (int i = 0; i < 300; i++)
		buf_puts(&text, "\xc3\xa4");
	buf_puts(&text, "\"}");
	CHECK(!text.failed);
	CHECK_EQ(play(&a, (const char *)text.p, 4096, &used), ANSWER_MORE);
	CHECK_EQ(ws_answer_end(&a), ANSWER_REFUSED);
	CHECK_EQ(strlen(a.why), strlen("the server answers 400: ") + 199);
}

TESTS({ "reads_answers_in_any_pieces", reads_answers_in_any_pieces },
      { "leaves_what_is_not_its_own", leaves_what_is_not_its_own }, { "has_limits", has_limits },
      { "ends_with_the_connection", ends_with_the_connection },
      { "their_words_are_cut", their_words_are_cut })
