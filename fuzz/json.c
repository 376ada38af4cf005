/* Any octets as JSON: what is understood reads the same again after it was written, its
 * members can be read as any type, and its strings survive quoting. Links: libbase. */
#include <stdlib.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_string(json_t *v)
{
	AUTO(buf) struct buf b = { 0 };
	char why[160];

	json_quote(&b, bytes_of(json_string_value(v), json_string_length(v)));
	AUTO(json) json_t *again = json_parse(buf_bytes(&b), why);
	if (!json_equal(v, again))
		abort();
}

static void check_object(json_t *o)
{
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v) {
		bool flag = json_flag(o, key, true) == json_flag(o, key, false);

		if (flag != json_is_boolean(v))
			abort();
		if ((json_str(o, key, NULL) != NULL) != json_is_string(v))
			abort();
		if (json_is_integer(v) && json_int(o, key, 0) != json_integer_value(v))
			abort();
		(void)json_num(o, key, 0);
		if (json_is_string(v))
			check_string(v);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(buf) struct buf b = { 0 };
	char why[160] = "";

	json_init();
	AUTO(json) json_t *v = json_parse(bytes_of(p, n), why);
	if (!v) {
		if (!*why)
			abort();
		return 0;
	}
	json_write(&b, v);
	AUTO(json) json_t *again = json_parse(buf_bytes(&b), why);
	if (b.failed || !json_equal(v, again))
		abort();
	check_object(v);
	return 0;
}
