import { afterEach, expect, test } from "vitest";
import { systemClock } from "@eraft/runtime";
import { Turns } from "../src/clock.ts";
import { Waiting } from "../src/waiting.ts";
import { Cluster } from "./support/cluster.ts";
import { bytes } from "./support/journal.ts";
import { ManualClock, settle } from "./support/manual-clock.ts";

// What arrives together is handled together: the host says when all of it is there.

let cluster: Cluster | undefined;
afterEach(() => cluster?.stop());

test("Node's clock says when everything that has arrived was handed over, and what is cancelled does not come", async () => {
  const clock = systemClock;
  const order: string[] = [];
  clock.soon?.(() => order.push("cancelled"))();
  clock.soon?.(() => order.push("soon"));
  // A promise is no arrival: all of them come first.
  for (let at = 0; at < 3; at += 1) await Promise.resolve();
  order.push("promises");
  await new Promise((resolve) => clock.soon?.(() => resolve(null)));
  expect(order).toEqual(["promises", "soon"]);
});

test("a turn of the event loop is one: other things come between, and none is left when they are closed", async () => {
  const turns = new Turns(systemClock);
  const others: number[] = [];
  const other = setInterval(() => others.push(others.length), 0);
  while (others.length < 3) await turns.next();
  clearInterval(other);
  const last = turns.next();
  turns.close();
  await expect(last).resolves.toBeUndefined();
  await expect(turns.next()).resolves.toBeUndefined();
});

/** A host that says when all that has arrived was handed over: when the test does. */
class HostClock extends ManualClock {
  #waiting: (() => void)[] = [];
  #isByItself = false;

  readonly soon = (fn: () => void): (() => void) => {
    this.#waiting.push(fn);
    if (this.#isByItself) queueMicrotask(() => this.allArrived());
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== fn);
    };
  };

  allArrived(): void {
    for (const fn of this.#waiting.splice(0)) fn();
  }

  /** From now on it needs nobody to say so. */
  goOnByItself(): void {
    this.#isByItself = true;
    this.allArrived();
  }
}

test("what comes in over several sockets is one write, after the last of them", async () => {
  const clock = new HostClock();
  cluster = await Cluster.start(1, { clock });
  const { node, storage, journal } = cluster.member(0);
  while (node.status().role !== "leader" || node.status().lastApplied === 0) {
    clock.advance(25);
    clock.allArrived();
    await settle();
  }
  const writes = storage.calls.filter((call) => call === "write").length;
  const answers: string[] = [];
  for (const text of ["a", "b", "c"]) {
    void node.propose(bytes(text)).then((answer) => answers.push(answer));
    await settle();
  }
  expect(storage.calls.filter((call) => call === "write")).toHaveLength(writes);
  while (answers.length < 3) {
    clock.allArrived();
    await settle();
  }
  expect(storage.calls.filter((call) => call === "write")).toHaveLength(writes + 1);
  expect(journal.lines.map((line) => line.split(":")[1])).toEqual(["a", "b", "c"]);
});

test("messages are with the network before the disk is written to, which holds up everything else", async () => {
  const clock = new HostClock();
  cluster = await Cluster.start(2, { clock, transferOnStop: false });
  const isServing = (): boolean =>
    cluster?.leaders().some(({ node }) => node.status().lastApplied > 0) ?? false;
  while (!isServing()) {
    clock.advance(25);
    clock.allArrived();
    await settle();
  }
  const [leader] = cluster.leaders();
  const writes = (): number => leader?.storage.calls.filter((call) => call === "write").length ?? 0;
  const before = writes();
  const answer = leader?.node.propose(bytes("a"));
  clock.allArrived();
  await settle();
  // Its turn has come, and what it has for the other one is sent.
  expect(writes()).toBe(before);
  clock.allArrived();
  await settle();
  expect(writes()).toBe(before + 1);
  clock.goOnByItself();
  expect(await answer).toMatch(":a");
});

test("of entries with and without somebody who waits, each gets its own result", () => {
  const entries = [7, 8, 9, 10, 11].map((index) => ({ index, term: 1, command: bytes("x") }));
  const waiting = new Waiting(entries);
  waiting.add(8, 1);
  waiting.add(11, 2);
  expect(entries.map(({ index }) => waiting.at(index))).toEqual([undefined, 1, undefined, undefined, 2]);
  expect(new Waiting([]).at(1)).toBeUndefined();
});
