import type {
  Configuration,
  Entry,
  HardState,
  Restored,
  SnapshotMeta,
  Storage,
  WriteBatch,
} from "@eraft/core";

/** One thing done to a storage that is durable when it resolves. */
export type Step =
  | { readonly type: "write"; readonly batch: WriteBatch }
  | { readonly type: "snapshot"; readonly meta: SnapshotMeta; readonly data: Uint8Array };

/** What a storage must hold, in a form that can be compared. */
export type State = string;

/** The port's contract in its simplest form: arrays in memory. */
export class Model {
  #hardState: HardState = { term: 0, votedFor: null };
  #snapshot: SnapshotMeta | null = null;
  #data: Uint8Array = new Uint8Array(0);
  #entries: Entry[] = [];

  take(step: Step): void {
    if (step.type === "write") this.#write(step.batch);
    else this.#commit(step.meta, step.data);
  }

  state(): State {
    const restored = { hardState: this.#hardState, snapshot: this.#snapshot, entries: this.#entries };
    return stateOf(restored, this.#data);
  }

  #write({ hardState, truncateFrom, entries }: WriteBatch): void {
    if (hardState !== null) this.#hardState = hardState;
    if (truncateFrom !== null) this.#entries = this.#entries.filter((entry) => entry.index < truncateFrom);
    this.#entries.push(...entries);
  }

  #commit(meta: SnapshotMeta, data: Uint8Array): void {
    const matches = this.#entries.some(
      (entry) => entry.index === meta.lastIncludedIndex && entry.term === meta.lastIncludedTerm,
    );
    this.#entries = matches ? this.#entries.filter((entry) => entry.index > meta.lastIncludedIndex) : [];
    this.#snapshot = meta;
    this.#data = data;
  }
}

export async function take(storage: Storage, step: Step): Promise<void> {
  if (step.type === "write") return storage.write(step.batch);
  const sink = await storage.createSnapshot(step.meta);
  await sink.write(step.data);
  return sink.commit();
}

/** Opens `storage` and reads all it holds, the snapshot as well. */
export async function openState(storage: Storage): Promise<State> {
  const restored = await storage.open();
  return stateOf(restored, await snapshotData(storage));
}

export async function snapshotData(storage: Storage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const snapshot = await storage.readSnapshot();
  if (snapshot !== null) for await (const chunk of snapshot.chunks) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function stateOf(restored: Restored, snapshotData: Uint8Array): State {
  const { hardState, snapshot, entries } = restored;
  const lines = [
    `term ${hardState.term} vote ${hardState.votedFor}`,
    snapshot === null ? "no snapshot" : `snapshot ${snapshot.lastIncludedIndex}/${snapshot.lastIncludedTerm}`,
    membersText(snapshot?.configuration),
    Buffer.from(snapshotData).toString("hex"),
    ...entries.map(
      ({ index, term, command, configuration }) =>
        `${index}/${term} ${Buffer.from(command).toString("hex")}${membersText(configuration)}`,
    ),
  ];
  return lines.join("\n");
}

function membersText(configuration: Configuration | undefined): string {
  if (configuration === undefined) return "";
  const members = configuration.members.map(({ id, address, standing, incarnation }) => {
    return [id, address, standing, incarnation];
  });
  return ` members ${JSON.stringify(members)}`;
}

/** Entries `first`, `first + 1`, ... of `term`, one for each size, with bytes that differ from entry to entry. */
export function entries(first: number, term: number, ...sizes: readonly number[]): Entry[] {
  return sizes.map((size, i) => {
    const command = new Uint8Array(size).map((_, at) => (at * 31 + (first + i) * 7 + term * 13 + 1) % 256);
    return { index: first + i, term, command };
  });
}

/** A configuration entry. */
export function configured(index: number, term: number, configuration: Configuration = JOINT): Entry {
  return { index, term, command: new Uint8Array(0), configuration };
}

/** Every standing, and of each other field what is easily lost. */
export const JOINT: Configuration = {
  members: [
    { id: 0, address: "", standing: "voter", incarnation: null },
    { id: 1, address: "n1:7000", standing: "incoming", incarnation: "00112233445566778899aabbccddeeff" },
    { id: 2, address: "zoë.例え:7000", standing: "outgoing", incarnation: null },
    { id: 3, address: "[::1]:7003", standing: "demoted", incarnation: "x" },
    { id: 4, address: "n4", standing: "rejoining", incarnation: "y" },
    { id: 5, address: "n5", standing: "learner", incarnation: null },
    { id: 2 ** 53 - 1, address: "a".repeat(300), standing: "promotable", incarnation: "z" },
  ],
};

/** Short, for tests that go through all bytes, or all that a crash may leave. */
export const PAIR: Configuration = { members: JOINT.members.slice(0, 2) };

export function append(...added: readonly Entry[]): Step {
  return { type: "write", batch: { hardState: null, truncateFrom: null, entries: added } };
}

export function replace(truncateFrom: number, ...added: readonly Entry[]): Step {
  return { type: "write", batch: { hardState: null, truncateFrom, entries: added } };
}

export function vote(term: number, votedFor: number | null): Step {
  return { type: "write", batch: { hardState: { term, votedFor }, truncateFrom: null, entries: [] } };
}

export function snapshot(
  lastIncludedIndex: number,
  lastIncludedTerm: number,
  size = 100,
  configuration: Configuration | null = null,
): Step & { readonly type: "snapshot" } {
  const data = new Uint8Array(size).map((_, at) => (at * 17 + lastIncludedIndex) % 256);
  const position = { lastIncludedIndex, lastIncludedTerm };
  const meta = configuration === null ? position : { ...position, configuration };
  return { type: "snapshot", meta, data };
}
