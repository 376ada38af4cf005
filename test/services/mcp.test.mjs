// Tools of others: MCP's reference server from npm, as a program and over HTTP, of the operator and of sessions; HTTP tools
// described by OpenAPI. A scripted language model calls them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';
import { hostedMcpTool } from '@openai/agents-core';
import { serve, sleep, temporary, until } from '../tools/server.mjs';
import { closeAll, connect } from '../tools/session.mjs';
import { command, everything } from '../tools/mcp.mjs';
import { upstream } from '../tools/upstream.mjs';

const stops = [];
after(async () => { for (const stop of stops.reverse()) await stop(); });
afterEach(closeAll);

const TEXT = { output_modalities: ['text'] };
const call = (name, args = {}) => ({ calls: [{ name, arguments: JSON.stringify(args) }] });

// A model that says these things, and a server that has it.
const model = await upstream();
const shop = await weather();
const every = await everything();
stops.push(model.stop, () => shop.close(), () => every.stop());
const server = await serve({ ready: true, decoders: 1, env: { SECRET_OF_OURS: 's3cret', SHOP_KEY: 'key-of-the-shop' }, args: [
  '--llm', `${model.url} model=scripted`, '--mcp', `local env=GIVEN=yes ${command}`, '--mcp', `far ${every.url} reads=get-sum`,
  '--tools', `${shop.file} key-env=SHOP_KEY`, '--mcp-allow', `127.0.0.1:${every.port}`] });
stops.push(() => server.stop());

// A service of the operator's with its description.
async function weather() {
  const asked = [];
  const http = createServer((req, res) => {
    asked.push({ method: req.method, url: req.url, key: req.headers.authorization });
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ city: 'Rome', degrees: 31 }));
  });
  await new Promise((resolve) => { http.listen(0, '127.0.0.1', resolve); });
  const file = join(temporary(), 'weather.yaml');
  writeFileSync(file, `openapi: 3.1.0
servers: [{ url: 'http://127.0.0.1:${http.address().port}/v1' }]
paths:
  /weather/{city}:
    get:
      operationId: getWeather
      summary: The weather in a city.
      parameters:
        - { name: city, in: path, required: true, schema: { type: string } }
        - { name: days, in: query, schema: { type: integer } }
`);
  return Object.assign(http, { asked, file });
}

// What the model said in the end, and what it was shown of each tool's answer.
async function turn(s, answers, wait = 'response.done') {
  model.answers.splice(0, Infinity, ...answers);
  model.requests.length = 0;
  const from = s.events.length;
  s.send({ type: 'response.create' });
  await s.event(wait);
  const requests = model.of('chat').map((r) => JSON.parse(r.body));
  return { events: s.events.slice(from), requests, told: requests.at(-1)?.messages.filter((m) => m.role === 'tool').map((m) => m.content) ?? [] };
}
const types = (events) => events.map((e) => e.type);
async function open(session = {}) {
  const s = await connect(server);
  await s.update({ ...TEXT, ...session });
  return s;
}

test('tools of the operator\'s servers are offered, called and answered', async () => {
  const s = await open();
  const { requests, told, events } = await turn(s, [
    { calls: [...call('local__echo', { message: 'hello' }).calls, ...call('far__get-sum', { a: 2, b: 3 }).calls] }, 'Done.']);
  const offered = Object.fromEntries(requests[0].tools.map((t) => [t.function.name, t.function]));
  assert.ok(offered.search && offered.local__echo && offered['far__get-sum'] && offered.getWeather, Object.keys(offered).join(' '));
  assert.match(offered.local__echo.description, /Echoes/);
  assert.equal(offered.local__echo.parameters.properties.message.type, 'string');
  assert.match(told[0], /hello/);
  assert.match(told[1], /5/);
  assert.ok(!types(events).some((t) => t.includes('mcp')), 'the operator\'s tools are no business of clients');
});

test('a program gets what the operator gives it, and nothing else of our environment', async () => {
  const s = await open();
  const { told } = await turn(s, [call('local__get-env'), 'Done.']);
  assert.match(told[0], /GIVEN/);
  assert.doesNotMatch(told[0], /s3cret/);
});

test('all kinds of content, and failures, are texts that the model sees', async () => {
  const s = await open();
  const { told } = await turn(s, [{ calls: [...call('local__get-tiny-image').calls, ...call('local__get-structured-content', { location: 'Chicago' }).calls,
    ...call('local__echo', { wrong: 1 }).calls, ...call('local__nothing').calls] }, 'Done.']);
  assert.match(told[0], /\[image: image\/png, \d+ octets\]/);
  assert.match(told[1], /temperature/);
  assert.match(told[2], /error/i);
  assert.match(told[3], /unknown_tool/);
});

test('a tool of an OpenAPI description is a request to its service', async () => {
  const s = await open();
  const { told } = await turn(s, [call('getWeather', { city: 'Rome/..', days: 2 }), 'Done.']);
  assert.match(told[0], /31/);
  assert.deepEqual(shop.asked.at(-1), { method: 'GET', url: '/v1/weather/Rome%2F..?days=2', key: 'Bearer key-of-the-shop' });
});

test('a server that a session names: what it has, a call, an approval, a refusal', async () => {
  const s = await open();
  const from = s.events.length;
  const session = await s.update({ tools: [{ type: 'mcp', server_label: 'mine', server_url: every.url, authorization: 's3cret',
    headers: { 'X-Key': 's3cret' }, require_approval: { never: { tool_names: ['get-sum'] } }, allowed_tools: ['get-sum', 'echo'] }] });
  assert.equal(session.tools[0].authorization, undefined);
  const { item } = await s.event('conversation.item.done', (e) => e.item.type === 'mcp_list_tools');
  assert.deepEqual(types(s.events.slice(from)), ['session.updated', 'conversation.item.added', 'mcp_list_tools.in_progress',
    'mcp_list_tools.completed', 'conversation.item.done']);
  assert.deepEqual(item.tools.map((t) => t.name).sort(), ['echo', 'get-sum']);
  assert.ok(item.tools.every((t) => typeof t.description === 'string' && t.input_schema.type === 'object'));

  const sum = await turn(s, [call('mine__get-sum', { a: 20, b: 3 }), 'It is 23.']);
  const made = sum.events.find((e) => e.type === 'response.output_item.done' && e.item.type === 'mcp_call').item;
  assert.equal(made.name, 'get-sum');
  assert.match(made.output, /23/);
  assert.equal(made.error, null);
  assert.match(sum.told.at(-1), /23/);
  assert.ok(types(sum.events).indexOf('response.mcp_call.completed') > types(sum.events).indexOf('response.mcp_call.in_progress'));

  const asks = await turn(s, [call('mine__echo', { message: 'may I' }), 'It was said.']);
  const request = asks.events.find((e) => e.type === 'response.output_item.done').item;
  assert.equal(request.type, 'mcp_approval_request');
  assert.deepEqual(JSON.parse(request.arguments), { message: 'may I' });
  s.send({ type: 'conversation.item.create', item: { type: 'mcp_approval_response', approval_request_id: request.id, approve: true } });
  const { item: echoed } = await s.event('response.output_item.done', (e) => e.item.type === 'mcp_call');
  assert.match(echoed.output, /may I/);
  assert.equal(echoed.approval_request_id, request.id);
  await s.event('response.done');

  const again = await turn(s, [call('mine__echo', { message: 'and now' }), 'Then not.']);
  const refused = again.events.find((e) => e.type === 'response.output_item.done').item;
  s.send({ type: 'conversation.item.create', item: { type: 'mcp_approval_response', approval_request_id: refused.id, approve: false } });
  await s.event('response.done');
  assert.match(JSON.parse(model.of('chat').at(-1).body).messages.findLast((m) => m.role === 'tool').content, /approval_refused/);
  assert.doesNotMatch(JSON.stringify(s.events), /s3cret/);
});

test('@openai/agents-realtime lists, approves and hears of a call', async () => {
  const agent = new RealtimeAgent({ name: 'guide', tools: [hostedMcpTool({ serverLabel: 'mine', serverUrl: every.url, allowedTools: ['echo'], requireApproval: 'always' })] });
  const session = new RealtimeSession(agent, { transport: 'websocket' });
  const once = (name) => new Promise((resolve) => { session.once(name, (...args) => resolve(args)); });
  const tools = once('mcp_tools_changed'), asked = once('tool_approval_requested'), made = once('mcp_tool_call_completed');
  model.answers.splice(0, Infinity, call('mine__echo', { message: 'from the SDK' }), 'Done.');
  await session.connect({ apiKey: 'any', url: server.origin.replace('http', 'ws') + '/v1/realtime?model=m' });
  assert.deepEqual((await tools)[0].map((t) => t.name), ['echo']);
  session.sendMessage('Say it.');
  const [, , { approvalItem }] = await asked;
  await session.approve(approvalItem);
  const done = await made;
  assert.match(JSON.stringify(done.at(-1)), /from the SDK/);
  session.close();
});

test('a server on a private address is not reached unless the operator allows it', async () => {
  const s = await open();
  for (const server_url of ['http://127.0.0.1:9/mcp', 'https://127.0.0.1:9/mcp', 'https://localhost/mcp', 'https://169.254.169.254/', 'https://10.1.2.3/']) {
    await s.update({ tools: [{ type: 'mcp', server_label: 'inside', server_url }] });
    const { item } = await s.event('conversation.item.done');
    assert.match(item.error, /private address|https/);
    assert.deepEqual(item.tools, []);
  }
});

test('a server that has begun anew knows our session no more: it is begun again', async () => {
  const s = await open({ tools: [{ type: 'mcp', server_label: 'mine', server_url: every.url, require_approval: 'never' }] });
  await s.event('mcp_list_tools.completed');
  await every.stop();
  const down = await turn(s, [call('mine__echo', { message: 'anybody?' }), 'No.']);
  assert.match(down.told.at(-1), /http_error/);
  await every.start();
  const up = await turn(s, [call('mine__echo', { message: 'again' }), 'Yes.']);
  assert.match(up.told.at(-1), /again/);
  assert.equal(up.events.find((e) => e.type === 'response.output_item.done' && e.item.type === 'mcp_call').item.error, null);
});

test('a program that dies is begun again, and ends with the server', async () => {
  // ps fails where there is none.
  const programs = () => spawnSync('ps', ['-o', 'pid=,args=', '--ppid', String(server.child.pid)]).stdout.toString().split('\n')
    .filter((l) => l.includes('server-everything')).map((l) => parseInt(l, 10));
  const [pid] = programs();
  process.kill(pid, 'SIGKILL');
  await until('another one', () => programs().some((p) => p !== pid));
  const s = await open();
  await until('its tools', async () => {
    const { told } = await turn(s, [call('local__echo', { message: 'back' }), 'Yes.']);
    if (!/back/.test(told.at(-1))) await sleep(200);
    return /back/.test(told.at(-1));
  });
  const [second] = programs();
  await server.stop();
  assert.throws(() => process.kill(second, 0));
  assert.doesNotMatch(server.log, /s3cret|key-of-the-shop/);
});
