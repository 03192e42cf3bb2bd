import type { Bench, Row } from "./measurement.ts";
import type { KvSystem } from "./systems/system.ts";

/** The numbers of one round and one system, by the id of their row. */
export type Numbers = Readonly<Record<string, number>>;

export type RowPlan = Pick<Row, "id" | "what" | "unit" | "better">;

/**
 * Measures the systems in turn, A B A B, so that whatever the machine does meanwhile meets both. `once` says how far it is within its turn, from 0 to 1.
 */
export async function alternate(
  { scale, systems, progress }: Bench,
  rows: readonly RowPlan[],
  once: (system: KvSystem, at: (share: number, label?: string) => void) => Promise<Numbers>,
  rounds: number = scale.rounds,
): Promise<Row[]> {
  const measured = new Map<string, Numbers[]>(systems.map(({ name }) => [name, []]));
  const turns = rounds * systems.length;
  let turn = 0;
  for (let round = 1; round <= rounds; round += 1) {
    for (const system of systems) {
      const at = (share: number, label = ""): void => {
        const where = rounds === 1 ? system.name : `round ${round} of ${rounds}, ${system.name}`;
        progress.at((turn + share) / turns, label === "" ? where : `${where}: ${label}`);
      };
      at(0);
      measured.get(system.name)?.push(await once(system, at));
      turn += 1;
    }
  }
  return rows.map((row) => ({ ...row, eraft: column("eraft", row.id) ?? [], etcd: column("etcd", row.id) }));

  function column(name: string, id: string): number[] | null {
    const numbers = measured.get(name);
    if (numbers === undefined) return null;
    return numbers.map((of) => {
      const value = of[id];
      if (value === undefined) throw new Error(`nothing was measured for ${id} of ${name}`);
      return value;
    });
  }
}

/** For a measurement of several parts: the same bench, on which the progress of part number `at` counts as that share of the whole. */
export function partOf(bench: Bench, at: number, parts: number): Bench {
  const { progress } = bench;
  return { ...bench, progress: { at: (share, label) => progress.at((at + share) / parts, label) } };
}
