// What a session uses, as clients and the operator are told; budgets that outlive the program.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { MUTE, ingest, root, serve, sleep, temporary, until } from '../tools/server.mjs';
import { closeAll, connect } from '../tools/session.mjs';

const data = ingest([join(root, 'examples')], temporary());
const servers = [];
const start = async (...args) => {
  const server = await serve({ data, decoders: 1, args, ...MUTE, ready: true });
  servers.push(server);
  return server;
};

afterEach(closeAll);
after(() => Promise.all(servers.map((s) => s.exit || s.stop({ keep: true }))));

async function ask(server, text = 'What is the station cat called?') {
  const s = await connect(server);
  await s.update({ output_modalities: ['text'], include: ['voiced.cost'] });
  s.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] } });
  s.send({ type: 'response.create' });
  const done = await s.until('response.done', () => s.events.find((e) => e.type === 'response.done'));
  return { cost: s.events.find((e) => e.type === 'voiced.turn.cost'), usage: done.response.usage, status: done.response.status,
    at: s.events.map((e) => e.type) };
}
const metric = async (server, name) => Number((await (await fetch(`${server.origin}/metrics`)).text())
  .match(new RegExp(`^voiced_${name} ([\\d.]+)$`, 'm'))?.[1]);

test('what a turn used is told before response.done, and is the usage', async () => {
  const server = await start('--currency', 'EUR');
  const { cost, usage, at } = await ask(server);

  assert.ok(at.indexOf('voiced.turn.cost') < at.indexOf('response.done'));
  assert.equal(cost.level, 'full');
  assert.equal(cost.currency, 'EUR');
  assert.equal(cost.turn.money, 0, 'the embedded engines cost nothing');
  assert.equal(cost.turn.tokens.input_text, usage.input_tokens);
  assert.equal(cost.turn.tokens.output_text, usage.output_token_details.text_tokens);
  assert.deepEqual(cost.left, { session: null, key: null, day: null });
  assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
  await server.stop({ keep: true });
});

test('a budget makes answers cheaper and never ends a session; it outlives the program', async () => {
  let server = await start('--budget-day', '60 tokens');
  let left = Infinity, levels = [];

  for (let i = 0; i < 6 && levels.at(-1) !== 'embedded'; i++) {
    const { cost, status } = await ask(server);
    assert.equal(status, 'completed');
    assert.ok(cost.left.day.tokens <= left);
    left = cost.left.day.tokens;
    levels.push(cost.level);
  }
  assert.equal(levels[0], 'full');
  assert.equal(levels.at(-1), 'embedded', levels.join(' '));
  const spent = await metric(server, 'budget_day_spent_tokens');
  assert.ok(spent >= 60);
  assert.equal(await metric(server, 'budget_day_left_tokens'), 0);

  // Written within seconds: then even a kill forgets nothing.
  await sleep(2500);
  await server.stop({ keep: true, signal: 'SIGKILL' });
  server = await start('--budget-day', '1000 tokens');
  assert.equal(await metric(server, 'budget_day_spent_tokens'), spent);
  await ask(server);
  const more = await until('more to be spent', async () => {
    const now = await metric(server, 'budget_day_spent_tokens');
    return now > spent && now;
  });
  // A stop forgets nothing at all.
  await server.stop({ keep: true });
  server = await start('--budget-day', '1000 tokens');
  assert.equal(await metric(server, 'budget_day_spent_tokens'), more);
  await server.stop({ keep: true });
});

test('a budget that cannot be read is refused at the start', async () => {
  await assert.rejects(serve({ data, args: ['--budget-day', 'lots'], ...MUTE }), /--budget-day wants an amount of money/);
});
