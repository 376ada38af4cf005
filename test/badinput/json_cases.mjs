// json_cases.mjs - JSON texts, right and wrong, as RFC 8259 has it: the table that the tests of this folder
// and base/json_test.c share.   node test/badinput/json_cases.mjs > test/badinput/json_cases.tsv
//
// Names begin with what a parser must do: y_ accept, n_ refuse, i_ either (the RFC leaves it open, or allows
// a limit). A case is a value, or (with `after`) octets around a text that is right by itself.
import { fileURLToPath } from 'node:url';

const cases = [];

const octets = (v) => (Buffer.isBuffer(v) ? v : Buffer.from(v));
const hex = (text) => Buffer.from(text, 'hex');
const add = (kind, family, list) => list.forEach((v, i) => {
  const [label, value] = Array.isArray(v) ? v : [String(i + 1), v];
  cases.push({ name: `${kind}_${family}_${label}`, kind, before: octets(value), after: null });
});
const around = (kind, family, list) => list.forEach(([label, before, after]) => {
  cases.push({ name: `${kind}_${family}_${label}`, kind, before: octets(before), after: octets(after) });
});
const named = (list) => list.map((v) => [v.replace(/[^\w.+-]/g, (c) => `%${c.charCodeAt(0).toString(16)}`) || 'nothing', v]);
const quoted = (inner) => Buffer.concat([Buffer.from('"'), octets(inner), Buffer.from('"')]);

// --- numbers (section 6) ---------------------------------------------------------------------------
const wholes = ['0', '-0', '1', '-1', '7', '10', '-10', '123456789', '9007199254740991', '-9007199254740991', '9223372036854775807',
  '-9223372036854775808'];
const reals = ['0.0', '-0.0', '0.5', '-0.5', '1.25', '10.01', '3.141592653589793', '0.1234567890123456789', '0.000000000000000000001',
  '123.456e7', '100000000000000000000000.5'];
const powers = ['0e0', '0E0', '0e+1', '0e-1', '1e2', '1E2', '1e+2', '1E+2', '1e-2', '1E-2', '1e02', '1.5e3', '-1.5E-3', '1e300', '-1e300', '1e-300',
  '2.2250738585072014e-308', '1.7e308'];
add('y', 'number', named([...wholes, ...reals, ...powers]));
add('i', 'number_huge', named(['1.7976931348623157e308', '9223372036854775808', '-9223372036854775809', '1e309', '-1e309', '1e99999', '0.5e+1000000', '1e-400', '123e-100000']));
add('i', 'number_long', [['1000_digits', '1'.repeat(1000)], ['1000_places', `0.${'3'.repeat(1000)}`], ['1000_zeros_then_digit', `0.${'0'.repeat(1000)}1`],
  ['exponent_of_100_digits', `1e${'9'.repeat(100)}`]]);
add('n', 'number', named(['-', '+', '+1', '+0', '--1', '-+1', '++1', '1-', '1+', '01', '-01', '00', '007', '0123', '-00.5', '.', '.5', '-.5', '+.5', '1.', '-1.', '0.', '1..2',
  '1.2.3', '1.e1', '.e1', 'e1', '1e', '1E', '1e+', '1e-', '1eE2', '1e1e1', '1e1.5', '1e 1', '1 e1', '- 1', '1 .5', '1 000', '1_000', '0x1', '0x', '0X1F', '0b1', '0o7', '1f', '1n', '1L', '1a',
  'NaN', '-NaN', 'nan', 'Infinity', '-Infinity', 'Inf', '-inf', '1e\u0661', '\u0661', '\uff11', '-foo', '1#', '$1', '1%', "'1'"]));

// --- strings (section 7) ---------------------------------------------------------------------------
add('y', 'string_plain', [['empty', '""'], ['ascii', quoted(Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).filter((c) => !'"\\'.includes(c)).join(''))],
  ['delete', '"\x7f"'], ['apostrophe', '"it\'s"'], ['slash', '"/"'], ['comment_like', '"/* no */ // no"'], ['brackets', '"[{]}"'], ['long', quoted('x'.repeat(20000))],
  ['many_quotes', quoted('\\"'.repeat(500))]]);
add('y', 'string_escape', Object.entries({ quote: '\\"', backslash: '\\\\', solidus: '\\/', b: '\\b', f: '\\f', n: '\\n', r: '\\r', t: '\\t', all: '\\"\\\\\\/\\b\\f\\n\\r\\t', backslash_then_u: '\\\\u0041',
  two_backslashes: '\\\\\\\\', ends_in_backslash: 'a\\\\' }).map(([k, v]) => [k, quoted(v)]));
add('y', 'string_u', ['0001', '001f', '0020', '0022', '005C', '005c', '007f', '0080', '00e9', '07FF', '0800', '2028', '2029', 'd7ff', 'e000', 'FEFF', 'fffd', 'fffe', 'ffff']
  .map((u) => [u, quoted(`\\u${u}`)]));
add('y', 'string_pair', ['D800\\uDC00', 'd83d\\ude00', 'D834\\udd1E', 'dbff\\udfff', 'DBFF\\uDFFE'].map((u) => [u.replace('\\u', '_'), quoted(`\\u${u}`)]));
add('y', 'string_utf8', [0x80, 0xe9, 0x7ff, 0x800, 0x20ac, 0x2028, 0x2029, 0xd7ff, 0xe000, 0xfdd0, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1f600, 0x1fffe, 0x10fffd, 0x10ffff]
  .map((c) => [c.toString(16), quoted(String.fromCodePoint(c))]));
add('i', 'string_null', [['escaped', '"\\u0000"'], ['escaped_within', '"a\\u0000b"'], ['escaped_in_key', '{"\\u0000":1}'], ['escaped_key_within', '{"a\\u0000b":1}']]);
add('i', 'string_lone', ['d800', 'DBFF', 'dc00', 'DFFF', 'd800\\n', 'd800x', 'd800\\ud800', 'd800\\u0041', 'dc00\\ud800', 'ud83d\\ude00'.slice(1, 5) + '\\uD83D\\uDE00']
  .map((u) => [u.replace(/\\/g, '_'), quoted(`\\u${u}`)]));
// Octets that are no UTF-8 (RFC 3629): RFC 8259 wants UTF-8 (section 8.1), but says nothing of the rest.
add('i', 'utf8', ['80', 'bf', '8080', 'c0', 'c0af', 'c1bf', 'c2', 'c220', 'c3c3', 'dfdf', 'e0', 'e080af', 'e09fbf', 'e08080', 'e282', 'e28220', 'eda080', 'edbfbf', 'eda080edb080', 'ef', 'f0', 'f08080af', 'f08fbfbf', 'f0808080',
  'f09f98', 'f09f9820', 'f4908080', 'f5808080', 'f7bfbfbf', 'f888808080', 'fc8480808080', 'fe', 'ff', 'fffe', 'e9'].map((h) => [h, quoted(hex(h))]));
add('n', 'string_control', Array.from({ length: 32 }, (_, c) => [c.toString(16).padStart(2, '0'), quoted(Buffer.from([0x61, c, 0x62]))]));
add('n', 'string_escape', [...'aceghijklmopqsvwxyz0123456789BFNRTU', "'", '`', ' ', '\n', '\t', '\u00e9', '\u{1f600}'].map((c) => [`${c.codePointAt(0).toString(16)}`, quoted(`\\${c}`)]));
add('n', 'string_u', named(['', '0', '00', '00a', '00ag', 'g000', '+041', '-041', ' 041', '0x41', '{41}', '00\\u41']).map(([k, v]) => [k, quoted(`\\u${v}`)]));
add('n', 'string_open', [['nothing', '"'], ['text', '"abc'], ['escape', '"\\'], ['escaped_quote', '"abc\\"'], ['u', '"\\u'], ['u00', '"\\u00'], ['pair', '"\\ud83d\\u'], ['in_array', '["abc'],
  ['in_key', '{"abc'], ['utf8', Buffer.concat([Buffer.from('"'), hex('e282')])]]);
add('n', 'string_quoting', named(["''", "'a'", '`a`', 'abc', '\u201ca\u201d', '"a" "b"', '"a""b"', '"a"b', 'a"b"', '\\u0022a\\u0022', '\\"a\\"', '""a', '"\\""a"']));

// --- literals, arrays, objects (sections 3 to 5) ----------------------------------------------------
add('y', 'literal', named(['true', 'false', 'null']));
add('n', 'literal', named(['True', 'TRUE', 'False', 'NULL', 'Null', 'nul', 'nulll', 'tru', 'truee', 'fals', 't', 'undefined', 'None', 'nil', 'yes', 'truefalse', 'true false', 'null,', 'tr ue', '']));
add('y', 'array', named(['[]', '[ ]', '[1]', '[[]]', '[[],[[]]]', '[1,2,3]', '[1 ,2]', '["",0,null,true,{}]', '[{}]', '[null]']));
add('y', 'array_large', [['300_numbers', `[${Array.from({ length: 300 }, (_, i) => i)}]`], ['1000_arrays', `[${Array(1000).fill('[]')}]`]]);
add('n', 'array', named(['[', ']', '[1', '1]', '[1,', '[1,]', '[,1]', '[,]', '[1,,2]', '[1 2]', '[1;2]', '[1:2]', '["a":1]', '[1]]', '[[1]', '[1}', '[1,}', '(1)', '<1>', '[1)', '[*]', '[...]', '["a', '[\\n]', '[\x0c]', '[\u00a0]',
  '[a]', "['a']", '[1,\n2\n,']));
add('y', 'object', named(['{}', '{ }', '{"a":1}', '{"a" : 1 }', '{"a":{}}', '{"a":[]}', '{"a":1,"b":2}', '{"":0}', '{"a b":null}', '{"\\u0061":1}', '{"\\"":1}', '{"\u20ac":"\u20ac"}', '{"__proto__x":{"constructor":1}}',
  '{"toString":"x"}']));
add('y', 'object_duplicate', [['same', '{"a":1,"a":1}'], ['last_counts', '{"a":1,"a":2}'], ['escaped', '{"a":1,"\\u0061":2}'], ['empty', '{"":1,"":2}'], ['types', '{"a":[],"a":"x","a":{}}']]);
add('y', 'object_large', [['100_members', JSON.stringify(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, i])))], ['long_key', `{"${'k'.repeat(10000)}":1}`]]);
add('n', 'object', named(['{', '}', '{}}', '{"a"}', '{"a":}', '{"a"1}', '{"a",1}', '{"a"=1}', '{"a"::1}', '{:1}', '{1:1}', '{a:1}', "{'a':1}", '{null:1}', '{[]:1}', '{{}:1}', '{"a":1,}', '{,"a":1}', '{,}', '{"a":1,,"b":2}', '{"a":1 "b":2}', '{"a":1;"b":2}',
  '{"a":1', '{"a":', '{"a"', '{"a":1]', '{"a":1}}', '{"a":1,"b"}', '{"a" "b":1}', '{a}', '{"a":1,"a"}', '{"a":1/**/}', '{...{}}', '{"a":b}', '{"\\":1}', '{"a":"b","c', '[{]}']));
add('n', 'comment', named(['/**/1', '1/**/', '//\n1', '1//', '#\n1', '1#', '[1,/* two */2]', '{/*a*/"a":1}', '<!-- -->1', '1;']));

// --- white space (section 2) and depth --------------------------------------------------------------
add('y', 'space', [['tab', '\t1\t'], ['line', '\n1\n'], ['return', '\r1\r'], ['blank', ' 1 '], ['all', ' \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 \t\r\n] \t\r\n'], ['object', '\n{\t"a"\r:\n1 }\n'], ['much', `${' '.repeat(10000)}1`]]);
add('n', 'space', [['vertical_tab', '\v1'], ['form_feed', '\f1'], ['backspace', '\b1'], ['null', '\x001'], ['no_break', '\u00a01'], ['line_separator', '\u20281'], ['zero_width', '\u200b1'], ['wide', '\u30001'],
  ['byte_order_mark', '\ufeff1'], ['word_joiner', '\u20601'], ['next_line', '\u00851'], ['delete', '\x7f1'], ['escaped', '\\n1']]);
const deep = (n, open, close, core = '') => open.repeat(n) + core + close.repeat(n);
add('y', 'depth', [['60_arrays', deep(60, '[', ']')], ['60_objects', deep(60, '{"a":', '}', '1')], ['30_of_each', deep(30, '[{"a":', '}]', '1')], ['in_string', quoted('['.repeat(1000))]]);
add('i', 'depth', [['65_arrays', deep(65, '[', ']')], ['65_objects', deep(65, '{"a":', '}', '1')], ['500_arrays', deep(500, '[', ']')], ['5000_objects', deep(5000, '{"a":', '}', '1')]]);
add('n', 'depth', [['5000_open_arrays', '['.repeat(5000)], ['5000_open_objects', '{"a":'.repeat(5000)], ['5000_of_each', '[{"a":'.repeat(5000)], ['5000_closed', ']'.repeat(5000)], ['60_of_61', `${deep(60, '[', '')}1${']'.repeat(59)}`],
  ['crossed', '[{"a":[}]']]);

// --- the text as a whole ----------------------------------------------------------------------------
around('y', 'text', [['spaces_around', ' \t\r\n', ' \t\r\n'], ['line_behind', '', '\n'], ['lines_before', '\r\n\r\n', '']]);
around('i', 'text', [['byte_order_mark', hex('efbbbf'), '']]);
around('n', 'text', [['byte_order_mark_16', hex('feff'), ''], ['half_a_mark', hex('efbb'), ''], ['mark_behind', '', hex('efbbbf')], ['null_before', '\0', ''], ['null_behind', '', '\0'], ['nulls_behind', '', '\0\0\0\0'],
  ['garbage_behind', '', 'x'], ['garbage_before', 'x', ''], ['number_behind', '', '1'], ['string_behind', '', '""'], ['object_behind', '', '{}'], ['object_on_next_line', '', '\n{}'], ['brace_behind', '', '}'], ['bracket_behind', '', ']'], ['brace_before', '{', ''],
  ['bracket_before', '[', ''], ['comma_behind', '', ','], ['comma_before', ',', ''], ['semicolon_behind', '', ';'], ['comment_behind', '', '// x'], ['comment_before', '/* x */', ''], ['hash_behind', '', '#'], ['octet_behind', '', hex('ff')],
  ['padding_of_xssi', ")]}',\n", ''], ['callback', 'f(', ')'], ['escape_behind', '', '\\n'], ['separator', '\x1e', ''], ['no_break_space', '', '\u00a0'], ['form_feed', '', '\f'], ['sse', 'data: ', '\n\n'], ['unopened_quote', '', '"']]);

export { cases };

// Octets as hex; what repeats is written once: "22 78*20000 22".
function write(b) {
  const words = [];
  let plain = '';
  const say = (word) => { if (plain) words.push(plain); plain = ''; if (word) words.push(word); };
  for (let at = 0; at < b.length;) {
    let n = 1, times = 1;
    for (n = 1; n <= 6; n++) {
      for (times = 1; b.subarray(at, at + n).equals(b.subarray(at + n * times, at + n * (times + 1)));) times++;
      if (times >= 20) break;
    }
    if (times >= 20) say(`${b.toString('hex', at, at + n)}*${times}`);
    else [n, times] = [1, 1], plain += b.toString('hex', at, at + 1);
    at += n * times;
  }
  say();
  return words.join(' ') || '-';
}

// As the file has it: name, octets, and where octets stand around a text, those behind.
export const table = () => cases.map((c) => [c.name, write(c.before), ...(c.after ? [write(c.after)] : [])].join('\t')).join('\n') + '\n';

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(table());
