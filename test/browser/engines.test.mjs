// Services behind the server: the page says where audio and words go, and who stands in for one that fails.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as h from "./harness.mjs";
import { upstream } from "../tools/upstream.mjs";

describe("services behind the server", () => {
	test("where words go, who stands in, and who is there", async (t) => {
		const broken = { status: 429, headers: { "retry-after": "4" }, body: "no" };
		const service = await upstream({ faults: { chat: [broken] } });

		t.after(() => service.stop());
		const name = service.url.match(/127[^/]+/)[0];
		const here = await h.stage(t, { args: ["--llm", `${service.url} model=scripted`] });
		const page = await here.open();

		assert.equal(await page.locator("#privacy").textContent(),
			`Audio stays on this machine, words and passages go to ${name}`);
		assert.ok(await page.locator("#resting").isHidden());
		const row = await h.ask(page, "What is the station cat called?");

		assert.match(await row.locator(".words").innerText(), /Biscuit/);
		await page.waitForSelector("#resting:not([hidden])");
		assert.equal(await page.locator("#resting").textContent(),
			`${name} rests: the embedded extract answers meanwhile.`);
		await page.click("#open-settings");
		assert.match(await page.locator("#engines").innerText(),
			new RegExp(`Answers: scripted at ${name}, else the embedded extract`));
		await page.waitForSelector("#resting", { state: "hidden" }); // when its rest is over
		assert.deepEqual(page.faults, []);
	});
});
