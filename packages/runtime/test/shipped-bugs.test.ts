import { afterEach, expect, test } from "vitest";
import { OutcomeUnknownError } from "@eraft/runtime";
import { Cluster, type Member } from "./support/cluster.ts";
import { FaultyStorage } from "./support/faulty-storage.ts";
import { type ScriptedFollower, startFollower } from "./support/follower.ts";
import { bytes } from "./support/journal.ts";
import { settle } from "./support/manual-clock.ts";
import { heartbeat } from "./support/scripted-transport.ts";

// Bugs that other Raft systems have shipped, by their row in docs/shipped-bugs.md, as far as no other test proves that they are not here.

let cluster: Cluster | undefined;
let follower: ScriptedFollower | undefined;
afterEach(async () => {
  await cluster?.stop();
  await follower?.node.stop();
  cluster = undefined;
  follower = undefined;
});

const small = { snapshotBytes: 130, retainedBytes: 0 };
const textsOf = ({ journal }: Member): string => journal.lines.map((line) => line.split(":")[1]).join("");

async function proposeAll({ node }: Member, text: string): Promise<void> {
  for (const letter of text) await cluster?.await(node.propose(bytes(letter)));
}

test("row 39: a state machine that lost what it had not synced is restored from the snapshot, not taken at its word (dragonboat#369)", async () => {
  cluster = await Cluster.start(1, small);
  const member = await cluster.leader();
  await proposeAll(member, "abcdefghi");
  await settle();
  const { snapshotIndex } = member.node.status();
  expect(snapshotIndex).toBeGreaterThan(3);
  await member.node.stop();
  // It reflects entry 3 only, which the log does not hold any more.
  const next = cluster.make(0, new FaultyStorage(member.storage.inner));
  next.journal.lines = member.journal.lines.slice(0, 2);
  next.journal.opensAt = 3;
  await next.node.start();
  await cluster.leader();
  await proposeAll(next, "j");
  expect(next.journal.restores).toBe(1);
  expect(textsOf(next)).toBe("abcdefghij");
});

test.each([-1, 0, 1])(
  "row 40: entries are applied once each and in order, also where a slice's size limit falls, %i bytes off (etcd 8ecce32, cockroach#28918)",
  async (offBytes) => {
    const SLICE_BYTES = 1 << 20;
    const sizes = [
      10,
      SLICE_BYTES - 10 + offBytes,
      1,
      SLICE_BYTES + offBytes,
      1,
      1,
      SLICE_BYTES / 2,
      SLICE_BYTES / 2 + offBytes,
      1,
    ];
    follower = await startFollower();
    const applied: number[] = [];
    follower.journal.onApply = (commands) => void applied.push(...commands.map(({ index }) => index));
    const entries = sizes.map((size, at) => ({
      index: at + 1,
      term: 1,
      command: new Uint8Array(size).fill(0x61),
    }));
    follower.transport.deliver({ ...heartbeat(2), entries, leaderCommit: entries.length });
    for (let turn = 0; turn < 2 * sizes.length; turn += 1) {
      await settle();
      follower.clock.advance(0);
    }
    await settle();
    expect(applied).toEqual(entries.map(({ index }) => index));
    expect(follower.node.status().lastApplied).toBe(entries.length);
  },
);

test("row 42: a former leader whose waiting write is covered by the next leader's snapshot says unknown, and goes on (openraft#1761)", async () => {
  cluster = await Cluster.start(3, small);
  const old = await cluster.leader();
  await proposeAll(old, "a");
  const others = cluster.members.filter((member) => member !== old);
  for (const { node } of others) cluster.network.cut(old.node.id, node.id);
  const waiting = old.node.propose(bytes("?"));
  const outcome = waiting.then(
    () => "done",
    (error: unknown) => error,
  );
  await cluster.until(() => others.some(({ node }) => node.status().role === "leader"), "no other leader");
  const next = others.find(({ node }) => node.status().role === "leader");
  if (next === undefined) throw new Error("the leader is gone");
  await proposeAll(next, "bcdefghij");
  await cluster.until(() => next.node.status().snapshotIndex > old.node.status().lastApplied, "no snapshot");
  cluster.network.heal();
  await cluster.until(() => textsOf(old) === "abcdefghij", "the old leader does not catch up");
  expect(old.journal.restores).toBe(1);
  expect(await outcome).toBeInstanceOf(OutcomeUnknownError);
  expect(old.failures).toEqual([]);
});
