// Fails when a .proto file breaks the style rules or the published contract, or when the committed code is stale.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

function run(step: string, command: string, ...args: string[]): void {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status === 0) return;
  console.error(`proto: ${step}`);
  process.exitCode = 1;
}

run("the .proto files break the style rules above", "buf", "lint");
run(
  "the contract in proto/baseline.binpb is broken: old peers and clients would misread the new messages",
  "buf",
  "breaking",
  "--against",
  "proto/baseline.binpb",
);

const fresh = mkdtempSync(join(tmpdir(), "eraft-proto-"));
try {
  cpSync("buf.gen.yaml", join(fresh, "buf.gen.yaml"));
  run("code generation failed", "buf", "generate", "--output", fresh);
  run("formatting failed", "oxfmt", fresh);
  run(
    "packages/proto/src is stale: run `pnpm generate` and commit the result",
    "diff",
    "-r",
    join(fresh, "packages/proto/src"),
    "packages/proto/src",
  );
} finally {
  rmSync(fresh, { recursive: true });
}
