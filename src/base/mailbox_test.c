#include "base/mailbox.h"

#include <pthread.h>
#include <unistd.h>

#include "base/test.h"

struct letter {
	struct node node;
	unsigned i;
};

struct sender {
	struct mailbox *to;
	struct letter letters[100];
};

static void *send_all(void *arg)
{
	struct sender *s = arg;

	for (unsigned i = 0; i < ARRAY_LEN(s->letters); i++) {
		s->letters[i].i = i;
		mailbox_put(s->to, &s->letters[i].node);
	}
	return NULL;
}

static void brings_letters_in_order(void)
{
	AUTO(mailbox) struct mailbox *m = NULL;
	struct sender s = { 0 };
	pthread_t thread;
	unsigned n = 0, wrong = 0;

	CHECK_EQ(mailbox_new(&m), 0);
	CHECK(!mailbox_take(m));
	s.to = m;
	CHECK_EQ(pthread_create(&thread, NULL, send_all, &s), 0);
	while (n < ARRAY_LEN(s.letters)) {
		mailbox_wait(m, -1, 10000);
		for (struct node *l; (l = mailbox_take(m)); n++)
			wrong += CONTAINER_OF(l, struct letter, node)->i != n;
	}
	pthread_join(thread, NULL);
	CHECK_EQ(wrong, 0);
}

static void wakes_for_a_descriptor(void)
{
	AUTO(mailbox) struct mailbox *m = NULL;
	int ends[2];

	CHECK_EQ(mailbox_new(&m), 0);
	mailbox_wake(m);
	mailbox_wait(m, -1, 10000);
	CHECK_EQ(pipe(ends), 0);
	bool written = write(ends[1], "x", 1) == 1;
	mailbox_wait(m, ends[0], 10000); /* at once */
	mailbox_wait(m, -1, 0);
	close(ends[0]);
	close(ends[1]);
	CHECK(written && !mailbox_take(m));
}

TESTS({ "brings_letters_in_order", brings_letters_in_order },
      { "wakes_for_a_descriptor", wakes_for_a_descriptor })
