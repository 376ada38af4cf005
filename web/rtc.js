// The spoken way: one WebRTC call. Microphone out, answer in, events on the data channel
// `oai-events`, which is created before the offer so that it is part of it.

import { Fault } from "./messages.js";
import { parse } from "./text.js";
import * as api from "./api.js";

const CONNECT_MS = 12000; // longest wait for the first packet to come through
const GRACE_MS = 8000;    // a short loss of the network mends itself

const AUDIO = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

const MIC_FAULTS = {
	NotAllowedError: "mic_refused",
	SecurityError: "mic_refused",
	NotFoundError: "mic_missing",
	OverconstrainedError: "mic_missing",
	NotReadableError: "mic_busy",
	AbortError: "mic_busy",
};

export async function open_mic(device) {
	if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia)
		throw new Fault(window.isSecureContext ? "unsupported" : "insecure");
	if (!window.RTCPeerConnection)
		throw new Fault("unsupported");
	try {
		return await navigator.mediaDevices.getUserMedia({
			audio: device ? { ...AUDIO, deviceId: { exact: device } } : AUDIO,
		});
	} catch (error) {
		// The microphone chosen some other day may be at home. Any other will do.
		if (device && (error.name === "OverconstrainedError" || error.name === "NotFoundError"))
			return open_mic("");
		throw new Fault(MIC_FAULTS[error.name] ?? "mic_busy");
	}
}

export class VoiceLink {
	constructor({ on_event, on_end, on_stream, on_wobble }) {
		this.kind = "voice";
		this.on_event = on_event;
		this.on_end = on_end;       // (fault): the call is over and we did not end it
		this.on_stream = on_stream; // (MediaStream): the voice of the answer
		this.on_wobble = on_wobble; // (bool): the network is away for a moment, or back
		this.closed = false;
		this.timer = 0;
	}

	// Resolves when the data channel is open and session.created has come. Takes the microphone.
	async open(mic) {
		this.mic = mic;
		this.pc = new RTCPeerConnection();
		this.dc = this.pc.createDataChannel("oai-events");
		this.pc.addEventListener("track", (e) =>
			this.on_stream(e.streams[0] ?? new MediaStream([e.track])));
		for (const track of mic.getAudioTracks()) {
			this.pc.addTrack(track, mic);
			track.addEventListener("ended", () => this.#end(new Fault("mic_lost")));
		}
		await this.pc.setLocalDescription(await this.pc.createOffer());
		if (this.closed)
			return;

		const answer = await api.call(this.pc.localDescription.sdp);

		this.where = answer.location;
		if (this.closed) {
			api.hangup(this.where);
			return;
		}
		try {
			await this.pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
		} catch {
			throw new Fault("rtc_failed");
		}
		await this.#ready();
	}

	#ready() {
		return new Promise((resolve, reject) => {
			const late = setTimeout(() => reject(new Fault("rtc_failed")), CONNECT_MS);
			let open = false;

			this.cancel_wait = () => {
				clearTimeout(late);
				resolve();
			};
			this.dc.addEventListener("message", ({ data }) => {
				const event = parse(data);

				if (!event || this.closed)
					return;
				if (event.type === "session.created" && !open) {
					open = true;
					clearTimeout(late);
					resolve();
				}
				this.on_event(event);
			});
			this.dc.addEventListener("close", () => this.#end(new Fault("lost")));
			this.pc.addEventListener("connectionstatechange", () => {
				const state = this.pc.connectionState;

				clearTimeout(this.timer);
				if (state === "connected")
					this.on_wobble(false);
				if (state === "disconnected") {
					this.on_wobble(true);
					this.timer = setTimeout(() => this.#end(new Fault("lost")), GRACE_MS);
				}
				if (state === "failed" && !open) {
					clearTimeout(late);
					reject(new Fault("rtc_failed"));
				} else if (state === "failed") {
					this.#end(new Fault("lost"));
				}
			});
		});
	}

	async #end(fault) {
		if (this.closed)
			return;
		this.close();
		if (fault.fault === "lost") {
			try {
				await api.status(); // lost the call, or the server with it?
			} catch (worse) {
				fault = worse;
			}
		}
		this.on_end(fault);
	}

	send(event) {
		if (this.dc?.readyState === "open")
			this.dc.send(JSON.stringify(event));
	}

	set_mic(open) {
		for (const track of this.mic?.getAudioTracks() ?? [])
			track.enabled = open;
	}

	// May be called at any time and any number of times.
	close() {
		for (const track of this.mic?.getTracks() ?? [])
			track.stop();
		if (this.closed)
			return;
		this.closed = true;
		clearTimeout(this.timer);
		this.cancel_wait?.();
		this.pc?.close();
		api.hangup(this.where);
	}
}
