// report.mjs - a reporter for node --test: which rows of the protocol's checklist are tested and pass. The run fails when
// a row is neither tested nor listed (listed.json says why not), or when too many are listed.
import { readFileSync } from 'node:fs';

const GROUPS = { H: 23, W: 18, S: 21, A: 16, C: 12, R: 25, P: 3, X: 15, V: 19 };
const LISTED_MAX = 8;

// The scripts of real clients are in test/clients, under the names of the clients.
const CLIENTS = [
  ['P-E01', /^openai .*WebSocket.*: text turn$/],
  ['P-E02', /^@openai\/agents-realtime .*WebSocket: /],
  ['P-E03', /^@azure\/ai-voicelive /],
  ['P-E04', /^rt-client /],
  ['P-E05', /^@openai\/agents-realtime .*WebRTC/],
];

const id = (group, n) => `P-${group}${String(n).padStart(2, '0')}`;
const range = (n) => Array.from({ length: n }, (_, i) => i + 1);

// A row is one id; the scripts of real clients are one row together.
const rows = [...Object.entries(GROUPS).flatMap(([g, n]) => range(n).map((i) => [id(g, i)])), range(5).map((i) => id('E', i)), [id('E', 6)]];
const known = new Set(rows.flat());
const name = (row) => (row.length === 1 ? row[0] : `${row[0]}-${row.at(-1).slice(-2)}`);

export function summary(results, listed) {
  const is = (row, what) => row.some((i) => results.get(i) === what);
  const failed = rows.filter((r) => is(r, 'failed')), passed = rows.filter((r) => r.every((i) => results.get(i) === 'passed'));
  const excused = rows.filter((r) => !failed.includes(r) && !passed.includes(r) && r.every((i) => i in listed));
  const missing = rows.filter((r) => ![...failed, ...passed, ...excused].includes(r));
  const unknown = [...results.keys(), ...Object.keys(listed)].filter((i) => !known.has(i));
  const lines = [['failed', failed.map(name)], ['missing', missing.map(name)], ['unknown', unknown]]
    .filter(([, list]) => list.length).map(([what, list]) => `protocol: ${what}: ${list.join(' ')}\n`);

  lines.push(...excused.map((r) => `protocol: listed ${name(r)}: ${listed[r[0]]}\n`));
  lines.push(`protocol: ${passed.length} passed, ${excused.length} listed, ${rows.length} total\n`);
  return { text: lines.join(''), ok: !failed.length && !missing.length && !unknown.length && excused.length <= LISTED_MAX };
}

const idOf = (test) => test.match(/^P-[A-Z]\d\d\b/)?.[0] ?? CLIENTS.find(([, pattern]) => pattern.test(test))?.[0];

export default async function* report(events) {
  const results = new Map();

  for await (const { type, data } of events) {
    const found = /^test:(pass|fail)$/.test(type) && data.skip === undefined && data.todo === undefined && idOf(data.name);
    if (!found) continue;
    const failed = type === 'test:fail' || results.get(found) === 'failed'; // a row may be several tests
    results.set(found, failed ? 'failed' : 'passed');
  }
  const read = (file) => JSON.parse(readFileSync(new URL(file, import.meta.url)));
  // What is apart behind a service (tools/server.mjs) by a whole row's name is listed there.
  const listed = { ...read('listed.json'), ...(process.env.RELAY && Object.fromEntries(Object.entries(read('../tools/apart.json')).filter(([name]) => known.has(name)))) };
  const { text, ok } = summary(results, listed);
  if (!ok) process.exitCode = 1;
  yield text;
}
