/* faultvfs.h - a disk that fails, for tests of what is kept in SQLite: a VFS over the system's that
 * counts calls and lets one of them, or all from one on, go wrong.
 *
 * The power cut keeps for every file what was last synced and every write since. When the power
 * goes, all further calls fail; faultvfs_restart() then leaves on the disk what may be left: what
 * was synced, and of the rest nothing, all, or some sectors in any order, and files made or
 * deleted without a sync of their directory either way. (Sectors that are written are written
 * whole or not at all, or hold anything; those beside them are not touched.)
 *
 * One thread, state of the process. Waiting for a lock takes no time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"

enum fault {
	FAULT_NONE,       /* only counts: every call                                        */
	FAULT_ERROR,      /* any call: it fails with an input/output error                  */
	FAULT_FULL,       /* what needs room: there is none                                */
	FAULT_SHORT,      /* a write: a piece of it is written, then there is no room       */
	FAULT_BUSY,       /* a lock: somebody else has it                                   */
	FAULT_CUT_CLEAN,  /* what changes the disk: the power goes; only what was synced is left */
	FAULT_CUT_LATE,   /*     …          all that was written is left                    */
	FAULT_CUT_TORN,   /*     …          some sectors are left, in any order             */
	FAULT_CUT_GARBAGE, /*    …          and some hold anything                          */
	FAULT_LIE,        /* what changes the disk: it is not done, but said to be          */
	FAULT_KINDS,
};

extern const char *const fault_names[FAULT_KINDS];

/* Becomes the VFS of all databases that are opened from now on; after store_init(). */
MUST_USE int faultvfs_init(void);
/* Forgets the plan and all files. */
void faultvfs_done(void);

struct fault_plan {
	enum fault kind;
	unsigned long at; /* the call of those that this kind concerns, from 1; 0: never */
	bool lasting;     /* and all after it */
	uint64_t seed;    /* of what is left to chance */
};

/* Counts from zero. No database is open, or the plan is not a cut. */
void faultvfs_plan(struct fault_plan p);
unsigned long faultvfs_calls(void); /* that the plan's kind concerns, so far */
bool faultvfs_struck(void);
bool faultvfs_is_cut(enum fault kind);
/* After a cut, when every database is closed: the disk as it is found. The plan is forgotten. */
MUST_USE int faultvfs_restart(void);
