import { main } from "../../src/main.ts";

export interface Result {
  readonly code: number;
  /** Bytes as they are, one to a character. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process; for those that end at once. */
export function runMain(...argv: readonly string[]): Promise<Result> {
  return runMainWith({}, ...argv);
}

/** The same with something on stdin, or with somebody who looks at stderr. */
export async function runMainWith(
  { input = "", isWatched = false }: { readonly input?: string; readonly isWatched?: boolean },
  ...argv: readonly string[]
): Promise<Result> {
  let stdout = "";
  let stderr = "";
  const code = await main(argv, {
    out: (text) => void (stdout += typeof text === "string" ? text : Buffer.from(text).toString("latin1")),
    err: (text) => void (stderr += text),
    drained: async () => {},
    input: async function* () {
      yield new TextEncoder().encode(input);
    },
    isWatched,
  });
  return { code, stdout, stderr };
}
