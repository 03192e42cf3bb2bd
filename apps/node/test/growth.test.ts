import { KvraftClient } from "@eraft/kv";
import { nodePeerConnection } from "@eraft/transport-connect/node";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { freePorts } from "./support/ports.ts";
import { EraftProcess } from "./support/process.ts";
import { runMain } from "./support/run-main.ts";
import { tempDir } from "./support/temp-dir.ts";

const QUICK = ["--heartbeat-ms", "50", "--election-timeout-ms", "400"];
const CLIENTS = 4;

/** Appends numbers to a key of its own, one after the other, until it is told to stop. */
class Appender {
  readonly key: string;
  readonly failures: unknown[] = [];
  done = 0;
  readonly #client: KvraftClient;
  #isStopping = false;
  readonly #ended: Promise<void>;

  constructor(client: KvraftClient, key: string) {
    this.#client = client;
    this.key = key;
    this.#ended = this.#run();
  }

  get expected(): string {
    return Array.from({ length: this.done }, (_, at) => `${at},`).join("");
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      try {
        await this.#client.append(this.key, `${this.done},`);
        this.done += 1;
      } catch (error) {
        this.failures.push(error);
        return;
      }
    }
  }
}

function clientOf(addresses: readonly string[]): KvraftClient {
  const connections = new Map(addresses.map((address) => [address, nodePeerConnection(address)]));
  const connect = (address: string): ReturnType<typeof nodePeerConnection> =>
    connections.get(address) ?? nodePeerConnection(address);
  const client = new KvraftClient({ addresses, connect });
  onTestFinished(() => {
    client.close();
    for (const connection of connections.values()) connection.close();
  });
  return client;
}

function start(...args: readonly string[]): EraftProcess {
  const process = new EraftProcess(["serve", ...args, ...QUICK]);
  onTestFinished(async () => void (await process.kill()));
  return process;
}

test("one node grows to three and shrinks to another one, and no client sees a failure", async () => {
  const dir = await tempDir();
  const addresses = (await freePorts(3)).map((port) => `127.0.0.1:${port}`);
  const [first = "", second = "", third = ""] = addresses;
  const processes = [start("--id", "0", "--peers", `0=${first}`, "--data-dir", join(dir, "0"))];
  await processes[0]?.says(/^listening on [^\n]+, node 0 of 1, /m);
  const client = clientOf(addresses);
  const appenders = Array.from({ length: CLIENTS }, (_, at) => new Appender(client, `key-${at}`));
  /** Everybody has been served since the last change. */
  const served = async (): Promise<void> => {
    const before = appenders.map(({ done }) => done);
    await eventually(() => {
      for (const [at, { done, failures }] of appenders.entries()) {
        expect(failures).toEqual([]);
        expect(done).toBeGreaterThan((before[at] ?? 0) + 10);
      }
    });
  };
  await served();

  for (const [id, address] of [
    [1, second],
    [2, third],
  ] as const) {
    const node = start(
      "--id",
      `${id}`,
      "--listen",
      address,
      "--join",
      first,
      "--data-dir",
      join(dir, `${id}`),
    );
    processes.push(node);
    const hint = await node.says(/^it is not a member yet; to add it: .*eraft(?:\.js)? (.*)$/m);
    // What it says is what helps.
    const { code, stdout } = await runMain(...(hint[1] ?? "").split(" "));
    expect(stdout).toBe(`node ${id} is a voter: ${id + 1} voters\n`);
    expect(code).toBe(0);
    await served();
  }
  for (const id of [0, 1]) {
    const { code } = await runMain("member", "remove", String(id), "--cluster", addresses.join(","));
    expect(code).toBe(0);
    await served();
    expect(await processes[id]?.kill("SIGTERM")).toMatchObject({ code: 0 });
    await served();
  }

  await Promise.all(appenders.map((appender) => appender.stop()));
  for (const { key, expected, failures } of appenders) {
    expect(failures).toEqual([]);
    expect(await client.get(key)).toBe(expected);
  }
  const { stdout } = await runMain("member", "list", "--cluster", third);
  expect(stdout.match(/ voter /g)).toHaveLength(1);
}, 120_000);
