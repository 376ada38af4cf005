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
struct meter;
struct price;

struct engine_error {
	const char *code;    /* "engine_unavailable", "engine_busy", … : api_error codes */
	const char *message; /* for people: what is wrong and what to do               */
};

/* Whose work something is, where one engine is several: what it costs, and is counted on. Either may
 * be NULL: nothing. */
struct bill {
	const struct price *price;
	struct meter *meter;
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
	/* Of the one that hears now. NULL: struct engines says. */
	struct bill (*bill)(const struct stt_turn *t);
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

/* The totals hold the others: of input_tokens input_audio_tokens are of audio, and cached_tokens of
 * either came out of the service's cache. Zero is a valid "not said". */
struct llm_usage {
	int input_tokens, output_tokens;
	int input_audio_tokens, cached_tokens, output_audio_tokens;
	/* Of the service that did it, where an engine has several: they live as long as the engine.
	 * NULL: struct engines says. */
	const struct price *price;
	struct meter *meter; /* tokens and money are counted on it; NULL: struct engines says */
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
	/* May be NULL. Of engines that ask others: the one at work says on_cite by itself, though llm_ops.cites does
	 * not promise it. Before its first text. */
	void (*on_cites)(void *owner, uint64_t ticket);
};

struct llm_ops {
	const char *name;
	int (*start)(struct llm *e, struct llm_job **out, const struct llm_request *r,
		     struct loop *loop, const struct llm_sink *sink, void *owner, uint64_t ticket);
	void (*cancel)(struct llm_job *j);
	void (*free)(struct llm *e);
	bool cites; /* says on_cite by itself; else sources are found by the session */
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
	struct bill (*bill)(const struct tts_job *j); /* as stt_ops */
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
	int (*start)(struct tool *t, struct tool_job **out, const struct tool_request *r,
		     struct loop *loop, const struct tool_sink *sink, void *owner, uint64_t ticket);
	void (*cancel)(struct tool_job *j);
	/* May be NULL. There is nothing it could find now: a service that may have documents of its own is
	 * not told of it meanwhile. Any thread. */
	bool (*idle)(const struct tool *t);
};

enum tool_effect {
	TOOL_READS, /* only looks: may run for an answer that is not wanted yet        */
	TOOL_ACTS,  /* changes something: runs for an announced answer only, and where the
		     * turn has read documents not without the user's spoken consent  */
};

/* When an output returns into the conversation. */
enum tool_when {
	TOOL_NOW,    /* the answer waits for it                                         */
	TOOL_IDLE,   /* the answer goes on; told when nobody speaks                      */
	TOOL_SILENT, /* an item of the conversation, nothing is said                    */
};

/* One tool as a model sees it, and how the session runs it. Outlives the sessions that have it. */
struct tool_def {
	const char *name, *description;
	const char *parameters; /* JSON Schema */
	enum tool_effect effect;
	enum tool_when when;
	bool unasked;        /* TOOL_ACTS: the operator wants no spoken consent */
	unsigned time_ms;    /* limit of one call; 0: 30 s                      */
	const char *filler;  /* said while it is slow; NULL: the session's      */
	const struct tool_ops *ops;
	struct tool *tool;
};

/* --- MCP servers: tools that are asked for by name ------------------------------- */

struct mcp;
struct mcp_server;

struct mcp_sink {
	/* The answer to open(): [{name, description, input_schema, annotations?}], after allowed_tools. */
	void (*on_tools)(void *owner, uint64_t ticket, json_t *tools);
	void (*on_error)(void *owner, uint64_t ticket, const struct engine_error *e);
};

/* Servers that a session names itself. As all work here: one on_tools or on_error for each open(),
 * on the caller's loop, none after close(). */
struct mcp_ops {
	/* tool: {type:"mcp", server_label, server_url, authorization?, headers?, allowed_tools?},
	 * borrowed. -EINVAL: *e says why (a private address, no URL); on_error is not called. */
	int (*open)(struct mcp *m, struct mcp_server **out, const json_t *tool, struct engine_error *e,
		    struct loop *loop, const struct mcp_sink *sink, void *owner, uint64_t ticket);
	/* After on_tools. Output as of any tool; {"error": {type, message, code?}} with the types of
	 * the API's mcp_call.error where the call failed. The job ends by tool_ops' rules. */
	int (*call)(struct mcp_server *s, struct tool_job **out, const char *name,
		    const char *arguments, const struct tool_sink *sink, void *owner, uint64_t ticket);
	void (*cancel)(struct tool_job *j);
	void (*close)(struct mcp_server *s); /* ends its calls without a sink call */
};

/* --- a service that hears, thinks and speaks by itself ---------------------------- */

struct realtime;      /* services in the order they are tried: shared by all sessions */
struct realtime_link; /* one session's conversation with one of them                 */

enum {
	REALTIME_RATE_HZ = 24000, /* of audio both ways */
};

/* What a conversation begins with, on the first connection and on each one after. Borrowed. */
struct realtime_start {
	const json_t *session; /* the effective GA session object: instructions, tools (ours and the
				* client's, as functions), tool_choice, voice, turn_detection,
				* transcription, max_output_tokens, temperature, speed …          */
	json_t *items;         /* the conversation so far as llm_request has it; a user's audio without
				* a transcript as {type:"input_audio", audio: base64 of PCM 24 kHz} */
	bool service_turns;    /* the service finds the turns; else we commit and ask             */
	const char *safety_id; /* hashed end user, or NULL                                         */
};

/* One answer. */
struct realtime_ask {
	const json_t *response; /* members of response.create.response that differ from the session's
				 * (GA names); NULL: none                                       */
};

/* Numbers: `ref` is the caller's ticket of an answer; for one that the service began by itself it
 * is 0 until the caller gives one with adopt(). Items of the user's speech are told apart by their
 * order: each commit (ours or the service's) is answered by one on_words or on_deaf, in order. */
struct realtime_sink {
	/* The session is configured and the items are there. Again after each new connection. */
	void (*on_open)(void *owner, uint64_t link);
	/* Only where the service finds the turns. audio_ms: of the audio pushed since open(). */
	void (*on_speech)(void *owner, uint64_t link, bool started, uint64_t audio_ms);
	void (*on_commit)(void *owner, uint64_t link);
	void (*on_words_delta)(void *owner, uint64_t link, const char *text);
	void (*on_words)(void *owner, uint64_t link, const char *text);
	void (*on_deaf)(void *owner, uint64_t link, const struct engine_error *e);
	/* The service answers by itself: call adopt() or cancel(link, 0) from inside. */
	void (*on_begun)(void *owner, uint64_t link);
	void (*on_text)(void *owner, uint64_t link, uint64_t ref, const char *text);
	/* Transcript of the audio; may run ahead of it. */
	void (*on_transcript)(void *owner, uint64_t link, uint64_t ref, const char *text);
	/* Mono, REALTIME_RATE_HZ. */
	void (*on_audio)(void *owner, uint64_t link, uint64_t ref, const int16_t *pcm, size_t n);
	void (*on_call)(void *owner, uint64_t link, uint64_t ref, const char *call_id,
			const char *name, const char *arguments);
	void (*on_done)(void *owner, uint64_t link, uint64_t ref, enum llm_finish f,
			const struct llm_usage *u);
	/* This answer failed; the conversation goes on. */
	void (*on_failed)(void *owner, uint64_t link, uint64_t ref, const struct engine_error *e);
	/* The connection is gone, or what is to be expected before long: its answers and commits are
	 * forgotten; the handle ends. again_us: when another open() may succeed at the earliest (the
	 * services' retry-after), UINT64_MAX: none is left. Also the answer to an open() that failed. */
	void (*on_lost)(void *owner, uint64_t link, const struct engine_error *e, uint64_t again_us);
};

/* Nothing here waits: what is given before on_open goes out after it. */
struct realtime_ops {
	const char *name;
	/* Connects to the first service that is well. `link` is the caller's number for this one. */
	int (*open)(struct realtime *e, struct realtime_link **out, const struct realtime_start *s,
		    struct loop *loop, const struct realtime_sink *sink, void *owner, uint64_t link);
	void (*update)(struct realtime_link *l, const json_t *session); /* as realtime_start.session */
	void (*push)(struct realtime_link *l, const int16_t *pcm, size_t n); /* RT */
	void (*commit)(struct realtime_link *l);
	void (*clear)(struct realtime_link *l);
	/* An item as of realtime_start.items, with the caller's id (GA "id"), at the end or after the
	 * item of that id. -EINVAL: the service cannot have it. */
	int (*add)(struct realtime_link *l, const json_t *item, const char *after);
	void (*remove)(struct realtime_link *l, const char *item_id);
	/* The answer `ref` was heard for so many ms of its audio: the service forgets the rest. */
	void (*truncate)(struct realtime_link *l, uint64_t ref, uint64_t ms);
	int (*ask)(struct realtime_link *l, const struct realtime_ask *a, uint64_t ref);
	void (*adopt)(struct realtime_link *l, uint64_t ref); /* from inside on_begun() only */
	/* The caller's id of an item that the service made, so that remove() and add() find it. ref 0:
	 * of the user's speech that was committed last, from inside on_commit() or right after
	 * commit(). Else of the answer's item that the sink call it is made from is about (on_text,
	 * on_transcript, on_audio: its message; on_call: the call). */
	void (*name_item)(struct realtime_link *l, uint64_t ref, const char *item_id);
	void (*cancel)(struct realtime_link *l, uint64_t ref); /* no sink call of this ref follows */
	void (*close)(struct realtime_link *l); /* the handle ends; no sink call follows */
	void (*free)(struct realtime *e);
};

/* One of each, as a session uses them. With realtime_ops the service hears, thinks and speaks;
 * the others are what is left when none can be reached. */
struct engines {
	const struct realtime_ops *realtime_ops;
	struct realtime *realtime;
	bool service_turns; /* of realtime_start */
	const struct stt_ops *stt_ops;
	struct stt *stt;
	const struct llm_ops *llm_ops;
	struct llm *llm;
	const struct tts_ops *tts_ops;
	struct tts *tts;
	const struct mcp_ops *mcp_ops; /* NULL: sessions may not name MCP servers */
	struct mcp *mcp;
	const struct tool_def *tools;
	size_t n_tools;
	bool search_ahead; /* `search` is run on what the user has said so far (session/ahead.h) */
	bool search_first; /* ... and a language model is given what was found with the question */
	/* What they cost (service/service.h). NULL: nothing. */
	const struct price *realtime_price, *stt_price, *llm_price, *tts_price;
	/* What the session counts on (base/meter.h): starts, failures, audio, characters, tokens, money.
	 * NULL: nothing, as the engine counts by itself. */
	struct meter *realtime_meter, *stt_meter, *llm_meter, *tts_meter;
};
