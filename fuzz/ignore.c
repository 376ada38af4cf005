/* Links: knowledge. The patterns of an ignore file against a path; both are the input's. */
#include <stdlib.h>

#include "knowledge/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(arena) struct arena a = { 0 };
	struct ignore g = { .n_folder = 2 };
	size_t n_path = n ? p[0] % 64 : 0;
	char path[3 + 64] = "/d/";

	if (n < 1 + n_path)
		return 0;
	memcpy(path + 3, p + 1, n_path);
	path[3 + n_path] = 0;
	if (ignore_parse(&g, &a, bytes_of(p + 1 + n_path, n - 1 - n_path)) == 0)
		(void)ignore_says(&g, path, p[0] & 64);
	ignore_done(&g);
	return 0;
}
