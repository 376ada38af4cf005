// Requests to the server that the page came from, and to no other.

import { Fault, fault_of_response } from "./messages.js";

export async function request(path, options = {}) {
	let response;

	try {
		response = await fetch(path, { cache: "no-store", ...options });
	} catch {
		throw new Fault("gone");
	}
	if (!response.ok)
		throw await fault_of_response(response);
	return response;
}

export const get = async (path) => (await request(path)).json();

export const status = () => get("/api/status");
export const login = (code) => request("/api/login", {
	method: "POST",
	headers: { "Content-Type": "application/json" },
	body: JSON.stringify({ code }),
});
export const document_info = (id) => get(`/api/documents/${encodeURIComponent(id)}`);
export const document_text = (id, start, end) =>
	get(`/api/documents/${encodeURIComponent(id)}/text?start=${start}&end=${end}`);

export const ingest = () => get("/api/ingest");
export const upload_state = (id) => get(`/api/ingest/${encodeURIComponent(id)}`);

// One file; fetch() does not say how much of it has been sent. on_sent(share), 0 to 1.
export function upload(file, name, on_sent) {
	return new Promise((done, fail) => {
		const q = new XMLHttpRequest();

		q.open("POST", `/api/documents?name=${encodeURIComponent(name)}`);
		q.setRequestHeader("Content-Type", "application/octet-stream");
		q.upload.onprogress = (e) => on_sent(e.total ? e.loaded / e.total : 1);
		q.upload.onload = () => on_sent(1);
		q.onerror = () => fail(new Error("The server does not answer; this was not added"));
		q.onload = () => {
			let answer = null;

			try {
				answer = JSON.parse(q.response);
			} catch {
				// Not JSON: the status says enough.
			}
			if (q.status < 300 && answer)
				done(answer);
			else
				fail(new Error(answer?.error?.message ?? `The server refused it (${q.status})`));
		};
		on_sent(0);
		q.send(file);
	});
}

export async function call(sdp) {
	const response = await request("/v1/realtime/calls?model=voiced", {
		method: "POST",
		headers: { "Content-Type": "application/sdp", Accept: "application/sdp" },
		body: sdp,
	});

	return { sdp: await response.text(), location: response.headers.get("Location") };
}

// Frees the call at once instead of when its consent runs out. Nobody waits for the answer.
export function hangup(where) {
	if (where)
		fetch(`${new URL(where, location.href).pathname}/hangup`, { method: "POST", keepalive: true })
			.catch(() => {});
}
