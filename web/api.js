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
