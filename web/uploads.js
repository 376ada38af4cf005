// Files that are dropped on the page, or chosen, become documents: one row each, from the first
// octet sent to the moment at which questions find it.

import * as api from "./api.js";
import { $, el } from "./view.js";

const AT_ONCE = 2;
const FILES_MAX = 500;
const OCTETS_MAX = 50e6;
const POLL_MS = 500;
const DONE_MS = 8000; // a row that went well stays for so long

const WORDS = {
	added: "Ready: ask about it",
	updated: "Ready: the new version has taken the old one’s place",
	unchanged: "Was here already, unchanged",
};

const size = (n) => n < 1e6 ? `${Math.max(1, Math.round(n / 1e3))} KB` : `${(n / 1e6).toFixed(1)} MB`;

// All files of a drop, those inside folders with their way there; hidden ones are left out.
async function files_of(transfer) {
	const entries = [...transfer.items].map((i) => i.webkitGetAsEntry?.()).filter(Boolean);
	const found = [];

	if (!entries.length)
		return [...transfer.files].map((file) => ({ file, name: file.name }));
	for (const entry of entries)
		await collect(entry, found);
	return found;
}

async function collect(entry, found) {
	if (entry.name.startsWith(".") || found.length > FILES_MAX)
		return;
	if (entry.isFile) {
		const file = await new Promise((done, fail) => entry.file(done, fail)).catch(() => null);

		if (file)
			found.push({ file, name: entry.fullPath.replace(/^\//, "") });
		return;
	}
	const reader = entry.createReader();

	for (let some; (some = await new Promise((done) => reader.readEntries(done, () => done([])))).length;)
		for (const one of some)
			await collect(one, found);
}

export class Uploads {
	// on_change: there is another document; announce(text): for those who do not see the page
	constructor({ on_change, announce }) {
		this.on_change = on_change;
		this.announce = announce;
		this.waiting = [];
		this.running = 0;
		this.depth = 0; // of the element that is dragged over
		this.allowed = false;
		this.wire();
	}

	// Only who may read everything may add; the others are not offered it.
	allow(on) {
		this.allowed = on;
		for (const button of document.querySelectorAll("[data-add]"))
			button.hidden = !on;
	}

	wire() {
		for (const button of document.querySelectorAll("[data-add]"))
			button.addEventListener("click", () => $("files").click());
		$("files").addEventListener("change", () => {
			this.take([...$("files").files].map((file) => ({ file, name: file.name })));
			$("files").value = "";
		});
		$("uploads-close").addEventListener("click", () => this.close());
		addEventListener("dragenter", (e) => this.over(e, 1));
		addEventListener("dragleave", (e) => this.over(e, -1));
		addEventListener("dragover", (e) => {
			if (!this.has_files(e))
				return;
			e.preventDefault();
			e.dataTransfer.dropEffect = this.allowed ? "copy" : "none";
		});
		addEventListener("drop", async (e) => {
			if (!this.has_files(e))
				return;
			e.preventDefault(); // or the browser opens the file in place of the page
			this.depth = 0;
			delete $("app").dataset.drop;
			if (this.allowed)
				this.take(await files_of(e.dataTransfer));
		});
	}

	has_files(e) {
		return [...e.dataTransfer?.types ?? []].includes("Files");
	}

	over(e, by) {
		if (!this.has_files(e))
			return;
		e.preventDefault();
		this.depth = Math.max(0, this.depth + by);
		if (this.depth && this.allowed)
			$("app").dataset.drop = "over";
		else
			delete $("app").dataset.drop;
	}

	take(files) {
		for (const { file, name } of files.slice(0, FILES_MAX)) {
			const row = this.row(name, file.size);

			if (file.size > OCTETS_MAX)
				row.fail(`It has ${size(file.size)}; a document may have 50 MB.`);
			else
				this.waiting.push({ file, name, row });
		}
		if (files.length > FILES_MAX)
			this.row("…", 0).fail(`That were more than ${FILES_MAX} files. For a whole folder, start the server with --docs FOLDER.`);
		this.next();
	}

	// A row of the list, and what can happen to it.
	row(name, octets) {
		const state = el("span", { className: "upload-state" }, "Waiting");
		const bar = el("progress", { max: 1, value: 0, "aria-label": `Progress of ${name}` });
		const item = el("li", { className: "upload" },
			el("span", { className: "upload-name", title: name }, name),
			el("span", { className: "upload-size" }, octets ? size(octets) : ""), state, bar);
		const end = (kind, text) => {
			item.dataset.state = kind;
			state.textContent = text;
			bar.remove();
			this.announce(`${name}: ${text}`);
			this.count();
		};

		$("uploads-list").prepend(item);
		$("uploads").hidden = false;
		this.count();
		return {
			sent: (share) => {
				item.dataset.state = "sending";
				state.textContent = share < 1 ? `Sending, ${Math.floor(share * 100)} %` : "Reading it";
				if (share < 1)
					bar.value = share;
				else
					bar.removeAttribute("value"); // how long that takes nobody knows
			},
			ready: (text) => {
				end("ready", text);
				setTimeout(() => this.forget(item), DONE_MS);
			},
			fail: (text) => {
				$("uploads-list").prepend(item); // where it is seen
				end("failed", text);
			},
		};
	}

	forget(item) {
		if (item.matches(":hover, :focus-within"))
			return setTimeout(() => this.forget(item), DONE_MS);
		item.remove();
		this.count();
	}

	close() {
		for (const item of $("uploads-list").querySelectorAll("[data-state=ready], [data-state=failed]"))
			item.remove();
		this.count();
		$("add").focus();
	}

	count() {
		const all = $("uploads-list").children.length;
		const busy = $("uploads-list").querySelectorAll(".upload:not([data-state=ready], [data-state=failed])").length;
		const failed = $("uploads-list").querySelectorAll("[data-state=failed]").length;

		$("uploads").hidden = !all;
		$("uploads-title").textContent = busy ? `Adding ${busy === 1 ? "a document" : `${busy} documents`}`
			: failed ? `${failed === 1 ? "One file was" : `${failed} files were`} not added` : "Added";
		$("uploads-close").hidden = busy === all;
	}

	next() {
		while (this.running < AT_ONCE && this.waiting.length) {
			this.running++;
			this.send(this.waiting.shift()).finally(() => {
				this.running--;
				this.next();
			});
		}
	}

	async send({ file, name, row }) {
		try {
			let answer = await api.upload(file, name, (share) => row.sent(share));

			while (answer.state !== "done") {
				await new Promise((r) => setTimeout(r, POLL_MS));
				answer = await api.upload_state(answer.id);
			}
			const { state, error } = answer.documents[0];

			if (state === "failed")
				throw new Error(error);
			row.ready(WORDS[state]);
			this.on_change();
		} catch (error) {
			// The server's sentence begins with the name, which stands there already.
			const text = String(error.detail || error.message).replace(`${name.split("/").at(-1)}: `, "");

			row.fail(text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : "."));
		}
	}
}
