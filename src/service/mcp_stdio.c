#include "service/mcp_stdio.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/log.h"
#include "net/program.h"

LOG_TOPIC("mcp");

struct mcp_way {
	struct mcp_way_params p;
	struct program *program;
	struct buf line; /* that has begun */
	bool too_long;	 /* the rest of it is dropped */
	bool closing;
};

static void on_line(struct mcp_way *w, struct bytes line)
{
	while (line.n && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' '))
		line.n--;
	if (line.n && !w->closing)
		w->p.sink->on_message(w->p.owner, line);
}

/* Up to its end, or all there is. */
static void take_part(struct mcp_way *w, struct bytes part, bool ends)
{
	w->too_long |= part.n > MCP_MESSAGE_MAX - MIN(w->line.n, (size_t)MCP_MESSAGE_MAX);
	if (!w->too_long)
		buf_put(&w->line, part.p, part.n);
	if (!ends)
		return;
	if (!w->too_long && !w->line.failed)
		on_line(w, buf_bytes(&w->line));
	if (w->too_long)
		log_warn("server=%s what=\"a line of more than %d octets\"", w->p.label, MCP_MESSAGE_MAX);
	w->too_long = false;
	buf_done(&w->line);
}

static void on_data(void *owner, struct bytes data)
{
	struct mcp_way *w = owner;

	while (data.n) {
		const uint8_t *end = memchr(data.p, '\n', data.n);
		size_t n = end ? (size_t)(end - data.p) : data.n;

		take_part(w, bytes_sub(data, 0, n), end != NULL);
		n += end != NULL;
		data = bytes_sub(data, n, data.n - n);
	}
}

static void on_note(void *owner, const char *line)
{
	log_info("server=%s says=\"%s\"", ((struct mcp_way *)owner)->p.label, line);
}

static void on_end(void *owner, const char *why)
{
	struct mcp_way *w = owner;
	struct mcp_way_params p = w->p;

	buf_done(&w->line);
	mem_free(w);
	p.sink->on_closed(p.owner, why);
}

static const struct program_ops program_ops = { on_data, on_note, on_end };

static int way_open(struct mcp_way **out, const struct mcp_way_params *p)
{
	struct mcp_way *w = mem_zalloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->p = *p;
	int r = program_start(&w->program, p->loop,
			      &(struct program_params){ p->argv, p->environment, &program_ops, w });
	if (r != 0) {
		mem_free(w);
		return r;
	}
	*out = w;
	return 0;
}

static void way_send(struct mcp_way *w, uint64_t id, struct bytes message, const char *version)
{
	static const struct mcp_result busy = { MCP_PROTOCOL_ERROR, 0, "It does not read what it is asked." };
	AUTO(buf) struct buf b = { 0 };

	(void)version;
	buf_put(&b, message.p, message.n);
	buf_putc(&b, '\n');
	/* A program whose input is closed is ending: on_closed comes. */
	int r = b.failed ? -ENOMEM : program_write(w->program, buf_bytes(&b));
	if (r != 0 && r != -EPIPE && id)
		w->p.sink->on_lost(w->p.owner, id, &busy);
}

static void way_forget(struct mcp_way *w, uint64_t id)
{
	(void)w, (void)id;
}

static void way_ready(struct mcp_way *w)
{
	(void)w;
}

static void way_close(struct mcp_way *w)
{
	w->closing = true;
	program_stop(w->program);
}

const struct mcp_way_ops mcp_stdio_ops = { way_open, way_send, way_forget, way_ready, way_close };
