import type { Receiver } from "@eraft/core";
import { RaftNode, type RaftNodeOptions } from "@eraft/runtime";
import { silent } from "./cluster.ts";
import { FaultyStorage } from "./faulty-storage.ts";
import { Journal } from "./journal.ts";
import { ManualClock, settle } from "./manual-clock.ts";
import { heartbeat, ScriptedTransport } from "./scripted-transport.ts";

export interface ScriptedFollower {
  readonly node: RaftNode<Uint8Array, string, string>;
  readonly clock: ManualClock;
  readonly transport: ScriptedTransport;
  readonly storage: FaultyStorage;
  readonly journal: Journal;
  readonly receiver: Receiver;
}

/** Server 0 of three, whose leader, server 1 in term 1, is played by the test. It has just heard that leader. */
export async function startFollower(
  tuning: Partial<RaftNodeOptions<Uint8Array, string, string>> = {},
): Promise<ScriptedFollower> {
  const clock = new ManualClock();
  const transport = new ScriptedTransport();
  const storage = new FaultyStorage();
  const journal = new Journal();
  const peers = new Map([0, 1, 2].map((id) => [id, `host-${id}:1`]));
  const parts = { id: 0, peers, storage, transport, stateMachine: journal, clock, seed: 7, logger: silent };
  const node = new RaftNode<Uint8Array, string, string>({ ...parts, ...tuning });
  await node.start();
  transport.deliver(heartbeat(1));
  await settle();
  const { receiver } = transport;
  if (receiver === null) throw new Error("The node did not start its transport.");
  return { node, clock, transport, storage, journal, receiver };
}
