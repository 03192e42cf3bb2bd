import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { KvService, Reason } from "@eraft/proto/eraft/kv/v1";
import {
  CommandRequestSchema,
  type CommandResponse,
  CommandResponseSchema,
  KVService,
  Op,
} from "@eraft/proto/kvraftpb";
import { BusyError, NotLeaderError, TransferringError } from "@eraft/runtime";
import { type KvNodeEvents, LEADER_HEADER, kvRoutes, kvService, kvV1Routes } from "@eraft/kv";
import { failureOf } from "../src/client/failure.ts";
import { FakeNode } from "./support/fake-node.ts";
import { ManualClock, settle } from "./support/manual-clock.ts";

type Name = keyof KvNodeEvents;

const OTHER = { leaderId: 1, leaderAddress: "10.0.0.1:9001" };
const SELF = { leaderId: 2, leaderAddress: "10.0.0.2:9002" };
const NOBODY = { leaderId: null, leaderAddress: null };

/** Does nothing, for a reason that a test gives, and says who leads when a test says so. */
class LeaderlessNode extends FakeNode {
  reason: Error = new NotLeaderError(null, null);
  readonly #listeners: { readonly name: Name; readonly listener: (event: never) => void }[] = [];

  override propose(): Promise<never> {
    return Promise.reject(this.reason);
  }

  override read(): Promise<never> {
    return Promise.reject(this.reason);
  }

  on<N extends Name>(name: N, listener: (event: KvNodeEvents[N]) => void): () => void {
    this.#listeners.push({ name, listener });
    return () => {};
  }

  emit<N extends Name>(name: N, event: KvNodeEvents[N]): void {
    for (const { name: other, listener } of this.#listeners) {
      if (other === name) listener(event as never);
    }
  }
}

interface Answer {
  readonly err: string;
  readonly hint: string | null;
}

class Bench {
  readonly node = new LeaderlessNode();
  readonly clock = new ManualClock();
  readonly answers: Answer[] = [];
  readonly failures: { readonly reason: Reason; readonly address: string; readonly unknown: boolean }[] = [];
  readonly #router = createRouterTransport((router) => {
    kvRoutes(this.node, { clock: this.clock })(router);
    kvV1Routes(this.node, this.node.machine, { clock: this.clock })(router);
  });
  readonly #kvraft = createClient(KVService, this.#router);
  readonly v1 = createClient(KvService, this.#router);

  ask(op: Op, signal?: AbortSignal): Promise<CommandResponse> {
    let hint: string | null = null;
    const onHeader = (headers: Headers): void => void (hint = headers.get(LEADER_HEADER));
    const answer = this.#kvraft.command(
      { key: "k", value: "v", op },
      { onHeader, ...(signal && { signal }) },
    );
    answer.then(
      ({ err }) => this.answers.push({ err, hint }),
      () => this.answers.push({ err: "failed", hint }),
    );
    return answer;
  }

  note(call: Promise<unknown>): void {
    call.catch((error: unknown) => {
      const failure = failureOf(ConnectError.from(error));
      if (failure === null) throw error;
      const { reason, leaderAddress: address, outcomeUnknown: unknown } = failure;
      this.failures.push({ reason, address, unknown });
    });
  }
}

const TOLD = { err: "ErrWrongLeader", hint: OTHER.leaderAddress };
const NOT_TOLD = { err: "ErrWrongLeader", hint: null };

test("who comes while the leadership is handed over is told who leads as soon as there is a new leader", async () => {
  const bench = new Bench();
  const { node, clock, answers } = bench;
  node.emit("leader", SELF);
  node.reason = new TransferringError();
  void bench.ask(Op.PUT);
  void bench.ask(Op.GET);
  await clock.advance(100);
  node.emit("leader", NOBODY);
  await clock.advance(100);
  expect(answers).toStrictEqual([]);
  node.emit("leader", OTHER);
  await settle();
  expect(answers).toStrictEqual([TOLD, TOLD]);
  expect(clock.pending).toBe(0);
});

test("so is who is served from bytes to bytes", async () => {
  const { node, clock } = new Bench();
  const service = kvService(node, { clock });
  node.reason = new TransferringError();
  const controller = new AbortController();
  const answers = [Op.PUT, Op.GET].map(async (op) => {
    const responseHeader = new Headers();
    const bytes = toBinary(CommandRequestSchema, create(CommandRequestSchema, { key: "k", value: "", op }));
    const context = { signal: controller.signal, timeoutMs: () => undefined, responseHeader };
    const answer = await service.commandBytes(bytes, context);
    const err = answer === null ? null : fromBinary(CommandResponseSchema, answer).err;
    return { err, hint: responseHeader.get(LEADER_HEADER) };
  });
  await clock.advance(200);
  expect(clock.pending).toBe(2);
  node.emit("leader", OTHER);
  expect(await Promise.all(answers)).toStrictEqual([TOLD, TOLD]);
  expect(clock.pending).toBe(0);
});

test("a transfer that fails keeps nobody waiting for more than a quarter of a second", async () => {
  const bench = new Bench();
  const { node, clock, answers } = bench;
  node.emit("leader", SELF);
  node.reason = new TransferringError();
  void bench.ask(Op.PUT);
  await clock.advance(249);
  expect(answers).toStrictEqual([]);
  await clock.advance(1);
  expect(answers).toStrictEqual([NOT_TOLD]);
});

test("who comes while nobody is known to lead waits for a tenth of a second at most", async () => {
  const bench = new Bench();
  const { node, clock, answers } = bench;
  void bench.ask(Op.PUT);
  await clock.advance(50);
  void bench.ask(Op.GET);
  await clock.advance(50);
  expect(answers).toStrictEqual([NOT_TOLD]);
  node.emit("leader", OTHER);
  await settle();
  expect(answers).toStrictEqual([NOT_TOLD, TOLD]);
  expect(clock.pending).toBe(0);
});

test("a leader that is found before the refusal gets here is told of at once", async () => {
  const bench = new Bench();
  const { node, answers } = bench;
  node.emit("leader", OTHER);
  void bench.ask(Op.PUT);
  await settle();
  node.reason = new TransferringError();
  void bench.ask(Op.PUT);
  await settle();
  expect(answers).toStrictEqual([TOLD, TOLD]);
});

test("a leader that is known no longer is not told of", async () => {
  const bench = new Bench();
  const { node, clock, answers } = bench;
  node.emit("leader", OTHER);
  node.emit("leader", NOBODY);
  void bench.ask(Op.PUT);
  await clock.advance(100);
  expect(answers).toStrictEqual([NOT_TOLD]);
});

test("who was told that this server does not lead is sent back to it once it does", async () => {
  const bench = new Bench();
  const { node, answers } = bench;
  void bench.ask(Op.PUT);
  await settle();
  node.emit("leader", SELF);
  await settle();
  expect(answers).toStrictEqual([{ err: "ErrWrongLeader", hint: SELF.leaderAddress }]);
});

test("a refusal that says who leads, and any other one, is passed on at once", async () => {
  const bench = new Bench();
  const { node, answers } = bench;
  node.reason = new NotLeaderError(OTHER.leaderId, OTHER.leaderAddress);
  void bench.ask(Op.PUT);
  await settle();
  expect(answers).toStrictEqual([TOLD]);
  node.emit("leader", NOBODY);
  node.reason = new BusyError();
  const busy = bench.ask(Op.PUT);
  await expect(busy).rejects.toMatchObject({ code: Code.ResourceExhausted });
});

test.each(["failure", "stopped"] as const)("the %s of the node ends all waiting", async (name) => {
  const bench = new Bench();
  const { node, clock, answers } = bench;
  void bench.ask(Op.PUT);
  await settle();
  expect(answers).toStrictEqual([]);
  node.emit(name, undefined);
  await settle();
  expect(answers).toStrictEqual([NOT_TOLD]);
  expect(clock.pending).toBe(0);
});

test("a caller that goes leaves nothing behind", async () => {
  const bench = new Bench();
  const { clock, answers } = bench;
  const controller = new AbortController();
  void bench.ask(Op.PUT, controller.signal).catch(() => {});
  await settle();
  expect(clock.pending).toBe(1);
  controller.abort();
  await settle();
  expect(answers).toStrictEqual([{ err: "failed", hint: null }]);
  expect(clock.pending).toBe(0);
});

test("of a thousand and more that wait, those that come last are told at once that there is nothing to tell", async () => {
  const bench = new Bench();
  const { node, answers } = bench;
  for (let call = 0; call < 1100; call++) void bench.ask(Op.PUT);
  await settle();
  expect(answers).toStrictEqual(Array.from({ length: 1100 - 1024 }, () => NOT_TOLD));
  node.emit("leader", OTHER);
  await settle();
  expect(answers.filter(({ hint }) => hint === OTHER.leaderAddress)).toHaveLength(1024);
  // Those that were told wait no more.
  node.emit("leader", NOBODY);
  void bench.ask(Op.PUT);
  await settle();
  expect(answers).toHaveLength(1100);
});

test("eraft.kv.v1 tells its callers, too: of writes, reads, scans and sessions; nothing was done", async () => {
  const bench = new Bench();
  const { node, clock, failures, v1 } = bench;
  const key = Uint8Array.of(107);
  node.reason = new TransferringError();
  for (const call of [
    v1.put({ key, value: key }),
    v1.get({ key }),
    v1.scan({ range: {} }),
    v1.openSession({}),
  ]) {
    bench.note(call);
  }
  await clock.advance(200);
  expect(failures).toStrictEqual([]);
  node.emit("leader", OTHER);
  await settle();
  const told = { reason: Reason.NOT_LEADER, address: OTHER.leaderAddress, unknown: false };
  expect(failures).toStrictEqual([told, told, told, told]);
  expect(clock.pending).toBe(0);
});
