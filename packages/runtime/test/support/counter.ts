import type { AppliedCommand, LogIndex, StateMachine } from "@eraft/core";

/** Adds the first byte of each command to a sum, which is the result; a command that begins with 0 gives null and adds nothing. */
export class Counter implements StateMachine<"sum", number | null, number> {
  sum = 0;
  applied = 0;
  /** Chunks of snapshots that were given up. */
  returned = 0;
  opensAt: LogIndex = 0;

  async open(): Promise<LogIndex> {
    return this.opensAt;
  }

  async apply(commands: readonly AppliedCommand[]): Promise<readonly (number | null)[]> {
    return commands.map(({ command: [add = 0] }) => {
      this.applied += 1;
      this.sum += add;
      return add === 0 ? null : this.sum;
    });
  }

  async query(): Promise<number> {
    return this.sum;
  }

  snapshot(): AsyncIterable<Uint8Array> {
    const chunks = [new TextEncoder().encode(String(this.sum)), new TextEncoder().encode(".")];
    const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      const value = chunks.shift();
      return value === undefined ? { done: true, value } : { done: false, value };
    };
    const end = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      this.returned += 1;
      return { done: true, value: undefined };
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: end }) };
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = "";
    for await (const chunk of chunks) text += new TextDecoder().decode(chunk);
    if (!/^\d+\.$/.test(text)) throw new Error(`"${text}" is no sum`);
    this.sum = Number(text.slice(0, -1));
  }
}
