// Levels of both voices, and the time from the end of the question to the first sound of the
// answer, as this page hears them. Nothing here is taken from the server's clock.

const TICK_MS = 20;
const BLOCK_MS = 5;      // resolution inside a tick
const LOOK_BACK = 8192;  // samples kept, 170 ms at 48 kHz
const BLIND_MS = 150;    // a tick this late, as in a tab in the background, has missed something
const QUIET_MS = 300;    // a gap this long makes the next sound a new onset
const LONGEST_MS = 30000;
const FLOOR = 0.006;     // rms below which nothing counts as sound

// Watches one stream. Only listens: what is analysed here is never what is played.
class Ear {
	constructor(context, stream) {
		this.source = context.createMediaStreamSource(stream);
		this.analyser = context.createAnalyser();
		this.analyser.fftSize = LOOK_BACK;
		this.source.connect(this.analyser);
		this.samples = new Float32Array(this.analyser.fftSize);
		this.rate = context.sampleRate;
		this.noise = FLOOR;
		this.level = 0;
		this.last_loud = 0;
		this.onset = 0;
	}

	// Looks at what came since the last tick, in blocks. Times are those of performance.now().
	listen(now, elapsed_ms) {
		const block = Math.round(this.rate * BLOCK_MS / 1000);
		const blocks = Math.min(Math.floor(this.samples.length / block),
			Math.max(1, Math.ceil(elapsed_ms / BLOCK_MS)));

		this.analyser.getFloatTimeDomainData(this.samples);
		this.level = 0;
		for (let b = blocks; b > 0; b--) {
			const end = this.samples.length - (b - 1) * block;
			const rms = root_mean_square(this.samples, end - block, end);

			this.#judge(rms, now - (b - 1) * BLOCK_MS);
			this.level = Math.max(this.level, rms);
		}
	}

	#judge(rms, at) {
		if (rms > Math.max(FLOOR, 3 * this.noise)) {
			if (at - this.last_loud > QUIET_MS)
				this.onset = at;
			this.last_loud = at;
		}
		// The floor sinks at once and rises slowly, so that speech does not lift it.
		this.noise = rms < this.noise ? rms : Math.min(this.noise * 1.002 + 1e-6, 0.05);
	}

	done() {
		this.source.disconnect();
	}
}

function root_mean_square(samples, from, to) {
	let sum = 0;

	for (let i = from; i < to; i++)
		sum += samples[i] * samples[i];
	return Math.sqrt(sum / (to - from));
}

// 0..1 on a scale of loudness: -55 dB to -10 dB.
const loudness = (rms) => rms > 0
	? Math.min(1, Math.max(0, (20 * Math.log10(rms) + 55) / 45)) : 0;

export class Levels {
	// on_levels(mic, answer): both 0..1, each tick. on_answer(ms): once per turn.
	constructor({ on_levels, on_answer }) {
		this.on_levels = on_levels;
		this.on_answer = on_answer;
		this.ears = {};
		this.timer = 0;
		this.asked = 0; // when the question ended, if it was typed
		this.reported = 0;
		this.blind = 0;
	}

	// Call inside a click or key press.
	unlock() {
		this.context ??= new AudioContext();
		this.context.resume().catch(() => {});
	}

	watch(which, stream) {
		this.unlock();
		this.ears[which]?.done();
		this.ears[which] = new Ear(this.context, stream);
		this.last = performance.now();
		this.timer ||= setInterval(() => this.#tick(), TICK_MS);
	}

	stop(which) {
		this.ears[which]?.done();
		delete this.ears[which];
		if (Object.keys(this.ears).length === 0) {
			clearInterval(this.timer);
			this.timer = 0;
			this.on_levels(0, 0);
		}
	}

	// A typed question ends when it is sent.
	typed() {
		this.asked = performance.now();
	}

	#tick() {
		const now = performance.now();
		const elapsed = now - this.last;
		const { mic, answer } = this.ears;

		this.last = now;
		if (elapsed > BLIND_MS)
			this.blind = now;
		mic?.listen(now, elapsed);
		answer?.listen(now, elapsed);
		this.on_levels(loudness(mic?.level ?? 0), loudness(answer?.level ?? 0));
		if (answer && answer.onset > this.reported)
			this.#onset(answer.onset, mic?.last_loud ?? 0);
	}

	#onset(onset, spoken) {
		const how = this.asked > spoken ? "typed" : "spoken";
		const end = Math.max(this.asked, spoken);
		const ms = Math.round(onset - end);
		// When a typed question ended is known; of a spoken one the end may have passed unheard.
		const seen = how === "typed" ? this.blind < this.last : end > this.blind;
		const known = end > this.reported && seen;

		this.reported = onset;
		if (known && ms > 0 && ms < LONGEST_MS)
			this.on_answer(ms, how);
	}
}
