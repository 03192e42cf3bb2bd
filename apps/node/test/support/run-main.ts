import { main } from "../../src/main.ts";

/** Runs a command line in this process; for those that end at once. */
export async function runMain(
  ...argv: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = "";
  let stderr = "";
  const code = await main(argv, {
    out: (text) => void (stdout += text),
    err: (text) => void (stderr += text),
  });
  return { code, stdout, stderr };
}
