// @openai/agents-realtime, @azure/ai-voicelive and rt-client, unmodified, in Node.
import { suite } from './harness.mjs';
import { otherRows } from './table.mjs';

suite(otherRows);
