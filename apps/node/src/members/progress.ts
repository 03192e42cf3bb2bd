/** How a leader gets on with one node. */
export interface CatchingUp {
  readonly id: number;
  readonly address: string;
  /** How the leader sends to it; null if it does not yet. */
  readonly sending: "probe" | "replicate" | "snapshot" | null;
  /** Log positions: what the node has, and where the leader's log ends. */
  readonly matchIndex: number;
  readonly lastLogIndex: number;
  /** Since it last answered; null if it never did. */
  readonly lastContactMs: number | null;
  readonly lastError: string | null;
}

/** Without an answer for this long a node counts as silent: several heartbeats, whatever those are set to within reason. */
export const SILENT_AFTER_MS = 3000;

export function isSilent({ lastContactMs }: CatchingUp): boolean {
  return lastContactMs === null || lastContactMs > SILENT_AFTER_MS;
}

/** Whether the node has come further from one look to the next. Of a snapshot only the node knows how far it is; it lives as long as it answers. */
export function hasProgressed(before: CatchingUp | null, now: CatchingUp | null): boolean {
  if (now === null) return false;
  if (before === null || now.matchIndex > before.matchIndex) return true;
  return now.sending === "snapshot" && !isSilent(now);
}

/** What there is to wait for, in one line. */
export function describe(progress: CatchingUp): string {
  const { id, address, sending, matchIndex, lastLogIndex, lastContactMs } = progress;
  if (isSilent(progress)) {
    const advice =
      lastContactMs === null ? `; it is started by: eraft serve --id ${id} --join A --listen ${address}` : "";
    return `node ${id} does not answer at ${address}${reason(progress)}${advice}`;
  }
  if (sending === "snapshot") return `node ${id} receives a snapshot`;
  return `node ${id} has ${matchIndex} of ${lastLogIndex} entries`;
}

function reason({ address, lastError }: CatchingUp): string {
  if (lastError === null) return "";
  // Most errors of peers say where they happened.
  const prefix = `${address}: `;
  return `: ${lastError.startsWith(prefix) ? lastError.slice(prefix.length) : lastError}`;
}
