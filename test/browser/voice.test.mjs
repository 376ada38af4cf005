// The spoken way: Chromium's microphone is a file, and what comes out of the call is listened to.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { join } from "node:path";
import * as h from "./harness.mjs";

const START_S = 3; // of silence, while the call is set up

describe("a spoken question", () => {
	const { dir, remove } = h.scratch();
	let server;

	before(async () => {
		server = await h.serve();
	});
	after(async () => {
		await server?.stop();
		remove();
	});

	// A call with this microphone, listened to from the start.
	async function call(t, microphone, before_call = async () => {}, options = {}) {
		const browser = await h.browse({ microphone });

		t.after(() => browser.close());
		const page = await h.open(browser, server.url, options);

		page.evaluate(() => window.listen()).catch(() => {});
		await before_call(page);
		await page.click("#talk");
		await page.waitForSelector("[data-call=on]", { timeout: 15000 });
		return page;
	}

	test("is answered aloud, with captions of both and the source", async (t) => {
		const file = h.question(join(dir, "cat.wav"), "What is the station cat called?", START_S);
		const page = await call(t, file);

		await page.waitForSelector(".ask[data-final=false]");
		await page.waitForSelector(".ask[data-final=true]");
		assert.match(await page.locator(".ask .words").innerText(), /cat/i);
		await page.waitForSelector(".answer[data-state=done]", { timeout: 30000 });
		assert.match(await page.locator(".answer .words").innerText(), /Biscuit/);
		assert.match(await page.locator("#cards .card").first().innerText(), /Biscuit/);
		const [first] = await h.until(async () => {
			const all = await h.sounds(page);

			return all.length > 0 && all;
		}, 10000, "the answer to be heard");

		assert.ok(first);
		await h.when(page, () => /\d+ ms to the answer, \d+ of them/
			.test(document.getElementById("latency").textContent), "the time to the answer");
		const ms = parseInt(await page.locator("#latency").innerText(), 10);

		t.diagnostic(`from the end of the question to the answer, as the page hears it: ${ms} ms`);
		assert.ok(ms < 5000, `${ms} ms`);
		const { worst, entries } = await page.evaluate(() => window.shifts);

		t.diagnostic(`cumulative layout shift: ${worst.toFixed(4)}`);
		assert.ok(worst < 0.05, JSON.stringify(entries));
		assert.deepEqual(page.faults, []);
	});

	test("cuts the answer that is being given", async (t) => {
		const file = h.speak(join(dir, "barge.wav"), [START_S, "Where should everyone gather when there is a fire?",
			3.2, "What is the station cat called?", 20]);
		const page = await call(t, file);

		await h.when(page, () => document.querySelectorAll(".ask").length >= 2, "the second question", 30000);
		const at = await page.evaluate(() => performance.now());

		await h.when(page, () => document.querySelectorAll(".answer[data-state=done]").length >= 2,
			"the second answer", 30000);
		const stretches = await h.sounds(page);
		const cut = stretches.find(([from, to]) => from < at && to > at - 500);

		assert.ok(cut, "the first answer was being heard when the second question came");
		t.diagnostic(`sound after the second question was noticed: ${Math.round(cut[1] - at)} ms`);
		assert.ok(cut[1] - at < 400, `the answer went on for ${cut[1] - at} ms`);
		assert.match(await page.locator(".answer").first().innerText(), /interrupted/);
		assert.match(await page.locator(".answer .words").last().innerText(), /Biscuit/);
		assert.equal(await page.locator("#notice[data-fault]").count(), 0);
	});

	test("typing during a call goes into the same conversation", async (t) => {
		const page = await call(t, "silence");
		const sockets = [];

		page.on("websocket", (s) => sockets.push(s.url()));
		const row = await h.ask(page, "What is the station cat called?");

		assert.match(await row.locator(".words").innerText(), /Biscuit/);
		await h.until(async () => (await h.sounds(page)).length > 0, 10000, "the answer to be heard");
		assert.deepEqual(sockets, []);
		assert.deepEqual(page.faults, []);
	});

	test("what was typed before a call is known in it", async (t) => {
		const page = await call(t, "silence", async (page) => {
			await page.evaluate(() => {
				const send = RTCDataChannel.prototype.send;

				window.sent = [];
				RTCDataChannel.prototype.send = function (data) {
					window.sent.push(JSON.parse(data));
					return send.call(this, data);
				};
			});
			await h.ask(page, "What is the station cat called?");
		});
		const items = await page.evaluate(() => window.sent
			.filter((e) => e.type === "conversation.item.create").map((e) => e.item));

		assert.deepEqual(items.map((i) => i.role), ["user", "assistant"]);
		assert.match(items[1].content[0].text, /Biscuit/);
		const row = await h.ask(page, "How much does a ticket for an adult cost?");

		assert.match(await row.locator(".words").innerText(), /nine pounds/i);
		assert.equal(await page.locator(".ask").count(), 2);
		assert.equal(await page.locator("#notice[data-fault]").count(), 0);
	});

	test("Space held is the microphone, when holding is chosen", async (t) => {
		const file = h.question(join(dir, "held.wav"), "What is the station cat called?", START_S);
		const page = await call(t, file, (page) => page.evaluate(() => {
			document.getElementById("ptt").click();
		}));
		const enabled = () => page.locator("#app").getAttribute("data-held");

		assert.equal(await page.locator("#phase").innerText(), "Hold Space, or the button, and speak");
		await page.locator("#scroll").focus();
		await page.keyboard.down("Space");
		assert.equal(await enabled(), "true");
		await h.sleep(1000 * START_S + 2500);
		await page.keyboard.up("Space");
		assert.equal(await enabled(), "false");
		await page.waitForSelector(".answer[data-state=done]", { timeout: 30000 });
		assert.match(await page.locator(".answer .words").last().innerText(), /Biscuit/);
		assert.deepEqual(page.faults, []);
	});

	test("muted is not heard", async (t) => {
		const file = h.question(join(dir, "muted.wav"), "What is the station cat called?", START_S);
		const page = await call(t, file);

		await page.click("#mute");
		assert.equal(await page.locator("#phase").innerText(), "Muted");
		await h.sleep(1000 * START_S + 4000);
		assert.equal(await page.locator(".ask").count(), 0);
	});

	test("start and stop may be pressed in any order, as often as one likes", async (t) => {
		const page = await call(t, "silence");

		for (let i = 0; i < 3; i++) {
			await page.click("#talk"); // stop
			await page.click("#talk"); // start
			await page.click("#talk"); // stop, while connecting
		}
		await h.sleep(500);
		assert.equal(await page.locator("#app").getAttribute("data-call"), "off");
		await page.click("#talk");
		await page.waitForSelector("[data-call=on]", { timeout: 15000 });
		assert.equal(await page.locator("#notice[data-fault]").count(), 0);
		assert.deepEqual(page.faults, []);
	});
});
