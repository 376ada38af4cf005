/* sandbox.h - what a process that reads a stranger's document may still do: nearly nothing.
 *
 * Two sets of system calls (seccomp, made by libseccomp; the only file that sees it):
 *
 * - SANDBOX_READER, our own program after it has loaded what it needs: reads and writes on
 *   what is open, memory that is not code, the clock, its end. To look for a file is
 *   refused with EPERM, as libraries do that in good faith (iconv, time zones) and live
 *   without. Anything else (sockets, programs, processes, signals, ptrace) nobody does in
 *   good faith here: it kills the process, so that there is no second try.
 * - SANDBOX_PROGRAM, a program of somebody else's (pdftotext): loads its libraries and reads
 *   files besides. Everything else is refused with EPERM: we do not know which calls another
 *   version may try, and it can live without.
 *
 * The sets are made once a process, on the first call, and may then be used between fork()
 * and exec(). Thread-safe.
 */
#pragma once

#include "base/defs.h"

struct sock_fprog;

enum sandbox_kind { SANDBOX_READER, SANDBOX_PROGRAM, SANDBOX_KINDS };

/* NULL: no set could be made (errno says why); nothing of a stranger's may be read then. */
MUST_USE const struct sock_fprog *sandbox_filter(enum sandbox_kind kind);
/* For ever, for this process and those it becomes. 0 or -errno. Async-signal-safe. */
MUST_USE int sandbox_enter(const struct sock_fprog *filter);

/* Landlock: only /usr and the libraries beside it, and `dir`, can be read, nothing written.
 * A descriptor for sandbox_enter_files(), or -1 where the kernel has none: the system calls
 * are limited all the same. `dir` may be NULL. */
MUST_USE int sandbox_files(const char *dir);
/* After sandbox_enter() or PR_SET_NO_NEW_PRIVS. 0 or -errno. Async-signal-safe. */
MUST_USE int sandbox_enter_files(int files);

struct sandbox_limits {
	size_t memory_max; /* octets of address space    */
	unsigned cpu_s;
	unsigned n_files;  /* descriptors below this one */
};

/* Memory, CPU time, descriptors; no file written, no process started, no core file.
 * Async-signal-safe. Builds with a sanitizer have no limit on address space. */
void sandbox_limit(const struct sandbox_limits *l);

/* How long this process has wanted a processor and others had it: a limit on time by the clock
 * is not about them. 0 where the kernel does not count that. */
MUST_USE uint64_t sandbox_starved_us(int pid);
