// child.mjs - runs features of one row in a process of its own, as the harness asks: node child.mjs ROW-AND-SETTING
//
// Whatever an SDK throws where nobody can catch it ends this process, and fails the feature that was running.
import { inspect } from 'node:util';

const row = JSON.parse(process.argv[2]);
let running = null;

const say = (e) => {
  if (e instanceof Error && e.stack) return e.stack;
  return e?.message ? `${e.constructor.name}: ${e.message}` : inspect(e, { depth: 3 }).slice(0, 2000);
};
const tell = (feature, error) => process.send({ feature, error: error && say(error) });

// A feature may say which of an SDK's own unhandled rejections it has provoked.
globalThis.provoked = () => false;

for (const kind of ['uncaughtException', 'unhandledRejection']) {
  process.on(kind, (e) => {
    if (globalThis.provoked(e)) return;
    const why = `${kind}: ${say(e)}`;
    if (!running || !process.connected) process.exit(1);
    process.send({ feature: running, error: why, fatal: true }, () => process.exit(1));
  });
}

const { run } = await import(`./${row.script}.mjs`);

process.on('message', async (feature) => {
  running = feature;
  let error = null;
  globalThis.provoked = () => false;
  try {
    await run(row, feature);
  } catch (e) {
    error = e;
  }
  await new Promise((r) => setTimeout(r, 10)); // for what is thrown late
  running = null;
  tell(feature, error);
});
process.send({ ready: true });
