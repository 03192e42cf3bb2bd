import type { AppliedCommand, LogIndex, StateMachine } from "@eraft/core";

/** A state machine that remembers every command, as text. The result of a command is where it ended up: `"<index>:<text>"`. */
export class Journal implements StateMachine<string, string> {
  lines: string[] = [];
  restores = 0;
  /** Called before each batch is applied; may wait or throw. */
  onApply: (commands: readonly AppliedCommand[]) => Promise<void> | void = () => {};
  onQuery: () => Promise<void> | void = () => {};
  onRestore: () => Promise<void> | void = () => {};
  /** Called between the chunks of a snapshot. */
  onSnapshotChunk: () => Promise<void> | void = () => {};
  /** What `open` gives. */
  opensAt: LogIndex = 0;

  async open(): Promise<LogIndex> {
    return this.opensAt;
  }

  async apply(commands: readonly AppliedCommand[]): Promise<readonly string[]> {
    await this.onApply(commands);
    return commands.map(({ index, command }) => {
      const line = `${index}:${new TextDecoder().decode(command)}`;
      this.lines.push(line);
      return line;
    });
  }

  async query(_query: string): Promise<string> {
    await this.onQuery();
    return this.lines.join(",");
  }

  snapshot(): AsyncIterable<Uint8Array> {
    const lines = [...this.lines];
    const { onSnapshotChunk } = this;
    return (async function* () {
      for (const line of lines) {
        await onSnapshotChunk();
        yield new TextEncoder().encode(`${line}\n`);
      }
    })();
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.onRestore();
    let text = "";
    for await (const chunk of chunks) text += new TextDecoder().decode(chunk);
    this.lines = text.split("\n").filter((line) => line !== "");
    this.restores += 1;
  }
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
