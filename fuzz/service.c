/* A service's line: no crash, a secret is never shown, and what is shown can be read again. */
#include <stdlib.h>

#include "base/alloc.h"
#include "engine/service.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must_not_hold(const char *text, const char *secret)
{
	if (secret && strlen(secret) > 6 && strstr(text, secret))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(service) struct service s = { 0 };
	AUTO(buf) struct buf shown = { 0 };
	char why[SERVICE_WHY] = "";
	char *line = mem_alloc(n + 1);

	unsetenv("OPENAI_API_KEY");
	if (!line)
		return 0;
	memcpy(line, p, n);
	line[n] = 0;
	int error = strstr(line, "-file") ? -1 : service_parse(&s, line, why);
	if (error == 0) {
		service_show(&s, &shown);
		if (!s.url || !s.host || s.url[strlen(s.url) - 1] == '/' || strchr(s.url, '?') || strchr(s.url, '@'))
			abort();
		/* A key that is a piece of another word is shown there. */
		if (s.key && memmem(p, n, s.key, strlen(s.key)) == strstr(line, strrchr(line, '=') + 1))
			must_not_hold(strchr((char *)shown.p, ' '), s.model || s.voice || s.version ? NULL : s.key);
	} else if (error != -1 && !why[0]) {
		abort();
	}
	mem_free(line);
	return 0;
}
