/* A service's line: no crash, a plain URL, no secret shown. */
#include <stdlib.h>

#include "base/alloc.h"
#include "service/service.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Unless it stands inside another word's value. */
static void must_be_hidden(const char *shown, const char *name)
{
	const char *at = strchr(shown, '"') ? NULL : strstr(shown, name);

	if (at && strncmp(at + strlen(name), "\xe2\x80\xa6", 3) != 0)
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
		if (!s.url || !s.host || s.url[strlen(s.url) - 1] == '/' || strchr(s.url, '?') ||
		    strchr(s.url, '@'))
			abort();
		must_be_hidden((const char *)shown.p, " key=");
		must_be_hidden((const char *)shown.p, " secret=");
	} else if (error != -1 && !why[0]) {
		abort();
	}
	mem_free(line);
	return 0;
}
