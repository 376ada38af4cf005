/* Any octets as a configuration: lines up to an empty one are arguments, the rest is the
 * file. The first octet chooses the command. Links: app/config.c libbase. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { ARGS = 64, ARG_MAX = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static int fd = -1;
	static char path[40] = "--config=/proc/self/fd/";
	static char args[ARGS][ARG_MAX + 1];
	const char *argv[ARGS + 1] = { path };
	int argc = 1;
	size_t at = 1;
	struct config c;

	if (fd < 0) {
		fd = memfd_create("config", MFD_CLOEXEC);
		snprintf(path + strlen(path), 8, "%d", fd);
		stderr = fopen("/dev/null", "w"); /* what config_load() has to say */
		if (fd < 0 || !stderr)
			abort();
	}
	if (n == 0)
		return 0;
	while (at < n && p[at] != '\n' && argc <= ARGS) {
		const uint8_t *end = memchr(p + at, '\n', n - at);
		size_t len = end ? (size_t)(end - p) - at : n - at;

		snprintf(args[argc - 1], sizeof(args[0]), "%.*s", (int)MIN(len, (size_t)ARG_MAX),
			 (const char *)p + at);
		argv[argc] = args[argc - 1];
		argc++;
		at += MIN(len + 1, n - at);
	}
	at += at < n;
	if (ftruncate(fd, 0) != 0 || pwrite(fd, p + at, n - at, 0) != (ssize_t)(n - at))
		abort();
	lseek(fd, 0, SEEK_SET);
	if (config_load(&c, BIT(p[0] % 5), argc, argv) == 0 &&
	    (c.docs.n > CONFIG_LIST_MAX || c.words.n > CONFIG_LIST_MAX || !c.listen || !c.data))
		abort();
	config_done(&c);
	return 0;
}
