/* replay_inner.h - what replay.c (inputs, answers, the session) and replay_give.c (what engines said)
 * share. Nobody else includes it. */
#pragma once

#include "engine/price.h"
#include "session/replay.h"
#include "session/replay_realtime.h"

enum { TOOLS_MAX = 64 };

/* Of the session's own, or of a level of its payer. */
struct played_engines {
	struct engines e;
	struct tts_ops tts_ops;
	struct stt_ops stt_ops;
	struct llm_ops llm_ops;
	struct price prices[4];
};

struct player {
	struct session *s;
	struct rec_reader in;
	const struct replay_sink *to;
	struct price bill;
	bool diverged, malformed, over;
	uint64_t now_us;
	struct env env;
	struct played_engines engines, of_level[N_COST_LEVELS];
	struct tool_def tools[TOOLS_MAX];
	struct tool_seat {
		struct player *p;
	} tool_seats[TOOLS_MAX];
	struct played_leg {
		struct leg leg;
		struct leg_ops ops;
		struct player *p;
		unsigned index;
	} legs[SESSION_LEGS];
	/* The session's sinks, seen when it starts work. */
	const struct stt_sink *stt_sink;
	const struct llm_sink *llm_sink;
	const struct tts_sink *tts_sink;
	const struct tool_sink *tool_sink;
	const struct mcp_sink *mcp_sink;
	char why[256]; /* an MCP server was not opened */
	struct replay_realtime realtime;
};

/* What a sink was called with, to the sink. */
void replay_sink_call(struct player *p, const struct rec *rec);
/* A string that ends with the body, or n octets of it, behind which a 0 stands. NULL: malformed or no
 * memory. */
MUST_USE char *replay_take_text(struct bytes *b, uint64_t n);
