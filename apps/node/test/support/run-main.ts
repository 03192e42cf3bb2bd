import { main } from "../../src/main.ts";

/** Runs a command line in this process; for those that end at once. */
export async function runMain(
  ...argv: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = "";
  let stderr = "";
  const code = await main(argv, {
    out: (text) => void (stdout += typeof text === "string" ? text : Buffer.from(text).toString("latin1")),
    err: (text) => void (stderr += text),
    drained: async () => {},
    input: async function* () {},
    isWatched: false,
  });
  return { code, stdout, stderr };
}
