import type { Member, Standing } from "@eraft/core";
import { expect, test } from "vitest";
import { CommandError } from "../src/errors.ts";
import { type Goal, addVoter, move, remove } from "../src/members/goals.ts";
import { handOver } from "../src/members/hand-over.ts";
import { type Pursued, pursue } from "../src/members/pursue.ts";
import { replacement } from "../src/members/replacement.ts";
import { ScriptedAdmin } from "./support/scripted-admin.ts";

const A = "10.0.0.9:5001";

function member(id: number, standing: Standing = "voter", address = `10.0.0.${id}:5001`): Member {
  return { id, address, standing, incarnation: null };
}

const THREE = [member(0), member(1), member(2)];
const CATCHING_UP = [...THREE, member(3, "promotable", A)];
const FOUR = [...THREE, member(3, "voter", A)];

function run(
  goal: Goal,
  admin: ScriptedAdmin,
  options: { waits?: boolean; patienceMs?: number } = {},
): Promise<Pursued> {
  const { now, sleep, say } = admin;
  return pursue(goal, { admin, say, now, sleep, waits: true, patienceMs: 5000, ...options });
}

async function failure(promise: Promise<unknown>): Promise<CommandError> {
  const error: unknown = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(CommandError);
  return error as CommandError;
}

test("a change is asked for once, and followed until all of it is done", async () => {
  const admin = new ScriptedAdmin(
    { members: THREE },
    { members: THREE },
    { members: CATCHING_UP, index: 8, isCommitted: false },
    { members: CATCHING_UP, index: 8, catchingUp: { matchIndex: 5 } },
    { members: CATCHING_UP, index: 8, catchingUp: { matchIndex: 20 } },
    { members: [...THREE, member(3, "incoming", A)], index: 9 },
    { members: FOUR, index: 10, isCommitted: false },
    { members: FOUR, index: 10 },
  );
  const { view, isDone } = await run(addVoter(3, A), admin);
  expect({ index: view.index, isDone }).toEqual({ index: 10, isDone: true });
  expect(admin.asked).toEqual([{ index: 7, changes: [{ type: "addVoter", id: 3, address: A }] }]);
  expect(admin.said).toEqual([
    "waiting for a majority",
    "node 3 has 5 of 20 entries",
    "node 3 has 20 of 20 entries",
    "waiting for a majority",
  ]);
  // The request that was still open is let go.
  expect(admin.aborted).toBe(1);
});

test("a replacement is one request; what a leader that came meanwhile knows nothing of is asked for after it", async () => {
  const replaced = [member(0), member(2), member(3, "voter", A)];
  const changes = [
    { type: "addVoter", id: 3, address: A },
    { type: "remove", id: 1 },
  ];
  const step = [member(0), member(1, "outgoing"), member(2), member(3, "incoming", A)];
  const calm = new ScriptedAdmin(
    { members: THREE },
    { members: THREE },
    { members: CATCHING_UP, index: 8 },
    { members: step, index: 9 },
    { members: replaced, index: 10 },
  );
  const [first, second] = replacement((await calm.look()).view, 1, 3, A) as [Goal, Goal];
  expect(await run(first, calm)).toMatchObject({ isDone: true });
  expect(await run(second, calm)).toMatchObject({ isDone: true });
  expect(calm.asked).toEqual([{ index: 7, changes }]);

  const elected = new ScriptedAdmin(
    { members: THREE },
    { members: CATCHING_UP, index: 8 },
    { members: CATCHING_UP, index: 8, leader: null },
    { members: CATCHING_UP, index: 8, leader: 2, term: 4 },
    { members: FOUR, index: 10, leader: 2, term: 4 },
    { members: FOUR, index: 10, leader: 2, term: 4 },
    {
      members: [member(0), member(1, "outgoing"), member(2), member(3, "voter", A)],
      index: 11,
      leader: 2,
      term: 4,
    },
    { members: replaced, index: 12, leader: 2, term: 4 },
  );
  elected.answers = [{ type: "unknown", text: "the connection broke" }, "open"];
  expect(await run(first, elected)).toMatchObject({ isDone: true });
  const { view, isDone } = await run(second, elected);
  expect({ index: view.index, isDone }).toEqual({ index: 12, isDone: true });
  expect(elected.asked).toEqual([
    { index: 7, changes },
    { index: 10, changes: [{ type: "remove", id: 1 }] },
  ]);
  expect(second.result(view)).toContain("node 1 is no longer a member: 3 voters");
});

test("what is done already is not asked for", async () => {
  const admin = new ScriptedAdmin({ members: FOUR });
  expect(await run(addVoter(3, A), admin)).toMatchObject({ isDone: true });
  expect(admin.asked).toEqual([]);
});

test("without waiting: until the change is committed, and not before", async () => {
  const admin = new ScriptedAdmin(
    { members: THREE },
    { members: CATCHING_UP, index: 8, isCommitted: false },
    { members: CATCHING_UP, index: 8 },
  );
  expect(await run(addVoter(3, A), admin, { waits: false })).toMatchObject({ isDone: false });
  expect(admin.looks).toBe(3);
});

test("a change that is lost with its leader is asked for again; one whose answer is lost is not", async () => {
  const lost = new ScriptedAdmin(
    { members: THREE },
    { members: CATCHING_UP, index: 8, isCommitted: false },
    { members: THREE, leader: null },
    "down",
    { members: THREE, leader: 1, term: 4 },
    { members: FOUR, index: 9, leader: 1, term: 4 },
  );
  lost.answers = [{ type: "unknown", text: "the connection broke" }, "open"];
  expect(await run(addVoter(3, A), lost)).toMatchObject({ isDone: true });
  expect(lost.asked.map(({ index }) => index)).toEqual([7, 7]);
  expect(lost.said).toContain("no node of the cluster answers; waiting for one");

  const done = new ScriptedAdmin({ members: THREE }, { members: FOUR, index: 10 });
  done.answers = [{ type: "unknown", text: "the connection broke" }];
  expect(await run(addVoter(3, A), done)).toMatchObject({ isDone: true });
  expect(done.asked).toHaveLength(1);
});

test("refused for the moment, or by a node that leads no more: asked again, for the members as they are then", async () => {
  const admin = new ScriptedAdmin(
    { members: THREE },
    { members: THREE, index: 8 },
    { members: THREE, index: 8 },
    { members: THREE, index: 8, leader: 2 },
    { members: THREE, index: 8, leader: 2 },
    { members: FOUR, index: 11, leader: 2 },
  );
  admin.answers = [
    { type: "refused", reason: "later", text: "another change is under way" },
    { type: "refused", reason: "notLeader", text: "it does not lead" },
    "open",
  ];
  expect(await run(addVoter(3, A), admin)).toMatchObject({ isDone: true });
  expect(admin.asked.map(({ index }) => index)).toEqual([7, 8, 8]);
  expect(admin.said).toEqual(["another change is under way; waiting for its end"]);
});

test("refused for good: that is the end, unless it was meant for members that have changed since", async () => {
  const final = new ScriptedAdmin({ members: THREE });
  final.answers = [{ type: "refused", reason: "impossible", text: "server 3 is a member already" }];
  const { message, exitCode } = await failure(run(addVoter(3, A), final));
  expect(message).toBe("the cluster refused: server 3 is a member already");
  expect(exitCode).toBe(1);

  const moved = new ScriptedAdmin(
    { members: THREE },
    { members: THREE, index: 8 },
    { members: FOUR, index: 9 },
  );
  moved.answers = [
    { type: "refused", reason: "impossible", text: "the configuration is that of index 8, not 7" },
    "open",
  ];
  // The answer comes while the second look is on its way: what counts is the index that was looked at last.
  expect(await run(addVoter(3, A), moved)).toMatchObject({ isDone: true });
});

test("what was undone by somebody else is not done over and over", async () => {
  const admin = new ScriptedAdmin(
    { members: THREE },
    { members: CATCHING_UP, index: 8 },
    { members: THREE, index: 9 },
  );
  const { message } = await failure(run(addVoter(3, A), admin));
  expect(message).toContain("somebody has undone it since");
  expect(admin.asked).toHaveLength(1);
});

test("a problem, or an objection, ends it before anything is asked", async () => {
  const unknown = new ScriptedAdmin({ members: THREE });
  expect((await failure(run(remove(9), unknown))).message).toMatch(
    /^node 9 is not a member.*; nothing was done$/,
  );
  const stuck = new ScriptedAdmin({ members: THREE, silent: [1] });
  expect((await failure(run(remove(2), stuck))).message).toMatch(/1 does not answer.*; nothing was done$/);
  expect([...unknown.asked, ...stuck.asked]).toEqual([]);
  // The other way round it helps: the silent one goes.
  const repaired = new ScriptedAdmin(
    { members: THREE, silent: [1] },
    { members: [member(0), member(2)], index: 9 },
  );
  expect(await run(remove(1), repaired)).toMatchObject({ isDone: true });
});

test("patience ends when nothing comes forward, not after a fixed time", async () => {
  const admin = new ScriptedAdmin(
    { members: THREE },
    ...Array.from({ length: 100 }, (_, at) => ({
      members: CATCHING_UP,
      index: 8,
      catchingUp: { matchIndex: at, lastLogIndex: 500 },
    })),
  );
  const { message, exitCode } = await failure(run(addVoter(3, A), admin, { patienceMs: 1000 }));
  // A hundred looks are twenty seconds.
  expect(admin.looks).toBeGreaterThan(100);
  expect(message).toContain(
    "not done yet: node 3 has 99 of 500 entries; the change is made and goes on by itself",
  );
  expect(exitCode).toBe(4);
});

test.each<[string, ScriptedAdmin, number, string]>([
  [
    "nobody leads",
    new ScriptedAdmin({ members: THREE, leader: null }),
    1,
    "nothing was done: there is no leader",
  ],
  ["there is no answer", new ScriptedAdmin({ members: THREE }), 4, "it may have been done or may still be"],
])("when %s it is given up, and said what may have become of it", async (_what, admin, code, words) => {
  const { message, exitCode } = await failure(run(move(2, A), admin));
  expect(message).toContain(words);
  expect(exitCode).toBe(code);
});

test("a cluster that is down is an error at once, before anything was asked", async () => {
  const admin = new ScriptedAdmin("down");
  expect((await failure(run(move(2, A), admin))).message).toBe("no node of the cluster answers");
  expect(admin.looks).toBe(1);
});

function transfer(to: number | null, admin: ScriptedAdmin, timeoutMs = 5000): Promise<string> {
  const { now, sleep } = admin;
  return handOver(to, { admin, timeoutMs, now, sleep });
}

test("the leadership is handed over to whom it was meant for, or to anybody else", async () => {
  const named = new ScriptedAdmin(
    { members: THREE },
    { members: THREE, leader: null },
    { members: THREE, leader: 2, term: 4 },
  );
  named.answers = [{ type: "done" }];
  expect(await transfer(2, named)).toBe("node 2 leads, in term 4");
  expect(named.transfers).toEqual([2]);
  const any = new ScriptedAdmin({ members: THREE }, "down", { members: THREE, leader: 1, term: 4 });
  any.answers = [{ type: "unknown", text: "the connection broke" }];
  expect(await transfer(null, any)).toBe("node 1 leads, in term 4");
  expect(any.transfers).toEqual([null]);
  expect(await transfer(0, new ScriptedAdmin({ members: THREE }))).toBe("node 0 leads already, in term 3");
  // As long as the same node leads, nobody else does.
  const late = new ScriptedAdmin(
    { members: THREE },
    { members: THREE },
    { members: THREE, leader: 1, term: 4 },
  );
  late.answers = [{ type: "refused", reason: "later", text: "busy" }, { type: "done" }];
  expect(await transfer(null, late)).toBe("node 1 leads, in term 4");
  expect(late.transfers).toEqual([null, null]);
});

test("who cannot lead is not asked to, and who was refused says why", async () => {
  const learner = new ScriptedAdmin({ members: [...THREE, member(3, "learner")] });
  expect((await failure(transfer(3, learner))).message).toBe(
    "node 3 cannot lead: learner, not voter; nothing was done",
  );
  expect((await failure(transfer(4, learner))).message).toContain("not a member");
  expect(learner.transfers).toEqual([]);
  const alone = new ScriptedAdmin({ members: [member(0)] });
  alone.answers = [{ type: "refused", reason: "noSuccessor", text: "there is no other voter" }];
  expect((await failure(transfer(null, alone))).message).toBe(
    "node 0 leads as before: there is no other voter",
  );
});

test.each<["refused" | "unknown", number, string]>([
  ["refused", 1, "nothing was done (busy)"],
  ["unknown", 4, "it may have been done: eraft status tells who leads (busy)"],
])("a transfer that stays %s is given up in time", async (type, code, words) => {
  const admin = new ScriptedAdmin({ members: THREE });
  admin.answers = [type === "refused" ? { type, reason: "later", text: "busy" } : { type, text: "busy" }];
  const { message, exitCode } = await failure(transfer(1, admin, 1000));
  expect(message).toContain(words);
  expect(exitCode).toBe(code);
  expect(admin.transfers.length).toBeGreaterThan(1);
});
