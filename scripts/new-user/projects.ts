import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAll } from "../packages/pack.ts";
import { type Counted, check, count } from "./count.ts";
import { instructions } from "./readme.ts";
import { type Say, Shell } from "./shell.ts";

const ROOT = join(import.meta.dirname, "..", "..");

export interface Results {
  readonly javascript: Counted;
  readonly typescript: Counted;
}

/**
 * Does what the README says under "A project of your own", in empty folders outside the repository: packs the packages, and makes a project in
 * JavaScript and one in TypeScript of them. The only changes: the ports are free ones, and TypeScript is the version that this repository pins.
 */
export async function newUser(say: Say): Promise<Results> {
  const home = mkdtempSync(join(tmpdir(), "eraft-new-user-"));
  try {
    const packed = join(home, "packed");
    say(`# ${packAll(packed).length} packages, packed`);
    return {
      javascript: await project("javascript", { home, packed, say }),
      typescript: await project("typescript", { home, packed, say }),
    };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function project(
  language: keyof Results,
  place: { readonly home: string; readonly packed: string; readonly say: Say },
): Promise<Counted> {
  const { home, packed, say } = place;
  const dir = join(home, language);
  mkdirSync(dir);
  for (const file of globSync("*.tgz", { cwd: packed })) cpSync(join(packed, file), join(dir, file));
  say(`\n# A project in ${language}, in an empty folder with the tarballs`);
  const shell = new Shell(dir, say);
  const { files, commands } = instructions();
  const [setUp = [], , typescript = []] = commands;
  const ports = await freePorts(3);
  const server = (files.get("server.js") ?? "").replace("[7101, 7102, 7103]", JSON.stringify(ports));
  try {
    for (const line of setUp.slice(setUp.indexOf("cd ../counter") + 1)) await shell.type(line);
    if (language === "javascript") {
      write(shell, "counter.js", files.get("counter.js"), say);
      write(shell, "server.js", server, say);
    } else {
      write(shell, "counter.ts", files.get("counter.ts"), say);
      write(shell, "server.ts", server, say);
      write(shell, "tsconfig.json", files.get("tsconfig.json"), say);
      for (const line of typescript.slice(0, -1)) await shell.type(pinned(line));
    }
    const counted = await count(shell, ports, say);
    check(counted);
    say(`# ${counted.acknowledged} increments were answered; the servers say ${counted.values.join(", ")}`);
    return counted;
  } finally {
    await shell.killAll();
  }
}

function write(shell: Shell, file: string, text: string | undefined, say: Say): void {
  if (text === undefined || text === "") throw new Error(`the README has no ${file}`);
  writeFileSync(join(shell.dir, file), text);
  say(`# ${file}: ${text.trimEnd().split("\n").length} lines from the README`);
}

/** `npm install typescript` with the version that this repository pins. */
function pinned(line: string): string {
  const workspace = readFileSync(join(ROOT, "pnpm-workspace.yaml"), "utf8");
  return line
    .split(" ")
    .map((word) => {
      const quoted = word.replaceAll("/", String.raw`\/`);
      const version = new RegExp(`^ {2}"?${quoted}"?: (?<version>\\S+)$`, "m").exec(workspace)?.groups;
      return version === undefined ? word : `${word}@${version["version"]}`;
    })
    .join(" ");
}

/** Nobody listens on them now. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  const ports = await Promise.all(
    servers.map(async (server) => {
      await new Promise((resolve) => server.once("listening", resolve));
      return (server.address() as { readonly port: number }).port;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
