#include "session/compact.h"

#include <string.h>

#include "session/state.h"

/* Of the conversation's tokens: no more than these, and so many once there are more. */
struct bounds {
	size_t most, kept;
	bool disabled;
};

static size_t room_beside(size_t taken)
{
	size_t all = CONTEXT_TOKENS - ANSWER_TOKENS;

	return MAX(all - MIN(taken, all), (size_t)CONTEXT_MIN_TOKENS);
}

static struct bounds bounds_of(const json_t *truncation, enum cost_level l, size_t taken)
{
	const json_t *limits = json_object_get(truncation, "token_limits");
	size_t most = room_beside(taken);
	int64_t asked = json_int(limits, "post_instructions", INT64_MAX);
	double ratio = json_num(truncation, "retention_ratio", 1);
	bool disabled = json_is_string(truncation) &&
			strcmp(json_string_value(truncation), "disabled") == 0;

	if (asked >= 0 && (uint64_t)asked < most)
		most = (size_t)asked;
	if (l == COST_FULL)
		return (struct bounds){ most, (size_t)((double)most * ratio), disabled };
	/* The operator's money comes before the client's wishes. */
	most = MIN(most, (size_t)COMPACT_TOKENS);
	return (struct bounds){ most, most / 2, false };
}

bool compact_conversation(struct session *s, const json_t *config, enum cost_level l, size_t taken)
{
	struct bounds b = bounds_of(json_object_get(config, "truncation"), l, taken);

	if (conv_tokens(&s->conv) <= b.most)
		return true;
	if (!b.disabled)
		conv_forget(&s->conv, b.kept);
	return !b.disabled;
}
