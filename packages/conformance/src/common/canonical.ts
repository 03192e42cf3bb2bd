import { hex } from "./bytes.ts";

/**
 * A text that is equal for equal data and different for different data: what a case compares, and what its error shows. Knows the
 * values that results are made of; functions are compared by name only.
 */
export function canonical(value: unknown): string {
  return write(value, []);
}

function write(value: unknown, within: readonly object[]): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "function":
      return `function ${value.name}`;
    case "symbol":
    case "boolean":
    case "undefined":
      return String(value);
    case "object":
      if (value === null) return "null";
      return within.includes(value) ? "(itself)" : writeObject(value, [...within, value]);
  }
}

function writeObject(value: object, within: readonly object[]): string {
  const inner = (part: unknown): string => write(part, within);
  if (value instanceof Uint8Array) return `bytes(${value.length}) ${hex(value)}`;
  if (value instanceof ArrayBuffer) return `buffer(${value.byteLength}) ${hex(new Uint8Array(value))}`;
  if (Array.isArray(value)) return `[${value.map(inner).join(", ")}]`;
  if (value instanceof Date) return `Date(${value.getTime()})`;
  if (value instanceof Error) return `${value.name}(${JSON.stringify(value.message)})`;
  // In the order of iteration: a Map that is in another order behaves differently, for instance when it evicts.
  if (value instanceof Map)
    return `Map{${[...value].map(([key, item]) => `${inner(key)} => ${inner(item)}`).join(", ")}}`;
  if (value instanceof Set) return `Set{${[...value].map(inner).join(", ")}}`;
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, item]) => `${name}: ${inner(item)}`).join(", ")}}`;
}
