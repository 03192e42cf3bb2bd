// Every package that is published, as the tarball that would be.
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

export interface Packed {
  readonly name: string;
  readonly version: string;
  /** The path of its tarball. */
  readonly tarball: string;
}

/** Packs all of them into `destination`, which holds nothing else afterwards. They have to be built. */
export function packAll(destination: string): readonly Packed[] {
  rmSync(destination, { recursive: true, force: true });
  mkdirSync(destination, { recursive: true });
  const published = globSync("{packages,apps}/*/package.json", { cwd: ROOT })
    .toSorted()
    .map((file) => JSON.parse(readFileSync(join(ROOT, file), "utf8")))
    .filter((manifest) => manifest.private !== true);
  const filters = published.flatMap(({ name }) => ["--filter", name]);
  pnpm("--recursive", ...filters, "pack", "--pack-destination", destination);
  return published.map(({ name, version }: { name: string; version: string }) => ({
    name,
    version,
    tarball: join(destination, `${name.replace("@", "").replace("/", "-")}-${version}.tgz`),
  }));
}

function pnpm(...args: string[]): void {
  // Whoever runs this script with pnpm has it, though not on the PATH.
  const running = process.env["npm_execpath"];
  const [command, ...before] =
    running === undefined || !/pnpm/.test(running)
      ? ["npx", "-y", "pnpm@12"]
      : /\.[cm]?js$/.test(running)
        ? [process.execPath, running]
        : [running];
  const { status, stdout, stderr } = spawnSync(command ?? "", [...before, ...args], {
    cwd: ROOT,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`pnpm ${args.join(" ")} failed:\n${stdout}${stderr}`);
}
