/* A session's record, as octets from a stranger: replayed. */
#include "session/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct replay_sink to = { 0 };

	json_init();
	(void)!replay((struct bytes){ p, n }, &to);
	return 0;
}
