#include "base/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"

struct mailbox {
	pthread_mutex_t lock; /* guards the list, nothing else */
	struct list letters;
	int wake;
};

int mailbox_new(struct mailbox **out)
{
	struct mailbox *m = mem_zalloc(sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->wake < 0) {
		int e = errno;

		mem_free(m);
		return -e;
	}
	pthread_mutex_init(&m->lock, NULL);
	list_init(&m->letters);
	*out = m;
	return 0;
}

void mailbox_free(struct mailbox *m)
{
	if (!m)
		return;
	close(m->wake);
	pthread_mutex_destroy(&m->lock);
	mem_free(m);
}

void mailbox_wake(struct mailbox *m)
{
	(void)eventfd_write(m->wake, 1);
}

void mailbox_put(struct mailbox *m, struct node *letter)
{
	pthread_mutex_lock(&m->lock);
	list_push(&m->letters, letter);
	pthread_mutex_unlock(&m->lock);
	mailbox_wake(m);
}

struct node *mailbox_take(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	struct node *n = list_pop(&m->letters);
	pthread_mutex_unlock(&m->lock);
	return n;
}

void mailbox_wait(struct mailbox *m, int fd, unsigned wait_ms)
{
	struct pollfd fds[] = { { m->wake, POLLIN, 0 }, { fd, POLLIN, 0 } };
	eventfd_t n;

	(void)poll(fds, ARRAY_LEN(fds), (int)wait_ms);
	(void)eventfd_read(m->wake, &n);
}
