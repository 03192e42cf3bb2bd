import type { Case } from "../common/case.ts";
import { streamOf } from "../common/bytes.ts";
import { Random } from "../common/random.ts";
import type { StateMachineSupport } from "./harness.ts";
import { breakingOff } from "./snapshot-cases.ts";
import { type CaseMaker, type Cluster, momentsOf } from "./state-machine-case.ts";

const FLIPPED_BITS = 64;

/** Cases of what a state machine claims beyond the port. */
export function supportedCases<Query, Result, Answer>(
  make: CaseMaker<Query, Result, Answer>,
  supports: StateMachineSupport,
): readonly Case[] {
  const cases: Case[] = [];
  if (supports.equalSnapshots) {
    cases.push(
      make("snapshot", "equal states have equal snapshots, however they came about", equalSnapshots),
    );
  }
  if (supports.detectsDamage) {
    cases.push(make("restore", "a snapshot that was cut short or changed is refused", damage));
  }
  if (supports.keepsStateOnRejection) {
    cases.push(make("restore", "a restore that rejects leaves the old state", rejection));
  }
  return cases;
}

async function equalSnapshots<Query, Result, Answer>(cluster: Cluster<Query, Result, Answer>): Promise<void> {
  const { witness, harness, replica, replicaAfter } = cluster;
  const { commands } = harness;
  for (const moment of momentsOf(commands.length)) {
    const expected = await (await replicaAfter(moment)).snapshot();
    const slow = await replica();
    await slow.apply(commands.slice(0, moment), 1);
    witness.equal(await slow.snapshot(), expected, "the snapshot after the same commands one by one");
    const restored = await replicaAfter(1);
    await restored.restore(expected, Math.max(1, moment));
    witness.equal(await restored.snapshot(), expected, "the snapshot of the state restored from a snapshot");
  }
}

async function damage<Query, Result, Answer>(cluster: Cluster<Query, Result, Answer>): Promise<void> {
  const { witness, harness, replicaAfter } = cluster;
  const { length } = harness.commands;
  const snapshot = await (await replicaAfter(length)).snapshot();
  const server = await replicaAfter(1);
  for (const bytes of [0, 1, Math.floor(snapshot.length / 2), snapshot.length - 1]) {
    const restored = server.machine.restore(streamOf(snapshot.slice(0, bytes)), length);
    await witness.rejects(restored, `restore from ${bytes} of ${snapshot.length} bytes`);
  }
  const random = new Random(snapshot.length);
  for (let i = 0; i < FLIPPED_BITS; i += 1) {
    const changed = new Uint8Array(snapshot);
    const at = random.below(changed.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
    const restored = server.machine.restore(streamOf(changed), length);
    await witness.rejects(restored, `restore with a flipped bit in byte ${at} of ${snapshot.length}`);
  }
}

async function rejection<Query, Result, Answer>(cluster: Cluster<Query, Result, Answer>): Promise<void> {
  const { witness, harness, replicaAfter } = cluster;
  const { length } = harness.commands;
  const half = Math.floor(length / 2);
  const snapshot = await (await replicaAfter(length)).snapshot();
  for (const bytes of [0, 1, Math.floor(snapshot.length / 2), snapshot.length]) {
    const server = await replicaAfter(half);
    const restored = server.machine.restore(breakingOff(snapshot.slice(0, bytes)), length);
    await witness.rejects(restored, `restore from a stream that breaks off after ${bytes} bytes`);
    await server.expectTwin(await replicaAfter(half), `the state after ${half} commands`);
  }
}
