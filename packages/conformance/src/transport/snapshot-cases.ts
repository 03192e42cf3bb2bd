import type { InstallSnapshot, InstallSnapshotResponse, RequestVote } from "@eraft/core";
import { pieces, sampleBytes, streamOf } from "../common/bytes.ts";
import type { Case } from "../common/case.ts";
import type { Bench } from "./bench.ts";
import { CONFIGURATION_HEADER } from "./extension-messages.ts";
import type { TransportSupport } from "./harness.ts";
import { type Body, SNAPSHOT_ANSWERS, SNAPSHOT_HEADERS, message, textOf } from "./messages.ts";
import type { Peer } from "./peer.ts";
import type { CaseMaker } from "./transport-case.ts";

const HEADER: Body<InstallSnapshot> = {
  type: "installSnapshot",
  term: 9,
  lastIncludedIndex: 17,
  lastIncludedTerm: 5,
};

/** Large enough for many chunks and frames, small enough for every machine. */
const LARGE_BYTES = 1_048_576;

/** Cases of `Transport.sendSnapshot`, on networks that run. */
export function snapshotCases(make: CaseMaker, supports: TransportSupport): readonly Case[] {
  const send = (name: string, body: (bench: Bench, a: Peer, b: Peer, c: Peer) => Promise<void>): Case =>
    make("Transport.sendSnapshot", name, body);
  const largeBytes = Math.min(LARGE_BYTES, supports.maxSnapshotBytes ?? LARGE_BYTES);
  return [
    send(
      "a snapshot arrives with its header and all its bytes, in any number of chunks",
      async (bench, a, b) => {
        for (const [i, size] of [0, 1, 999, 30_000].entries()) {
          const header = SNAPSHOT_HEADERS[i % SNAPSHOT_HEADERS.length] ?? HEADER;
          // Each with an index of its own, by which it is recognised.
          const lastIncludedIndex = header.lastIncludedIndex - i;
          await carry(bench, a, b, { ...header, lastIncludedIndex }, sampleBytes(size, i));
        }
      },
    ),
    send(`a snapshot of ${largeBytes} bytes arrives`, async (bench, a, b) => {
      await carry(bench, a, b, HEADER, sampleBytes(largeBytes, 3), 65_536);
    }),
    send(
      "it resolves after the peer's answer was handed to the receiver, and not before",
      async (bench, a, b, c) => {
        for (const answer of SNAPSHOT_ANSWERS) await answeredInTime(bench, a, b, c, answer);
      },
    ),
    send("snapshots to two peers at once, and messages beside them, do not mix", async (bench, a, b, c) => {
      const sent = [b, c].map((to, i) =>
        carry(bench, a, to, { ...HEADER, lastIncludedIndex: 30 + i }, sampleBytes(40_000, 5 + i)),
      );
      for (let i = 0; i < 10; i += 1) await bench.exchange(a, b, vote(20 + i));
      await Promise.all(sent);
    }),
    ...supportedCases(send, supports),
    ...failureCases(send, supports),
  ];
}

/** Cases of what not every wire can do. */
function supportedCases(
  send: (name: string, body: (bench: Bench, a: Peer, b: Peer) => Promise<void>) => Case,
  supports: TransportSupport,
): readonly Case[] {
  const cases: Case[] = [];
  if (supports.extensions) {
    cases.push(
      send("a snapshot arrives with the members as they were", (bench, a, b) =>
        carry(bench, a, b, CONFIGURATION_HEADER, sampleBytes(999, 4)),
      ),
    );
  }
  if (supports.resumesSnapshots) {
    cases.push(
      send("a snapshot whose connection breaks goes on where it was, without the receiver's notice", resumed),
    );
  }
  return cases;
}

function failureCases(
  send: (name: string, body: (bench: Bench, a: Peer, b: Peer, c: Peer) => Promise<void>) => Case,
  supports: TransportSupport,
): readonly Case[] {
  const failing = (name: string, prepare: (bench: Bench, a: Peer, b: Peer) => Promise<void>): Case =>
    send(name, async (bench, a, b) => {
      await prepare(bench, a, b);
      await bench.rejects(a.sendSnapshot(HEADER, b.id, sampleBytes(5000, 1)).done, "sendSnapshot");
    });
  const cases = [
    failing("it rejects when the peer is stopped", (bench, _, b) => bench.stop(b)),
    failing("it rejects when this server is stopped", (bench, a) => bench.stop(a)),
    failing("it rejects when the peer is not known", async (_, a) => a.know()),
    failing("it rejects when the peer could not store it", async (_, __, b) => {
      b.inbox.onSnapshot = () => Promise.reject(new Error("no room"));
    }),
    failing("it rejects when the peer stops before it has answered", async (bench, _, b) => {
      b.inbox.onSnapshot = async () => {
        await bench.stop(b);
      };
    }),
    failing("it rejects when this server stops before the peer has answered", async (bench, a, b) => {
      b.inbox.onSnapshot = async () => {
        await bench.stop(a);
      };
    }),
    send("a snapshot whose chunks break off is not taken for a whole one", brokenOff),
    send("it ends when the peer refuses the request", async (bench, a, b) => {
      b.inbox.onRequest = () => ({ type: "refusal", term: 3, reason: "termLeap" });
      await Promise.allSettled([
        bench.ends(a.sendSnapshot(HEADER, b.id, sampleBytes(5000, 1)).done, "sendSnapshot"),
      ]);
      await bench.exchange(a, b, vote(5), { type: "requestVoteResponse", term: 5, voteGranted: true });
    }),
  ];
  const { maxSnapshotBytes } = supports;
  if (maxSnapshotBytes !== null) {
    cases.push(
      send(`a snapshot of more than ${maxSnapshotBytes} bytes is rejected`, async (bench, a, b) => {
        const header = message<InstallSnapshot>(HEADER, a.id, b.id, 1);
        const size = maxSnapshotBytes + 1;
        await bench.rejects(a.transport.sendSnapshot(header, { size, chunks: zeros(size) }), "sendSnapshot");
        bench.witness.equal(b.inbox.snapshots.length, 0, "snapshots that arrived");
      }),
    );
  }
  return cases;
}

/** Sends a snapshot and compares what arrives. Its header is one that no other snapshot of the case has. */
async function carry(
  bench: Bench,
  from: Peer,
  to: Peer,
  body: Body<InstallSnapshot>,
  bytes: Uint8Array,
  chunkBytes?: number,
): Promise<void> {
  const { witness } = bench;
  const { header, done } = from.sendSnapshot(body, to.id, bytes, chunkBytes);
  witness.did(`send a snapshot of ${bytes.length} bytes to server ${to.id}`);
  await bench.ends(done, "sendSnapshot");
  const arrived = to.inbox.snapshots.filter((one) => textOf(one.header) === textOf(header));
  witness.check(
    arrived.length > 0,
    `the snapshot with its header ${textOf(header)}`,
    "no snapshot with such a header",
  );
  for (const snapshot of arrived) witness.equal(snapshot.bytes, bytes, "the bytes of the snapshot");
}

async function answeredInTime(
  bench: Bench,
  a: Peer,
  b: Peer,
  c: Peer,
  answer: Body<InstallSnapshotResponse>,
): Promise<void> {
  const { witness } = bench;
  const gate = Promise.withResolvers<void>();
  b.inbox.onRequest = () => answer;
  b.inbox.onSnapshot = () => gate.promise;
  const { header, done } = a.sendSnapshot(HEADER, b.id, sampleBytes(100, 1));
  const isAnswered = (): boolean =>
    a.inbox.messages.some(
      ({ type, sequence }) => type === "installSnapshotResponse" && sequence === header.sequence,
    );
  const outcome: { answered: boolean | null } = { answered: null };
  const watched = (async () => {
    await done;
    outcome.answered = isAnswered();
  })();
  await bench.until(() => b.inbox.snapshots.length > 0, "the snapshot arrives");
  await bench.fence([a, c], [c, a]);
  witness.check(
    outcome.answered === null,
    "sendSnapshot waits for the answer of the peer",
    "it has resolved",
  );
  witness.did("let the peer answer");
  gate.resolve();
  await bench.ends(watched, "sendSnapshot");
  witness.check(
    isAnswered() && outcome.answered === true,
    "the answer is received first",
    "sendSnapshot resolves first",
  );
  b.inbox.snapshots.length = 0;
}

/** Sends a snapshot whose connection breaks twice: after some of it, and before its answer. */
async function resumed(bench: Bench, a: Peer, b: Peer): Promise<void> {
  const { witness } = bench;
  const bytes = sampleBytes(LARGE_BYTES, 6);
  const header = message<InstallSnapshot>(HEADER, a.id, b.id, 1);
  bench.sent(header);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const half = LARGE_BYTES / 2;
    yield* pieces(bytes.subarray(0, half), 10_000);
    await bench.until(() => b.inbox.snapshotsBegun > 0, "the snapshot begins to arrive");
    await bench.breakConnections();
    yield* pieces(bytes.subarray(half), 10_000);
  }
  b.inbox.onSnapshot = () => bench.breakConnections();
  await bench.ends(a.transport.sendSnapshot(header, { size: LARGE_BYTES, chunks: chunks() }), "sendSnapshot");
  witness.equal(b.inbox.snapshotsBegun, 1, "snapshots that the receiver was asked to store");
  witness.equal(b.inbox.snapshots[0]?.bytes, bytes, "the bytes of the snapshot");
  await bench.exchange(a, b, vote(5));
}

/** The receiver must see the failure: a snapshot that ends early would otherwise be stored as a whole one. */
async function brokenOff(bench: Bench, a: Peer, b: Peer, c: Peer): Promise<void> {
  const header = message<InstallSnapshot>(HEADER, a.id, b.id, 1);
  const size = 100_000;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield* streamOf(sampleBytes(size / 2, 1));
    throw new Error("the disk of the sender failed");
  }
  const sent = a.transport.sendSnapshot(header, { size, chunks: chunks() });
  await bench.rejects(sent, "sendSnapshot with chunks that fail");
  await bench.fence([a, b], [a, c]);
  bench.witness.equal(b.inbox.snapshots.length, 0, "snapshots that the receiver could read to their end");
}

async function* zeros(size: number): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0; left -= 65_536) yield new Uint8Array(Math.min(left, 65_536));
}

function vote(term: number): Body<RequestVote> {
  return { type: "requestVote", term, lastLogIndex: 3, lastLogTerm: 1 };
}
