// Takes the pictures in docs/screenshots: seven states, two widths, two themes.
//   npm run screenshots [-- DIRECTORY]

import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import * as h from "./harness.mjs";

const out = resolve(process.argv[2] ?? join(h.root, "docs/screenshots"));
const sizes = [{ width: 1280, height: 800 }, { width: 390, height: 844 }];
const themes = ["light", "dark"];
const { dir, remove } = h.scratch();
const spoken = h.question(join(dir, "q.wav"), "Where should everyone gather when there is a fire?", 2.5);

mkdirSync(out, { recursive: true });

async function shoot(page, state, viewport, theme) {
	await page.screenshot({ path: join(out, `${state}-${viewport.width}-${theme}.png`) });
}

async function each(server, microphone, wait, take) {
	for (const viewport of sizes) {
		for (const colorScheme of themes) {
			const browser = await h.browse({ microphone }); // the file plays once per browser

			try {
				const page = await h.open(browser, server.url, { context: { viewport, colorScheme }, wait });

				await take(page, (state) => shoot(page, state, viewport, colorScheme));
			} finally {
				await browser.close();
			}
		}
	}
}

const empty = await h.serve({ paths: [] });

await each(empty, "silence", "#empty:not([hidden])", (page, shot) => shot("empty"));
await empty.stop();

const server = await h.serve();

await each(server, spoken, ".example", async (page, shot) => {
	await shot("ready");
	await page.click("#talk");
	await h.when(page, () => /\w+ \w+ \w+/.test(document.querySelector(".ask[data-final=false] .words")
		?.textContent ?? ""), "a partial caption");
	await shot("listening");
	await h.when(page, () => (document.querySelector(".answer .words")?.textContent ?? "").length > 25
		&& document.querySelector("#cards .card"), "an answer and its source", 30000);
	await h.sleep(300);
	await shot("answering");
	await page.waitForSelector(".answer[data-state=done]", { timeout: 30000 });
	await page.locator("#cards .card:visible, #strip .card:visible").first().click();
	await page.waitForSelector("#reader[open] mark");
	await h.sleep(200);
	await shot("source");
});
await each(server, "silence", ".example", async (page, shot) => {
	await page.setInputFiles("#files", [
		{ name: "kettle.md", mimeType: "text/markdown", buffer: Buffer.from("# Kettle\n\nThe kettle is in the pantry.\n") },
		{ name: "picture.bin", mimeType: "application/octet-stream", buffer: Buffer.from([0, 1, 2, 3]) },
	]);
	await h.when(page, () => document.querySelectorAll(".upload[data-state=ready], .upload[data-state=failed]").length >= 2,
		"what became of both files", 20000);
	await shot("documents");
});
await each(server, "refused", ".example", async (page, shot) => {
	await page.click("#talk");
	await h.fault(page, "mic_refused");
	await shot("error");
});
await server.stop();
remove();
