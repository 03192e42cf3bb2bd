import { FIRST_TRANSPORT_SEQUENCE } from "@eraft/core";
import { expect, test } from "vitest";
import { Cluster, TIMING } from "../harness/cluster.ts";
import { appendEntries, installSnapshot, timeoutNow } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

const { electionTimeoutTicksMin: TIMEOUT, heartbeatTicks: HEARTBEAT } = TIMING;

/** Three servers that have been at rest for a while, led by server 0, where nobody stands for election unless asked. */
function clusterAtRest(): Cluster {
  const cluster = new Cluster(3, { preVote: true });
  cluster.elect(0);
  cluster.run(HEARTBEAT);
  return cluster;
}

/** Server 0, a follower of server 1 in term 2, which has numbered its first message 10. */
class Target {
  readonly #solo = new Solo({ log: [1], size: 3, config: { preVote: true } });

  #leader = { term: 2, from: 1 };
  #first = 10;

  constructor() {
    this.#hear(this.#first);
  }

  hears(...sequences: readonly number[]): this {
    for (const sequence of sequences) this.#hear(sequence);
    return this;
  }

  #hear(sequence: number): void {
    this.#solo.receive(appendEntries([1, 1], [], { ...this.#leader, sequence, leaderCommit: 1 }));
  }

  /** Time passes. The leader is heard all the while, by copies of what has been heard before. */
  waits(ticks: number): this {
    for (let tick = 0; tick < ticks; tick += 1) {
      this.#solo.tick();
      this.#hear(this.#first);
    }
    return this;
  }

  installs(sequence: number): this {
    this.#solo.receive(installSnapshot([1, 1], { ...this.#leader, sequence }));
    return this;
  }

  /** Another leader, of a later term. */
  follows(sequence: number): this {
    this.#leader = { term: 3, from: 2 };
    this.#first = sequence;
    this.#hear(sequence);
    return this;
  }

  /** Whether it stands for election when its leader's request with this number arrives. */
  standsAt(sequence: number): boolean {
    this.#solo.receive(timeoutNow({ ...this.#leader, sequence }));
    return this.#solo.state.role === "candidate";
  }
}

test("a request to stand that arrives long after the leader has aborted the transfer ends nobody's leadership", () => {
  const cluster = clusterAtRest();
  const late = cluster.hold(({ type }) => type === "timeoutNow");
  const transfer = cluster.transfer(0, 1);
  cluster.run(TIMEOUT);
  expect(cluster.outcome(transfer)).toBe("transferFailed");
  const write = cluster.propose(0, "after");
  cluster.run(TIMEOUT);
  expect(cluster.outcome(write)).toBe("committed");
  late();
  cluster.run(2 * TIMEOUT);
  expect(cluster.state(0)).toMatchObject({ role: "leader", term: 1 });
  expect(cluster.state(1)).toMatchObject({ role: "follower", term: 1, leaderId: 0 });
});

test("the next transfer to the same server, after that one has failed, does not suffer from it", () => {
  const cluster = clusterAtRest();
  const late = cluster.hold(({ type }) => type === "timeoutNow");
  cluster.transfer(0, 1);
  cluster.run(2 * TIMEOUT + 1);
  late();
  cluster.settle();
  expect(cluster.leader()).toBe(0);
  const again = cluster.transfer(0, 1);
  cluster.settle();
  expect(cluster.outcome(again)).toBe("transferred");
  expect(cluster.state(1)).toMatchObject({ role: "leader", term: 2 });
});

test("as long as the leader waits, the request is obeyed, whatever has overtaken it", () => {
  for (const ticks of [0, 1, TIMEOUT - HEARTBEAT, TIMEOUT - 1]) {
    const cluster = clusterAtRest();
    const slow = cluster.hold(({ type }) => type === "timeoutNow");
    const transfer = cluster.transfer(0, 1);
    // Each linearizable read has the leader send a heartbeat at once.
    for (let tick = 0; tick < ticks; tick += 1) {
      cluster.read(0);
      cluster.run(1);
    }
    expect(cluster.outcome(transfer)).toBeUndefined();
    slow();
    cluster.settle();
    expect(cluster.outcome(transfer)).toBe("transferred");
    expect(cluster.leader()).toBe(1);
  }
});

test("it is late when something that the leader has sent afterwards came in more than an election timeout ago", () => {
  expect(new Target().hears(12).standsAt(11)).toBe(true);
  expect(new Target().hears(12).waits(TIMEOUT).standsAt(11)).toBe(true);
  expect(
    new Target()
      .hears(12)
      .waits(TIMEOUT + 1)
      .standsAt(11),
  ).toBe(false);
  // The first thing that was sent afterwards counts, not the last one.
  expect(new Target().hears(12).waits(TIMEOUT).hears(13).waits(1).standsAt(11)).toBe(false);
  expect(new Target().hears(11).waits(TIMEOUT).hears(13).waits(1).standsAt(12)).toBe(true);
  // What comes in together is as old as each other.
  expect(
    new Target()
      .hears(11, 13)
      .waits(TIMEOUT + 1)
      .standsAt(12),
  ).toBe(false);
  // A snapshot is sent by the leader, too.
  expect(
    new Target()
      .installs(12)
      .waits(TIMEOUT + 1)
      .standsAt(11),
  ).toBe(false);
});

test("it is not late, however long ago the leader sent something before", () => {
  expect(
    new Target()
      .hears(12)
      .waits(5 * TIMEOUT)
      .standsAt(13),
  ).toBe(true);
  // Nor does what came in out of order make anything younger or older than it is.
  expect(new Target().hears(14).waits(TIMEOUT).hears(12).waits(1).standsAt(13)).toBe(false);
  expect(new Target().hears(12).waits(TIMEOUT).hears(14, 11).waits(1).standsAt(13)).toBe(true);
});

test("the next leader counts from wherever it is", () => {
  const target = new Target().hears(1000).waits(2 * TIMEOUT);
  expect(target.follows(5).standsAt(6)).toBe(true);
  const again = new Target().hears(1000).waits(TIMEOUT);
  expect(again.follows(5).waits(TIMEOUT).standsAt(6)).toBe(true);
});

test("numbers of a transport whose wire has none say nothing about when the leader sent it", () => {
  const target = new Target().hears(FIRST_TRANSPORT_SEQUENCE, FIRST_TRANSPORT_SEQUENCE + 1);
  expect(target.waits(2 * TIMEOUT).standsAt(11)).toBe(true);
});
