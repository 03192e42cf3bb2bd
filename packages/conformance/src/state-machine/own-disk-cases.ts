import type { Case } from "../common/case.ts";
import { streamOf } from "../common/bytes.ts";
import type { StateMachineDisk } from "./harness.ts";
import { Replica } from "./replica.ts";
import { type CaseMaker, type Cluster, momentsOf } from "./state-machine-case.ts";

declare function setTimeout(run: () => void, ms: number): unknown;

/** A process is crashed after so many turns of the event loop in the middle of what it does. */
const MOMENTS = [0, 1, 2, 3, 5, 8];

/** Cases of state machines that keep a disk of their own: whatever a crash leaves, the state is that of the index. */
export function ownDiskCases<Query, Result, Answer>(
  make: CaseMaker<Query, Result, Answer>,
  disk: () => StateMachineDisk<Query, Result, Answer>,
): readonly Case[] {
  type Kit = Cluster<Query, Result, Answer>;

  /** Opens what a crash has left, of which nobody knows how much that is. Gives the index. */
  async function expectWhole(kit: Kit, site: StateMachineDisk<Query, Result, Answer>): Promise<number> {
    const { witness, harness, replicaAfter } = kit;
    const server = await Replica.reopen(harness, witness, site.create());
    const index = server.lastIndex;
    const isPossible = Number.isInteger(index) && index >= 0 && index <= harness.commands.length;
    witness.equal(isPossible, true, "whether open gives an index of the log");
    await server.expectTwin(await replicaAfter(index), `the state of index ${index} after a crash`);
    return index;
  }

  /** A server over `site` that has applied the first `count` commands. */
  async function begin(
    { harness, witness }: Kit,
    site: StateMachineDisk<Query, Result, Answer>,
    count: number,
  ): Promise<Replica<Query, Result, Answer>> {
    const server = await Replica.reopen(harness, witness, site.create());
    witness.equal(server.lastIndex, 0, "what open of an empty disk gives");
    await server.apply(harness.commands.slice(0, count), 2);
    return server;
  }

  async function crash({ witness }: Kit, site: StateMachineDisk<Query, Result, Answer>): Promise<void> {
    witness.did("crash");
    await site.crash();
  }

  return [
    make("open", "after a crash between two batches the state is that of the index", async (kit) => {
      for (const count of momentsOf(kit.harness.commands.length)) {
        const site = disk();
        await begin(kit, site, count);
        await crash(kit, site);
        await expectWhole(kit, site);
      }
    }),
    make("open", "after a crash in the middle of a batch the state is that of the index", async (kit) => {
      const { commands } = kit.harness;
      for (const turns of MOMENTS) {
        const site = disk();
        const server = await begin(kit, site, 2);
        kit.witness.did(`apply ${commands.length - 2} commands, and wait for ${turns} turns`);
        const applying = server.machine.apply(server.number(commands.slice(2)));
        await pass(turns, applying);
        await crash(kit, site);
        await expectWhole(kit, site);
      }
    }),
    make(
      "restore",
      "after a crash in the middle, there is the old state, the new one, or none",
      async (kit) => {
        const { harness, witness, replicaAfter } = kit;
        const { length } = harness.commands;
        const snapshot = await (await replicaAfter(length)).snapshot();
        for (const turns of MOMENTS) {
          const site = disk();
          const server = await begin(kit, site, 3);
          witness.did(`restore a snapshot of index ${length}, and wait for ${turns} turns`);
          await pass(turns, server.machine.restore(streamOf(snapshot), length));
          await crash(kit, site);
          const index = await expectWhole(kit, site);
          witness.equal(
            index <= 3 || index === length,
            true,
            "whether the index is an old one or the new one",
          );
        }
      },
    ),
    make("restore", "what a crash has interrupted is done again, and survives", async (kit) => {
      const { harness, witness, replicaAfter } = kit;
      const { length } = harness.commands;
      const snapshot = await (await replicaAfter(length)).snapshot();
      const site = disk();
      const server = await begin(kit, site, 3);
      await pass(1, server.machine.restore(streamOf(snapshot), length));
      await crash(kit, site);
      const next = await Replica.reopen(harness, witness, site.create());
      await next.restore(snapshot, length);
      witness.equal(
        await next.portrait(),
        await (await replicaAfter(length)).portrait(),
        "the restored state",
      );
      await crash(kit, site);
      await expectWhole(kit, site);
    }),
  ];
}

/** Lets `turns` turns of the event loop go by while `work` is under way, which may never end. */
async function pass(turns: number, work: Promise<unknown>): Promise<void> {
  work.catch(() => {});
  for (let turn = 0; turn < turns; turn += 1)
    await new Promise<void>((resolve) => void setTimeout(resolve, 0));
}
