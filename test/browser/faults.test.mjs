// Each cause has a message of its own, and none of them takes the written way with it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as h from "./harness.mjs";

describe("what goes wrong is said", () => {
	const here = h.stage_all();

	const no_sound_of_it = async (page) => {
		const row = await h.ask(page, "What is the station cat called?");

		assert.match(await row.locator(".words").innerText(), /Biscuit/);
	};

	test("no microphone", async (t) => {
		const other = await h.browse({ microphone: "none" });

		t.after(() => other.close());
		const page = await h.open(other, here.server.url);

		await page.click("#talk");
		await h.fault(page, "mic_missing");
		assert.match(await page.locator("#notice").innerText(), /No microphone was found/);
		await no_sound_of_it(page);
	});

	test("microphone refused", async (t) => {
		const other = await h.browse({ microphone: "refused" });

		t.after(() => other.close());
		const page = await h.open(other, here.server.url);

		await page.click("#talk");
		await h.fault(page, "mic_refused");
		await no_sound_of_it(page);
	});

	test("insecure address, with the way to the secure one", async () => {
		const page = await here.open({
			before: (p) => p.addInitScript(() =>
				Object.defineProperty(window, "isSecureContext", { value: false })),
		});

		await h.fault(page, "insecure");
		await page.click("#notice button");
		await page.click("#talk");
		await h.fault(page, "insecure");
		await no_sound_of_it(page);
	});

	test("too many are talking", async () => {
		const page = await here.open();

		await page.route("**/v1/realtime/calls*", (r) => r.fulfill({
			status: 503, contentType: "application/json",
			body: JSON.stringify({ error: { type: "server_error", code: "engine_busy", message: "busy" } }),
		}));
		await page.click("#talk");
		await h.fault(page, "busy");
		assert.equal(await page.locator("#app").getAttribute("data-call"), "off");
	});

	test("forbidden asks for the code; a wrong one is told apart", async () => {
		const page = await here.open({
			wait: null,
			before: async (p) => {
				await p.route("**/api/status", (r) => r.fulfill({
					status: 401, contentType: "application/json",
					body: JSON.stringify({ error: { code: "invalid_api_key", message: "no" } }),
				}));
				await p.route("**/api/login", (r) => r.fulfill({ status: 401, body: "" }));
			},
		});

		await h.fault(page, "forbidden");
		await page.fill("#code", "123456");
		await page.keyboard.press("Enter");
		await h.fault(page, "code_wrong");
	});

	test("a code in the address signs in and leaves it", async () => {
		const sent = [];
		const page = await h.open(here.browser, `${here.server.url}#code=abc`, {
			before: (p) => p.route("**/api/login", (r) => {
				sent.push(r.request().postDataJSON());
				return r.fulfill({ status: 204, body: "" });
			}),
		});

		assert.deepEqual(sent, [{ code: "abc" }]);
		assert.equal(page.url(), here.server.url);
	});

	test("sound blocked, and unblocked by a click", async () => {
		const page = await here.open({
			before: (p) => p.addInitScript(() => {
				const play = HTMLMediaElement.prototype.play;
				let refused = false;

				HTMLMediaElement.prototype.play = function () {
					if (refused)
						return play.call(this);
					refused = true;
					return Promise.reject(new DOMException("gesture", "NotAllowedError"));
				};
			}),
		});

		await page.fill("#ask", "What is the station cat called?");
		await page.keyboard.press("Enter");
		await h.fault(page, "sound_blocked");
		await page.click("#notice .plain");
		await page.waitForSelector("#notice:empty", { state: "attached" });
	});

	test("the network lets no call through", async () => {
		const page = await here.open();

		// The answer's candidates lead nowhere: what a firewall does.
		await page.route("**/v1/realtime/calls*", async (r) => {
			if (r.request().url().includes("hangup"))
				return r.continue();
			const response = await r.fetch();
			const body = (await response.text())
				.replace(/^a=candidate:(\S+ \d+ \S+ \d+) \S+ \d+ /gm, "a=candidate:$1 127.0.0.1 9 ");

			return r.fulfill({ response, body });
		});
		await page.click("#talk");
		await h.fault(page, "rtc_failed", 40000);
		await no_sound_of_it(page);
	});

	test("a failed answer, with the server's own words", async () => {
		const page = await here.open({
			before: (p) => p.routeWebSocket(/realtime/, (ws) => {
				const say = (e) => ws.send(JSON.stringify(e));

				ws.onMessage((data) => {
					if (JSON.parse(data).type !== "response.create")
						return;
					say({ type: "response.created", response: { id: "resp_1" } });
					say({ type: "response.done", response: {
						id: "resp_1", status: "failed", output: [],
						status_details: { type: "failed", error: { code: "x", message: "The disk is full." } },
					} });
				});
				setTimeout(() => say({ type: "session.created", session: { id: "sess_1" } }), 50);
			}),
		});

		await page.fill("#ask", "What is the station cat called?");
		await page.keyboard.press("Enter");
		await h.fault(page, "failed");
		assert.match(await page.locator("#notice").innerText(), /The disk is full/);
	});
});

describe("a server that goes away", () => {
	const here = h.stage_all();

	test("is said when one asks, keeps the question, and reconnects when told to", async () => {
		const page = await here.open();

		await h.ask(page, "What is the station cat called?");
		await here.server.kill("SIGKILL");
		await h.sleep(300);
		await page.fill("#ask", "How much does a ticket for an adult cost?");
		await page.keyboard.press("Enter");
		await h.fault(page, "gone");
		assert.equal(await page.inputValue("#ask"), "How much does a ticket for an adult cost?");

		let tries = 0;

		page.on("request", () => tries++);
		await h.sleep(3000);
		assert.equal(tries, 0, "nobody asked it to try again");
		await here.server.start();
		await page.click("#notice .plain");
		await page.waitForSelector("#notice:empty", { state: "attached" });
		const row = await h.ask(page, "How much does a ticket for an adult cost?");

		assert.match(await row.locator(".words").innerText(), /nine pounds/i);
	});

	test("is said during a call", async () => {
		const page = await here.open();

		await page.click("#talk");
		await page.waitForSelector("[data-call=on]", { timeout: 15000 });
		await here.server.kill("SIGKILL");
		await h.fault(page, "gone", 40000);
		assert.equal(await page.locator("#app").getAttribute("data-call"), "off");
		await here.server.start();
		await page.click("#notice .plain");
		await page.waitForSelector("[data-call=on]", { timeout: 15000 });
	});
});
