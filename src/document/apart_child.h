/* apart_child.h - the other side of apart.h: the template process and the readers it forks.
 *
 * Any program that links this layer is a template when it is started with the one argument
 * APART_ARGUMENT: a constructor sees to it, before main(), so that voiced, a unit test and
 * a benchmark need nothing of their own.
 *
 * On the control socket (descriptor 0, SOCK_SEQPACKET) come requests: a struct
 * apart_request with three descriptors: the content, where the pack goes (a pipe), where the
 * report goes (a socket). A hang-up on the last one kills the reader; one on the
 * control socket ends the template as soon as its readers have ended.
 */
#pragma once

#include "document/apart.h"

#define APART_ARGUMENT "(reads-documents)"

enum { APART_NAME_MAX = 256, APART_FDS = 3 };

enum apart_kind {
	APART_EXTRACT, /* the pack holds an outline                                   */
	APART_INFLATE, /* the pack's text is what was compressed: of what kind is seen then */
};

struct apart_request {
	enum apart_kind kind;
	int nice; /* of who asks */
	char name[APART_NAME_MAX];
};

struct apart_report {
	int status; /* of wait(2)                */
	long peak_kb;
	uint64_t cpu_us;
};

/* Exit codes of a reader */
enum { APART_DONE = 0, APART_NO_SANDBOX = 3, APART_NO_MEMORY = 4 };

/* Referred to by apart.c so that the constructor is linked. */
extern const char apart_argument[];
