// One conversation over one link, whichever way it goes. Translates the events of the realtime
// protocol into calls of a view (see view.js); knows no element of the page.

import { Fault, fault_of_code } from "./messages.js";

export const SILENCE_MS = 500; // end-of-turn window that the page asks for

let counter = 0;
const new_id = (kind) => `${kind}_page${Date.now().toString(36)}${(counter++).toString(36)}`;

export class Session {
	// view: what to show. player: sound of the written way. on: {phase, fault, latency}.
	constructor(link, { view, player, on, settings }) {
		this.link = link;
		this.view = view;
		this.player = player;
		this.on = on;
		this.settings = settings;
		this.answers = new Map(); // response id → {text, item}
		this.of_item = new Map(); // item id → response id
		this.heard = new Map();   // item id → {text, partial} of what the user says
		this.spoken = false;      // an answer is audible now
		this.open_response = null;
		this.ignored = new Set(); // event ids whose errors are expected
		this.queue = null;        // a response.create that waits for the current one to be over
	}

	get voice() {
		return this.link.kind === "voice";
	}

	configure() {
		const hands_free = {
			type: "server_vad", silence_duration_ms: SILENCE_MS,
			create_response: true, interrupt_response: true,
		};
		const output = this.settings.voice ? { voice: this.settings.voice } : {};

		this.link.send({
			type: "session.update",
			session: {
				type: "realtime",
				output_modalities: [this.voice || this.settings.aloud ? "audio" : "text"],
				audio: {
					input: {
						transcription: { model: "voiced" },
						turn_detection: this.settings.ptt ? null : hands_free,
					},
					output,
				},
				include: ["voiced.partials", "voiced.sources", "voiced.latency", "voiced.cost"],
			},
		});
	}

	// What was said over an earlier link, so that "and how long does that take?" still has a that.
	remember(turns) {
		for (const { role, text } of turns) {
			const event_id = new_id("carry");
			const type = role === "user" ? "input_text" : "output_text";

			this.ignored.add(event_id);
			this.link.send({
				type: "conversation.item.create", event_id,
				item: { type: "message", role, content: [{ type, text }] },
			});
		}
	}

	ask(text) {
		const id = new_id("item");

		this.hush();
		this.view.ask(id, text, true);
		this.link.send({
			type: "conversation.item.create",
			item: { type: "message", id, role: "user", content: [{ type: "input_text", text }] },
		});
		this.#respond();
	}

	#respond() {
		const event_id = new_id("create");

		// One answer at a time: the next is asked for when the former has said that it is over.
		if (this.open_response) {
			this.queue = true;
			return;
		}
		this.link.send({ type: "response.create", event_id });
		this.on.phase("thinking");
	}

	// Ends the answer that is being given, if there is one.
	hush() {
		this.player.clear();
		if (this.open_response) {
			this.#send_quietly({ type: "response.cancel" });
		}
		if (this.voice && (this.open_response || this.spoken))
			this.#send_quietly({ type: "output_audio_buffer.clear" });
	}

	#send_quietly(event) {
		const event_id = new_id("quiet");

		this.ignored.add(event_id);
		this.link.send({ event_id, ...event });
	}

	// Hold to talk: what comes between these two is the question.
	press() {
		this.hush();
		this.#send_quietly({ type: "input_audio_buffer.clear" });
		this.on.phase("hearing");
	}

	release() {
		this.#send_quietly({ type: "input_audio_buffer.commit" });
		this.#respond();
	}

	take(event) {
		const handler = HANDLERS[event.type];

		if (handler)
			handler.call(this, event);
	}

	answer_of(response_id) {
		let answer = this.answers.get(response_id);

		if (!answer) {
			answer = { id: response_id, text: "", done: false };
			this.answers.set(response_id, answer);
			this.view.answer(response_id);
		}
		return answer;
	}

	say(response_id, delta) {
		const answer = this.answer_of(response_id);

		answer.text += delta;
		this.view.say(response_id, answer.text);
		if (!this.spoken && !this.voice)
			this.on.phase("answering");
	}

	hear(item_id, text, final) {
		this.view.ask(item_id, text, final);
		this.heard.set(item_id, { text, final });
	}

	settle() {
		if (this.open_response)
			return;
		if (!this.spoken && !this.player.playing)
			this.on.phase("listening");
	}
}

const HANDLERS = {
	"input_audio_buffer.speech_started"(e) {
		this.view.ask(e.item_id, "", false);
		this.on.phase("hearing");
		if (!this.voice)
			this.player.clear();
	},
	"input_audio_buffer.speech_stopped"() {
		this.on.phase("thinking");
	},
	"input_audio_buffer.committed"(e) {
		if (!this.heard.get(e.item_id)?.final)
			this.view.ask(e.item_id, this.heard.get(e.item_id)?.text ?? "", false);
	},
	"voiced.input_transcript.partial"(e) {
		this.heard.set(e.item_id, { text: e.text, partial: true });
		this.view.ask(e.item_id, e.text, false);
	},
	"conversation.item.input_audio_transcription.delta"(e) {
		const had = this.heard.get(e.item_id);

		// Deltas add up from nothing; a partial hypothesis before them is replaced.
		this.hear(e.item_id, (had && !had.partial ? had.text : "") + e.delta, false);
	},
	"conversation.item.input_audio_transcription.completed"(e) {
		if (e.transcript?.trim()) {
			this.hear(e.item_id, e.transcript.trim(), true);
			this.view.announce(`You: ${e.transcript.trim()}`);
		} else {
			this.view.forget(e.item_id);
			this.settle();
		}
	},
	"conversation.item.input_audio_transcription.failed"(e) {
		this.hear(e.item_id, "(not understood)", true);
	},
	"response.created"(e) {
		this.open_response = e.response.id;
		this.answer_of(e.response.id);
		this.on.phase("thinking");
		this.on.awaiting();
	},
	"response.output_item.added"(e) {
		this.of_item.set(e.item.id, e.response_id);
	},
	"response.output_audio_transcript.delta"(e) {
		this.say(e.response_id, e.delta);
	},
	"response.output_text.delta"(e) {
		this.say(e.response_id, e.delta);
	},
	"response.output_audio.delta"(e) {
		if (this.open_response !== e.response_id)
			return; // of an answer that is over
		this.player.attach();
		this.player.push(e.delta);
		this.on.phase("answering");
	},
	"output_audio_buffer.started"() {
		this.spoken = true;
		this.on.phase("answering");
	},
	"output_audio_buffer.stopped"() {
		this.spoken = false;
		this.settle();
	},
	"output_audio_buffer.cleared"(e) {
		this.spoken = false;
		if (e.response_id)
			this.view.mark(e.response_id, "interrupted");
		this.settle();
	},
	"conversation.item.truncated"(e) {
		const id = this.of_item.get(e.item_id);

		if (id)
			this.view.mark(id, "interrupted");
	},
	"voiced.response.sources"(e) {
		this.view.sources(e.response_id, e.sources ?? []);
	},
	"voiced.turn.latency"(e) {
		this.on.latency(e);
	},
	"voiced.turn.cost"(e) {
		this.view.cost(e);
	},
	"response.done"(e) {
		const { id, status, status_details } = e.response;
		const answer = this.answer_of(id);
		const error = status_details?.error;

		if (this.open_response === id)
			this.open_response = null;
		answer.done = true;
		this.view.finish(id, status === "completed" && answer.text !== "");
		if (status === "failed") {
			this.view.mark(id, "failed");
			this.on.fault(new Fault(fault_of_code(error?.code) ?? "failed", error?.message));
		} else if (status === "cancelled") {
			this.view.mark(id, "interrupted");
		} else if (answer.text) {
			this.view.announce(`Answer: ${answer.text}`);
		}
		if (this.queue) {
			this.queue = null;
			this.link.send({ type: "response.create", event_id: new_id("create") });
		}
		this.settle();
		this.on.over();
	},
	error(e) {
		const { code, message, event_id } = e.error ?? {};

		if (this.ignored.has(event_id))
			return;
		// A race that both sides survive: the answer under way goes on.
		if (code === "conversation_already_has_active_response") {
			this.queue = true;
			return;
		}
		this.on.fault(new Fault(fault_of_code(code) ?? "failed", message));
		this.settle();
	},
};
