/** A token (RFC 9110, 5.6.2) in lower case (RFC 9113, 8.2), or a pseudo-header. */
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const NO_VALUE = /[\u0100-\uffff]|^[ \t]|[ \t]$/;
/** What ends a field of other versions of HTTP (RFC 9113, 8.2.1). */
const BREAKS = ["\0", "\r", "\n"];

/** Headers or trailers to be sent: checked once, and encoded once per connection if they are `fixed`. */
export class HeaderList {
  /** Names and values in turn. */
  readonly fields: readonly string[];
  /** It is sent again and again, so its fields are worth a place in the peer's table. */
  readonly isFixed: boolean;
  readonly hasDate: boolean;

  /** Throws a TypeError for a name or value that HTTP does not allow. */
  constructor(fields: readonly string[], isFixed = false) {
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [name, value] = [fields[i] ?? "", fields[i + 1] ?? ""];
      if (!NAME.test(name)) throw new TypeError(`no name of a header: ${JSON.stringify(name)}`);
      if (!isValue(value)) throw new TypeError(`no value of the header ${name}: ${JSON.stringify(value)}`);
    }
    this.fields = fields;
    this.isFixed = isFixed;
    this.hasDate = fields.some((name, i) => i % 2 === 0 && name === "date");
  }
}

/** Whether it may be the name of a header of a request or an answer, in lower case; pseudo-headers begin with a colon. */
export function isName(name: string): boolean {
  return NAME.test(name);
}

/** Whether it may be the value of one (RFC 9113, 8.2.1): no NUL, no line break, no white space around it; a byte a character. */
export function isValue(value: string): boolean {
  return !NO_VALUE.test(value) && !BREAKS.some((character) => value.includes(character));
}
