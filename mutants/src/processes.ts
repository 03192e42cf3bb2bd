import { spawn } from "node:child_process";

export interface Ended {
  /** Null if it was ended for taking too long. */
  readonly exitCode: number | null;
  readonly output: string;
  readonly seconds: number;
}

const running = new Set<number>();

process.once("exit", endAll);
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

/** Runs Node with `args` in `cwd`, and ends it with all that it has started when it takes longer than `limitSeconds`. */
export async function runNode(args: readonly string[], cwd: string, limitSeconds: number): Promise<Ended> {
  const began = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  // A process group of its own, so that its workers end with it.
  const child = spawn(process.execPath, args, { cwd, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const { pid } = child;
  if (pid !== undefined) running.add(pid);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    if (pid !== undefined) endGroup(pid);
  }, limitSeconds * 1000);
  child.on("error", reject);
  child.on("close", (code) => resolve(isLate ? null : (code ?? 1)));
  try {
    const exitCode = await promise;
    return { exitCode, output, seconds: (performance.now() - began) / 1000 };
  } finally {
    clearTimeout(timer);
    if (pid !== undefined) running.delete(pid);
  }
}

function endAll(): void {
  for (const pid of running) endGroup(pid);
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
