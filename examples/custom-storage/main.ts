// A server that is stopped, and started again on what its file holds.
import type { AppliedCommand, LogIndex, StateMachine } from "@eraft/core";
import { RaftNode } from "@eraft/runtime";
import { MemoryNetwork } from "@eraft/transport-memory";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileStorage } from "./file-storage.ts";

class Words implements StateMachine<"all", number, readonly string[]> {
  #words: string[] = [];

  async open(): Promise<LogIndex> {
    return 0;
  }

  async apply(commands: readonly AppliedCommand[]): Promise<number[]> {
    return commands.map(({ command }) => this.#words.push(new TextDecoder().decode(command)));
  }

  async query(): Promise<readonly string[]> {
    return [...this.#words];
  }

  snapshot(): AsyncIterable<Uint8Array> {
    const view = new TextEncoder().encode(JSON.stringify(this.#words));
    return (async function* () {
      yield view;
    })();
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let json = "";
    const decoder = new TextDecoder();
    for await (const chunk of chunks) json += decoder.decode(chunk, { stream: true });
    this.#words = JSON.parse(json);
  }
}

const dir = mkdtempSync(join(tmpdir(), "eraft-"));
for (const word of ["salt", "pepper", "nutmeg"]) {
  const node = new RaftNode({
    id: 0,
    peers: new Map([[0, "alone"]]),
    storage: fileStorage(join(dir, "raft")),
    transport: new MemoryNetwork().transport(0),
    stateMachine: new Words(),
    codec: { encode: (word: string) => new TextEncoder().encode(word) },
  });
  const leads = new Promise<void>((resolve) => {
    node.on("role", ({ role }) => role === "leader" && resolve());
  });
  await node.start();
  await leads;
  await node.propose(word);
  console.log((await node.read("all")).join(", "));
  await node.stop();
}
rmSync(dir, { recursive: true });
