import type { Case } from "../common/case.ts";
import { Random } from "../common/random.ts";
import type { CaseMaker } from "./state-machine-case.ts";

const MAX_QUERIES_BESIDE = 200;

/** Cases of `StateMachine.open` and `apply`. */
export function applyCases<Query, Result, Answer>(make: CaseMaker<Query, Result, Answer>): readonly Case[] {
  return [
    make("open", "a new state machine reflects nothing yet", async ({ replica }) => {
      await (await replica()).expectTwin(await replica(), "two new state machines");
    }),
    make(
      "apply",
      "each command gets one result, in order, however they come in batches",
      async ({ witness, harness, replica }) => {
        const expected = await (await replica()).apply(harness.commands, 1);
        for (const batchSize of [2, 3, harness.commands.length]) {
          const results = await (await replica()).apply(harness.commands, batchSize);
          witness.equal(results, expected, `results in batches of ${batchSize}, as one by one`);
        }
        const none = await (await replica()).machine.apply([]);
        witness.equal(none.length, 0, "results for no commands");
      },
    ),
    make(
      "apply",
      "equal commands give equal results and an equal state on every server, at any time",
      async ({ witness, harness, replica }) => {
        const [first, second] = [await replica(), await replica()];
        const expected = await first.apply(harness.commands, 2);
        await nextMillisecond();
        witness.did("wait a millisecond, and do the same on another server");
        witness.equal(await second.apply(harness.commands, 5), expected, "results on another server");
        await second.expectTwin(first, "the state of another server");
      },
    ),
    make(
      "apply",
      "bytes that are no command get a result and not a rejection, the same on every server",
      async ({ witness, harness, replica }) => {
        const [first, second] = [await replica(), await replica()];
        const commands = harness.commands.flatMap((command, i) => [command, ...garbageFrom(command, i)]);
        const expected = await first.apply(commands, 1);
        witness.equal(await second.apply(commands), expected, "results on another server");
        await second.expectTwin(first, "the state of another server");
      },
    ),
    make(
      "apply",
      "indexes may leave gaps: entries without a command never get here",
      async ({ harness, replica, replicaAfter }) => {
        const withGaps = async (): Promise<Awaited<ReturnType<typeof replica>>> => {
          const gaps = await replica();
          for (const command of harness.commands) {
            gaps.skip(2);
            await gaps.apply([command]);
          }
          return gaps;
        };
        const gaps = await withGaps();
        if (harness.supports?.ignoresIndexes === false) {
          await gaps.expectTwin(await withGaps(), "the state of another server, with the same gaps");
          return;
        }
        const { length } = harness.commands;
        await gaps.expectTwin(await replicaAfter(length), "the state after the same commands without gaps");
      },
    ),
    make("apply", "commands are read and not modified", async ({ witness, harness, replica }) => {
      const copies = harness.commands.map((command) => new Uint8Array(command));
      const server = await replica();
      await server.apply(copies);
      await server.portrait();
      await server.snapshot();
      witness.equal(
        copies,
        harness.commands.map((command) => new Uint8Array(command)),
        "the bytes of the commands",
      );
    }),
  ];
}

/** Cases of `StateMachine.query`. */
export function queryCases<Query, Result, Answer>(make: CaseMaker<Query, Result, Answer>): readonly Case[] {
  return [
    make("query", "queries change nothing", async ({ harness, replica, replicaAfter }) => {
      const asked = await replica();
      for (const command of harness.commands) {
        await asked.answers();
        await asked.apply([command]);
        await asked.answers();
      }
      await asked.expectTwin(
        await replicaAfter(harness.commands.length),
        "the state of a server that was not queried",
      );
    }),
    make(
      "query",
      "a query beside apply sees a state between two commands",
      async ({ witness, harness, replica }) => {
        const patient = await replica();
        const states = [await patient.answers()];
        for (const command of harness.commands) {
          await patient.apply([command]);
          states.push(await patient.answers());
        }
        const busy = await replica();
        const progress = { isDone: false };
        const applying = busy.machine.apply(busy.number(harness.commands)).finally(() => {
          progress.isDone = true;
        });
        const seen: (readonly string[])[] = [];
        // Not until it is done: an apply that waits for a timer would never get its turn.
        for (let i = 0; i < MAX_QUERIES_BESIDE && !progress.isDone; i += 1) {
          seen.push(await busy.answers());
        }
        await applying;
        for (const answers of seen) {
          for (const [i, answer] of answers.entries()) {
            const possible = states.map((answers) => answers[i]);
            witness.check(
              possible.includes(answer),
              `query ${i}: an answer of a state between two commands`,
              answer,
            );
          }
        }
        witness.equal(await busy.answers(), states.at(-1), "the answers after apply");
      },
    ),
  ];
}

/** Bytes like a command, and unlike any. */
function garbageFrom(command: Uint8Array, seed: number): readonly Uint8Array[] {
  const random = new Random(seed);
  const flipped = new Uint8Array(command);
  const at = random.below(command.length);
  flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8));
  const cut = command.slice(0, random.between(1, command.length));
  const longer = new Uint8Array(command.length + 3).fill(0xff);
  longer.set(command);
  const noise = Uint8Array.from({ length: random.between(1, 40) }, () => random.below(256));
  return [flipped, cut, longer, noise, Uint8Array.of(seed % 256)];
}

/** A result that depends on the time cannot be equal to one of an earlier millisecond. */
async function nextMillisecond(): Promise<void> {
  const start = Date.now();
  while (Date.now() <= start + 1) await Promise.resolve();
}
