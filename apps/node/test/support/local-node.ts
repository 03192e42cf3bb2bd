import { onTestFinished } from "vitest";
import { type Address, parseAddress } from "../../src/cluster.ts";
import { createLogger } from "../../src/logger.ts";
import type { Beginning, ServeConfig } from "../../src/server/config.ts";
import type { DiskStorageType } from "../../src/server/data-dir.ts";
import { Server, type Started } from "../../src/server/server.ts";
import type { StateType } from "../../src/server/state.ts";
import { eventually } from "./eventually.ts";
import { freePorts } from "./ports.ts";
import { runMain } from "./run-main.ts";

export interface LogRecord {
  readonly level: string;
  readonly msg: string;
}

export interface LocalNodeOptions {
  readonly id: number;
  readonly listen: Address;
  readonly beginning: Beginning;
  /** Null for memory. */
  readonly dir: string | null;
  /** Default: wal. */
  readonly storage?: DiskStorageType;
  /** Default: memory. */
  readonly state?: StateType;
  readonly clusterId?: string;
  readonly readdress?: boolean;
}

/** A server in this process; ended with the test. */
export class LocalNode {
  readonly options: LocalNodeOptions;
  readonly started: Started;
  readonly records: readonly LogRecord[];
  readonly #server: Server;

  private constructor(
    options: LocalNodeOptions,
    server: Server,
    started: Started,
    records: readonly LogRecord[],
  ) {
    this.options = options;
    this.started = started;
    this.records = records;
    this.#server = server;
  }

  /** Resolves once it listens. */
  static async start(options: LocalNodeOptions): Promise<LocalNode> {
    const records: LogRecord[] = [];
    const write = (line: string): void => void records.push(JSON.parse(line) as LogRecord);
    const server = new Server(configOf(options), createLogger({ node: options.id, level: "info", write }));
    onTestFinished(() => server.stop());
    try {
      return new LocalNode(options, server, await server.start(), records);
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  get address(): string {
    return this.options.listen.text;
  }

  /** What it has logged. */
  get log(): string {
    return this.records.map(({ level, msg }) => `${level}: ${msg}`).join("\n");
  }

  /** Resolves once it knows a leader: then the two have introduced themselves to each other. */
  async followed(): Promise<void> {
    await eventually(() => {
      if (!/leader: \d/.test(this.log)) throw new Error(`no leader: ${this.log}`);
    });
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Stops it, and starts it again on what its directory holds. */
  async restart(changes: Partial<LocalNodeOptions> = {}): Promise<LocalNode> {
    await this.stop();
    return LocalNode.start({ ...this.options, ...changes });
  }
}

function configOf({
  id,
  listen,
  beginning,
  dir,
  storage = "wal",
  state = "memory",
  clusterId,
  readdress = false,
}: LocalNodeOptions): ServeConfig {
  return {
    id,
    listen,
    beginning,
    readdress,
    clusterId: clusterId ?? null,
    storage: dir === null ? { type: "memory" } : { type: storage, dir },
    state,
    electionTimeoutMs: 400,
    heartbeatMs: 50,
    snapshotBytes: 8 * 1024 * 1024,
    maxClockDriftPercent: null,
    logLevel: "info",
  };
}

/** Addresses that nobody listens on, in a row. */
export async function freeAddresses(count: number): Promise<readonly Address[]> {
  return (await freePorts(count)).map((port) => parseAddress(`127.0.0.1:${port}`));
}

/** Nodes 0, 1, ... that begin a cluster. */
export async function found(
  addresses: readonly Address[],
  dirOf: (id: number) => string,
): Promise<LocalNode[]> {
  const members = new Map(addresses.map((address, id) => [id, address]));
  const beginning = { type: "found", members } as const;
  return Promise.all(
    addresses.map((listen, id) => LocalNode.start({ id, listen, beginning, dir: dirOf(id) })),
  );
}

export interface MemberJson {
  readonly id: number;
  readonly address: string;
  readonly standing: string;
  readonly incarnation: string | null;
}

export interface MemberListJson {
  readonly cluster_id: string;
  readonly index: number;
  readonly settled: boolean;
  readonly leader_id: number | null;
  readonly members: readonly MemberJson[];
}

/** `eraft member list --json`. */
export async function memberList(contact: string): Promise<MemberListJson> {
  const { stdout } = await runMain("member", "list", "--json", "--cluster", contact);
  return JSON.parse(stdout) as MemberListJson;
}

/** Waits until the cluster has a leader and all its members are known by their disks; gives what it then says. */
export async function settled(contact: string): Promise<MemberListJson> {
  return eventually(async () => {
    const list = await memberList(contact);
    if (
      list.leader_id !== null &&
      list.settled &&
      list.members.every(({ incarnation }) => incarnation !== null)
    )
      return list;
    throw new Error(JSON.stringify(list));
  });
}

/** `0 voter, 3 learner`. */
export function standings({ members }: MemberListJson): string {
  return members.map(({ id, standing }) => `${id} ${standing}`).join(", ");
}
