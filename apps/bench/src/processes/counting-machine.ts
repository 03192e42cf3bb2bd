import type { AppliedCommand, LogIndex, StateMachine } from "@eraft/core";

const STATE_BYTES = 16;

/** The least a state machine can do and still notice a command that is missing, doubled or out of order. */
export class CountingMachine implements StateMachine<null, number, number> {
  applied = 0;
  checksum = 0;

  async open(): Promise<LogIndex> {
    return 0;
  }

  async apply(commands: readonly AppliedCommand[]): Promise<number[]> {
    const results = Array.from<number>({ length: commands.length });
    for (let i = 0; i < commands.length; i += 1) {
      const command = commands[i]?.command;
      if (command === undefined) continue;
      this.applied += 1;
      // Its number, which the proposer has put in front.
      const number = (command[0] ?? 0) | ((command[1] ?? 0) << 8) | ((command[2] ?? 0) << 16);
      this.checksum = (Math.imul(this.checksum, 31) + number) >>> 0;
      results[i] = this.applied;
    }
    return results;
  }

  async query(): Promise<number> {
    return this.applied;
  }

  snapshot(): AsyncIterable<Uint8Array> {
    const bytes = new Uint8Array(STATE_BYTES);
    const view = new DataView(bytes.buffer);
    view.setFloat64(0, this.applied);
    view.setUint32(8, this.checksum);
    return (async function* () {
      yield bytes;
    })();
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const bytes = new Uint8Array(STATE_BYTES);
    let length = 0;
    for await (const chunk of chunks) {
      bytes.set(chunk, length);
      length += chunk.length;
    }
    const view = new DataView(bytes.buffer);
    this.applied = view.getFloat64(0);
    this.checksum = view.getUint32(8);
  }
}
