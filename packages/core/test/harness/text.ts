const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Commands in tests are words. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

export function textOf(command: Uint8Array): string {
  return decoder.decode(command);
}
