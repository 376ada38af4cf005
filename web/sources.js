// Sources of the current answer as cards, and the reader that opens one at its place.
// A document is untrusted text: it is put on the page as textContent, never as HTML.

import { $, el } from "./view.js";
import * as api from "./api.js";

const AROUND = 1200; // characters shown before and after the quote at first
const MORE = 4000;

const narrow = matchMedia("(max-width: 899px)");

export class Evidence {
	constructor({ on_fault }) {
		this.on_fault = on_fault;
		this.reader = new Reader(on_fault);
		this.opened = null;
		$("reader").addEventListener("close", () => this.#closed());
	}

	// A new answer is on its way: what lies here belongs to the one before.
	await() {
		for (const list of document.querySelectorAll(".cards"))
			list.setAttribute("aria-busy", "true");
	}

	// complete: the answer is, so what is not here will not come.
	show(sources, complete = false) {
		const cards = sources.map((source, i) => this.#card(source, i + 1));

		$("cards").replaceChildren(...cards);
		$("strip").querySelector(".cards")
			.replaceChildren(...sources.map((source, i) => this.#card(source, i + 1)));
		$("strip").hidden = sources.length === 0;
		$("no-sources").hidden = sources.length > 0;
		$("no-sources").textContent = complete
			? "Nothing in your documents answers that, so there is no source to show."
			: "What an answer was taken from appears here, word for word.";
		for (const list of document.querySelectorAll(".cards"))
			list.removeAttribute("aria-busy");
	}

	#card(source, number) {
		const where = [source.page && `Page ${source.page}`, source.heading].filter(Boolean).join(" · ");
		const card = el("button", {
			type: "button", className: "card",
			onclick: () => this.open(source, card),
		},
			el("span", { className: "card-title" },
				el("b", {}, String(number)), el("span", {}, source.title || source.document)),
			...(where ? [el("span", { className: "card-place" }, where)] : []),
			el("span", { className: "card-quote" }, source.quote ?? ""));

		return el("li", {}, card);
	}

	async open(source, from) {
		this.opened = from;
		from?.setAttribute("aria-expanded", "true");
		try {
			await this.reader.open(source);
		} catch (fault) {
			this.on_fault(fault);
		}
	}

	#closed() {
		delete $("app").dataset.reader;
		this.opened?.setAttribute("aria-expanded", "false");
		if (this.opened?.isConnected)
			this.opened.focus();
		this.opened = null;
	}
}

class Reader {
	constructor(on_fault) {
		this.dialog = $("reader");
		$("reader-close").addEventListener("click", () => this.dialog.close());
		// Esc closes the dialog by itself when it is modal; beside the conversation we do.
		this.dialog.addEventListener("keydown", (e) => {
			if (e.key === "Escape")
				this.dialog.close();
		});
		$("reader-before").addEventListener("click", () => this.#more(-MORE, 0).catch(on_fault));
		$("reader-after").addEventListener("click", () => this.#more(0, MORE).catch(on_fault));
	}

	async open(source) {
		const info = await api.document_info(source.document);

		this.source = source;
		this.from = Math.max(0, source.start - AROUND);
		this.to = source.end + AROUND;
		const part = await api.document_text(source.document, this.from, this.to);
		const where = [source.page && `Page ${source.page}`, source.heading, info.file];

		$("reader-title").textContent = info.title || source.title || info.file || source.document;
		$("reader-place").textContent = where.filter(Boolean).join(" · ");
		this.#fill(part);
		if (!this.dialog.open) {
			$("app").dataset.reader = "open";
			if (narrow.matches)
				this.dialog.showModal();
			else
				this.dialog.show();
		}
		$("reader-title").focus();
		this.#centre();
	}

	#centre() {
		const mark = this.dialog.querySelector("mark");
		const body = $("reader-body");

		if (mark)
			body.scrollTop = mark.offsetTop - body.clientHeight / 3;
	}

	async #more(before, after) {
		const body = $("reader-body");
		const below = body.scrollHeight - body.scrollTop;

		this.from = Math.max(0, this.from + before);
		this.to += after;
		this.#fill(await api.document_text(this.source.document, this.from, this.to));
		if (before) // what was on screen stays where it was
			body.scrollTop = body.scrollHeight - below;
	}

	#fill(part) {
		const text = part.text ?? "";
		const quote = find_quote(text, this.source, part.start);

		this.from = part.start;
		this.to = part.end;
		$("reader-before").hidden = part.start <= 0;
		$("reader-after").hidden = !(part.end < part.length);
		$("reader-text").replaceChildren(...paragraphs(text, quote));
	}
}

// Where the quote stands in this stretch of text, as [from, to) in UTF-16 units; null if nowhere.
// The server counts octets of UTF-8. If the text has moved since, the words decide.
export function find_quote(text, source, text_start) {
	const from = units(text, source.start - text_start);
	const to = units(text, source.end - text_start);
	const quote = source.quote ?? "";

	if (!quote || flat(text.slice(from, to)) === flat(quote))
		return to > from ? [from, to] : null;

	const words = quote.trim().split(/\s+/).map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
	let best = null;

	for (const match of text.matchAll(new RegExp(words.join("\\s+"), "gu"))) {
		if (!best || Math.abs(match.index - from) < Math.abs(best.index - from))
			best = match;
	}
	if (best)
		return [best.index, best.index + best[0].length];
	return to > from ? [from, to] : null;
}

const flat = (s) => s.replace(/\s+/g, " ").trim();

function units(text, octets) {
	let at = 0;

	for (let n = 0; n < octets && at < text.length;) {
		const c = text.codePointAt(at);

		n += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		at += c > 0xffff ? 2 : 1;
	}
	return at;
}

// Paragraphs as elements, with the quote marked, also where it runs over the end of one.
function paragraphs(text, quote) {
	const nodes = [];
	const breaks = /\n[ \t]*\n\s*/g;
	let at = 0;

	for (;;) {
		const gap = breaks.exec(text);
		const end = gap ? gap.index : text.length;

		if (text.slice(at, end).trim())
			nodes.push(el("p", { className: titled(text.slice(at, end)) ? "title" : "" },
				...marked(text, at, end, quote)));
		if (!gap)
			return nodes;
		at = gap.index + gap[0].length;
	}
}

// A short line of its own that does not end like a sentence is a heading, by the look of it.
const titled = (s) => /^[^\n]{1,80}$/.test(s.trim()) && !/[.!?:;,]$/.test(s.trim());

function marked(text, from, to, quote) {
	const [a, b] = quote ?? [to, to];
	const start = Math.min(Math.max(a, from), to);
	const end = Math.max(start, Math.min(b, to));
	const parts = [text.slice(from, start)];

	if (end > start)
		parts.push(el("mark", {}, text.slice(start, end)), text.slice(end, to));
	return parts;
}

