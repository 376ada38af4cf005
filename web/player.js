// Plays the PCM of the written way. It goes through the same <audio> element as a call does, so
// that phones treat both alike.

const RATE_HZ = 24000;
const LEAD_S = 0.06; // silence before the first chunk, so that the second is in time

export class Player {
	constructor(audio, on_blocked) {
		this.audio = audio;
		this.on_blocked = on_blocked;
		this.on_idle = () => {};
		this.sources = new Set();
		this.at = 0;
	}

	// Call inside a click or key press, or the browser may refuse the sound.
	unlock() {
		this.context ??= new AudioContext();
		this.context.resume().catch(() => {});
		if (!this.out) {
			this.out = this.context.createMediaStreamDestination();
			this.stream = this.out.stream;
		}
	}

	attach() {
		this.unlock();
		if (this.audio.srcObject !== this.stream)
			this.audio.srcObject = this.stream;
		return this.audio.play().catch((e) => {
			if (e.name === "NotAllowedError")
				this.on_blocked();
		});
	}

	push(base64) {
		this.unlock();
		const pcm = decode(base64);

		if (pcm.length === 0)
			return;
		const buffer = this.context.createBuffer(1, pcm.length, RATE_HZ);
		const source = this.context.createBufferSource();

		buffer.copyToChannel(pcm, 0);
		source.buffer = buffer;
		source.connect(this.out);
		this.at = Math.max(this.at, this.context.currentTime + LEAD_S);
		source.start(this.at);
		this.at += buffer.duration;
		this.sources.add(source);
		source.addEventListener("ended", () => {
			this.sources.delete(source);
			if (this.sources.size === 0)
				this.on_idle();
		});
	}

	get playing() {
		return this.sources.size > 0;
	}

	clear() {
		for (const source of this.sources)
			source.stop();
		this.sources.clear();
		this.at = 0;
	}
}

// Signed 16-bit little-endian samples, as base64, to floats.
export function decode(base64) {
	const octets = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
	const view = new DataView(octets.buffer);
	const pcm = new Float32Array(octets.length >> 1);

	for (let i = 0; i < pcm.length; i++)
		pcm[i] = view.getInt16(2 * i, true) / 32768;
	return pcm;
}
