// How long from a file's drop on the page until a question finds it: Chromium, the real server.
//   node bench/drop.mjs [FILE WORDS]   a file and words that stand in it (default: ten pages of Markdown)
// Prints one line: from the drop to the first search that finds it, and to "Ready" on the page.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import * as h from '../test/browser/harness.mjs';

const RUNS = 5;
const [file, ...words] = process.argv.slice(2);
const sentence = (i) => `Sentence ${i} of this report says that valve ${i * 7919 % 10007} was opened by crew ${i * 31 % 97} on the evening of day ${i % 365}, before the tide turned.`;
const pages = Array.from({ length: 10 }, (_, p) => `## Page ${p + 1}\n\n${Array.from({ length: 20 }, (_, i) => sentence(p * 20 + i)).join(' ')}`);
const text = (run) => `# Report ${run}\n\nThe harbour's codeword is zanzibar${run}.\n\n${pages.join('\n\n')}\n`;

const server = await h.serve();
const browser = await h.browse();
const page = await h.open(browser, server.url);
const found = [], ready = [];

for (let run = 0; run < RUNS; run++) {
  const name = file ? `${run}-${basename(file)}` : `report-${run}.md`;
  const query = file ? words.join(' ') : `codeword zanzibar${run}`;
  const bytes = file ? readFileSync(file).toString('base64') : Buffer.from(text(run)).toString('base64');
  const times = await page.evaluate(async ({ name, query, bytes }) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
    const from = performance.now();
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    let found = 0;
    const ready = () => document.querySelector(`.upload[data-state=ready] [title="${name}"]`);
    for (;;) {
      const r = await fetch('/api/search', { method: 'POST', body: JSON.stringify({ query, k: 20 }) });
      if (!found && (await r.json()).results.some((x) => x.file === name)) found = performance.now() - from;
      if (found && ready()) return { found, ready: performance.now() - from };
      if (document.querySelector('.upload[data-state=failed]') || performance.now() - from > 60000) return null;
      await new Promise((r) => setTimeout(r, 5));
    }
  }, { name, query, bytes });
  if (!times) throw new Error(`${name} was not found`);
  found.push(times.found);
  ready.push(times.ready);
}
const median = (a) => Math.round(a.sort((x, y) => x - y)[a.length >> 1]);
console.log(`${file ? basename(file) : 'ten pages of Markdown'}: findable after ${median(found)} ms (at most ${Math.round(Math.max(...found))} ms), shown as ready after ${median(ready)} ms; ${RUNS} runs`);
await browser.close();
await server.stop();
