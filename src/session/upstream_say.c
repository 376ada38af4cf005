/* upstream_say.c - what a realtime service is told: settings, items, what an answer needs. */
#include <string.h>

#include "session/compact.h"
#include "session/upstream_inner.h"

/* --- settings ---------------------------------------------------------------------------- */

/* What is between this server and its clients, or what the operator says of the service. */
static const char *const ours[] = { "id", "object", "expires_at", "client_secret", "include",
				    "model", "prompt", "tracing", "avatar", "animation",
				    "output_audio_timestamp_types", "interim_response" };

static json_t *wire_format(void)
{
	return json_pack("{s:s,s:i}", "type", "audio/pcm", "rate", REALTIME_RATE_HZ);
}

static bool set_audio(const struct session *s, json_t *v)
{
	json_t *in = config_at(v, "audio.input"), *out = config_at(v, "audio.output");
	json_t *words = json_object_get(in, "transcription");

	/* Words are always wanted: for the items' transcripts, and for when another service goes on. */
	if (!json_is_object(words)) {
		if (json_object_set_new(in, "transcription", json_object()) < 0)
			return false;
	} else {
		(void)json_object_del(words, "model");
	}
	(void)json_object_del(in, "sampling_rate");
	(void)json_object_del(in, "echo_cancellation");
	return json_object_set_new(in, "format", wire_format()) == 0 &&
	       json_object_set_new(out, "format", wire_format()) == 0 &&
	       (s->engines.service_turns ||
		json_object_set_new(in, "turn_detection", json_null()) == 0);
}

/* The client's functions and the server's tools, but for those that have nothing to find. */
static json_t *tools_json(const struct session *s, const json_t *functions)
{
	json_t *list = think_tools(s, functions);

	for (size_t i = 0; i < s->engines.n_tools; i++) {
		const struct tool_def *t = &s->engines.tools[i];

		if (!t->ops->idle || !t->ops->idle(t->tool))
			continue;
		for (size_t k = json_array_size(list); k-- > json_array_size(functions);)
			if (strcmp(json_str(json_array_get(list, k), "name", ""), t->name) == 0)
				(void)json_array_remove(list, k);
	}
	return list;
}

json_t *up_session_json(const struct session *s)
{
	AUTO(json) json_t *v = json_deep_copy(s->config);

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		(void)json_object_del(v, ours[i]);
	return v && set_audio(s, v) &&
			       json_object_set_new(v, "tools", tools_json(s, s->set.tools)) == 0 &&
			       (!s->set.tool_choice ||
				json_object_set_new(v, "tool_choice", mcp_choice(s->set.tool_choice)) == 0)
		       ? json_incref(v)
		       : NULL;
}

/* --- items ------------------------------------------------------------------------------- */

/* What the user said and nobody has put into words is told as it was heard. false: no memory. */
static bool tell_audio(const struct item *it, json_t *list)
{
	json_t *v = json_array_get(list, json_array_size(list) - 1);
	json_t *content = json_object_get(v, "content"), *part = json_array_get(content, 0);

	if (!it->has_audio || json_str(part, "transcript", "")[0])
		return true;
	if (it->role == ROLE_USER && it->audio.n) {
		(void)json_object_del(part, "transcript");
		return json_object_set_new(part, "audio", audio_encode(AUDIO_PCM_24K, it->audio.p,
								       it->audio.n)) == 0;
	}
	/* There is nothing to be told of it. */
	return json_array_size(content) > 1
		       ? json_array_remove(content, 0) == 0
		       : json_array_remove(list, json_array_size(list) - 1) == 0;
}

/* As the service may have it: nothing, one item or two. */
static bool show(const struct session *s, const struct item *it, json_t *list)
{
	size_t before = json_array_size(list);

	return conv_show(&s->conv, it, NULL, list) &&
	       (json_array_size(list) == before || tell_audio(it, list));
}

json_t *up_items_json(struct session *s, const struct item *until)
{
	AUTO(json) json_t *list = json_array();

	LIST_FOR (&s->conv.items, n) {
		const struct item *it = CONTAINER_OF(n, struct item, node);

		if (it == until)
			break;
		if (!list || !show(s, it, list))
			return NULL;
	}
	return list ? json_incref(list) : NULL;
}

/* After `after`; NULL: at the end. */
static void add(struct session *s, const json_t *v, const char *after)
{
	int err = v ? s->engines.realtime_ops->add(s->up.link, v, after) : 0;

	if (!v)
		session_oom(s);
	else
		(void)session_answer(s, REC_START, err != 0);
}

/* What the service knows as the last of what stands in front of it. */
static const char *known_before(const struct session *s, const struct item *it)
{
	const struct node *n = it->node.prev;

	if (it->node.next == &s->conv.items.head)
		return NULL;
	if (n == &s->conv.items.head)
		return "root";
	const struct item *before = CONTAINER_OF((struct node *)(uintptr_t)n, struct item, node);
	return before->n_parts ? before->parts[before->n_parts - 1].id : before->id;
}

/* A call that this link's service made is known to it under an id of its own. */
static bool set_call_id(const struct session *s, json_t *v)
{
	const char *theirs = json_str(s->up.calls, json_str(v, "call_id", ""), NULL);

	return !theirs || json_object_set_new(v, "call_id", json_string(theirs)) == 0;
}

void up_tell(struct session *s, const struct item *it)
{
	AUTO(json) json_t *list = s->up.link ? json_array() : NULL;
	json_t *v;
	const char *after = s->up.link ? known_before(s, it) : NULL;
	size_t i;

	if (!s->up.link)
		return;
	if (!list || !show(s, it, list)) {
		session_oom(s);
		return;
	}
	json_array_foreach (list, i, v) {
		if (!set_call_id(s, v))
			session_oom(s);
		add(s, v, after);
		if (after)
			after = json_str(v, "id", after);
	}
}

void upstream_added(struct session *s, const struct item *it)
{
	up_tell(s, it);
}

void upstream_said(struct session *s, const struct item *it)
{
	if (upstream_carries(s) && !it->n_parts && node_linked(&it->node))
		up_tell(s, it);
}

void upstream_removed(struct session *s, const struct item *it)
{
	const struct realtime_ops *ops = s->engines.realtime_ops;

	if (!s->up.link)
		return;
	for (size_t i = 0; i < it->n_parts; i++)
		ops->remove(s->up.link, it->parts[i].id);
	if (!it->n_parts)
		ops->remove(s->up.link, it->id);
}

/* An answer is cut by its audio; what the service has as text is told anew. */
void upstream_truncated(struct session *s, struct item *it, uint64_t ms)
{
	const struct realtime_ops *ops = s->engines.realtime_ops;

	if (!s->up.link)
		return;
	for (size_t i = it->n_parts; i-- > 0;) {
		const struct item_part *p = &it->parts[i];
		uint64_t heard = ms - MIN(ms, (uint64_t)p->from_ms);

		if (p->ref)
			ops->truncate(s->up.link, p->ref, heard);
		else if (!heard)
			ops->remove(s->up.link, p->id);
		if (heard)
			return;
	}
	if (it->n_parts)
		return;
	ops->remove(s->up.link, it->id);
	up_tell(s, it);
}

void up_compact(struct response *r)
{
	struct session *s = r->s;

	(void)!compact_conversation(s, r->config, r->level, strlen(r->set.instructions) / 4);
	LIST_FOR (&s->conv.items, n) {
		struct item *it = CONTAINER_OF(n, struct item, node);

		if (it->forgotten && !it->removed)
			upstream_removed(s, it);
		it->removed = it->forgotten;
	}
}

/* --- one answer -------------------------------------------------------------------------- */

/* Members that an answer may have otherwise than the session. */
static const struct {
	const char *path, *name;
} differs[] = { { "instructions", "instructions" },
		{ "output_modalities", "output_modalities" },
		{ "max_output_tokens", "max_output_tokens" },
		{ "temperature", "temperature" } };

static bool put(json_t *to, const char *name, json_t *v)
{
	return json_object_set_new(to, name, v) == 0;
}

static bool put_settings(const struct response *r, json_t *to)
{
	static const char voice[] = "audio.output.voice";
	json_t *config = r->s->config, *v;

	for (size_t i = 0; i < ARRAY_LEN(differs); i++) {
		v = config_at(r->config, differs[i].path);
		if (v && !config_same(config, r->config, differs[i].path) &&
		    !put(to, differs[i].name, json_incref(v)))
			return false;
	}
	if (!config_same(config, r->config, voice) &&
	    !put(to, "audio",
		 json_pack("{s:{s:O?}}", "output", "voice", config_at(r->config, voice))))
		return false;
	return config_same(config, r->config, "tools") ||
	       put(to, "tools", tools_json(r->s, r->set.tools));
}

/* Once its tools have answered, a forced choice would ask for ever. */
static bool put_choice(const struct response *r, json_t *to)
{
	if (r->rounds >= SESSION_TOOL_ROUNDS)
		return put(to, "tool_choice", json_string("none"));
	if (r->rounds)
		return put(to, "tool_choice", json_string("auto"));
	return config_same(r->s->config, r->config, "tool_choice") ||
	       put(to, "tool_choice", mcp_choice(r->set.tool_choice));
}

static bool put_input(struct response *r, json_t *to)
{
	bool full;

	if (r->oob && !put(to, "conversation", json_string("none")))
		return false;
	return !r->up.own_input || put(to, "input", think_items(r, 0, &full));
}

json_t *up_ask_json(struct response *r)
{
	AUTO(json) json_t *to = json_object();

	if (!to || !put_settings(r, to) || !put_choice(r, to) || !put_input(r, to))
		return NULL;
	return json_object_size(to) ? json_incref(to) : json_null();
}

/* --- calls of the server's tools ----------------------------------------------------------- */

/* A call that this link's service made is known to it, under an id of its own. */
static void tell_one(struct session *s, const json_t *v)
{
	const char *id = json_str(v, "call_id", ""), *theirs = json_str(s->up.calls, id, NULL);
	bool is_call = strcmp(json_str(v, "type", ""), "function_call") == 0;

	if (theirs && is_call)
		return;
	AUTO(json) json_t *own = json_copy((json_t *)(uintptr_t)v);
	if (own && theirs && json_object_set_new(own, "call_id", json_string(theirs)) < 0) {
		session_oom(s);
		return;
	}
	add(s, own, NULL);
	if (theirs)
		(void)json_object_del(s->up.calls, id);
}

void up_tell_scratch(struct response *r)
{
	struct session *s = r->s;

	if (!r->rounds && !r->up.continued && (r->scratch || r->input))
		r->up.own_input = true; /* append_input_items */
	if (r->oob && r->scratch)
		r->up.own_input = true;
	if (r->up.own_input)
		return;
	if (r->up.told_number != s->up.number)
		r->up.n_told = r->up.n_before = 0;
	r->up.told_number = s->up.number;
	while (r->up.n_before < json_array_size(r->before))
		tell_one(s, json_array_get(r->before, r->up.n_before++));
	while (r->up.n_told < json_array_size(r->scratch))
		tell_one(s, json_array_get(r->scratch, r->up.n_told++));
}

static void answer_call(struct session *s, const char *call_id, const char *output)
{
	const char *theirs = s->up.link ? json_str(s->up.calls, call_id, NULL) : NULL;

	if (!theirs)
		return;
	AUTO(json)
	json_t *v = json_pack("{s:s,s:s,s:s}", "type", "function_call_output", "call_id", theirs,
			      "output", output);
	add(s, v, NULL);
	(void)json_object_del(s->up.calls, call_id);
}

void upstream_unanswered(struct session *s, const char *call_id)
{
	answer_call(s, call_id, "{\"error\":\"not_run\",\"message\":\"It waits for an approval.\"}");
}

void up_settle_calls(struct response *r)
{
	for (size_t i = 0; !r->up.own_input && i < json_array_size(r->scratch); i++) {
		const json_t *v = json_array_get(r->scratch, i);

		if (strcmp(json_str(v, "type", ""), "function_call") == 0)
			answer_call(r->s, json_str(v, "call_id", ""),
				    "{\"error\":\"no longer wanted\"}");
	}
}
