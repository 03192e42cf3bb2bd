/** Who calls and returns when; what, is left open. */
export interface Place {
  readonly client: number;
  readonly call: number;
  readonly return: number;
  /** Whether it is its client's last operation. */
  readonly last: boolean;
}

interface Draft {
  readonly client: number;
  readonly call: number;
  return: number;
}

const known = new Map<string, Place[][]>();

/**
 * All ways in which `clients` clients, each doing one thing at a time, can make `size` operations together, operations numbered by
 * call. Clients are interchangeable: a new one is always the lowest that has not called. Events are at 1, 2, 3, ..., or two at
 * one time where a return and the next call coincide (those are the same as the shape with the two swapped, and there to see that
 * a checker knows it).
 */
export function shapes(size: number, clients: number): Place[][] {
  const name = `${size} ${clients}`;
  const found = known.get(name) ?? enumerate(size, clients);
  known.set(name, found);
  return found;
}

function enumerate(size: number, clients: number): Place[][] {
  const all: Place[][] = [];
  const extend = (drafts: readonly Draft[], now: number, afterReturn: boolean): void => {
    const open = drafts.filter((draft) => draft.return === 0);
    if (drafts.length === size && open.length === 0) {
      all.push(
        drafts.map((draft, i) => ({
          ...draft,
          last: drafts.findLastIndex(({ client }) => client === draft.client) === i,
        })),
      );
      return;
    }
    for (const draft of open) {
      extend(
        drafts.map((other) => (other === draft ? { ...other, return: now } : other)),
        now + 1,
        true,
      );
    }
    if (drafts.length === size) return;
    const used = drafts.reduce((count, { client }) => Math.max(count, client + 1), 0);
    for (let client = 0; client < Math.min(clients, used + 1); client += 1) {
      if (open.some((draft) => draft.client === client)) continue;
      extend([...drafts, { client, call: now, return: 0 }], now + 1, false);
      // The tie with the return just before; only from one client to another, as a client's own order is never in doubt.
      const tied = afterReturn && drafts.some((draft) => draft.return === now - 1 && draft.client !== client);
      if (tied && size <= 3) extend([...drafts, { client, call: now - 1, return: 0 }], now, false);
    }
  };
  extend([], 1, false);
  return all;
}
