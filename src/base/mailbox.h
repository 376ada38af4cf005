/* mailbox.h - letters from any thread to one that also waits for a descriptor.
 *
 * A letter is a node embedded in what is sent; it belongs to the receiver until it answers.
 */
#pragma once

#include "base/list.h"

struct mailbox;

MUST_USE int mailbox_new(struct mailbox **out); /* 0 or -errno */
void mailbox_free(struct mailbox *m);           /* what is in it is the caller's */
AUTO_DEF(mailbox)

void mailbox_put(struct mailbox *m, struct node *letter); /* any thread */
void mailbox_wake(struct mailbox *m);                     /* any thread; ends a wait without a letter */
struct node *mailbox_take(struct mailbox *m);             /* the oldest, or NULL */
/* Sleeps until a letter has come, `fd` (-1: none) is readable, or wait_ms have passed. */
void mailbox_wait(struct mailbox *m, int fd, unsigned wait_ms);
