/** JSON that is not what it should be. The message says where, and what is allowed. */
export class JsonInputError extends Error {
  override readonly name = "JsonInputError";
}

/** The fields of an object that somebody has written, taken one by one: whatever is left in the end is a mistake. */
export class JsonFields {
  readonly #where: string;
  readonly #fields: Map<string, unknown>;
  readonly #known: string[] = [];

  /** @throws {JsonInputError} */
  constructor(where: string, value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new JsonInputError(`${where} is ${nameOf(value)}, not an object`);
    }
    this.#where = where;
    this.#fields = new Map(Object.entries(value));
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  /** The field, undefined if it is not there. */
  take(name: string): unknown {
    this.#known.push(name);
    const value = this.#fields.get(name);
    this.#fields.delete(name);
    return value;
  }

  /** `name` as text, or `name_base64`. @throws {JsonInputError} unless exactly one of them is there */
  bytes(name: string): Uint8Array {
    const text = this.take(name);
    const base64 = this.take(`${name}_base64`);
    if (text !== undefined && base64 !== undefined) {
      throw this.error(`has both ${name} and ${name}_base64`);
    }
    if (text !== undefined) return this.#text(name, text);
    if (base64 !== undefined) return this.#base64(`${name}_base64`, base64);
    throw this.error(`has neither ${name} nor ${name}_base64`);
  }

  /** @throws {JsonInputError} */
  list(name: string): readonly unknown[] {
    const value = this.take(name) ?? [];
    if (Array.isArray(value)) return value;
    throw this.error(`has ${nameOf(value)} as ${name}, not a list`);
  }

  /** @throws {JsonInputError} */
  whole(name: string, min: number): number {
    const value = this.take(name);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min) return value;
    throw this.error(`has ${nameOf(value)} as ${name}, not a whole number from ${min}`);
  }

  /** @throws {JsonInputError} if there are fields that nobody has taken */
  end(): void {
    const [unknown] = this.#fields.keys();
    if (unknown === undefined) return;
    throw this.error(
      `has ${JSON.stringify(unknown)}, which means nothing: there are ${this.#known.join(", ")}`,
    );
  }

  error(message: string): JsonInputError {
    return new JsonInputError(`${this.#where} ${message}`);
  }

  #text(name: string, value: unknown): Uint8Array {
    if (typeof value !== "string") throw this.error(`has ${nameOf(value)} as ${name}, not text`);
    if (!value.isWellFormed()) throw this.error(`has a lone surrogate in ${name}, which is no Unicode`);
    return new TextEncoder().encode(value);
  }

  #base64(name: string, value: unknown): Uint8Array {
    if (typeof value !== "string") throw this.error(`has ${nameOf(value)} as ${name}, not text`);
    const bytes = Buffer.from(value, "base64");
    // Node skips what is no base64, and would store something else than what was meant.
    if (bytes.toString("base64") !== value) throw this.error(`has no base64 in ${name}`);
    return bytes;
  }
}

/** @throws {JsonInputError} */
export function parseJson(where: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new JsonInputError(
      `${where} is no JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function nameOf(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
