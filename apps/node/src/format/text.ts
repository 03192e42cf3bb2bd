import { FlagValueError } from "../flags.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const NAMED: Readonly<Record<string, string>> = {
  "\n": String.raw`\n`,
  "\r": String.raw`\r`,
  "\t": String.raw`\t`,
  "\\": "\\\\",
};
const ESCAPE = /\\(?:x(?<hex>[0-9a-fA-F]{2})|(?<named>[nrt\\])|)/g;
const MEANT: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "\\": "\\" };

/** The bytes as text; null if they are no UTF-8. */
export function textOrNull(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/**
 * Bytes for a line of a terminal: text as it is, but for what would do something there, or is no text: `\n`, `\t`, `\\`, `\xff`. What `unescaped` reads. Of bytes that
 * are no UTF-8, everything that is not ASCII is shown as `\xHH`.
 */
export function escaped(bytes: Uint8Array): string {
  const text = textOrNull(bytes);
  if (text === null) {
    return [...bytes]
      .map((byte) => (byte < 0x80 ? escapedText(String.fromCodePoint(byte)) : hex(byte)))
      .join("");
  }
  return escapedText(text);
}

/** @throws {FlagValueError} for a backslash that means nothing */
export function unescaped(text: string): Uint8Array {
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const match of text.matchAll(ESCAPE)) {
    const { hex, named } = match.groups ?? {};
    parts.push(encoder.encode(text.slice(end, match.index)));
    if (hex !== undefined) parts.push(Uint8Array.of(Number.parseInt(hex, 16)));
    else if (named !== undefined) parts.push(encoder.encode(MEANT[named]));
    else throw new FlagValueError(String.raw`a backslash begins \n, \r, \t, \\ or \xHH, and nothing else`);
    end = match.index + match[0].length;
  }
  parts.push(encoder.encode(text.slice(end)));
  return Buffer.concat(parts);
}

function escapedText(text: string): string {
  return text.replaceAll(/[\p{Cc}\\]/gu, (character) => {
    return NAMED[character] ?? [...encoder.encode(character)].map(hex).join("");
  });
}

function hex(byte: number): string {
  return String.raw`\x` + byte.toString(16).padStart(2, "0");
}
