/* sctp_service.h - the one thread on which usrsctp runs.
 *
 * usrsctp's timers and tables are global: so every call into it is made on this thread,
 * by sctp_service.c, the only file that sees it, and the only one of this layer with a
 * thread, a lock and real time. The thread sleeps while there is no association, and
 * wakes every 10 ms for usrsctp's timers while there is one; a packet or a message wakes
 * it at once. How associations use it is in assoc.h.
 */
#pragma once

#include "base/defs.h"

struct sctp_service;

/* Starts the thread. One per process: -EBUSY for a second. 0 or -errno. */
MUST_USE int sctp_service_new(struct sctp_service **out);
/* After assoc_free() of all its associations; ends the thread. */
void sctp_service_free(struct sctp_service *s);
AUTO_DEF(sctp_service)
