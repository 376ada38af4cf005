// What the browser tests share: a server of their own with documents of their own, a Chromium whose
// microphone is a file, and ears for what comes out of it.
//
//   VOICED     the program under test      (default: build/voiced of this tree)
//   CHROMIUM   the browser                 (default: /usr/bin/chromium)
//   PAGE       1: take the page from web/ as it is now, not as it was built in

import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, before } from "node:test";
import { join } from "node:path";
import { chromium } from "playwright-core";
import * as tools from "../tools/server.mjs";

export const { root, sleep } = tools;
export const examples = join(root, "examples");

const browser_path = process.env.CHROMIUM ?? "/usr/bin/chromium";

const FLAGS = [
	"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
	"--disable-background-networking", "--disable-component-update", "--mute-audio",
	"--allow-loopback-in-peer-connection",
	// A page that did not come over the network is not let in to loopback otherwise.
	...(process.env.PAGE ? ["--disable-features=LocalNetworkAccessChecks"] : []),
];

// A directory that the caller removes; tests pass it to t.after().
export function scratch() {
	const dir = tools.temporary();

	return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export const until = (check, ms, what) => tools.until(what, check, ms);

// A server with `paths` as its documents; none: no documents at all. It may be killed and started again.
export async function serve({ paths = [examples], args = [], env = {} } = {}) {
	const { dir, remove } = scratch();
	const questions = ["--questions", join(root, "test/questions/demo.txt")];
	const start = (port) => tools.serve({ data: dir, args: [...questions, ...args], env, port });

	if (paths.length)
		tools.ingest(paths, dir);
	let server = await start();
	const { port, origin } = server;

	return {
		url: `${origin}/`, dir,
		start: async () => { server = await start(port); },
		kill: (signal = "SIGTERM") => server.stop({ keep: true, signal }),
		log: () => server.log,
		status: async () => (await fetch(`${origin}/api/status`)).json(),
		stop: async () => {
			await server.stop({ keep: true });
			remove();
		},
	};
}

// microphone: "silence" | a WAV file | "none" (no device) | "refused" (the user says no).
export async function browse({ microphone = "silence", flags = [] } = {}) {
	const mic = {
		none: ["--use-fake-ui-for-media-stream"],
		refused: ["--use-fake-device-for-media-stream"],
	}[microphone] ?? ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
		`--use-file-for-fake-audio-capture=${microphone === "silence" ? silence() : microphone}%noloop`];

	return chromium.launch({ executablePath: browser_path, args: [...FLAGS, ...mic, ...flags] });
}

let silent_file;
function silence() {
	if (!silent_file) {
		const { dir, remove } = scratch();

		silent_file = join(dir, "silence.wav");
		writeFileSync(silent_file, wav(new Int16Array(16000 * 120), 16000));
		process.on("exit", remove);
	}
	return silent_file;
}

// A page that keeps account of what must not happen: errors, violations, requests to elsewhere.
export async function open(browser, url, { context = {}, before, wait = ".example" } = {}) {
	for (const former of browser.contexts()) // one page at a time: less to do for a small machine
		await former.close();
	const ctx = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...context });
	const page = await ctx.newPage();
	const faults = [];

	page.on("pageerror", (e) => faults.push(`error: ${e.message}`));
	page.on("console", (m) => {
		if (/Content Security Policy/.test(m.text()))
			faults.push(`policy: ${m.text()}`);
	});
	page.on("request", (r) => {
		const { protocol, host } = new URL(r.url());

		if (/^(http|ws)/.test(protocol) && host !== new URL(url).host)
			faults.push(`request to elsewhere: ${r.url()}`);
	});
	await page.addInitScript(observe);
	if (process.env.PAGE)
		await page.route(/\/(\w+\.(js|css|svg))?$/, from_tree);
	if (before)
		await before(page);
	await page.goto(url);
	if (wait)
		await page.waitForSelector(wait);
	return Object.assign(page, { faults });
}

async function set_up(here, options) {
	here.open = (how) => open(here.browser, here.server.url, how);
	here.close = async () => {
		await here.browser?.close();
		await here.server?.stop();
	};
	here.server = await serve(options);
	here.browser = await browse();
	return here;
}

// A server and a browser for one test.
export function stage(t, options) {
	const here = {};

	t.after(() => here.close());
	return set_up(here, options);
}

// The same for all tests of a describe().
export function stage_all() {
	const here = {};

	before(() => set_up(here));
	after(() => here.close());
	return here;
}

// The file of web/ in place of the one that was built in, under the same headers.
async function from_tree(route) {
	const name = new URL(route.request().url()).pathname.slice(1) || "index.html";
	const response = await route.fetch();
	const headers = response.headers();

	delete headers["content-length"];
	return route.fulfill({ status: 200, headers, body: readFileSync(join(root, "web", name)) });
}

// Waits for `check`, run in the page, to be true. (The page's policy forbids waitForFunction.)
export const when = (page, check, what, ms = 20000, arg = undefined) =>
	until(() => page.evaluate(check, arg), ms, what);

// Types a question and waits until its answer is complete; the answer's row.
export async function ask(page, text) {
	const before = await page.locator(".answer").count();

	await page.fill("#ask", text);
	await page.keyboard.press("Enter");
	const row = page.locator(".answer").nth(before);

	await row.and(page.locator("[data-state=done]")).waitFor({ timeout: 20000 });
	return row;
}

export const fault = (page, name, ms = 10000) =>
	page.waitForSelector(`#notice[data-fault="${name}"]`, { timeout: ms });

// Runs in the page before its own code: sums layout shifts as the web vital does, and records what
// is heard from the <audio> element as [time, rms] every 10 ms or so.
function observe() {
	window.shifts = { worst: 0, session: 0, first: 0, last: 0, entries: [] };
	new PerformanceObserver((list) => {
		const s = window.shifts;

		for (const e of list.getEntries()) {
			if (e.hadRecentInput)
				continue;
			if (e.startTime - s.last > 1000 || e.startTime - s.first > 5000) {
				s.session = 0;
				s.first = e.startTime;
			}
			s.last = e.startTime;
			s.session += e.value;
			s.worst = Math.max(s.worst, s.session);
			s.entries.push([e.value, e.sources.map((x) => x.node?.className || x.node?.nodeName)]);
		}
	}).observe({ type: "layout-shift", buffered: true });

	window.heard = [];
	window.listen = async () => {
		const sound = document.getElementById("sound");

		while (!sound.srcObject?.getAudioTracks().length)
			await new Promise((r) => setTimeout(r, 20));
		const track = sound.srcObject.getAudioTracks()[0].clone();
		const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();

		for (;;) {
			const { value, done } = await reader.read();

			if (done)
				return;
			const samples = new Float32Array(value.numberOfFrames);

			value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
			window.heard.push([performance.now(), Math.hypot(...samples) / Math.sqrt(samples.length)]);
			value.close();
		}
	};
}

export const LOUD = 0.01; // rms above which something is heard

// The stretches of sound heard since `since`, as [from, to] in ms of the page's clock.
export async function sounds(page, since = 0) {
	const heard = await page.evaluate(() => window.heard);
	const stretches = [];

	for (const [at, rms] of heard) {
		if (at < since || rms < LOUD)
			continue;
		if (stretches.length && at - stretches.at(-1)[1] < 400)
			stretches.at(-1)[1] = at;
		else
			stretches.push([at, at]);
	}
	return stretches;
}

// Speech.

// One WAV of `parts`: a number is so many seconds of silence, a string is spoken.
export function speak(file, parts) {
	const { dir, remove } = scratch();
	const pieces = parts.map((part, i) => {
		if (typeof part === "number")
			return new Int16Array(Math.round(part * 16000));
		const one = join(dir, `${i}.wav`);

		execFileSync("flite", ["-voice", "slt", "-t", part, "-o", one]);
		return read_wav(one);
	});
	const all = new Int16Array(pieces.reduce((n, p) => n + p.length, 0));
	let at = 0;

	for (const piece of pieces) {
		all.set(piece, at);
		at += piece.length;
	}
	remove();
	writeFileSync(file, wav(all, 16000));
	return file;
}

// 1.5 s for the call to be set up, the question, then long silence.
export const question = (file, text, before_s = 1.5) => speak(file, [before_s, text, 20]);

function read_wav(file) {
	const b = readFileSync(file);

	for (let at = 12; at + 8 <= b.length;) {
		const size = b.readUInt32LE(at + 4);

		if (b.toString("latin1", at, at + 4) === "data") {
			const data = Buffer.from(b.subarray(at + 8, Math.min(b.length, at + 8 + size)));

			return new Int16Array(data.buffer, data.byteOffset, data.length >> 1);
		}
		at += 8 + size + (size & 1);
	}
	throw new Error(`${file}: no data`);
}

function wav(samples, rate_hz) {
	const head = Buffer.alloc(44);

	head.write("RIFF", 0);
	head.writeUInt32LE(36 + samples.byteLength, 4);
	head.write("WAVEfmt ", 8);
	head.writeUInt32LE(16, 16);
	head.writeUInt16LE(1, 20);
	head.writeUInt16LE(1, 22);
	head.writeUInt32LE(rate_hz, 24);
	head.writeUInt32LE(2 * rate_hz, 28);
	head.writeUInt16LE(2, 32);
	head.writeUInt16LE(16, 34);
	head.write("data", 36);
	head.writeUInt32LE(samples.byteLength, 40);
	return Buffer.concat([head, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}
