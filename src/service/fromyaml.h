/* fromyaml.h - a YAML document as JSON, by libyaml, whose only wrapper this is.
 *
 * The core schema of YAML 1.2 (10.3.2): null, true, false, integers and numbers as JSON has them, all
 * else strings; what is quoted is a string. The first document counts. Refused: aliases (a few lines
 * of them can stand for gigabytes), keys that are no scalars, more than 32 levels. Pure.
 */
#pragma once

#include "base/json.h"

/* A new reference; NULL: no YAML, or out of memory; then `why` holds a short reason. */
MUST_USE json_t *json_from_yaml(struct bytes text, char why[static 160]);
