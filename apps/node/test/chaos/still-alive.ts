import { readFileSync } from "node:fs";

/** The exit code of a process that had nothing left to do and did not end. */
export const STILL_ALIVE = 3;

/**
 * To be called when everything is done. If the process has not ended by itself after `limitMs` milliseconds, says on stderr what keeps it
 * alive, and ends it with {@link STILL_ALIVE}: something was not taken back, and nobody should have to wait for it to find out.
 */
export function endOrSay(limitMs: number): void {
  const timer = setTimeout(() => {
    const what = whatKeepsAlive().map((line) => `  ${line}\n`);
    process.stderr.write(
      `all is done, but after ${limitMs} ms this process is kept alive by:\n${what.join("")}`,
    );
    process.exit(STILL_ALIVE);
  }, limitMs);
  timer.unref();
}

/** A handle of libuv in Node's diagnostic report. */
interface Handle {
  readonly type: string;
  readonly is_active: boolean;
  readonly is_referenced: boolean;
  readonly pid?: number;
  readonly [detail: string]: unknown;
}

function whatKeepsAlive(): readonly string[] {
  // Or it looks up the names of all addresses.
  Object.assign(process.report, { excludeNetwork: true });
  const { libuv } = process.report.getReport() as unknown as { readonly libuv: readonly Handle[] };
  const handles = libuv.filter((handle) => handle.is_active && handle.is_referenced);
  return [countEach(process.getActiveResourcesInfo()).join(", "), ...handles.map(describe)];
}

/** Thousands of timers are one thing to know, and not thousands. */
function countEach(kinds: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => (count === 1 ? kind : `${kind} (${count})`));
}

function describe(handle: Handle): string {
  const { type, is_active: _, is_referenced: _referenced, address: _address, ...details } = handle;
  const command = handle.pid === undefined ? "" : ` ${commandOf(handle.pid)}`;
  return `${type} ${JSON.stringify(details)}${command}`;
}

/** The command line of a process, where the system tells. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ");
  } catch {
    return "";
  }
}
