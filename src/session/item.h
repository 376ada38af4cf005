/* item.h - what was said: items, and the conversation that is a list of them.
 *
 * An item's `wire` is the truth of what clients see (GA shape, without audio). It is
 * changed only through the functions here. Items are counted references: the
 * conversation holds one, a response holds one of each item it makes.
 */
#pragma once

#include "base/list.h"
#include "session/pcm.h"
#include "session/session.h"

enum item_type { ITEM_MESSAGE, ITEM_CALL, ITEM_CALL_OUTPUT, ITEM_MCP /* mcp.h */ };
enum item_role { ROLE_NONE, ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT };

enum { ITEM_ID_MAX = 64, ITEM_MARKS_MAX = 4096 };

/* A word of the transcript begins at `at` (octets) and is heard `from_ms` into the audio. */
struct mark {
	uint32_t at, from_ms;
};

struct item_part;

struct item {
	struct node node; /* in the conversation, or unlinked */
	unsigned refs;
	char id[ITEM_ID_MAX + 1];
	enum item_type type;
	enum item_role role;
	json_t *wire;
	struct pcm audio;   /* at STT_RATE_HZ; may have been dropped                      */
	bool has_audio;     /* a message whose part 0 is input_audio or output_audio     */
	bool cut;           /* truncated: what is said further does not count            */
	size_t aside;       /* octets at the front of the transcript that are no answer (filler.h) */
	bool hidden;        /* the model's to see, not the clients'                      */
	bool forgotten;     /* models are not shown it any more                          */
	bool removed;       /* ... nor does a realtime service have it                   */
	bool awaits_words;  /* recognition has not yet said what the audio says          */
	uint64_t audio_ms;  /* of part 0, also when the samples are gone                 */
	struct mark *marks; /* assistant audio                                           */
	size_t n_marks, cap_marks;
	struct item_part *parts; /* assistant: what a realtime service said of it (upstream.h) */
	size_t n_parts, cap_parts;
};

struct conversation {
	struct list items;
	size_t n;
};

void item_ref(struct item *it);
void item_unref(struct item *it); /* NULL is fine */

/* An item of the client. 0, -EINVAL with *e, -ENOMEM. When the content carries audio its
 * base64 is in *audio64 (borrowed from `from`), to be decoded by the caller. `spare_id` is used
 * when the client names none. */
MUST_USE int item_parse(const json_t *from, const char *spare_id, struct item **out,
			const char **audio64, struct api_error *e);
/* Ours: wire is taken, also on failure (NULL: no memory). */
MUST_USE struct item *item_make(enum item_type t, enum item_role r, const char *id, json_t *wire);

/* Sets a member of the wire object; takes v. false: no memory. */
MUST_USE bool item_set(struct item *it, const char *key, json_t *v);
/* Sets a member of content part 0. */
MUST_USE bool item_set_part(struct item *it, const char *key, json_t *v);
const char *item_transcript(const struct item *it); /* of part 0, "" if none */
MUST_USE bool item_mark(struct item *it, uint32_t at, uint32_t from_ms);
/* Octets of the transcript heard once `ms` of the audio were played: whole words. */
size_t item_heard(const struct item *it, uint64_t ms);

void conv_init(struct conversation *c);
void conv_done(struct conversation *c);
/* Of what clients know. */
struct item *conv_find(const struct conversation *c, const char *id);
struct item *conv_find_call(const struct conversation *c, const char *call_id);
/* Takes a reference of its own. `after`: NULL puts it first. */
void conv_insert(struct conversation *c, struct item *it, struct item *after);
void conv_remove(struct conversation *c, struct item *it); /* drops the reference */
struct item *conv_first(const struct conversation *c);
struct item *conv_last(const struct conversation *c);
/* The one in front of it that clients know; NULL: first. */
struct item *conv_before(const struct conversation *c, const struct item *it);
/* The user's last message; NULL: none. */
const struct item *conv_last_of_user(const struct conversation *c);
/* What a message says, typed or spoken, where it has one part; "" if it has more. */
const char *item_words(const struct item *it);
/* Drops the oldest samples until no more than SESSION_AUDIO_KEPT are held. */
void conv_trim_audio(struct conversation *c);
/* Tokens that text is about: a token is four octets. Of all strings in it; of an item; of what is
 * not forgotten. */
size_t json_tokens(const json_t *v);
size_t item_tokens(const struct item *it);
size_t conv_tokens(const struct conversation *c);
/* The oldest are forgotten until no more than max_tokens are left, or the newest alone. A call goes
 * with its output. Clients have them all the same. */
void conv_forget(struct conversation *c, size_t max_tokens);
/* Appends what a language model is shown of one item: nothing, the item, or two. */
MUST_USE bool conv_show(const struct conversation *c, const struct item *it, const json_t *own,
			json_t *list);
/* Items for a language model: a deep copy, oldest first, without what is unfinished or forgotten; of
 * those the newest that fit. */
MUST_USE json_t *conv_items(const struct conversation *c, size_t max_tokens);
/* The same for an answer that has made the items whose wires are in `own`: of calls of MCP servers among
 * them it knows itself. */
MUST_USE json_t *conv_items_for(const struct conversation *c, const json_t *own, size_t max_tokens);
