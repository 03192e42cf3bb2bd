import type { KvOutput } from "@eraft/linearizability";
import { mustHold } from "../../../src/violation.ts";

/** The `count`th text that client `client` appends; distinct, and none is part of another. */
export function appended(client: number, count: number): string {
  return `x ${client} ${count} y`;
}

/** Each of the `count` texts of `client` must be in `value` once, and in the order in which they were appended. */
export function checkClientAppends(value: KvOutput, client: number, count: number): void {
  let behind = -1;
  for (let at = 0; at < count; at += 1) {
    const text = appended(client, at);
    const found = (value ?? "").indexOf(text);
    mustHold(found >= 0, "Append Lost", () => `${text} is not in ${JSON.stringify(value)}`);
    mustHold(found > behind, "Append Order", () => `${text} is out of order in ${JSON.stringify(value)}`);
    const again = (value ?? "").indexOf(text, found + 1);
    mustHold(again < 0, "Append Twice", () => `${text} is twice in ${JSON.stringify(value)}`);
    behind = found;
  }
}
