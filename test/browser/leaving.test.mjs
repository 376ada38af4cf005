// A page that goes away, in whatever way, frees its conversation at once; nothing waits for timeouts.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as h from "./harness.mjs";

const SOON_MS = 2000;

const ways = {
	"closing the tab": (page) => page.close(),
	"closing the window": (page) => page.context().close(),
	"loading the page again": (page) => page.reload(),
	"going elsewhere": (page) => page.goto("about:blank"),
};

describe("a conversation ends by", () => {
	const here = h.stage_all();
	const sessions = async () => (await here.server.status()).sessions;

	for (const [how, leave] of Object.entries(ways)) {
		test(how, async (t) => {
			const page = await here.open();

			await page.click("#talk");
			await page.waitForSelector("[data-call=on]", { timeout: 15000 });
			assert.equal(await sessions(), 1);
			const from = Date.now();

			await leave(page);
			await h.until(async () => await sessions() === 0, SOON_MS, "the call to end");
			t.diagnostic(`a call: ${Date.now() - from} ms`);

			const again = await here.open();

			await h.ask(again, "What is the station cat called?");
			assert.equal(await sessions(), 1);
			await leave(again);
			await h.until(async () => await sessions() === 0, SOON_MS, "the typed conversation to end");
		});
	}

	test("going back finds the page working", async () => {
		const page = await here.open();

		await page.click("#talk");
		await page.waitForSelector("[data-call=on]", { timeout: 15000 });
		await page.goto("about:blank");
		await page.goBack();
		await page.waitForSelector("[data-call=off]");
		const row = await h.ask(page, "What is the station cat called?");

		assert.match(await row.locator(".words").innerText(), /Biscuit/);
		assert.deepEqual(page.faults, []);
	});
});
