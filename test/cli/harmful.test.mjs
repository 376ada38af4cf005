// Deliberately harmful files beside good ones: the small ones. script/harmful has all of them.
import test from 'node:test';
import { harm } from '../harmful/run.mjs';

test('harmful files harm nothing, are named, and the good ones are there', async () => {
  await harm({ quick: true });
});
