/* doctor.h - what the files of `voiced doctor` share. */
#pragma once

#include "app/config.h"

enum verdict { FINE, NOTE, BAD };

struct finding {
	const char *name; /* what was looked at; constant */
	enum verdict verdict;
	char text[400]; /* what is so */
	char mend[200]; /* the command that mends it; "": nothing to mend */
};

enum { DOCTOR_SERVICES_MAX = 6 * CONFIG_LIST_MAX };

/* Asks every configured service and MCP server, one after the other, for some seconds each at most. Returns
 * how many there are. No key stands in what is said. */
size_t doctor_services(const struct config *c, struct finding to[static DOCTOR_SERVICES_MAX]);
