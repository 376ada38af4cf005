// npm's openai, from 4 on, unmodified, against the real program.
import { suite } from './harness.mjs';
import { openaiRows } from './table.mjs';

suite(openaiRows);
