/**
 * Just enough of the protobuf encoding for the few messages that the load consists of. Both systems get theirs from the same code, so neither is
 * measured with a better client, and no contract of another project has to be kept here.
 */
export type FieldValue = number | bigint | string | Uint8Array;

/** A message of these fields, in this order: [number, value]. Text and bytes are length-delimited, numbers are varints and not negative. */
export function message(...fields: readonly (readonly [number, FieldValue])[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const [number, value] of fields) {
    if (typeof value === "number" || typeof value === "bigint") {
      parts.push(varint(BigInt(number << 3)), varint(BigInt(value)));
    } else {
      const bytes = typeof value === "string" ? Buffer.from(value) : value;
      parts.push(varint(BigInt((number << 3) | 2)), varint(BigInt(bytes.length)), bytes);
    }
  }
  return Buffer.concat(parts);
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

/** The fields of a message by number; of a repeated one the last. Throws for what is no message. */
export class Fields {
  readonly #values = new Map<number, bigint | Buffer>();

  constructor(bytes: Uint8Array) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let offset = 0;
    const next = (): bigint => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        const byte = buffer[offset];
        if (byte === undefined) throw new Error("a protobuf message ends within a number");
        offset += 1;
        value |= BigInt(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
      }
    };
    while (offset < buffer.length) {
      const tag = Number(next());
      const wireType = tag & 7;
      if (wireType === 0) {
        this.#values.set(tag >> 3, next());
        continue;
      }
      if (wireType !== 2) throw new Error(`a protobuf field of wire type ${wireType} is not expected here`);
      const length = Number(next());
      if (offset + length > buffer.length) throw new Error("a protobuf message ends within a field");
      this.#values.set(tag >> 3, buffer.subarray(offset, offset + length));
      offset += length;
    }
  }

  number(field: number): bigint {
    const value = this.#values.get(field) ?? 0n;
    if (typeof value !== "bigint") throw new Error(`protobuf field ${field} is not a number`);
    return value;
  }

  /** Null if it is not there. */
  bytes(field: number): Buffer | null {
    const value = this.#values.get(field) ?? null;
    if (typeof value === "bigint") throw new Error(`protobuf field ${field} is not length-delimited`);
    return value;
  }

  text(field: number): string {
    return this.bytes(field)?.toString() ?? "";
  }

  /** An empty one if it is not there. */
  message(field: number): Fields {
    return new Fields(this.bytes(field) ?? new Uint8Array(0));
  }
}
