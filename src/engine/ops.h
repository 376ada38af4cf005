/* ops.h - what hears, thinks and speaks: one const ops struct per kind.
 *
 * The caller (session/) lives on one loop. Every function here is called on that
 * loop and returns at once; an engine does its work on threads of its own or on
 * a pool, and calls its sink back ON THE SAME LOOP, never from inside the call
 * that started the work, and never again after cancel() has returned. A ticket is
 * the caller's number for one piece of work; results carry it, never a pointer
 * into a session. `owner` is the session. Strings are UTF-8 and borrowed for the
 * length of the call. Each start ends in exactly one of on_done / on_final or
 * on_error, unless it is cancelled: then in none. A handle ends with the completion, with
 * cancel() or with end(); cancel() may be called inside any sink call but the completion.
 * free() waits for the engine's threads and ends what still runs without a sink call;
 * its handles are gone too.
 *
 * Recorder: whatever a sink receives is an input of the session, so a recorded
 * session can be replayed without engines.
 */
#pragma once

#include "base/json.h"

struct loop;

struct engine_error {
	const char *code;    /* "engine_unavailable", "engine_busy", … : api_error codes */
	const char *message; /* for people: what is wrong and what to do               */
};

/* --- hearing ---------------------------------------------------------------- */

enum { STT_RATE_HZ = 16000 };

enum stt_caps {
	STT_PARTIALS = 1 << 0,
	/* Silence after settle() changes nothing: the settled text may be taken for the final one,
	 * and the turn cancelled, which saves the time that end() takes. */
	STT_SETTLED_IS_FINAL = 1 << 1,
};

struct stt;      /* an engine with its models: shared by all sessions */
struct stt_turn; /* one stretch of speech                             */

struct stt_params {
	const char *language;   /* BCP 47, or NULL                            */
	const char *collection; /* whose documents' words to expect; or NULL  */
	const char *prompt;     /* words to expect; or NULL                   */
};

struct stt_sink {
	/* The words so far; may be revised. Only with STT_PARTIALS. */
	void (*on_partial)(void *owner, uint64_t ticket, const char *text);
	/* The answer to settle(): what end() would say if no more came. */
	void (*on_settled)(void *owner, uint64_t ticket, const char *text);
	void (*on_final)(void *owner, uint64_t ticket, const char *text);
	void (*on_error)(void *owner, uint64_t ticket, const struct engine_error *e);
};

struct stt_ops {
	const char *name; /* configuration: stt = "pocketsphinx" */
	unsigned caps;
	/* -EAGAIN: no decoder is free; on_error is not called. */
	int (*begin)(struct stt *e, struct stt_turn **out, const struct stt_params *p,
		     struct loop *loop, const struct stt_sink *sink, void *owner, uint64_t ticket);
	/* How many samples push() takes now. NULL: any number. */
	size_t (*room)(const struct stt_turn *t);
	/* Mono, STT_RATE_HZ. Never blocks; what does not fit the engine's ring (30 s) is
	 * dropped and the turn ends in on_error. */
	void (*push)(struct stt_turn *t, const int16_t *pcm, size_t n);
	/* A candidate end: ask for on_settled() without ending. */
	void (*settle)(struct stt_turn *t);
	/* Confirmed end: one on_final or on_error follows; t is the engine's from here on. */
	void (*end)(struct stt_turn *t);
	void (*cancel)(struct stt_turn *t); /* t is gone, no sink call follows */
	void (*free)(struct stt *e);
};

/* --- thinking --------------------------------------------------------------- */

struct llm;
struct llm_job;

/* Everything an answer may be made from. Borrowed until start() returns: an engine
 * that needs it longer takes references (json_incref). */
struct llm_request {
	const char *instructions; /* or NULL */
	/* Array of conversation items in the GA shape (message, function_call,
	 * function_call_output), oldest first; audio parts carry their transcript. */
	json_t *items;
	json_t *tools;       /* array of {type:"function", name, description, parameters} */
	json_t *tool_choice; /* "auto" | "none" | "required" | {type:"function", name}   */
	int max_output_tokens; /* 0: no limit */
	double temperature;
};

struct llm_usage {
	int input_tokens, output_tokens;
};

enum llm_finish { LLM_STOP, LLM_TOOL_CALLS, LLM_MAX_TOKENS };

struct llm_sink {
	/* `text` continues the answer. Deltas end at word boundaries where possible. */
	void (*on_text)(void *owner, uint64_t ticket, const char *text);
	/* The text since the last on_cite() rests on this source:
	 * {document, title, page?, heading?, start, end, quote} as `search` returned it. */
	void (*on_cite)(void *owner, uint64_t ticket, json_t *source);
	void (*on_call)(void *owner, uint64_t ticket, const char *name, const char *arguments);
	void (*on_done)(void *owner, uint64_t ticket, enum llm_finish f, const struct llm_usage *u);
	void (*on_error)(void *owner, uint64_t ticket, const struct engine_error *e);
};

struct llm_ops {
	const char *name;
	int (*start)(struct llm *e, struct llm_job **out, const struct llm_request *r,
		     struct loop *loop, const struct llm_sink *sink, void *owner, uint64_t ticket);
	void (*cancel)(struct llm_job *j);
	void (*free)(struct llm *e);
};

/* --- speaking ---------------------------------------------------------------- */

struct tts;
struct tts_job;

struct tts_params {
	const char *voice;    /* an API voice name; unknown: the default          */
	const char *language; /* BCP 47, or NULL                                  */
	double speed;         /* 0.25..1.5, 1.0 as it is; 0 means 1.0             */
	bool visemes;         /* on_viseme is wanted                              */
};

struct tts_voice {
	const char *name;        /* alloy, ash, …                              */
	const char *description; /* what it is here: "a man, a little low (rms)" */
};

struct tts_sink {
	/* Mono int16 at tts_ops.rate_hz, leading and trailing silence trimmed. */
	void (*on_audio)(void *owner, uint64_t ticket, const int16_t *pcm, size_t n);
	/* A word starts at this sample of the job's audio; before the audio that holds it. */
	void (*on_word)(void *owner, uint64_t ticket, const char *word, size_t sample, size_t n);
	void (*on_done)(void *owner, uint64_t ticket);
	void (*on_error)(void *owner, uint64_t ticket, const struct engine_error *e);
	/* From this sample on the mouth has this shape (0..21, engine/viseme.h); before the audio
	 * that holds it. Only if the parameters ask for it, by engines that can. */
	void (*on_viseme)(void *owner, uint64_t ticket, unsigned viseme, size_t sample);
};

struct tts_ops {
	const char *name;
	unsigned rate_hz;
	const struct tts_voice *voices; /* ends with a NULL name */
	/* `text` is one clause or sentence; copied. */
	int (*start)(struct tts *e, struct tts_job **out, const char *text,
		     const struct tts_params *p, struct loop *loop, const struct tts_sink *sink,
		     void *owner, uint64_t ticket);
	void (*cancel)(struct tts_job *j);
	void (*free)(struct tts *e);
};

/* --- what the server itself can do for an answer ------------------------------- */

struct tool;
struct tool_job;

/* Borrowed until start() returns. */
struct tool_request {
	const char *arguments; /* JSON text, as the model wrote it: a stranger's                   */
	const char *groups;    /* of the session (knowledge/labels.h); NULL: it may see everything */
};

struct tool_sink {
	/* `output` is JSON text, also when the tool failed: {"error": "…"}. */
	void (*on_output)(void *owner, uint64_t ticket, const char *output);
};

struct tool_ops {
	const char *name;        /* "search" */
	const char *description;
	const char *parameters;  /* JSON Schema */
	int (*start)(struct tool *t, struct tool_job **out, const struct tool_request *r,
		     struct loop *loop, const struct tool_sink *sink, void *owner, uint64_t ticket);
	void (*cancel)(struct tool_job *j);
};

/* One of each, as a session uses them. A relay engine (realtime_ops) comes beside these. */
struct engines {
	const struct stt_ops *stt_ops;
	struct stt *stt;
	const struct llm_ops *llm_ops;
	struct llm *llm;
	const struct tts_ops *tts_ops;
	struct tts *tts;
	struct {
		const struct tool_ops *ops;
		struct tool *tool;
	} tools[4];
	size_t n_tools;
};
