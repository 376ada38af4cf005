/* fake.h - engines that follow a script: no model, no thread, no chance.
 *
 * One struct fake is all three kinds. Results wait in order of (due time, order of
 * creation). With loop NULL in begin()/start(), the test moves time: fake_run(f, now_us)
 * delivers what is due; so a session can be tested in virtual time. With a loop, each
 * piece of work keeps a timer on that loop and needs no driving (benchmarks, servers);
 * then one fake may serve several loops.
 *
 * Scripts are queues: each turn, answer or clause takes the next line; when the queue is
 * empty the default applies. Texts are copied. Script functions return -ENOMEM at worst
 * and are called before the work starts, on any one thread.
 *
 * stt  hears the scripted line whatever is pushed. Partials: after each word_us of pushed
 *      audio one more word (0: no partials). settle(): the whole line.
 * llm  says the scripted steps; default: "You said: " + the last user text.
 * tts  plays 60 ms of a tone per letter or digit, at least 120 ms per word, in pieces of 100 ms;
 *      divided by the speed. Every word is announced.
 */
#pragma once

#include "engine/ops.h"

struct fake;

MUST_USE int fake_new(struct fake **out);
/* Work that still runs ends without a sink call; its handles are gone. */
void fake_free(struct fake *f);
AUTO_DEF(fake)

/* Fills stt, llm and tts of *out. Their ops->free() ends that kind's work; the memory is
 * fake_free()'s, which comes last. */
void fake_engines(struct fake *f, struct engines *out);

/* Without a loop: deliver all that is due at now_us, also what becomes due meanwhile.
 * Returns how many sink calls were made. */
size_t fake_run(struct fake *f, uint64_t now_us);
/* When fake_run() has something to do next; UINT64_MAX: nothing waits. */
uint64_t fake_next_us(const struct fake *f);

/* How long the engines take. All 0 at first: due at once, yet never inside the call. */
struct fake_delays {
	uint32_t word_us;   /* stt: pushed audio per word of a partial; 0: none */
	uint32_t settle_us; /* stt: settle() to on_settled                      */
	uint32_t final_us;  /* stt: end() to on_final                           */
	uint32_t step_us;   /* llm: before each step                            */
	uint32_t first_us;  /* tts: start() to the first audio                  */
	uint32_t chunk_us;  /* tts: between pieces of 100 ms                    */
};
void fake_delays(struct fake *f, const struct fake_delays *d);

MUST_USE int fake_hear(struct fake *f, const char *text);        /* the next turn's words      */
MUST_USE int fake_hear_error(struct fake *f, const char *code);  /* the next turn fails        */
MUST_USE int fake_hear_always(struct fake *f, const char *text); /* when the queue is empty; "" */
void fake_stt_busy(struct fake *f, bool busy);                   /* begin() gives -EAGAIN      */

enum fake_say { FAKE_TEXT, FAKE_CITE, FAKE_CALL, FAKE_ERROR, FAKE_MAX_TOKENS };

/* One step of an answer. TEXT: text; CITE: a JSON object; CALL: name and arguments;
 * ERROR: a code, ends the answer; MAX_TOKENS: ends it as cut short. */
struct fake_step {
	enum fake_say say;
	const char *text, *more;
};
MUST_USE int fake_answer(struct fake *f, const struct fake_step *steps, size_t n);

MUST_USE int fake_speak_error(struct fake *f, const char *code); /* the next clause fails */

/* What the engines were asked. Borrowed until the next start; not for several loops. */
const json_t *fake_last_request(const struct fake *f); /* {items, tools, instructions, …} or NULL */
const char *fake_last_clause(const struct fake *f);    /* or NULL */
size_t fake_heard(const struct fake *f);               /* samples pushed so far, all turns */
size_t fake_running(const struct fake *f);             /* pieces of work that are not over */

extern const struct stt_ops fake_stt_ops;
extern const struct llm_ops fake_llm_ops;
extern const struct tts_ops fake_tts_ops;
