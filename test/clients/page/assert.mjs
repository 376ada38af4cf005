// assert.mjs - what kit.mjs uses of node:assert/strict, for pages (an import map puts it there).
const show = (v) => (v instanceof RegExp ? String(v) : JSON.stringify(v));
const fail = (message, more) => { throw new Error([message, more].filter(Boolean).join(': ')); };

const assert = {
  ok: (v, message) => v || fail(message, `${show(v)} is not true`),
  equal: (a, b, message) => Object.is(a, b) || fail(message, `${show(a)}, expected ${show(b)}`),
  deepEqual: (a, b, message) => show(a) === show(b) || fail(message, `${show(a)}, expected ${show(b)}`),
  match: (text, pattern, message) => pattern.test(text) || fail(message, `${show(text)} does not match ${pattern}`),
  doesNotMatch: (text, pattern, message) => !pattern.test(text) || fail(message, `${show(text)} matches ${pattern}`),
  rejects: async (what, pattern) => {
    let error;
    await (typeof what === 'function' ? what() : what).catch((e) => { error = e; });
    if (!error) fail(`did not reject${pattern ? ` with ${pattern}` : ''}`);
    if (pattern && !pattern.test(String(error.message ?? error))) fail(`rejected with ${error.message ?? error}, expected ${pattern}`);
  },
};
export default assert;
