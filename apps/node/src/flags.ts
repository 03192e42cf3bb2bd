/** One flag of a command: how it is written, what it means, and how its text becomes a value. */
export interface Flag<T> {
  /** Stands for the value in the help text; null for a switch, which has none. */
  readonly placeholder: string | null;
  readonly help: string;
  /** Throws a FlagValueError. Not called for a switch. */
  readonly parse: (text: string) => T;
  /** The value without the flag; `required` makes it an error to leave it out. */
  readonly fallback: { readonly value: T } | "required";
  /** All values there are, if there are few. For the completion of command lines. */
  readonly words?: readonly string[];
}

/** The text is not what the flag takes. The message completes "--flag TEXT: ". */
export class FlagValueError extends Error {
  override readonly name = "FlagValueError";
}

/** True when given. */
export function onOff(help: string): Flag<boolean> {
  return { placeholder: null, help, parse: () => true, fallback: { value: false } };
}

/** A whole number from `min` to `max`. */
export function integer<T = never>(options: {
  readonly help: string;
  readonly min: number;
  readonly max: number;
  readonly fallback: { readonly value: number | T } | "required";
}): Flag<number | T> {
  const { help, min, max, fallback } = options;
  const parse = (text: string): number => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new FlagValueError(`not a whole number from ${min} to ${max}`);
  };
  return { placeholder: "N", help, parse, fallback };
}

/** One of a few words. */
export function choice<const T extends string>(options: {
  readonly help: string;
  readonly values: readonly T[];
  readonly fallback: NoInfer<T>;
}): Flag<T> {
  const { help, values, fallback } = options;
  const parse = (text: string): T => {
    const value = values.find((value) => value === text);
    if (value !== undefined) return value;
    throw new FlagValueError(`not one of ${values.join(", ")}`);
  };
  return { placeholder: values.join("|"), help, parse, fallback: { value: fallback }, words: values };
}

/** Any text; null without it. */
export function text(placeholder: string, help: string): Flag<string | null> {
  return { placeholder, help, parse: (text) => text, fallback: { value: null } };
}

/** The name of a directory; null without it. */
export function directory(help: string): Flag<string | null> {
  return { placeholder: "DIR", help, parse: parseDirectory, fallback: { value: null } };
}

function parseDirectory(text: string): string {
  if (text === "") throw new FlagValueError("not the name of a directory");
  return text;
}
