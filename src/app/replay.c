/* replay.c - a recorded session once more, its events on the terminal. */
#include "session/replay.h"

#include <stdio.h>

#include "app/command.h"
#include "app/file.h"

enum { FILE_MAX = 256 << 20, WHY = 320 };

static void print_event(void *ctx, unsigned leg, struct bytes json)
{
	(void)ctx;
	printf("{\"leg\":%u,\"event\":%.*s}\n", leg, (int)json.n, (const char *)json.p);
}

int command_replay(struct config *c)
{
	static const char *const said[] = {
		[REPLAY_OK] = NULL,
		[REPLAY_MALFORMED] = "is no recording of a session, or one of another version",
		[REPLAY_DIVERGED] = "went another way this time: it was recorded by another "
				    "version, or this is a fault",
		[REPLAY_NO_MEMORY] = "needs more memory than there is",
	};
	const struct replay_sink sink = { .on_event = print_event };
	const char *path = c->words.at[0];
	AUTO(buf) struct buf record = { 0 };
	char why[WHY];

	if (file_read(path, FILE_MAX, &record, why) != 0) {
		fprintf(stderr, "voiced: %s\n", why);
		return 1;
	}
	enum replay_verdict v = replay(buf_bytes(&record), &sink);
	if (v != REPLAY_OK)
		fprintf(stderr, "voiced: %s %s\n", path, said[v]);
	return v != REPLAY_OK;
}
