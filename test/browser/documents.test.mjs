// Documents that are given to the page: chosen or dropped, one or several, on a narrow page, too.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as h from "./harness.mjs";

const note = (thing, place) => `# ${thing}\n\nThe ${thing.toLowerCase()} is in the ${place}.\n`;
const row = (page, name) => page.locator(".upload", { has: page.locator(`[title="${name}"]`) });
const ends = (page, name, state) => row(page, name).and(page.locator(`[data-state=${state}]`)).waitFor({ timeout: 20000 });

// What a drag from outside does, as far as a page can see.
const drop = (page, files) => page.evaluate((list) => {
	const dataTransfer = new DataTransfer();

	for (const [name, text] of list)
		dataTransfer.items.add(new File([text], name));
	for (const type of ["dragenter", "dragover", "drop"])
		document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
}, files);

test("an empty page takes documents, and answers from them", async (t) => {
	const here = await h.stage(t, { paths: [] });
	const page = await here.open({ wait: "#empty:not([hidden])", context: { viewport: { width: 390, height: 844 } } });

	// By keyboard: the button opens the browser's own dialog.
	const [dialog] = await Promise.all([page.waitForEvent("filechooser"), (async () => {
		await page.locator("#empty [data-add]").focus();
		await page.keyboard.press("Enter");
	})()]);
	assert.ok(dialog.isMultiple());
	await dialog.setFiles([{ name: "kettle.md", mimeType: "text/markdown", buffer: Buffer.from(note("Kettle", "tower")) }]);
	await ends(page, "kettle.md", "ready");
	await page.waitForSelector("#hello:not([hidden])");
	assert.match(await (await h.ask(page, "Where is the kettle?")).locator(".words").innerText(), /tower/);

	// In a conversation that has begun: several, one of which will not do.
	await drop(page, [["lamp.md", note("Lamp", "lighthouse")], ["odd.bin", "\0\x01\x02"], ["kettle.md", note("Kettle", "moat")]]);
	await ends(page, "odd.bin", "failed");
	await h.when(page, () => !document.querySelector(".upload:not([data-state=ready], [data-state=failed])"), "the end of all");
	assert.match(await row(page, "odd.bin").locator(".upload-state").innerText(), /^Is not a.*\.$/s);
	assert.match(await page.locator("#uploads-title").innerText(), /not added/);
	assert.match(await (await h.ask(page, "Where is the lamp?")).locator(".words").innerText(), /lighthouse/);
	assert.match(await (await h.ask(page, "Where is the kettle?")).locator(".words").innerText(), /moat/);
	assert.match(await page.locator("#collection").innerText(), /^2 documents/);
	assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out");
	await page.locator("#uploads-close").click();
	await h.when(page, () => document.getElementById("uploads").hidden, "the list to be put away");

	await here.server.kill();
	await drop(page, [["late.md", "late"]]);
	await ends(page, "late.md", "failed");
	assert.match(await row(page, "late.md").locator(".upload-state").innerText(), /server does not answer/);
	assert.deepEqual(page.faults, []);
});
