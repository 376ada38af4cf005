// The written way: a typed question is answered, with sources that open at their place.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as h from "./harness.mjs";

describe("a typed question", () => {
	const here = h.stage_all();

	test("is answered with its source, aloud", async () => {
		const page = await here.open();

		page.evaluate(() => window.listen()).catch(() => {});
		const row = await h.ask(page, "What is the station cat called?");

		assert.match(await row.locator(".words").innerText(), /Biscuit/);
		const card = page.locator("#cards .card").first();

		assert.match(await card.innerText(), /Animals/);
		assert.match(await card.innerText(), /Biscuit/);
		await h.when(page, () => /\d+ ms to the answer/.test(document.getElementById("latency").textContent),
			"the time to the answer");
		assert.match(await page.locator("#cost").textContent(), /^[\d,]+ tokens$/); // nothing has a price here
		assert.match(await page.locator("#cost").getAttribute("title"), /written\n\d+ characters spoken/);
		await h.until(async () => (await h.sounds(page)).length > 0, 10000, "the answer to be heard");
		assert.deepEqual(page.faults, []);
	});

	test("its source opens at the quoted place and gives the focus back", async () => {
		const page = await here.open();

		await h.ask(page, "What is the station cat called?");
		const card = page.locator("#cards .card").first();
		const quote = await card.locator(".card-quote").textContent();

		await card.focus();
		await page.keyboard.press("Enter");
		await page.waitForSelector("#reader[open] mark");
		const marked = (await page.locator("#reader mark").allTextContents()).join(" ");

		assert.equal(flat(marked), flat(quote));
		assert.ok(await in_sight(page, "#reader mark"));
		assert.ok((await page.locator("#reader-text").textContent()).length > quote.length + 200);
		await page.keyboard.press("Escape");
		await page.waitForSelector("#reader:not([open])", { state: "attached" });
		assert.ok(await card.evaluate((n) => n === document.activeElement));
		assert.deepEqual(page.faults, []);
	});

	test("from a PDF names the page", async () => {
		const page = await here.open();
		const row = await h.ask(page, "On which radio channel do I call for help at sea?");

		assert.match(await row.locator(".words").innerText(), /sixteen|16/i);
		assert.match(await page.locator("#cards .card").first().innerText(), /Page 4/);
	});

	test("without an answer says so, and shows no source", async () => {
		const page = await here.open();
		const row = await h.ask(page, "What is the capital of France?");

		assert.ok(await row.locator(".words").innerText());
		assert.equal(await page.locator("#cards .card").count(), 0);
	});

	test("example questions can be pressed", async () => {
		const page = await here.open();

		assert.equal(await page.locator(".example").count(), 3);
		await page.locator(".example").first().click();
		await page.waitForSelector(".answer[data-state=done] .chip", { timeout: 20000 });
		assert.deepEqual(page.faults, []);
	});

	test("two in a row get two answers, in order", async () => {
		const page = await here.open();

		await page.fill("#ask", "What is the station cat called?");
		await page.keyboard.press("Enter");
		await page.fill("#ask", "How much does a ticket for an adult cost?");
		await page.keyboard.press("Enter");
		await h.when(page, () => [...document.querySelectorAll(".answer .words")]
			.some((n) => /nine pounds/i.test(n.textContent)), "the second answer");
		const asks = await page.locator(".ask .words").allInnerTexts();

		assert.deepEqual(asks, ["What is the station cat called?",
			"How much does a ticket for an adult cost?"]);
		assert.equal(await page.locator("#notice[data-fault]").count(), 0);
		assert.deepEqual(page.faults, []);
	});

	test("the server sends the strict policy", async () => {
		const response = await fetch(here.server.url);
		const policy = response.headers.get("content-security-policy") ?? "";

		for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'",
			"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"])
			assert.ok(policy.includes(part), `${part} in ${policy}`);
		assert.ok(!/unsafe/.test(policy));
	});
});

test("without documents the page says how to add some, and notices them", async (t) => {
	const here = await h.stage(t, { paths: [] });
	const page = await here.open({ wait: "#empty:not([hidden])" });

	assert.match(await page.locator("#empty").innerText(), /Drop files[^]*voiced serve --docs/);
	assert.ok(await page.locator("#ask").isDisabled());
	assert.ok(await page.locator("#talk").isDisabled());
	assert.deepEqual(page.faults, []);
});

// A document is written by strangers. Whatever it holds, on the page it is text.
test("a hostile document stays text", async (t) => {
	const { dir, remove } = h.scratch();
	const bait = `<img src=x onerror="window.bitten=1"><script>window.bitten=2</script>`
		+ `<style>body{display:none}</style><a href="javascript:window.bitten=3">here</a>`;

	writeFileSync(join(dir, "garden.txt"), [
		`The gate of the walled garden ${bait}`, "",
		`The gate code of the walled garden is seven hundred <b onmouseover="window.bitten=4">and nine</b>.`,
		"The key of the walled garden hangs beside the green door.", "",
		`${bait} The walled garden opens at nine.`,
	].join("\n"));
	const here = await h.stage(t, { paths: [dir] });

	t.after(remove);
	const page = await here.open({ wait: "#hello:not([hidden])" });

	await h.ask(page, "What is the gate code of the walled garden?");
	await page.locator("#cards .card").first().click();
	await page.waitForSelector("#reader[open] #reader-text p");
	const seen = await page.evaluate(() => ({
		bitten: window.bitten,
		elements: document.querySelectorAll("#app img, #app script, #app b[onmouseover], "
			+ "#reader-text a, #reader-text style").length,
		shown: document.getElementById("reader-text").textContent,
		display: getComputedStyle(document.body).display,
	}));

	assert.equal(seen.bitten, undefined);
	assert.equal(seen.elements, 0);
	assert.notEqual(seen.display, "none");
	assert.match(seen.shown, /<img src=x onerror=/);
	assert.deepEqual(page.faults, []);
});

const flat = (s) => s.replace(/\s+/g, " ").trim();

const in_sight = (page, selector) => page.locator(selector).first().evaluate((n) => {
	const box = n.getBoundingClientRect();

	return box.top >= 0 && box.bottom <= innerHeight && box.height > 0;
});
