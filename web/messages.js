// Every fault a person can meet has a message of its own: what happened, and what to do about it.
// `action` is the label of a button and the name of what app.js does when it is pressed.

const host = location.host;

export const messages = {
	mic_missing: {
		title: "No microphone was found",
		text: "Plug one in or switch it on, then try again. Typing works without one.",
		action: ["Try again", "start"],
	},
	mic_refused: {
		title: "The microphone was refused",
		text: "Allow it in the browser’s address bar for this page, then try again. Typing works without it.",
		action: ["Try again", "start"],
	},
	mic_busy: {
		title: "The microphone cannot be opened",
		text: "Another program may be using it. Close that program, or choose another microphone in the settings.",
		action: ["Try again", "start"],
	},
	mic_lost: {
		title: "The microphone went away",
		text: "It was unplugged or switched off during the conversation. Plug it in again, then go on.",
		action: ["Go on", "start"],
	},
	insecure: {
		title: "Speaking needs a secure address",
		text: `Browsers open the microphone only over https. Typing works here.`,
	},
	unsupported: {
		title: "This browser cannot make voice calls",
		text: "It has no WebRTC. A current Firefox, Chrome, Edge or Safari has it. Typing works here.",
	},
	gone: {
		title: "The server does not answer",
		text: `Nothing answers at ${host}. Start it again on its machine, then reconnect.`,
		action: ["Reconnect", "reconnect"],
	},
	lost: {
		title: "The connection was lost",
		text: "What was said so far is kept on this page. Reconnect to go on.",
		action: ["Reconnect", "reconnect"],
	},
	ended: {
		title: "The server ended the conversation",
		text: "It may have reached its longest duration. You can begin another one.",
		action: ["Reconnect", "reconnect"],
	},
	busy: {
		title: "Too many people are talking right now",
		text: "The server is at its limit. Try again in a moment.",
		action: ["Try again", "reconnect"],
	},
	sound_blocked: {
		title: "The browser blocks the sound",
		text: "It wants a click before it plays anything. The answer is also written here.",
		action: ["Turn the sound on", "unblock"],
	},
	forbidden: {
		title: "This page needs an access code",
		text: "Open the link that the server printed when it started, or enter the code from it.",
		field: ["Access code", "login"],
	},
	code_wrong: {
		title: "That code was not accepted",
		text: "A code works once, and not after a restart. Restart the server: it prints a new one.",
		field: ["Access code", "login"],
	},
	rtc_failed: {
		title: "The voice connection could not be made",
		text: "A firewall or VPN between here and the server may be blocking UDP. Typing works without it.",
		action: ["Try again", "start"],
	},
	used_up: {
		title: "The budget is used up",
		text: "Nothing is left of it, and the server has nothing that costs nothing. A budget of a day is new at midnight (UTC).",
	},
	limited: {
		title: "Too much was asked at once",
		text: "The service behind this server wants to be left alone for a moment. Ask again shortly.",
	},
	refused: {
		title: "The server refused the conversation",
		text: "It may be at its limit. Try again in a moment.",
		action: ["Try again", "reconnect"],
	},
	failed: {
		title: "That question could not be answered",
		text: "",
	},
};

// A fault that has a name in the table above. `detail` is the server's own sentence, if it sent one.
export class Fault extends Error {
	constructor(name, detail = "") {
		super(detail || messages[name]?.title || name);
		this.name = "Fault";
		this.fault = name;
		this.detail = detail;
	}
}

const CODES = {
	engine_busy: "busy",
	session_limit_reached: "busy",
	rate_limit_exceeded: "limited",
	insufficient_quota: "used_up",
	server_busy: "busy",
	invalid_api_key: "forbidden",
	session_expired: "ended",
};

// Name of the fault for an error code of the server, or undefined.
export const fault_of_code = (code) => CODES[code];

const STATUS = { 401: "forbidden", 403: "forbidden", 429: "busy", 503: "busy" };

// The fault that a refused HTTP request stands for.
export async function fault_of_response(response) {
	let error = {};

	try {
		error = (await response.json()).error ?? {};
	} catch {
		// Not JSON: the status says enough.
	}
	return new Fault(fault_of_code(error.code) ?? STATUS[response.status] ?? "refused",
		typeof error.message === "string" ? error.message : `HTTP ${response.status}`);
}
