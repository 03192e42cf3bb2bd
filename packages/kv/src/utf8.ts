/**
 * Bytes that `text` occupies in UTF-8. A lone surrogate counts 3, like the U+FFFD that encoders write for it.
 *
 * For well-formed texts the sizes add up: `utf8Length(a + b) === utf8Length(a) + utf8Length(b)`.
 */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // Two and three byte characters take one UTF-16 unit; the four bytes of a surrogate pair are two for each half.
    bytes += unit < 0x800 || isPairedSurrogate(text, i, unit) ? 1 : 2;
  }
  return bytes;
}

/** Whether `text` needs more than `limit` bytes in UTF-8; measures only when its length leaves that open. */
export function exceedsUtf8(text: string, limit: number): boolean {
  if (text.length > limit) return true;
  return text.length * 3 > limit && utf8Length(text) > limit;
}

function isPairedSurrogate(text: string, i: number, unit: number): boolean {
  if (unit < 0xd800 || unit > 0xdfff) return false;
  if (unit <= 0xdbff) {
    const next = text.charCodeAt(i + 1);
    return next >= 0xdc00 && next <= 0xdfff;
  }
  const previous = text.charCodeAt(i - 1);
  return previous >= 0xd800 && previous <= 0xdbff;
}
