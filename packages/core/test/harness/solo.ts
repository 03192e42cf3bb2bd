import type {
  Alert,
  AppendEntries,
  Configuration,
  ConfigurationAt,
  Input,
  LogIndex,
  MemberChange,
  Message,
  NodeId,
  Outcome,
  RaftConfig,
  RaftState,
  Ready,
  RequestId,
  Term,
} from "@eraft/core";
import { TIMING } from "./cluster.ts";
import { configurationEntry, entriesOf, type Position, preVoteAnswer, voteAnswer } from "./messages.ts";
import type { Parcel } from "./network.ts";
import { Node, type Observer } from "./node.ts";
import { bytesOf } from "./text.ts";

interface Setup {
  /** Terms of the entries in the stored log, from index 1 or after `snapshot`. */
  readonly log?: readonly Term[];
  /** Of these entries, those that are configurations, as `configurationOf` reads them. */
  readonly members?: Readonly<Record<LogIndex, string>>;
  readonly snapshot?: Position;
  /** The stored term; by default that of the last entry. */
  readonly term?: Term;
  readonly votedFor?: NodeId | null;
  readonly size?: number;
  readonly config?: Partial<RaftConfig>;
}

/** Server 0 alone, with the rest of the cluster played by the test. Its disk and state machine work at once unless `stalled`. */
export class Solo implements Observer {
  readonly node: Node;
  outcomes: Outcome[] = [];
  alerts: Alert[] = [];
  /** Those that the caller was told of. */
  configurations: ConfigurationAt[] = [];
  stalled = false;
  /** The number of the last PreVote that was sent. */
  lastQuestion = 0;
  #sent: Message[] = [];

  constructor(setup: Setup = {}) {
    const { log = [], members = {}, snapshot, term, votedFor = null, size = 3, config = {} } = setup;
    const peers = Array.from({ length: size }, (_, id) => id);
    this.node = new Node({ ...TIMING, id: 0, peers, seed: 1, ...config }, this);
    const { disk } = this.node;
    const [index, snapshotTerm] = snapshot ?? [0, 0];
    if (snapshot !== undefined) disk.install(snapshotOf(snapshot));
    disk.entries = entriesOf(log, index).map((entry) => {
      const configuration = members[entry.index];
      return configuration === undefined
        ? entry
        : configurationEntry([entry.index, entry.term], configuration);
    });
    disk.hardState = { term: term ?? log.at(-1) ?? snapshotTerm, votedFor };
    this.node.start();
    this.settle();
  }

  get state(): RaftState {
    return this.node.state;
  }

  /** The terms of the durable log. */
  get terms(): readonly Term[] {
    return this.node.disk.terms;
  }

  step(input: Input): void {
    this.node.step(input);
    this.settle();
  }

  tick(ticks = 1): void {
    for (let tick = 0; tick < ticks; tick += 1) {
      this.node.tick();
      this.settle();
    }
  }

  /** Takes messages and returns everything sent since the last look. */
  receive(...messages: readonly Message[]): Message[] {
    for (const message of messages) {
      const snapshot =
        message.type === "installSnapshot"
          ? snapshotOf([message.lastIncludedIndex, message.lastIncludedTerm], message.configuration)
          : null;
      this.node.receive({ message, snapshot });
      this.settle();
    }
    return this.sent();
  }

  propose(text: string, id: RequestId = 1): void {
    this.step({ type: "propose", id, command: bytesOf(text) });
  }

  read(id: RequestId = 1): void {
    this.step({ type: "read", id });
  }

  change(changes: readonly MemberChange[], expectedIndex: LogIndex | null = null, id: RequestId = 1): void {
    this.step({ type: "changeConfiguration", id, changes, expectedIndex });
  }

  transfer(to: NodeId | null = null, id: RequestId = 1): void {
    this.step({ type: "transferLeadership", id, to });
  }

  /** What was sent since the last look. */
  sent(): Message[] {
    return this.#sent.splice(0);
  }

  /** The AppendEntries sent to `to` since the last look; everything else is forgotten. */
  appends(to: NodeId = 1): AppendEntries[] {
    return this.sent().filter(
      (message) => message.type === "appendEntries" && message.to === to,
    ) as AppendEntries[];
  }

  /** The last AppendEntries sent to `to`. */
  lastAppend(to: NodeId = 1): AppendEntries {
    const last = this.appends(to).at(-1);
    if (last === undefined) throw new Error(`nothing was sent to ${to}`);
    return last;
  }

  /** Lets the election timeout pass. */
  campaign(): void {
    const { term } = this.state;
    const waits = (): boolean => this.state.term === term && this.state.role !== "preCandidate";
    for (let tick = 0; waits() && tick < 2 * TIMING.electionTimeoutTicksMax; tick += 1) this.tick();
  }

  /** Has it elected by the votes of all others. */
  lead(): this {
    this.campaign();
    for (let from = 1; this.state.role === "preCandidate"; from += 1)
      this.#deliver(preVoteAnswer(true, { term: this.state.term, from, sequence: this.lastQuestion }));
    for (let from = 1; this.state.role === "candidate"; from += 1)
      this.#deliver(voteAnswer(true, { term: this.state.term, from }));
    if (this.state.role !== "leader") throw new Error("not elected");
    return this;
  }

  #deliver(message: Message): void {
    this.node.receive({ message, snapshot: null });
    this.settle();
  }

  settle(): void {
    while (!this.stalled && (this.node.disk.isBusy || this.node.isApplying)) {
      this.node.finishDisk();
      this.node.finishApply();
    }
  }

  /** The disk works again. */
  resume(): void {
    this.stalled = false;
    this.settle();
  }

  stepped(_node: Node, ready: Ready | null): void {
    this.outcomes.push(...(ready?.outcomes ?? []));
    this.alerts.push(...(ready?.alerts ?? []));
    if (ready?.configuration) this.configurations.push(ready.configuration);
  }

  send({ message }: Parcel): void {
    if (message.type === "preVote") this.lastQuestion = message.sequence;
    this.#sent.push(message);
  }
}

/** A snapshot whose commands are its indexes. */
function snapshotOf([lastIncludedIndex, lastIncludedTerm]: Position, configuration?: Configuration) {
  const commands = Array.from({ length: lastIncludedIndex }, (_, at: LogIndex) => `command ${at + 1}`);
  const meta = { lastIncludedIndex, lastIncludedTerm };
  return { meta: configuration === undefined ? meta : { ...meta, configuration }, commands };
}
