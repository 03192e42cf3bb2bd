import { afterEach, beforeEach, expect, test } from "vitest";
import { type ScriptedFollower, startFollower } from "./support/follower.ts";
import { settle } from "./support/manual-clock.ts";
import { heartbeat } from "./support/scripted-transport.ts";

// A paused process (garbage collection, a laptop's lid, a busy host) must not stand for election against a leader whose heartbeats it
// merely has not read yet. Heartbeats of 125 ms make a tick 25 ms; an election timeout is 40 to 79 ticks.

const TICK_MS = 25;

const followers: ScriptedFollower[] = [];
afterEach(() => Promise.all(followers.splice(0).map(({ node }) => node.stop())));

/** Always the same follower: so is the length of its election timeout. */
async function start(): Promise<ScriptedFollower> {
  const follower = await startFollower();
  followers.push(follower);
  expect(follower.node.status()).toMatchObject({ role: "follower", leaderId: 1, term: 1 });
  return follower;
}

async function pass({ clock }: ScriptedFollower, ticks: number): Promise<void> {
  for (let tick = 0; tick < ticks; tick += 1) {
    clock.advance(TICK_MS);
    await settle();
  }
}

let timeoutTicks: number;
beforeEach(async () => {
  const control = await start();
  for (timeoutTicks = 0; control.node.status().role === "follower"; timeoutTicks += 1) await pass(control, 1);
});

test("without a stall, the election comes with the last tick and not before", async () => {
  expect(timeoutTicks).toBeGreaterThanOrEqual(40);
  expect(timeoutTicks).toBeLessThan(80);
  const follower = await start();
  await pass(follower, timeoutTicks - 1);
  expect(follower.node.status().role).toBe("follower");
  await pass(follower, 1);
  expect(follower.node.status().role).toBe("preCandidate");
});

test("heartbeats that queued up during a stall are taken before the tick that would start an election", async () => {
  const follower = await start();
  await pass(follower, timeoutTicks - 1);
  follower.clock.stall(3000);
  for (let sequence = 2; sequence < 26; sequence += 1) follower.transport.deliver(heartbeat(sequence));
  await settle();
  await pass(follower, 1);
  expect(follower.node.status()).toMatchObject({ role: "follower", leaderId: 1, term: 1 });
  expect(follower.transport.sent.every(({ type }) => type === "appendEntriesResponse")).toBe(true);
});

test("messages and a tick in one turn: the messages come first", async () => {
  const follower = await start();
  await pass(follower, timeoutTicks - 1);
  follower.clock.advance(TICK_MS); // On time, and in the inbox before the heartbeat.
  follower.transport.deliver(heartbeat(2));
  await settle();
  expect(follower.node.status().role).toBe("follower");
});

test("heartbeats that the host delivers after it has served its timers are still in time", async () => {
  const follower = await start();
  await pass(follower, timeoutTicks - 1);
  follower.clock.stall(3000);
  await settle(); // The timer was served, the sockets were not.
  expect(follower.node.status().role).toBe("follower");
  follower.transport.deliver(heartbeat(2));
  await settle();
  await pass(follower, 1);
  expect(follower.node.status().role).toBe("follower");
});

test("a burst of late ticks counts once", async () => {
  const follower = await start();
  for (let stall = 0; stall < 5; stall += 1) {
    follower.clock.stall(3000);
    await pass(follower, 1);
  }
  expect(follower.node.status()).toMatchObject({ role: "follower", leaderId: 1 });
});

test("ticks keep their pace after a stall", async () => {
  const follower = await start();
  follower.clock.stall(3000);
  await settle();
  await pass(follower, timeoutTicks - 3);
  expect(follower.node.status().role).toBe("follower");
  await pass(follower, 3);
  expect(follower.node.status().role).toBe("preCandidate");
});

test("a leader whose connections broke is not waited for; who still hears from it says no, so a wrong hint costs nothing", async () => {
  const follower = await start();
  follower.receiver.disconnected?.(2);
  await pass(follower, 11);
  expect(follower.node.status()).toMatchObject({ role: "follower", leaderId: 1 });
  follower.receiver.disconnected?.(1);
  await pass(follower, 11);
  expect(follower.node.status()).toMatchObject({ role: "preCandidate", leaderId: null, term: 1 });
  follower.transport.deliver(heartbeat(2));
  await settle();
  expect(follower.node.status()).toMatchObject({ role: "follower", leaderId: 1, term: 1 });
});
