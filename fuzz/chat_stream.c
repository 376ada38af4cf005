/* A language model's answer, whole and in pieces: both ways must tell the same. Octet 0 is the size of
 * a piece, octet 1 the kind of answer. The same octets also as a refusal. */
#include <stdlib.h>

#include "base/alloc.h"
#include "service/chat_body.h"
#include "service/chat_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void on_text(void *owner, const char *text)
{
	buf_puts(owner, text);
}

static void on_call(void *owner, const char *name, const char *arguments)
{
	if (!*name)
		abort();
	buf_printf(owner, "\n%s(%s)", name, arguments);
}

static const struct chat_stream_ops ops = { on_text, on_call };

static void read_all(const char *type, struct bytes in, size_t piece, struct buf *told)
{
	AUTO(chat_stream) struct chat_stream c;
	enum chat_state s = chat_stream_init(&c, type, &ops, told);

	for (size_t at = 0; at < in.n && s == CHAT_READING; at += piece)
		s = chat_stream_push(&c, bytes_sub(in, at, MIN(piece, in.n - at)));
	s = chat_stream_end(&c, false);
	if (s == CHAT_READING || (s == CHAT_FAILED && (!c.code || !c.why[0])) ||
	    c.usage.input_tokens < 0)
		abort();
	buf_printf(told, "\n%d %d %s", s, c.finish, c.why);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const types[] = { "text/event-stream", "application/json", "" };
	AUTO(buf) struct buf whole = { 0 }, pieces = { 0 }, body = { 0 };
	struct chat_shape shape = { "m", "max_tokens", true, true, NULL };
	char message[CHAT_WHY], param[64];

	if (n < 3)
		return 0;
	struct bytes in = bytes_of(p + 2, n - 2);
	read_all(types[p[1] % 3], in, in.n, &whole);
	read_all(types[p[1] % 3], in, p[0] ? p[0] : 1, &pieces);
	if (!bytes_eq(buf_bytes(&whole), buf_bytes(&pieces)))
		abort();
	chat_error_read(in, message, param);
	buf_put(&body, in.p, in.n);
	(void)chat_body_amend(&body, &shape, param, message);
	/* The same octets as a conversation. */
	AUTO(json) json_t *items = json_parse(in, (char[160]){ 0 });
	buf_reset(&body);
	if (json_is_array(items) &&
	    chat_body_write(&body, &shape,
			    &(struct llm_request){ .items = items, .tools = items }) &&
	    !body.n)
		abort();
	return 0;
}
