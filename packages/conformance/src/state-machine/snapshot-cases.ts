import type { Case } from "../common/case.ts";
import { collect, concat } from "../common/bytes.ts";
import { type CaseMaker, momentsOf } from "./state-machine-case.ts";

/** Cases of `StateMachine.snapshot`. */
export function snapshotCases<Query, Result, Answer>(
  make: CaseMaker<Query, Result, Answer>,
): readonly Case[] {
  return [
    make(
      "snapshot",
      "a view shows the moment of the call, though it is read after later commands",
      async ({ harness, replica, replicaAfter }) => {
        for (const moment of momentsOf(harness.commands.length)) {
          const server = await replicaAfter(moment);
          const view = server.machine.snapshot();
          await server.apply([...harness.commands.slice(moment), ...harness.commands]);
          const restored = await replica();
          await restored.restore(await collect(view), moment);
          await restored.expectTwin(await replicaAfter(moment), `the state after ${moment} commands`);
        }
      },
    ),
    make(
      "snapshot",
      "a view can be read while commands are applied, which are not disturbed",
      async ({ harness, replica, replicaAfter }) => {
        const half = Math.floor(harness.commands.length / 2);
        const server = await replicaAfter(half);
        const chunks: Uint8Array[] = [];
        const rest = harness.commands.slice(half);
        for await (const chunk of server.machine.snapshot()) {
          chunks.push(new Uint8Array(chunk));
          await server.apply(rest.splice(0, 1));
        }
        await server.apply(rest);
        const restored = await replica();
        await restored.restore(concat(chunks), half);
        await restored.expectTwin(await replicaAfter(half), `the state after ${half} commands`);
        await server.expectTwin(
          await replicaAfter(harness.commands.length),
          "the state of the server that went on",
        );
      },
    ),
    make(
      "snapshot",
      "overlapping views each show their own moment",
      async ({ harness, replica, replicaAfter }) => {
        const server = await replica();
        const views: { readonly moment: number; readonly chunks: AsyncIterable<Uint8Array> }[] = [];
        for (const [moment, command] of harness.commands.entries()) {
          views.push({ moment, chunks: server.machine.snapshot() });
          await server.apply([command]);
        }
        for (const { moment, chunks } of views.toReversed()) {
          const restored = await replica();
          await restored.restore(await collect(chunks), moment);
          await restored.expectTwin(await replicaAfter(moment), `the state after ${moment} commands`);
        }
      },
    ),
    make(
      "snapshot",
      "a view that is not read, or not to its end, does no harm",
      async ({ harness, replica, replicaAfter }) => {
        const server = await replica();
        for (const command of harness.commands) {
          server.machine.snapshot();
          for await (const _ of server.machine.snapshot()) break;
          await server.apply([command]);
        }
        await server.expectTwin(
          await replicaAfter(harness.commands.length),
          "the state of a server without snapshots",
        );
      },
    ),
  ];
}

/** Cases of `StateMachine.restore`. */
export function restoreCases<Query, Result, Answer>(make: CaseMaker<Query, Result, Answer>): readonly Case[] {
  return [
    make(
      "restore",
      "a restored state answers and goes on like the one it was taken of",
      async ({ harness, replica, replicaAfter }) => {
        for (const moment of momentsOf(harness.commands.length)) {
          const origin = await replicaAfter(moment);
          const restored = await replica();
          await restored.restore(await origin.snapshot(), moment);
          await restored.expectTwin(origin, `the state after ${moment} commands`);
        }
      },
    ),
    make(
      "restore",
      "restore replaces everything: nothing of the old state is left",
      async ({ harness, replicaAfter }) => {
        const { length } = harness.commands;
        for (const moment of momentsOf(length).slice(0, -1)) {
          const origin = await replicaAfter(moment);
          const full = await replicaAfter(length);
          // The index of a snapshot is never lower than what was applied; the state may still be the smaller one.
          await full.restore(await origin.snapshot(), length);
          await full.expectTwin(await replicaAfter(moment), `the state after ${moment} commands`);
        }
      },
    ),
    make(
      "restore",
      "the bytes may be cut into chunks in any way",
      async ({ harness, replica, replicaAfter }) => {
        const { length } = harness.commands;
        const snapshot = await (await replicaAfter(length)).snapshot();
        for (const chunkBytes of [1, 7, Math.max(1, snapshot.length - 1), snapshot.length + 1]) {
          const restored = await replica();
          await restored.restore(snapshot, length, chunkBytes);
          await restored.expectTwin(
            await replicaAfter(length),
            `restored from chunks of ${chunkBytes} bytes`,
          );
        }
      },
    ),
    make(
      "restore",
      "a snapshot of a restored state is as good as the first",
      async ({ harness, replica, replicaAfter }) => {
        const { length } = harness.commands;
        const [first, second] = [await replica(), await replica()];
        await first.restore(await (await replicaAfter(length)).snapshot(), length);
        await second.restore(await first.snapshot(), length);
        await second.expectTwin(await replicaAfter(length), "restored twice over");
      },
    ),
    make(
      "restore",
      "chunks that break off make restore reject",
      async ({ witness, harness, replicaAfter }) => {
        const { length } = harness.commands;
        const snapshot = await (await replicaAfter(length)).snapshot();
        for (const bytes of [0, 1, Math.floor(snapshot.length / 2), snapshot.length]) {
          const server = await replicaAfter(1);
          const restored = server.machine.restore(breakingOff(snapshot.slice(0, bytes)), length);
          await witness.rejects(restored, `restore from a stream that breaks off after ${bytes} bytes`);
        }
      },
    ),
  ];
}

/** What a connection does that is lost in the middle. */
export async function* breakingOff(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
  throw new Error("the stream broke off");
}
