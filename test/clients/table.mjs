// table.mjs - what is tested with what: one row per client, dialect and way in; the features each is put through.
//
// The test files run it, and report.mjs makes docs/compatibility.md of what came of it.
import { readFileSync } from 'node:fs';

const installed = (name) => JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;

export const FEATURES = {
  text: 'text turn',
  voice: 'voice turn',
  manual: 'manual turn',
  tool: 'tool call',
  barge: 'barge-in',
  errors: 'errors',
  secret: 'client secret',
};
const ALL = Object.keys(FEATURES);
const but = (...names) => ALL.filter((name) => !names.includes(name));

const AZURE_PREVIEW = '/openai/realtime?api-version=&deployment=';

// What the rows say of themselves: `client` (the package), `version`, `dialect` and `way` are printed, the
// rest is for the script. `script` names the file that knows the client.
const openai = (at, rows) => rows.map((row) => ({ script: 'openai', client: 'openai', version: installed(at), package: at,
  features: row.dialect === 'beta' && row.azure ? but('secret') : ALL, helper: 'ws', ...row }));

const plain = { way: 'WebSocket, /v1/realtime' };
const preview = { azure: true, way: `WebSocket, AzureOpenAI, ${AZURE_PREVIEW}` };

export const openaiRows = [
  ...openai('openai4', [
    { dialect: 'beta', ...plain },
    { dialect: 'beta', ...preview },
  ]),
  ...openai('openai5', [
    { dialect: 'ga', ...plain },
    { dialect: 'beta', ...plain },
    { dialect: 'ga', ...preview },
    { dialect: 'beta', ...preview },
  ]),
  ...openai('openai6', [
    { dialect: 'ga', ...plain },
    { dialect: 'beta', ...plain },
    { dialect: 'ga', ...preview },
    { dialect: 'beta', ...preview },
  ]),
  ...openai('openai', [
    { dialect: 'ga', ...plain },
    { dialect: 'ga', helper: 'websocket', way: 'WebSocket of the platform, key as subprotocol' },
    { dialect: 'beta', ...plain },
    { dialect: 'beta', helper: 'websocket', way: 'WebSocket of the platform, key as subprotocol' },
    { dialect: 'ga', azure: true, way: 'WebSocket, AzureOpenAI, /openai/v1/realtime' },
    { dialect: 'ga', base: '/openai/v1', way: 'WebSocket, base URL …/openai/v1' },
    { dialect: 'beta', ...preview },
  ]),
];

export const otherRows = [
  { script: 'agents', client: '@openai/agents-realtime', dialect: 'ga', way: 'WebSocket', features: ALL },
  { script: 'voicelive', client: '@azure/ai-voicelive', dialect: 'voice live', way: 'WebSocket', features: ALL },
  { script: 'rtclient', client: 'rt-client', dialect: 'beta', way: `WebSocket, ${AZURE_PREVIEW}`, features: ALL },
].map((row) => ({ version: installed(row.client), ...row }));

// In Chromium. Rows without a package are the flows of the services' own samples, written with the browser's API only.
export const browserRows = [
  { script: 'agents', client: '@openai/agents-realtime', version: installed('@openai/agents-realtime'), dialect: 'ga',
    way: 'WebRTC, browser bundle, ek_', features: ALL },
  { script: 'helper', client: 'openai', version: installed('openai'), dialect: 'ga',
    way: 'WebRTC helper, multipart calls.create, sideband by call_id', features: but('secret') },
  { script: 'sdp', client: 'Azure OpenAI sample', dialect: 'ga', way: 'WebRTC, /openai/v1/realtime/calls, ek_', features: ALL,
    mint: { path: '/openai/v1/realtime/client_secrets', carrier: 'api-key', wrap: true }, offer: '/openai/v1/realtime/calls',
    status: 201, location: /^\/v1\/realtime\/calls\/rtc_\w+$/, label: 'realtime-channel' },
  { script: 'sdp', client: 'openai-realtime-console', dialect: 'beta', way: 'WebRTC, /v1/realtime/sessions, POST /v1/realtime?model=',
    features: ALL, mint: { path: '/v1/realtime/sessions', carrier: 'bearer' }, offer: '/v1/realtime?model=gpt-realtime', label: 'oai-events' },
  { script: 'sdp', client: 'Azure OpenAI preview sample', dialect: 'beta', way: 'WebRTC, /openai/realtimeapi/sessions, /v1/realtimertc',
    features: ALL, mint: { path: '/openai/realtimeapi/sessions?api-version=2025-04-01-preview', carrier: 'api-key' },
    offer: '/v1/realtimertc?model=gpt-realtime', label: 'realtime-channel' },
  { script: 'control', client: 'Voice Live sample', dialect: 'voice live', way: 'WebRTC, control WebSocket, data channel before the offer',
    features: ALL, channel: 'before' },
  { script: 'control', client: 'Voice Live sample', dialect: 'voice live', way: 'WebRTC, control WebSocket, data channel after the offer',
    features: ALL, channel: 'after' },
];

const DIALECTS = { ga: 'GA', beta: 'beta', 'voice live': 'Voice Live' };
export const dialectName = (row) => DIALECTS[row.dialect];

// Unique; tests are named "<title>: <feature>".
export const title = (row) => `${[row.client, row.version].filter(Boolean).join(' ')}, ${dialectName(row)}, ${row.way}`;
export const testName = (row, feature) => `${title(row)}: ${FEATURES[feature]}`;
export const rows = [...openaiRows, ...otherRows, ...browserRows];
