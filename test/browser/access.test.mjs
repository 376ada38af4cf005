// Whoever comes, with whatever: keyboard, screen reader, small screen, large letters, no motion.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as h from "./harness.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// What axe finds of weight, as one line each.
async function findings(page) {
	await h.when(page, () => document.getAnimations().every((a) => a.playState !== "running"
		|| a.effect.getTiming().iterations === Infinity), "colours to come to rest");
	await page.evaluate(axe);
	const { violations } = await page.evaluate(() => window.axe.run());

	return violations.filter((v) => v.impact === "serious" || v.impact === "critical")
		.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`);
}

describe("the page is for everybody", () => {
	const here = h.stage_all();

	for (const colorScheme of ["light", "dark"]) {
		for (const width of [1280, 390]) {
			test(`axe finds nothing serious, ${colorScheme}, ${width} wide`, async () => {
				const page = await here.open({ context: { viewport: { width, height: 844 }, colorScheme } });

				assert.deepEqual(await findings(page), [], "before the first question");
				await h.ask(page, "What is the station cat called?");
				assert.deepEqual(await findings(page), [], "after an answer");
				await page.locator("#cards .card:visible, #strip .card:visible").first().click();
				await page.waitForSelector("#reader[open] mark");
				assert.deepEqual(await findings(page), [], "with a source open");
				await page.click("#reader-close");
				await page.click("#open-settings");
				assert.deepEqual(await findings(page), [], "in the settings");
				await page.click("#settings-close");
				await page.route("**/v1/realtime/calls*", (r) => r.fulfill({ status: 503, body: "" }));
				await page.click("#talk");
				await h.fault(page, "busy");
				assert.deepEqual(await findings(page), [], "with a message");
			});
		}
	}

	test("everything can be reached by Tab, and shows it", async () => {
		const page = await here.open();

		await h.ask(page, "What is the station cat called?");
		await page.locator("body").click({ position: { x: 2, y: 2 } });
		const reached = new Set();

		for (let i = 0; i < 20; i++) {
			await page.keyboard.press("Tab");
			const at = await page.evaluate(() => {
				const n = document.activeElement;
				const style = getComputedStyle(n.id === "ask" ? n.parentElement : n);

				return { name: n.id || n.className, outline: parseFloat(style.outlineWidth) };
			});

			if (at.name)
				assert.ok(at.outline >= 2, `${at.name} shows its focus`);
			reached.add(at.name);
		}
		for (const name of ["skip", "open-settings", "scroll", "chip", "ask", "send", "talk", "card"])
			assert.ok(reached.has(name), `${name} in ${[...reached].join(" ")}`);
	});

	test("final captions are announced once, and partial ones never", async () => {
		const page = await here.open();

		await page.evaluate(() => {
			window.said = [];
			new MutationObserver(() => window.said.push(document.getElementById("announce").textContent))
				.observe(document.getElementById("announce"), { childList: true });
		});
		await h.ask(page, "What is the station cat called?");
		const said = await page.evaluate(() => window.said);

		assert.equal(said.length, 1);
		assert.match(said[0], /^Answer: .*Biscuit/);
		assert.equal(await page.locator("#turns [aria-live], #turns[aria-live]").count(), 0);
	});

	for (const [what, viewport] of [["360 wide", { width: 360, height: 640 }],
		["1280 wide at 200 %", { width: 640, height: 400 }], ["a phone on its side", { width: 844, height: 390 }]]) {
		test(`${what}: nothing sticks out`, async () => {
			const page = await here.open({ context: { viewport } });
			const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

			assert.ok(await fits());
			await h.ask(page, "What is the station cat called?");
			assert.ok(await fits());
			await page.locator("#strip .card").first().click();
			await page.waitForSelector("#reader[open] mark");
			assert.ok(await fits());
			await page.keyboard.press("Escape");
			await page.locator("#talk").scrollIntoViewIfNeeded();
			assert.ok(await page.locator("#talk").isVisible());
		});
	}

	test("nothing moves for whoever wants no motion", async () => {
		const page = await here.open({ context: { reducedMotion: "reduce" } });

		await h.ask(page, "What is the station cat called?");
		assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
		assert.equal(await page.locator("#halo").isVisible(), false);
	});

	test("a chosen theme outlives the page", async () => {
		const page = await here.open({
			context: { colorScheme: "light" },
			before: (p) => p.addInitScript(() => requestAnimationFrame(() => {
				window.first_theme = document.documentElement.dataset.theme;
			})),
		});
		const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
		const light = await paper();

		await page.click("#open-settings");
		await page.check("[name=theme][value=dark]");
		const dark = await paper();

		assert.notEqual(dark, light);
		await page.reload();
		await page.waitForSelector(".example");
		assert.equal(await paper(), dark);
		assert.equal(await page.evaluate(() => window.first_theme), "dark", "from the first frame on");
	});

	for (const width of [1280, 390]) {
		test(`a conversation does not make the page jump, ${width} wide`, async (t) => {
			const page = await here.open({ context: { viewport: { width, height: 844 } } });

			for (const text of ["What is the station cat called?", "What is a fennibar used for?",
				"Where should everyone gather when there is a fire?"]) {
				await h.ask(page, text);
				await h.sleep(700); // shifts within 500 ms of a key press would not count
			}
			const { worst, entries } = await page.evaluate(() => window.shifts);

			t.diagnostic(`cumulative layout shift: ${worst.toFixed(4)}`);
			assert.ok(worst < 0.05, JSON.stringify(entries));
		});
	}
});
