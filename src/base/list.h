/* list.h - intrusive doubly linked list. A zeroed node is not in any list. */
#pragma once

#include "base/defs.h"

struct node {
	struct node *prev, *next;
};

struct list {
	struct node head; /* list_init() first */
};

static inline void list_init(struct list *l)
{
	l->head.prev = l->head.next = &l->head;
}

static inline bool list_empty(const struct list *l)
{
	return l->head.next == &l->head;
}

static inline bool node_linked(const struct node *n)
{
	return n->next != NULL;
}

static inline void list_push(struct list *l, struct node *n)
{
	n->prev = l->head.prev;
	n->next = &l->head;
	l->head.prev->next = n;
	l->head.prev = n;
}

static inline void node_unlink(struct node *n)
{
	if (!n->next)
		return;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->prev = n->next = NULL;
}

static inline struct node *list_first(struct list *l)
{
	return list_empty(l) ? NULL : l->head.next;
}

static inline struct node *list_pop(struct list *l)
{
	struct node *n = list_first(l);

	if (n)
		node_unlink(n);
	return n;
}

/* The body may unlink `n`. */
#define LIST_FOR(l, n)                                                                             \
	for (struct node *n = (l)->head.next, *n##_next = n->next; n != &(l)->head;                \
	     n = n##_next, n##_next = n->next)
