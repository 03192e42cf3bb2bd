import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from "@eraft/kv";
import { jsonBytes } from "../format/item-json.ts";
import { JsonFields, JsonInputError, parseJson } from "../format/json-fields.ts";

/**
 * What `eraft export` writes: lines of JSON, in UTF-8.
 *
 *     {"eraft_export":1}                              the format, and its version
 *     {"key":"color","value":"blue"}                  an item a line, in ascending order of the bytes of the keys
 *     {"key":"logo","value_base64":"iVBORw0KGgo="}    bytes that are no UTF-8
 *     {"items":2}                                     the end, without which the file was cut off
 */
const VERSION = 1;

export interface DumpItem {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export function headerLine(): string {
  return `${JSON.stringify({ eraft_export: VERSION })}\n`;
}

export function itemLine({ key, value }: DumpItem): string {
  return `${JSON.stringify({ ...jsonBytes("key", key), ...jsonBytes("value", value) })}\n`;
}

export function footerLine(items: number): string {
  return `${JSON.stringify({ items })}\n`;
}

/**
 * Reads an export, line by line, and gives its items. Throws a JsonInputError that names the line if it is none, if it was cut off, or if its items are not in order: in
 * another order one key could be there twice, and which value it ends with would be a matter of luck.
 */
export async function* itemsOf(file: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<DumpItem> {
  let number = 0;
  let items = 0;
  let last: Uint8Array | null = null;
  let hasEnded = false;
  for await (const line of linesOf(chunks)) {
    number += 1;
    const where = `${file}, line ${number}`;
    if (hasEnded) throw new JsonInputError(`${where} comes after the end`);
    const fields = new JsonFields(where, parseJson(where, line));
    if (number === 1) {
      checkHeader(file, fields);
    } else if (fields.has("items")) {
      checkFooter(fields, items);
      hasEnded = true;
    } else {
      const item = itemOf(where, fields);
      if (last !== null && Buffer.compare(last, item.key) >= 0) {
        throw fields.error("has a key that does not come after the one before it");
      }
      last = item.key;
      items += 1;
      yield item;
    }
  }
  if (number === 0) throw new JsonInputError(`${file} is empty`);
  if (!hasEnded) throw new JsonInputError(`${file} was cut off: its last line is not {"items":${items}}`);
}

function checkHeader(file: string, fields: JsonFields): void {
  const version = fields.take("eraft_export");
  if (version === undefined)
    throw new JsonInputError(`${file} is no export: it does not begin with ${headerLine().trim()}`);
  if (version !== VERSION)
    throw fields.error(`has version ${JSON.stringify(version)}: this program knows version ${VERSION}`);
  fields.end();
}

function checkFooter(fields: JsonFields, items: number): void {
  const said = fields.whole("items", 0);
  fields.end();
  if (said !== items) throw fields.error(`says that there are ${said} items, but there are ${items}`);
}

function itemOf(where: string, fields: JsonFields): DumpItem {
  const item = { key: fields.bytes("key"), value: fields.bytes("value") };
  fields.end();
  if (item.key.length === 0) throw new JsonInputError(`${where} has an empty key`);
  checkSize(where, "key", item.key, MAX_KEY_BYTES);
  checkSize(where, "value", item.value, MAX_VALUE_BYTES);
  return item;
}

function checkSize(where: string, name: string, bytes: Uint8Array, max: number): void {
  if (bytes.length <= max) return;
  throw new JsonInputError(`${where} has a ${name} of ${bytes.length} bytes, more than ${max}`);
}

/** A line may come in any number of chunks, and a character too. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
