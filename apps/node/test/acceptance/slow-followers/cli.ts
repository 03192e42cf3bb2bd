// Full load with a dead and a slow follower, and what the leader uses of memory: pnpm slow-followers --minutes 10
import { integer } from "../../../src/flags.ts";
import { runTool } from "../support/tool.ts";
import { type LeaderSample, slowFollowers } from "./slow-followers.ts";

const MIB = 2 ** 20;
const SAMPLE_MS = 30_000;

await runTool({
  name: "slow-followers",
  about: [
    "Five nodes under full load (puts of 1 KiB over 4096 keys), one of them dead, and one behind a link that lets hardly anything through.",
    "Prints every 30 seconds what the leader uses of memory, and in the end by how much that grew in a minute, over the second half of the time.\nHeap and buffers are the least of 30 seconds: what is left after the garbage collector.",
  ],
  flags: {
    minutes: integer({ help: "how long (default 10)", min: 2, max: 10_000, fallback: { value: 10 } }),
    clients: integer({
      help: "clients, each with one call at a time (default 64)",
      min: 1,
      max: 1024,
      fallback: { value: 64 },
    }),
    "slow-bytes": integer({
      help: "bytes a second on each connection to the slow node (default 200000)",
      min: 100,
      max: 2 ** 30,
      fallback: { value: 200_000 },
    }),
    "goal-mib": integer({
      help: "heap and buffers should not grow by more MiB in a minute (default 1)",
      min: 1,
      max: 1000,
      fallback: { value: 1 },
    }),
  },
  limitMinutes: ({ minutes }) => minutes + 5,
  run: async ({ minutes, clients, "slow-bytes": slowBytesPerSecond, "goal-mib": goalMib }, say) => {
    let before = 0;
    const { samples, growth, acknowledged, sentToSlow, problems } = await slowFollowers({
      durationMs: minutes * 60_000,
      sampleMs: SAMPLE_MS,
      slowBytesPerSecond,
      clients,
      flags: [],
      onSample: (sample) => {
        say(sampleLine(sample, sample.acknowledged - before));
        before = sample.acknowledged;
      },
    });
    const grown = growth.heapBytes / MIB;
    const last = samples.at(-1);
    return {
      report: [
        `${acknowledged} puts acknowledged; the slow follower got ${mib(sentToSlow)}, and lags ${last?.lag} entries behind`,
        `growth in the second half, a minute: heap and buffers ${grown.toFixed(2)} MiB, resident ${mib(growth.residentBytes)}`,
      ],
      problems,
      missed:
        grown <= goalMib
          ? []
          : [`heap and buffers grew by ${grown.toFixed(2)} MiB in a minute; the goal is ${goalMib}`],
    };
  },
});

function sampleLine({ memory, lag }: LeaderSample, puts: number): string {
  const { heapBytes, externalBytes, residentBytes } = memory;
  const figures = [
    `heap ${mib(heapBytes)}`,
    `buffers ${mib(externalBytes)}`,
    `resident ${mib(residentBytes)}`,
    `${Math.round((puts * 1000) / SAMPLE_MS)} puts/s`,
    `slow follower ${lag} entries behind`,
  ];
  return figures.join("   ");
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
