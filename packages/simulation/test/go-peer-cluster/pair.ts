import {
  type Alert,
  type Entry,
  type Input,
  type Message,
  Raft,
  type RaftConfig,
  type Restored,
} from "@eraft/core";
import {
  GoDisk,
  type GoEntry,
  GoPeer,
  type GoPeerState,
  type GoVolatileState,
  NOBODY,
} from "../../src/go-peer/index.ts";
import { toReply, toRequest } from "../../src/go-peer/wire.ts";
import { commandOf } from "./machine.ts";

export type Terms = readonly number[];

/** Entries 1, 2, ... (or from `first` on) of the given terms. Equal index and term means equal command. */
export function entriesOf(terms: Terms, first = 1): Entry[] {
  return terms.map((term, at) => ({ index: first + at, term, command: commandOf(`${first + at}:${term}`) }));
}

/** A log as the tests write it down: `1:1 2:1 3:4`. */
export function written(entries: readonly { index: number; term: number }[]): string {
  return entries.map(({ index, term }) => `${index}:${term}`).join(" ");
}

export interface GoSetup {
  readonly id?: number;
  readonly size?: number;
  readonly term?: number;
  readonly votedFor?: number;
  readonly terms?: Terms;
  /** Index and term of the snapshot that the log begins after. */
  readonly snapshot?: readonly [index: number, term: number];
  readonly volatile?: GoVolatileState;
}

export function goDisk({ term = 0, votedFor = NOBODY, terms = [], snapshot = [0, 0] }: GoSetup): GoDisk {
  const disk = new GoDisk();
  const [index, snapshotTerm] = snapshot;
  const dummy: GoEntry = { index, term: snapshotTerm, command: null };
  disk.saveState({ term, votedFor, log: [dummy, ...entriesOf(terms, index + 1)] });
  return disk;
}

export function goPeer(setup: GoSetup = {}, disk: GoDisk = goDisk(setup)): GoPeer {
  const { id = 1, size = 3, volatile } = setup;
  return new GoPeer({ id, size, disk, seed: 1, ...(volatile === undefined ? {} : { volatile }) });
}

/** A Go leader of `term`, right after its election or in the middle of its term. */
export function goLeader(setup: GoSetup, volatile: Partial<GoVolatileState> = {}): GoPeer {
  return goPeer({ ...setup, volatile: { role: "Leader", commitIndex: 0, ...volatile } });
}

export function logOfGo({ log }: GoPeerState): string {
  return written(log.slice(1));
}

/** A bare core, server 0, whose disk and state machine are done at once. */
export class BareCore {
  readonly raft: Raft;
  readonly alerts: Alert[] = [];
  readonly applied: Entry[] = [];
  readonly snapshotsTo: number[] = [];
  writes = 0;
  #sent: Message[] = [];

  constructor(
    { term = 0, terms = [] }: { term?: number; terms?: Terms } = {},
    { size = 3, applied = 0, ...config }: Partial<RaftConfig> & { size?: number; applied?: number } = {},
  ) {
    const restored: Restored = {
      hardState: { term, votedFor: null },
      snapshot: null,
      entries: entriesOf(terms),
    };
    const peers = Array.from({ length: size }, (_, id) => id);
    const timing = {
      electionTimeoutTicksMin: 10,
      electionTimeoutTicksMax: 20,
      heartbeatTicks: 2,
      preVote: false,
    };
    this.raft = new Raft({ id: 0, peers, ...timing, seed: 1, ...config }, restored, applied);
  }

  step(input: Input): void {
    this.raft.step(input);
    for (let ready = this.raft.ready(); ready !== null; ready = this.raft.ready()) {
      this.#sent.push(...ready.messages);
      this.alerts.push(...ready.alerts);
      this.applied.push(...ready.committed);
      this.snapshotsTo.push(...ready.snapshots.map(({ to }) => to));
      if (ready.write !== null) {
        this.writes += 1;
        this.raft.step({ type: "written" });
      }
      if (ready.restore !== null) this.raft.step({ type: "restored" });
      const last = ready.committed.at(-1);
      if (last !== undefined) this.raft.step({ type: "applied", index: last.index });
    }
  }

  tick(times = 1): void {
    for (let at = 0; at < times; at += 1) this.step({ type: "tick" });
  }

  /** Takes a message and gives what is sent then. */
  receive(message: Message): Message[] {
    this.step({ type: "receive", message });
    return this.take();
  }

  /** What was sent since the last call. */
  take(): Message[] {
    return this.#sent.splice(0);
  }

  /** Has it elected, with the vote of server 2. */
  lead(): void {
    while (this.raft.inspect().role === "follower") this.tick();
    const { term } = this.raft.inspect();
    for (const { type, to, sequence } of this.take()) {
      if (type === "requestVote" && to === 2)
        this.step({
          type: "receive",
          message: { type: "requestVoteResponse", from: 2, to: 0, term, sequence, voteGranted: true },
        });
    }
  }
}

/** Delivers what a Go node calls to server 0, and the answers to the Go node; calls to others fail. */
export function serve(peer: GoPeer, from: number, core: BareCore): void {
  for (const call of peer.takeCalls()) {
    const request = toRequest(call, from, 1);
    const response = call.to === 0 ? core.receive(request).find((message) => message.to === from) : undefined;
    const reply = response === undefined || !isResponse(response) ? null : toReply(call, response);
    // A failed replicator would begin again at once, and for ever (L3): here its call stays open instead.
    if (reply !== null) peer.replied(call, reply);
  }
}

function isResponse(message: Message): message is Parameters<typeof toReply>[1] {
  return (
    message.type !== "requestVote" && message.type !== "appendEntries" && message.type !== "installSnapshot"
  );
}
