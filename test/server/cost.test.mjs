// What a session uses, as clients and the operator are told; budgets that outlive the program.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { MUTE, ingest, root, serve, sleep, temporary, until } from '../tools/server.mjs';
import { closeAll, connect, converse } from '../tools/session.mjs';
import { upstream } from '../tools/upstream.mjs';

const data = ingest([join(root, 'examples')], temporary());
const servers = [], services = [];
const startAt = async (where, args) => {
  const server = await serve({ data: where, args, ...MUTE, ready: true });
  servers.push(server);
  return server;
};
const start = (...args) => startAt(data, args);
const scripted = async (options) => {
  const s = await upstream(options);
  services.push(s);
  return s;
};

afterEach(closeAll);
after(() => Promise.all([...servers.map((s) => s.exit || s.stop({ keep: true })), ...services.map((s) => s.stop())]));

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

const usage = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 };
const answers = (text) => Array(20).fill({ text, usage });

test('money: the dear service, then the cheaper one behind it, then what costs nothing', async () => {
  const dear = await scripted({ answers: answers('I am dear.') }), cheap = await scripted({ answers: answers('I am cheap.') });
  // 0.001 + 0.001 an answer; the tenth part of it for the other.
  const server = await start('--llm', `${dear.url} model=a price-text-in=1 price-text-out=10`,
    '--llm', `${cheap.url} model=b price-text-in=0.1 price-text-out=1`, '--budget-session', '0.0101', '--currency', 'EUR');
  const c = await converse(server, { output_modalities: ['text'], include: ['voiced.cost'] });
  const seen = [];
  for (let i = 0; i < 24; i++) {
    const events = await c.ask('What is the station cat called?');
    const cost = events.find((e) => e.type === 'voiced.turn.cost');
    assert.equal(events.at(-1).response.status, 'completed');
    assert.equal(events.at(-1).response.usage.input_tokens, cost.turn.tokens.input_text);
    seen.push({ level: cost.level, money: cost.turn.money, left: cost.left.session.money,
      text: events.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join('') });
    if (cost.level === 'embedded') break;
  }
  const levels = [...new Set(seen.map((x) => x.level))];
  assert.deepEqual(levels, ['full', 'compact', 'cheaper', 'embedded'], JSON.stringify(seen));
  for (const x of seen) {
    const [money, text] = { cheaper: [0.0002, 'I am cheap.'], embedded: [0] }[x.level] ?? [0.002, 'I am dear.'];
    assert.ok(Math.abs(x.money - money) < 1e-9, JSON.stringify(x));
    if (text) assert.equal(x.text, text);
  }
  assert.match(seen.at(-1).text, /Biscuit/);
  const spent = seen.reduce((sum, x) => sum + x.money, 0);
  assert.ok(spent <= 0.0101 + 0.0002, `${spent}: no more than one answer beyond it`);
  const metrics = await (await fetch(`${server.origin}/metrics`)).text();
  const of = (name, s) => Number(metrics.match(new RegExp(`^voiced_llm_${name}\\{name="${new URL(s.url).host}"\\} ([\\d.]+)$`, 'm'))?.[1] ?? 0);
  assert.ok(Math.abs(of('money_total', dear) + of('money_total', cheap) - spent) < 1e-6, metrics);
  assert.equal(of('requests_total', dear), seen.filter((x) => x.text === 'I am dear.').length);
  assert.equal(of('input_text_tokens_total', cheap), 1000 * seen.filter((x) => x.text === 'I am cheap.').length);
  await server.stop({ keep: true });
});

test('requests that are no session are charged too', async () => {
  const s = await scripted({ answers: answers('From the service.') });
  const server = await startAt(temporary(), ['--llm', `${s.url} model=a price-text-in=1`, '--budget-day', '1000 tokens', '--no-embedded']);
  const post = (path, body) => fetch(`${server.origin}/v1/${path}`, { method: 'POST', body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' } });
  const complete = () => post('chat/completions', { model: 'm', messages: [{ role: 'user', content: 'Hello?' }] });
  const first = await complete();
  assert.equal(first.status, 200);
  assert.equal((await first.json()).usage.total_tokens, 1100);
  assert.equal(await metric(server, 'budget_day_spent_tokens'), 1100);
  assert.equal(await metric(server, 'budget_day_spent_money'), 0.001);
  const second = await complete();
  assert.equal(second.status, 429);
  assert.equal((await second.json()).error.code, 'insufficient_quota');
  assert.equal((await post('audio/speech', { model: 'm', voice: 'alloy', input: 'Hello.' })).status, 429);
  assert.equal(await metric(server, 'sessions'), 0);
  await server.stop({ keep: true });
});

test('too many requests are told where nothing stands behind the service, and not before', async () => {
  const fault = { status: 429, headers: { 'retry-after': '1' }, body: '{"error":{"message":"slow down"}}' };
  const s = await scripted({ answers: answers('Never.'), faults: { chat: Array(9).fill(fault) } });
  for (const [more, status] of [[[], 'completed'], [['--no-embedded'], 'failed']]) {
    const server = await start('--llm', `${s.url} model=a`, ...more);
    const c = await converse(server, { output_modalities: ['text'] });
    const { response } = (await c.ask('What is the station cat called?')).at(-1);

    assert.equal(response.status, status);
    if (status === 'failed') {
      assert.equal(response.status_details.error.type, 'rate_limit_exceeded');
      assert.equal(response.status_details.error.code, 'rate_limit_exceeded');
      const metrics = await (await fetch(`${server.origin}/metrics`)).text();
      assert.match(metrics, /^voiced_llm_errors_total\{name="127\.0\.0\.1:\d+"\} [1-9]/m);
    }
    await server.stop({ keep: true });
  }
});

test('a budget that cannot be read is refused at the start', async () => {
  await assert.rejects(serve({ data, args: ['--budget-day', 'lots'], ...MUTE }), /--budget-day wants an amount of money/);
});
