import { HANGS_AFTER_MS } from "../support/hangs.ts";
import { Attacker } from "./attacker.ts";
import { inputOf } from "./inputs.ts";
import type { Inspection } from "./target.ts";
import { TargetProcess } from "./target-process.ts";

export interface CampaignOptions {
  readonly seed: number;
  readonly inputs: number;
  /** Inputs between two looks at the node. */
  readonly chunk: number;
  readonly sessions?: number;
  /** How long to wait for an answer to input that may well have none. Default 3000. */
  readonly silenceMs?: number;
  readonly onChunk?: (done: number, inspection: Inspection) => void;
}

export interface CampaignResult {
  /** By kind and status. */
  readonly counts: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly seconds: number;
  /** After the first chunk, which fills caches and compiles code, and after each later one. */
  readonly inspections: readonly Inspection[];
}

/** Fires at a node. Rejects when it dies, changes, keeps something open, or answers what is not documented; the error names the input. */
export async function campaign(options: CampaignOptions): Promise<CampaignResult> {
  const target = await TargetProcess.start();
  try {
    return await fireAt(target, options);
  } finally {
    await target.stop();
  }
}

async function fireAt(target: TargetProcess, options: CampaignOptions): Promise<CampaignResult> {
  const { seed, inputs, chunk, sessions = 3, silenceMs = 3000, onChunk } = options;
  const began = performance.now();
  const before = await target.inspect();
  const counts = new Map<string, Map<string, number>>();
  const inspections: Inspection[] = [];
  for (let first = 0; first < inputs; first += chunk) {
    const end = Math.min(first + chunk, inputs);
    const attacker = new Attacker(target.port, sessions, silenceMs);
    const surprises = await fireChunk(attacker, seed, first, end, counts);
    await attacker.leave();
    const inspection = await settled(target, before);
    inspections.push(inspection);
    onChunk?.(end, inspection);
    if (inspection.state !== before.state) {
      const inputs = `inputs ${first} to ${end - 1} of seed ${seed}`;
      throw new Error(`${inputs} changed the node from\n${before.state}\nto\n${inspection.state}`);
    }
    if (surprises.length > 0) throw new Error(surprises.slice(0, 20).join("\n"));
  }
  return { counts, seconds: (performance.now() - began) / 1000, inspections };
}

/** As many at a time as fit. Returns the answers that are not documented. */
async function fireChunk(
  attacker: Attacker,
  seed: number,
  first: number,
  end: number,
  counts: Map<string, Map<string, number>>,
): Promise<readonly string[]> {
  const surprises: string[] = [];
  let next = first;
  const lane = async (): Promise<void> => {
    while (next < end) {
      const number = next;
      next += 1;
      const input = inputOf(seed, number);
      const { status, isExpected } = await attacker.send(input);
      const ofKind = counts.get(input.kind) ?? new Map<string, number>();
      counts.set(input.kind, ofKind);
      ofKind.set(status, (ofKind.get(status) ?? 0) + 1);
      if (!isExpected) {
        surprises.push(`input ${number} of seed ${seed} (${input.kind}) was answered with ${status}`);
      }
    }
  };
  await Promise.all(Array.from({ length: attacker.width }, lane));
  return surprises;
}

/** The node, once the connections of a chunk are gone and nothing waits for an answer. */
async function settled(target: TargetProcess, before: Inspection): Promise<Inspection> {
  for (const endMs = performance.now() + HANGS_AFTER_MS; ;) {
    const inspection = await target.inspect();
    const { openExchanges, pendingRequests } = inspection;
    const connections = inspection.connections - before.connections;
    if (openExchanges === 0 && pendingRequests === 0 && connections <= 0) return inspection;
    if (openExchanges < 0)
      throw new Error(`the node has sent ${-openExchanges} answers that nobody asked for`);
    if (performance.now() > endMs) {
      const kept = `${openExchanges} requests of peers, ${pendingRequests} of clients, ${connections} connections`;
      throw new Error(
        `${kept} are open in the node ${HANGS_AFTER_MS / 1000} s after their callers have left`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
