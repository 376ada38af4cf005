// P-P: servers of tools that a client names (protocol 2.6 K), in the dialects that have them.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { everything } from '../tools/mcp.mjs';
import { checkItem, checkStream, dialects, settings } from '../tools/shapes.mjs';
import { CAT, MUTE, hosted, open } from './harness.mjs';

const every = await everything();
after(() => every.stop());
const server = hosted({ ...MUTE, args: ['--mcp-allow', '127.0.0.1'] });
const { GA, VL } = dialects;
const mine = (more = {}) => ({ type: 'mcp', server_label: 'mine', server_url: every.url, allowed_tools: ['echo', 'get-sum'], ...more });
const CHOICE = { type: 'mcp', server_label: 'mine', name: 'echo' };
const types = (events) => events.map((e) => e.type);
const ready = async (d, tool) => {
  const s = await open(server, d, { ...settings.text(d), tools: [tool] });
  await s.event('mcp_list_tools.completed');
  return s;
};

test('P-P01 a server that is named is listed: an item, then what became of it', async () => {
  for (const d of [GA, VL]) {
    const s = await open(server, d);
    const from = s.events.length;
    await s.update({ tools: [mine()] });
    await s.event('mcp_list_tools.completed');
    if (d.nested) await s.event('conversation.item.done');
    assert.deepEqual(types(s.events.slice(from)), ['session.updated', d.type('conversation.item.added'), 'mcp_list_tools.in_progress', 'mcp_list_tools.completed',
      ...(d.nested ? ['conversation.item.done'] : [])]);
    await s.update({ tools: [mine({ server_label: 'nobody', server_url: 'http://127.0.0.1:9/' })] });
    await s.event('mcp_list_tools.failed');
    checkStream(d, s.events);
  }
});

test('P-P02 descriptions are strings, and a call has its output', async () => {
  for (const d of [GA, VL]) {
    const s = await ready(d, mine({ require_approval: 'never' }));
    s.send({ type: 'conversation.item.retrieve', item_id: s.events.find((e) => e.item?.type === 'mcp_list_tools').item.id });
    const { item } = await s.event('conversation.item.retrieved');
    assert.equal(item.tools.length, 2);
    for (const t of item.tools) assert.equal(typeof t.description, 'string');
    const events = await s.ask(CAT, { tool_choice: CHOICE });
    const added = events.find((e) => e.type === 'response.output_item.added' && e.item.type === 'mcp_call').item;
    const done = events.find((e) => e.type === 'response.output_item.done' && e.item.type === 'mcp_call').item;
    for (const i of [added, done]) checkItem(d, i);
    assert.equal(added.output, null);
    assert.match(done.output, /cat/);
    assert.equal(done.name, 'echo');
    assert.equal(typeof JSON.parse(done.arguments).message, 'string');
    assert.deepEqual(types(events).filter((t) => t.includes('mcp')), ['response.mcp_call_arguments.delta', 'response.mcp_call_arguments.done',
      'response.mcp_call.in_progress', 'response.mcp_call.completed']);
    checkStream(d, s.events);
  }
});

test('P-P03 a call waits for its approval', async () => {
  for (const d of [GA, VL])
    for (const approve of [true, false]) {
      const s = await ready(d, mine());
      const events = await s.ask(CAT, { tool_choice: CHOICE });
      const { item } = events.find((e) => e.type === 'response.output_item.done');
      assert.equal(item.type, 'mcp_approval_request');
      assert.equal(typeof JSON.parse(item.arguments).message, 'string');
      assert.equal(events.findLast((e) => e.type === 'response.done').response.status, 'completed');
      const answer = { type: 'mcp_approval_response', approval_request_id: item.id, approve };
      s.send(d === VL && approve ? answer : { type: 'conversation.item.create', item: answer });
      await s.event(d.type('conversation.item.added'), (e) => e.item.type === 'mcp_approval_response');
      await s.event('response.created');
      if (approve)
        assert.match((await s.event('response.output_item.done', (e) => e.item.type === 'mcp_call')).item.output, /cat/);
      const { response } = await s.event('response.done');
      assert.equal(response.status, 'completed');
      assert.equal(response.output.some((i) => i.type === 'mcp_call'), approve);
      checkStream(d, s.events);
    }
});
