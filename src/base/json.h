/* json.h - JSON values, by jansson, whose only wrapper this is.
 *
 * A JSON value is a word of our vocabulary like struct bytes: layers above use
 * json_t and jansson's functions through this header. What we add: parsing with
 * limits (depth 64, strict UTF-8, integers of 64 bits, no U+0000 in strings, as they
 * are C strings further on; of members with one name the last counts), typed reading
 * that never fails half-way, compact writing into a buf.
 * Ownership: json_t is reference counted; AUTO(json) drops one reference.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* Route jansson's memory through base/alloc. Call once, before any JSON. */
void json_init(void);

/* NULL: not one JSON value; then `why` (may be NULL) holds a short reason. */
MUST_USE json_t *json_parse(struct bytes text, char why[static 160]);

/* Appends compact JSON. On lack of memory sets b->failed. */
void json_write(struct buf *b, const json_t *v);

/* Member readers: `fallback` when absent or of another type. Strings are borrowed. */
const char *json_str(const json_t *object, const char *key, const char *fallback);
int64_t json_int(const json_t *object, const char *key, int64_t fallback);
double json_num(const json_t *object, const char *key, double fallback);
bool json_flag(const json_t *object, const char *key, bool fallback);
/* Is this string one of the elements? Not an array: no. */
MUST_USE bool json_has_word(const json_t *list, const char *word);
/* Appends `s` as a JSON string with quotes and escapes; `s` must be UTF-8. */
void json_quote(struct buf *b, struct bytes s);

static inline void json_auto_(json_t **p)
{
	json_decref(*p);
}
