/* program.h - a program of the operator's as a peer: octets to its standard input and from its
 * standard output, what it says on standard error line by line.
 *
 * It runs with our rights, in a session and process group of its own, with HOME, LANG, LOGNAME,
 * PATH, SHELL, TERM, TMPDIR and USER of our environment and what the caller adds: no key of ours
 * is among them. It is not shut in (document/child.h is for strangers' files).
 *
 * Owned by one loop; everything is called on its thread, no handler from inside a function here.
 * SIGPIPE must be ignored.
 */
#pragma once

#include "base/bytes.h"

struct loop;
struct program;

enum {
	PROGRAM_QUEUE = 8 << 20,   /* octets that may wait for a program that does not read */
	PROGRAM_NOTE_MAX = 400,    /* octets of a line on standard error; the rest is cut   */
	PROGRAM_TERM_MS = 200,     /* from the end of its input to SIGTERM                  */
	PROGRAM_KILL_MS = 1000,    /* and from there to SIGKILL                             */
	PROGRAM_WHY = 120,
};

struct program_ops {
	void (*on_data)(void *owner, struct bytes data); /* valid during the call */
	void (*on_note)(void *owner, const char *line);	 /* no control characters */
	/* Once: it has ended, and so has its process group; the handle is gone. */
	void (*on_end)(void *owner, const char *why);
};

struct program_params {
	const char *const *argv;	/* [0] is looked up in PATH; ends with NULL */
	const char *const *environment; /* NAME=value; ends with NULL; may be NULL  */
	const struct program_ops *ops;
	void *owner;
};

/* -ENOENT, -EACCES: there is no such program; -ENOMEM, -EAGAIN: no process. No handler is called. */
MUST_USE int program_start(struct program **out, struct loop *l, const struct program_params *p);
/* Copies. -EPIPE: its input is closed; -EAGAIN: PROGRAM_QUEUE is full; -ENOMEM. */
MUST_USE int program_write(struct program *p, struct bytes data);
/* Before _exit(), where nobody waits any more: all that still run end now, with what they have
 * started. Any thread. */
void program_kill_all(void);
/* Its input is closed; it is asked to end, then made to. Only on_end follows. */
void program_stop(struct program *p);
