// report.mjs - a reporter for node --test: writes docs/compatibility.md from what the tests gave.
//
//   node --test --test-concurrency=1 --test-reporter=./clients/report.mjs --test-reporter-destination=../docs/compatibility.md \
//        --test-reporter=spec --test-reporter-destination=stdout clients/*.test.mjs        (npm run compatibility)
//
// A row or feature that was not run is said to be missing; nothing here knows a result.
import { FEATURES, dialectName, rows, testName } from './table.mjs';

const MARKS = { pass: 'yes', fail: '**no**', missing: 'not run' };
const sections = [
  ['In Node', (row) => row.way.startsWith('WebSocket')],
  ['In Chromium', (row) => !row.way.startsWith('WebSocket')],
];

const HEAD = `# Which clients work

Made by \`npm run compatibility\` in test/ from the results of test/clients; do not edit.

Each client is the package as npm has it, or, where there is none, the flow of the service's own sample written with what browsers
have. Against the real program over loopback, with documents of \`examples/\` and questions spoken by a synthesiser.
The same suite runs with another \`voiced\` as the realtime service behind the program (\`npm run relay\`), in each run of script/test.

| Feature | What happens |
|---|---|
| text turn | a typed question is answered in text; deltas add up, usage is complete, metadata comes back |
| voice turn | a spoken question, turns by the server; it is transcribed, answered aloud, and the sound arrives |
| manual turn | turn detection off: append, commit, ask; nothing happens unasked |
| tool call | a function of the client is called with arguments from the question, and the answer comes from its output |
| barge-in | speech cuts the answer, its item is truncated to what was heard, the new question is answered |
| errors | what is wrong is told with code, parameter and event id, the session goes on; a wrong key is refused |
| client secret | a session opens with an \`ek_\` secret, set as it was when the secret was made |
`;

function table(results, list) {
  const names = Object.values(FEATURES);
  const lines = [`| Client | Dialect | Way | ${names.join(' | ')} |`, `|---|---|---|${names.map(() => ':-:|').join('')}`];
  for (const row of list) {
    const cells = Object.keys(FEATURES).map((f) => (row.features.includes(f) ? MARKS[results.get(testName(row, f)) ?? 'missing'] : '–'));
    const client = [row.client, row.version].filter(Boolean).join(' ');
    lines.push(`| ${client} | ${dialectName(row)} | ${row.way.replace(/\/\S+/g, (path) => `\`${path.replace(/,$/, '')}\`${path.endsWith(',') ? ',' : ''}`)} | ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

export default async function* report(events) {
  const results = new Map();
  for await (const { type, data } of events)
    if (type === 'test:pass' || type === 'test:fail') results.set(data.name, data.skip || data.todo ? 'missing' : type.slice(5));
  const wanted = rows.flatMap((row) => row.features.map((f) => testName(row, f)));
  const passed = wanted.filter((name) => results.get(name) === 'pass').length;
  yield `${HEAD}\n– means that the client or the service has no such thing. ${passed} of ${wanted.length} work.\n`;
  for (const [name, fits] of sections) yield `\n## ${name}\n\n${table(results, rows.filter(fits))}\n`;
}
