// Wires the page: the two links, the conversation, the settings, the faults.

import * as api from "./api.js";
import { Evidence } from "./sources.js";
import { Fault, messages } from "./messages.js";
import { Levels } from "./level.js";
import { Player } from "./player.js";
import { SILENCE_MS, Session } from "./session.js";
import { TextLink } from "./text.js";
import { Uploads } from "./uploads.js";
import { View, $, el } from "./view.js";
import { VoiceLink, open_mic } from "./rtc.js";
import { change, settings } from "./settings.js";
import { has_services, listed, rest_ms, standing_in, ways } from "./engines.js";

const REMEMBERED = 12;    // turns carried over into a new connection
const LOOK_AGAIN_MS = 4000; // while there are no documents
const SOON_MS = 500;      // while the server is starting
const READING_MS = 1000;  // while it reads documents
const REST_MORE_MS = 300, REST_MOST_MS = 60000; // after which an engine that rests is looked at again
const TAIL_MS = 150;      // of the voice, still under way when the key is released

const PHASES = {
	idle: "Ready",
	empty: "Waiting for documents",
	starting: "Starting…",
	connecting: "Connecting…",
	listening: "Listening",
	hearing: "Hearing you",
	thinking: "Looking it up",
	answering: "Answering",
	holding: matchMedia("(hover: none)").matches
		? "Hold the button and speak" : "Hold Space, or the button, and speak",
	muted: "Muted",
	away: "The network is away; waiting for it",
};

const sound = $("sound");
const evidence = new Evidence({ on_fault: report });
const view = new View(evidence);
const player = new Player(sound, () => report(new Fault("sound_blocked")));
const uploads = new Uploads({ on_change: look, announce: (text) => view.announce(text) });
const levels = new Levels({ on_levels: show_levels, on_answer: answered });

let info = null;      // what /api/status said last
let reading = null;   // what /api/ingest said last
let link = null;      // the connection in use
let session = null;
let attempt = 0;      // counts starts; an older one that finishes late is dropped
let awaiting = false; // an answer has been asked for and not been heard
let muted = false;
let held = false;
let last_way = "text";

const in_call = () => link?.kind === "voice" && !link.closed;

// Phases and levels.

function phase(name) {
	if (name === "listening" && in_call()) {
		if (muted)
			name = "muted";
		else if (settings.ptt && !held)
			name = "holding";
	} else if (name === "listening") {
		name = "idle";
	}
	$("app").dataset.phase = name;
	$("phase").textContent = PHASES[name];
}

function show_call(on, connecting = false) {
	const holding = on && settings.ptt;

	$("talk-label").textContent = holding ? "Hold to talk" : on ? "Stop"
		: connecting ? "Cancel" : "Start talking";
	$("talk-icon").setAttribute("href", (on && !holding) || connecting ? "#i-stop" : "#i-mic");
	$("app").dataset.mode = holding ? "hold" : "free";
	$("end").hidden = !holding;
	$("app").dataset.call = on ? "on" : connecting ? "connecting" : "off";
	$("mute").disabled = !on;
	if (!on)
		set_muted(false);
}

function show_levels(mic, answer) {
	for (const [id, level] of [["mic-meter", mic], ["answer-meter", answer]]) {
		const meter = $(id);

		meter.firstElementChild.style.transform = `scaleX(${level.toFixed(3)})`;
		meter.setAttribute("aria-valuenow", Math.round(level * 100));
	}
	$("halo").style.transform = `scale(${(1 + 0.16 * mic).toFixed(3)})`;
}

function answered(ms, how) {
	if (!awaiting)
		return;
	awaiting = false;
	view.took(ms, how, how === "spoken" && !settings.ptt ? SILENCE_MS : 0);
}

// Faults.

function report(error) {
	const fault = error instanceof Fault ? error : new Fault("failed", String(error?.message ?? error));
	const { title, text, action, field } = messages[fault.fault];
	const parts = [el("p", { className: "notice-title" }, title)];
	const detail = fault.fault === "failed" || fault.fault === "refused" ? fault.detail : "";

	parts.push(el("p", { className: "notice-text" }, [text, detail].filter(Boolean).join(" ")));
	if (fault.fault === "insecure" && info?.listen?.https_url && /^https:/.test(info.listen.https_url))
		parts.push(el("a", { className: "plain", href: info.listen.https_url }, "Open the secure address"));
	if (field)
		parts.push(code_form(field[0]));

	const buttons = el("div", { className: "notice-buttons" });

	if (action)
		buttons.append(el("button", {
			type: "button", className: "plain", onclick: () => {
				dismiss();
				ACTIONS[action[1]]();
			},
		}, action[0]));
	if (!field) // without a code nothing works: no use in sending this away
		buttons.append(el("button", { type: "button", className: "quiet", onclick: dismiss }, "Dismiss"));
	parts.push(buttons);
	$("notice").dataset.fault = fault.fault;
	$("notice").replaceChildren(...parts);
}

function dismiss() {
	delete $("notice").dataset.fault;
	$("notice").replaceChildren();
}

function code_form(label) {
	const input = el("input", { type: "text", id: "code", autocomplete: "one-time-code" });

	return el("form", {
		className: "code-form",
		onsubmit: (e) => {
			e.preventDefault();
			enter(input.value.trim());
		},
	}, el("label", { for: "code" }, label), input, el("button", { className: "plain" }, "Enter"));
}

const ACTIONS = {
	start,
	reconnect: () => last_way === "voice" ? start() : look().then(() => link || say_ready()),
	unblock: () => {
		levels.unlock();
		player.unlock();
		sound.play().catch(() => report(new Fault("sound_blocked")));
	},
};

// Connections.

function drop_link() {
	link?.close();
	link = null;
	session = null;
	player.clear();
	levels.stop("mic");
	levels.stop("answer");
	show_call(false);
	phase("idle");
}

function ended(fault) {
	drop_link();
	report(fault);
}

function new_session(to) {
	const history = view.history().slice(-REMEMBERED);
	const made = new Session(to, {
		view, player, settings,
		on: {
			phase,
			fault: report,
			latency: (e) => view.breakdown(e),
			awaiting: () => awaiting = true,
			over: look_at_engines,
		},
	});

	made.begin = () => {
		made.configure();
		made.remember(history);
	};
	return made;
}

// Start talking. A second start closes what the first one opened.
async function start() {
	const mine = ++attempt;

	drop_link();
	dismiss();
	last_way = "voice";
	levels.unlock(); // while this is still the user's click
	show_call(false, true);
	phase("connecting");

	let mine_link = null;

	try {
		const mic = await open_mic(settings.mic);

		if (mine !== attempt) {
			mic.getTracks().forEach((t) => t.stop());
			return;
		}
		list_mics();
		mine_link = new VoiceLink({
			on_event: (e) => session?.take(e),
			on_end: ended,
			on_stream: play_stream,
			on_wobble: (away) => phase(away ? "away" : "listening"),
		});
		link = mine_link;
		session = new_session(link);
		levels.watch("mic", mic);
		if (settings.ptt)
			mic.getAudioTracks().forEach((t) => t.enabled = false);
		await link.open(mic);
		if (mine !== attempt)
			return;
		session.begin();
		show_call(true);
		phase("listening");
		view.announce("Connected. Ask your question.");
	} catch (error) {
		mine_link?.close();
		if (mine === attempt)
			ended(error);
	}
}

// Stop. Harmless at any time.
function stop() {
	attempt++;
	drop_link();
	view.announce("Stopped.");
}

function play_stream(stream) {
	sound.srcObject = stream;
	levels.watch("answer", stream);
	sound.play().catch((e) => {
		if (e.name === "NotAllowedError")
			report(new Fault("sound_blocked"));
	});
}

let opening = null; // of the text link: who asks meanwhile waits for it, in order

async function text_session() {
	if (link && !link.closed) {
		if (link.kind === "text")
			await opening;
		return session;
	}

	const mine = ++attempt;

	drop_link();
	last_way = "text";
	phase("connecting");
	const made = new TextLink({ on_event: (e) => session?.take(e), on_end: text_ended });

	link = made;
	session = new_session(link);
	opening = link.open().then(() => {
		if (mine !== attempt)
			throw new Fault("lost");
		session.begin();
	});
	await opening;
	return session;
}

// While nobody waits for anything, a closed connection is no news: the next question opens another.
function text_ended(fault) {
	const idle = !session?.open_response && fault.fault === "lost";

	if (idle)
		drop_link();
	else
		ended(fault);
}

async function ask(text) {
	dismiss();
	levels.unlock();
	if (!in_call() && settings.aloud)
		player.attach(); // now, while this is still the user's click or key
	try {
		const to = await text_session();

		if (to.link.kind === "text" && settings.aloud)
			levels.watch("answer", player.stream);
		levels.typed();
		to.ask(text);
	} catch (error) {
		$("ask").value ||= text;
		ended(error);
	}
}

// Hold to talk.

function hold(on) {
	if (!in_call() || !settings.ptt || held === on)
		return;
	held = on;
	$("app").dataset.held = on;
	if (on) {
		session.press();
		link.set_mic(!muted);
		return;
	}
	const was = session;

	phase("thinking");
	setTimeout(() => {
		if (session !== was || held)
			return;
		link.set_mic(false);
		session.release();
	}, TAIL_MS);
}

function set_muted(on) {
	muted = on;
	$("mute").setAttribute("aria-pressed", on);
	$("mute").setAttribute("aria-label", on ? "Unmute the microphone" : "Mute the microphone");
	$("mute").querySelector("use").setAttribute("href", on ? "#i-mic-off" : "#i-mic");
	if (in_call()) {
		link.set_mic(!on && (!settings.ptt || held));
		if (["muted", "listening", "holding"].includes($("app").dataset.phase))
			phase("listening");
	}
}

// What the server has.

function say_ready() {
	view.announce("The server answers again.");
	phase("idle");
}

let looking = 0; // counts; one timer at a time

async function look() {
	const mine = ++looking;
	let again = 0;

	try {
		[info, reading] = await Promise.all([api.status(), api.ingest().catch(() => null)]);
		show_info();
		again = info.status === "starting" ? SOON_MS
			: reading?.state === "reading" ? READING_MS : info.documents ? 0 : LOOK_AGAIN_MS;
		if (!link)
			phase(info.status === "starting" ? "starting" : info.documents ? "idle" : "empty");
		if (["gone", "forbidden", "code_wrong", "busy"].includes($("notice").dataset.fault) && !link)
			dismiss();
		if (!window.isSecureContext && !$("notice").dataset.fault)
			report(new Fault("insecure"));
	} catch (error) {
		if (error.fault === "busy" && !info) {
			phase("starting"); // still reading its index
			again = SOON_MS;
		} else {
			report(error);
		}
		$("hello").hidden = !$("empty").hidden;
		$("examples-box").hidden = !info?.questions?.length;
	}
	if (again && mine === looking)
		look_later(again, mine);
}

// Not while nobody looks, nor, but for the number of documents, while a connection says what there
// is to say.
function look_later(ms, mine) {
	setTimeout(() => {
		if (mine === looking)
			document.hidden || (link && reading?.state !== "reading") ? look_later(ms, mine) : look();
	}, ms);
}

// "12 documents · reading 40 of 318, 12 s left"
function count_text(count) {
	const p = reading?.state === "reading" ? reading.progress : null;
	const left = p?.seconds_left;
	const time = left > 90 ? `, ${Math.round(left / 60)} min left` : left > 1 ? `, ${left} s left` : "";
	const rate = p?.mb_per_second >= 0.1 ? `, ${p.mb_per_second.toFixed(1)} MB/s` : "";

	return [count ? `${count} ${count === 1 ? "document" : "documents"}` : "",
		p ? `reading ${p.number} of ${p.files}${rate}${time}` : ""].filter(Boolean).join(" · ");
}

function show_info() {
	const count = info.documents ?? 0;

	$("collection").textContent = count_text(count);
	uploads.allow(reading !== null);
	$("hello").hidden = count === 0;
	$("empty").hidden = count !== 0;
	$("app").dataset.empty = count === 0;
	// Asked before its index is read, the server would say that it knows nothing.
	for (const id of ["talk", "ask", "send"])
		$(id).disabled = count === 0 || info.status === "starting";
	$("examples").replaceChildren(...(info.questions ?? []).slice(0, 3).map((q) =>
		el("li", {}, el("button", { type: "button", className: "example", onclick: () => ask(q) },
			el("span", {}, q)))));
	$("examples-box").hidden = !(info.questions ?? []).length;
	show_voices(info.voices ?? []);
	$("about").textContent = info.version ? `voiced ${info.version}` : "";
	show_privacy();
}

function show_voices(voices) {
	const picker = $("voice");
	const names = voices.map((v) => v.name);

	picker.replaceChildren(...voices.map((v) => el("option", { value: v.name },
		v.name[0].toUpperCase() + v.name.slice(1) + (v.description ? ` — ${v.description}` : ""))));
	picker.value = names.includes(settings.voice) ? settings.voice : names[0] ?? "";
	$("voice-note").textContent = "Used from the next conversation on.";
}

function show_privacy() {
	const here = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname);
	const sentence = standing_in(info?.engines);

	$("privacy").textContent = ways(info?.engines, here ? "" : location.hostname);
	$("resting").hidden = !sentence;
	if ($("resting").textContent !== sentence)
		$("resting").textContent = sentence; // it is read aloud
	$("engines").hidden = !info?.engines;
	$("engines").replaceChildren(...listed(info?.engines).map((line) => el("li", {}, line)));
	clearTimeout(rest_timer);
	if (sentence)
		rest_timer = setTimeout(look_at_engines, Math.min(rest_ms(info.engines) + REST_MORE_MS, REST_MOST_MS));
}

let rest_timer = 0; // while somebody rests

// Services fail when they are asked, so after each answer; and somebody may be well again.
async function look_at_engines() {
	if (!has_services(info?.engines))
		return;
	try {
		info.engines = (await api.status()).engines;
	} catch {
		// What keeps us from the server is told elsewhere.
	}
	show_privacy();
}

async function list_mics() {
	const devices = await navigator.mediaDevices?.enumerateDevices?.() ?? [];
	const mics = devices.filter((d) => d.kind === "audioinput" && d.label && d.deviceId);

	if (mics.length === 0)
		return;
	$("mic").replaceChildren(el("option", { value: "" }, "The browser’s choice"),
		...mics.filter((d) => d.deviceId !== "default")
			.map((d) => el("option", { value: d.deviceId }, d.label)));
	$("mic").value = settings.mic;
	if ($("mic").selectedIndex < 0)
		$("mic").value = "";
	$("mic-note").textContent = "Used from the next conversation on.";
}

// A link with a one-time code signs in; the code does not stay in the address or the history.
async function enter(code) {
	try {
		await api.login(code);
		dismiss();
		await look();
	} catch (error) {
		report(error.fault === "gone" ? error : new Fault("code_wrong"));
	}
}

function code_in_address() {
	const code = new URLSearchParams(location.hash.slice(1)).get("code")
		?? new URLSearchParams(location.search).get("code");

	if (code)
		history.replaceState(null, "", location.pathname);
	return code;
}

function save() {
	const lines = view.history().map(({ role, text, sources }) => {
		const from = sources.map((s) => [s.title, s.page && `page ${s.page}`, s.heading]
			.filter(Boolean).join(", "));

		return `${role === "user" ? "You" : "Answer"}: ${text}\n`
			+ (from.length ? `Sources: ${from.join("; ")}\n` : "");
	});
	const url = URL.createObjectURL(new Blob([lines.join("\n")], { type: "text/plain" }));

	el("a", { href: url, download: "conversation.txt" }).click();
	setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// Keys and buttons.

const typing = (node) => node.closest?.("input, select, textarea, dialog, [contenteditable]");

function on_space(e) {
	if (e.code !== "Space" || !in_call() || !settings.ptt || typing(e.target))
		return;
	e.preventDefault(); // neither scroll nor press the focused button
	if (!e.repeat)
		hold(e.type === "keydown");
}

function wire() {
	$("ask-form").addEventListener("submit", (e) => {
		const text = $("ask").value.trim();

		e.preventDefault();
		if (!text)
			return;
		$("ask").value = "";
		ask(text);
	});
	$("talk").addEventListener("click", () => {
		if ($("app").dataset.call === "off")
			start();
		else if ($("app").dataset.mode !== "hold")
			stop();
	});
	$("end").addEventListener("click", stop);
	$("mute").addEventListener("click", () => set_muted(!muted));
	$("talk").addEventListener("pointerdown", (e) => {
		if ($("app").dataset.mode !== "hold")
			return;
		e.currentTarget.setPointerCapture(e.pointerId);
		hold(true);
	});
	for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
		$("talk").addEventListener(name, () => hold(false));
	$("talk").addEventListener("contextmenu", (e) => {
		if ($("app").dataset.mode === "hold") // a long press is not a request for a menu
			e.preventDefault();
	});
	addEventListener("keydown", on_space);
	addEventListener("keyup", on_space);
	addEventListener("blur", () => hold(false));
	addEventListener("pagehide", () => { // also of a tab that is closed: the server learns it now
		attempt++;
		drop_link();
	});

	$("open-settings").addEventListener("click", () => {
		list_mics();
		$("settings").showModal();
	});
	$("settings-close").addEventListener("click", () => $("settings").close());
	$("settings").addEventListener("click", (e) => {
		if (e.target === $("settings")) // the backdrop
			$("settings").close();
	});
	$("voice").addEventListener("change", (e) => {
		change("voice", e.target.value);
		next_text_session();
	});
	$("mic").addEventListener("change", (e) => change("mic", e.target.value));
	$("ptt").checked = settings.ptt;
	$("ptt").addEventListener("change", (e) => {
		change("ptt", e.target.checked);
		if (!in_call())
			return;
		session.configure();
		link.set_mic(!settings.ptt && !muted);
		show_call(true);
		phase("listening");
	});
	$("aloud").checked = settings.aloud;
	$("aloud").addEventListener("change", (e) => {
		change("aloud", e.target.checked);
		next_text_session();
	});
	for (const radio of document.querySelectorAll("[name=theme]")) {
		radio.checked = radio.value === settings.theme;
		radio.addEventListener("change", () => {
			change("theme", radio.value);
			document.documentElement.dataset.theme = radio.value;
		});
	}
	$("save").addEventListener("click", save);
	navigator.mediaDevices?.addEventListener?.("devicechange", list_mics);
}

// The written way takes a changed setting with its next question.
function next_text_session() {
	if (link?.kind === "text")
		drop_link();
}

async function main() {
	const code = code_in_address();

	wire();
	show_privacy();
	show_call(false);
	if (code)
		await enter(code);
	else
		await look();
}

main();
