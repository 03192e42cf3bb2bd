import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const fixture = fileURLToPath(new URL("goaway-fixture.ts", import.meta.url));

async function run(...how: string[]) {
  const flags = [
    "-C",
    "@eraft/source",
    "--unhandled-rejections=strict",
    "--disable-warning=ExperimentalWarning",
  ];
  // Older versions among those we support strip types only when asked to.
  if (Number(process.versions.node.split(".")[0]) < 23) flags.push("--experimental-strip-types");
  const child = spawn(process.execPath, [...flags, fixture, ...how]);
  let output = "";
  let errors = "";
  child.stdout.on("data", (text: Buffer) => (output += text.toString()));
  child.stderr.on("data", (text: Buffer) => (errors += text.toString()));
  const [exitCode] = (await once(child, "close")) as [number];
  return { exitCode, output, errors };
}

test("a peer that restarts gracefully 100 times under traffic does no harm", async () => {
  const { exitCode, output, errors } = await run("own");
  expect(errors).toBe("");
  expect(output).toBe("answered at least 100 calls\n");
  expect(exitCode).toBe(0);
});

test("nor does one that restarts 30 times while it is spoken to over a stream", async () => {
  const { exitCode, output, errors } = await run("own", "streams");
  expect(errors).toBe("");
  expect(output).toBe("answered at least 30 calls\n");
  expect(exitCode).toBe(0);
});

// Why the session manager is ours. Should this fail one day, Connect has been mended, and ours may go.
test("the same with Connect's own session manager ends the process", async () => {
  const { exitCode, errors } = await run("connect");
  expect(exitCode).not.toBe(0);
  expect(errors).toContain("received GOAWAY without any open streams");
});
