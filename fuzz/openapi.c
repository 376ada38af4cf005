/* A description of a service, JSON or YAML, and the requests that calls of its operations become: the
 * input's lines after one of "%%" are arguments. URLs and fields have no control characters. Links:
 * service/openapi.c service/fromyaml.c base. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "service/openapi.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_text(const char *s)
{
	for (; *s; s++)
		if ((uint8_t)*s < ' ' || *s == 0x7f)
			abort();
}

static void try_arguments(const struct openapi *o, const json_t *arguments)
{
	for (size_t i = 0; i < o->n && i < 8; i++) {
		struct openapi_request q = { 0 };

		if (strlen(o->ops[i].name) > OPENAPI_NAME_MAX || !o->ops[i].name[0])
			abort();
		if (openapi_make(&o->ops[i], "https://h", arguments, &q))
			for (size_t k = 0; k < q.n_fields; k++)
				check_text(strchr(q.fields[k], ':'));
		openapi_request_done(&q);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char why[OPENAPI_WHY];
	const uint8_t *more = memmem(p, n, "\n%%\n", 4);
	struct openapi *o = mem_zalloc(sizeof(*o));

	json_init();
	if (o && openapi_parse(o, bytes_of(p, more ? (size_t)(more - p) : n), why) == 0) {
		AUTO(json)
		json_t *arguments = json_parse(more ? bytes_of(more + 4, n - (size_t)(more + 4 - p)) : bytes_str("{\"id\":1,\"q\":[2]}"),
					       why);
		try_arguments(o, arguments);
		openapi_done(o);
	}
	mem_free(o);
	return 0;
}
