import type {
  AppendEntries,
  InstallSnapshot,
  Message,
  NodeId,
  OutgoingSnapshot,
  Receiver,
  Transport,
} from "@eraft/core";

/** A transport whose other end is the test. */
export class ScriptedTransport implements Transport {
  receiver: Receiver | null = null;
  readonly sent: Message[] = [];
  stops = 0;
  onSnapshot: (header: InstallSnapshot, snapshot: OutgoingSnapshot) => Promise<void> = async () => {};

  async start(receiver: Receiver): Promise<void> {
    this.receiver = receiver;
  }
  setPeers(_peers: ReadonlyMap<NodeId, string>): void {}
  send(message: Message): void {
    this.sent.push(message);
  }
  async sendSnapshot(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void> {
    await this.onSnapshot(header, snapshot);
  }
  async stop(): Promise<void> {
    this.stops += 1;
  }

  /** A message from a peer arrives. */
  deliver(message: Message): void {
    this.receiver?.receive(message);
  }
}

export function heartbeat(sequence: number, term = 1): AppendEntries {
  return {
    type: "appendEntries",
    from: 1,
    to: 0,
    term,
    sequence,
    prevLogIndex: 0,
    prevLogTerm: 0,
    leaderCommit: 0,
    entries: [],
  };
}
