import { expect, test } from "vitest";
import { KvScenario, Scenario } from "../../src/scenario/index.ts";
import { LabNetwork } from "../../src/scenario/lab-network.ts";
import { Violation } from "../../src/violation.ts";
import { MIT_SCENARIOS } from "./all.ts";
import { checkClientAppends } from "./kv/append-order.ts";

const seeds = Array.from({ length: 20 }, (_, seed) => seed);

test("a seed always goes the same way, and another seed another way", async () => {
  for (const name of ["TestUnreliableChurn2C", "TestSnapshotUnreliableRecover3B"]) {
    const run = MIT_SCENARIOS.find((scenario) => scenario.name === name)?.run;
    const [one, again, other] = [await run?.(7), await run?.(7), await run?.(8)];
    expect(one).toBeDefined();
    expect(again).toEqual(one);
    expect(other?.traceHash).not.toBe(one?.traceHash);
  }
});

test("what a server wrote just before a crash is lost or kept, by chance", () => {
  const kept = seeds.map((seed) => {
    const s = new Scenario(seed, { nodes: 1 });
    const leader = s.checkOneLeader();
    const { lastLogIndex } = s.inspect(leader);
    s.start(leader, s.newCommand());
    s.crash(leader);
    s.restart(leader);
    return s.inspect(leader).lastLogIndex - lastLogIndex;
  });
  expect(kept).toContain(0);
  expect(kept).toContain(1);
});

test("what was committed survives the crash of all servers", () => {
  for (const seed of seeds) {
    const s = new Scenario(seed, { nodes: 3 });
    const command = s.newCommand();
    s.one(command, 1);
    s.crash(0, 1, 2);
    s.restart(0, 1, 2);
    s.finish();
    expect(s.committedCommands()[0]).toBe(command);
  }
});

test("a server that is cut off gets nothing, also of what was on its way", () => {
  for (const seed of seeds) {
    const s = new Scenario(seed, { nodes: 3 });
    const leader = s.checkOneLeader();
    const away = s.after(leader, 1);
    const index = s.start(leader, s.newCommand())?.index ?? 0;
    s.disconnect(away);
    s.waitFor(index, 2);
    s.runFor(100);
    expect(s.nCommitted(index)).toBe(2);
    expect(s.inspect(away).lastLogIndex).toBeLessThan(index);
  }
});

type Fates = readonly (readonly number[])[];

/** How many of a thousand messages arrive `copies` times. */
function perMille(fates: Fates, copies: number): number {
  return (1000 * fates.filter(({ length }) => length === copies).length) / fates.length;
}

function fates(fate: () => readonly number[]): Fates {
  return Array.from({ length: 10_000 }, fate);
}

test("networks lose, repeat and delay as the labs' do", () => {
  const [reliable, unreliable, reordering] = (["reliable", "unreliable", "long-reordering"] as const).map(
    (kind) => new LabNetwork(kind, 1, "test"),
  ) as [LabNetwork, LabNetwork, LabNetwork];

  expect(
    perMille(
      fates(() => reliable.request()),
      1,
    ),
  ).toBe(1000);
  for (const some of [fates(() => unreliable.request()), fates(() => reordering.answer())]) {
    expect(Math.abs(perMille(some, 0) - 100)).toBeLessThan(15);
    expect(Math.abs(perMille(some, 2) - 0.9 * 50)).toBeLessThan(10);
  }
  const requestMs = fates(() => unreliable.request()).flat();
  expect(Math.max(...requestMs)).toBeLessThan(26);
  expect(Math.max(...requestMs)).toBeGreaterThan(25);
  const answerMs = fates(() => reordering.answer()).flat();
  const late = answerMs.filter((ms) => ms >= 200);
  expect(Math.abs(late.length / answerMs.length - 2 / 3)).toBeLessThan(0.03);
  expect(Math.max(...late)).toBeGreaterThan(1500);
});

test("an agreement without a majority fails after ten seconds", () => {
  const s = new Scenario(1, { nodes: 3 });
  const leader = s.checkOneLeader();
  s.disconnect(leader, s.after(leader, 1));
  expect(() => s.one(s.newCommand(), 1)).toThrow(Violation);
  expect(() => s.checkOneLeader()).toThrow("Liveness: Election");
});

test("a key-value operation without a majority is not answered, and the script is told", async () => {
  const s = new KvScenario(1, { servers: 3 });
  const client = s.client();
  await s.append(client, "k", "a.");
  s.crash(0, 1);
  await expect(s.get(client, "k")).rejects.toThrow("Liveness: Answer");
});

test("keys and sessions come back from snapshots and logs after all servers crashed", async () => {
  for (const maxRaftState of [Infinity, 100]) {
    const s = new KvScenario(3, { servers: 3, maxRaftState });
    const client = s.client();
    for (let at = 0; at < 20; at += 1) await s.append(client, "k", `${at}.`);
    s.crash(0, 1, 2);
    await s.restart(0, 1, 2);
    expect(await s.get(client, "k")).toBe(Array.from({ length: 20 }, (_, at) => `${at}.`).join(""));
    expect(s.snapshotBytes() > 0).toBe(maxRaftState === 100);
    await s.finish();
  }
});

test("appends that are lost, doubled or out of order are noticed", () => {
  const good = "x 0 0 yx 1 0 yx 0 1 y";
  expect(() => checkClientAppends(good, 0, 2)).not.toThrow();
  expect(() => checkClientAppends(good, 0, 3)).toThrow("Append Lost");
  expect(() => checkClientAppends(null, 0, 1)).toThrow("Append Lost");
  expect(() => checkClientAppends(`${good}x 0 0 y`, 0, 2)).toThrow("Append Twice");
  expect(() => checkClientAppends("x 0 1 yx 0 0 y", 0, 2)).toThrow("Append Order");
});
