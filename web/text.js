// The written way: one WebSocket to the realtime endpoint, opened with the first question.
// It has the interface that rtc.js has: send(event), close(); on_event(event), on_end(fault or null).

import { Fault, fault_of_code } from "./messages.js";
import * as api from "./api.js";

export class TextLink {
	constructor({ on_event, on_end }) {
		this.kind = "text";
		this.on_event = on_event;
		this.on_end = on_end;
		this.socket = null;
		this.closed = false;
	}

	// Resolves when the server has said session.created.
	open() {
		const url = new URL("/v1/realtime?model=voiced", location.href);

		url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
		this.socket = new WebSocket(url, ["realtime"]);
		return new Promise((resolve, reject) => {
			let open = false;
			let last_error = null;

			this.socket.addEventListener("message", ({ data }) => {
				const event = parse(data);

				if (!event || this.closed)
					return;
				if (event.type === "session.created" && !open) {
					open = true;
					resolve();
				}
				if (event.type === "error")
					last_error = event.error;
				this.on_event(event);
			});
			this.socket.addEventListener("close", async () => {
				if (this.closed)
					return;
				this.closed = true;
				const fault = await why(last_error, open);

				if (open)
					this.on_end(fault);
				else
					reject(fault);
			});
		});
	}

	send(event) {
		if (this.socket?.readyState === WebSocket.OPEN)
			this.socket.send(JSON.stringify(event));
	}

	close() {
		this.closed = true;
		this.socket?.close(1000);
	}
}

export function parse(data) {
	try {
		const event = JSON.parse(data);

		return typeof event?.type === "string" ? event : null;
	} catch {
		return null;
	}
}

// A browser does not say why a WebSocket was refused. An ordinary request to the same server does.
async function why(error, was_open) {
	try {
		await api.status();
	} catch (fault) {
		return fault;
	}
	if (error)
		return new Fault(fault_of_code(error.code) ?? "ended", error.message);
	return new Fault(was_open ? "lost" : "refused");
}
