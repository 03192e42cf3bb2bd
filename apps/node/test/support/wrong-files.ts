// What can be wrong with the input of `eraft batch` and `eraft import`, as data: docs/bad-input.md says what comes of each.
import { footerLine, headerLine, itemLine } from "../../src/dump/format.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A document, and what its one line on stderr says. */
export const WRONG_BATCHES: readonly (readonly [string, string])[] = [
  ["{", "f is no JSON"],
  ["[]", "f is [], not an object"],
  ["{}", "f has no operations"],
  ['{"do":[]}', "f has no operations"],
  ['{"do":{}}', "f has {} as do, not a list"],
  ['{"doo":[]}', 'f has "doo", which means nothing: there are when, do'],
  ['{"do":[1]}', "operation 0 is 1, not an object"],
  [
    '{"do":[{"op":"put","key":"a","value":"1"},{"op":"pat","key":"a"}]}',
    'operation 1 has "pat" as op, not one of get, put',
  ],
  ['{"do":[{"key":"a"}]}', "operation 0 has nothing as op"],
  ['{"do":[{"op":"get"}]}', "has neither key nor key_base64"],
  ['{"do":[{"op":"get","key":"a","key_base64":"YQ=="}]}', "has both key and key_base64"],
  ['{"do":[{"op":"get","key":1}]}', "has 1 as key, not text"],
  ['{"do":[{"op":"get","key_base64":"a"}]}', "has no base64 in key_base64"],
  ['{"do":[{"op":"get","key":"\\ud800"}]}', "has a lone surrogate in key"],
  ['{"do":[{"op":"put","key":"a"}]}', "has neither value nor value_base64"],
  ['{"do":[{"op":"get","key":"a","value":"1"}]}', 'has "value", which means nothing'],
  ['{"when":[{"key":"a"}],"do":[{"op":"get","key":"a"}]}', "condition 0 has nothing: one of"],
  ['{"when":[{"key":"a","exists":true,"value":""}],"do":[]}', "condition 0 has value and exists: one of"],
  ['{"when":[{"key":"a","exists":"yes"}],"do":[]}', "an exists that is neither true nor false"],
  ['{"when":[{"key":"a","mod_revision":0}],"do":[]}', "has 0 as mod_revision, not a whole number from 1"],
  ['{"when":[{"key":"a","mod_revision":1.5}],"do":[]}', "has 1.5 as mod_revision"],
];

const A = '{"key":"a","value":"1"}\n';
const B = '{"key":"b","value":"2"}\n';

/** An import file, and what is said of it. */
export const WRONG_DUMPS: readonly (readonly [what: string, text: string, message: string])[] = [
  ["nothing", "", "f is empty"],
  ["something else", A + B, "f is no export: it does not begin with"],
  [
    "another version",
    '{"eraft_export":2}\n{"items":0}\n',
    "line 1 has version 2: this program knows version 1",
  ],
  [
    "a file that was cut off between lines",
    headerLine() + A,
    'f was cut off: its last line is not {"items":1}',
  ],
  ["a file that was cut off in a line", headerLine() + A + B.slice(0, 9), "line 3 is no JSON"],
  [
    "a file that lacks a line",
    headerLine() + A + footerLine(2),
    "says that there are 2 items, but there are 1",
  ],
  ["two files", headerLine() + A + footerLine(1) + headerLine(), "line 4 comes after the end"],
  [
    "keys that are not in order",
    headerLine() + B + A + footerLine(2),
    "line 3 has a key that does not come after",
  ],
  ["a key twice", headerLine() + A + A + footerLine(2), "line 3 has a key that does not come after"],
  ["an empty key", `${headerLine()}{"key":"","value":""}\n`, "line 2 has an empty key"],
  ["no value", `${headerLine()}{"key":"a"}\n`, "line 2 has neither value nor value_base64"],
  [
    "a field too many",
    `${headerLine()}{"key":"a","value":"","ttl":1}\n`,
    'line 2 has "ttl", which means nothing',
  ],
  ["an empty line", `${headerLine()}\n${footerLine(0)}`, "line 2 is no JSON"],
  [
    "a long key",
    headerLine() + itemLine({ key: utf8("x".repeat(4097)), value: utf8("") }),
    "a key of 4097 bytes",
  ],
];
