// All bad input there is, given to a node that runs. What comes back is in docs/bad-input.md.
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { FailureSchema, KvService, Reason, StreamRequestSchema } from "@eraft/proto/eraft/kv/v1";
import { KVService } from "@eraft/proto/kvraftpb";
import { nodePeerConnection } from "@eraft/transport-connect/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BAD_HTTP, BAD_INPUTS, type BadHttp, type BadInput } from "./support/bad-input.ts";
import { badInputTable } from "./support/bad-input-doc.ts";
import { TestCluster } from "./support/test-cluster.ts";

let cluster: TestCluster;
let connection: ReturnType<typeof nodePeerConnection>;

beforeAll(async () => {
  cluster = await TestCluster.start({ nodes: 1 });
  await cluster.leader();
  connection = nodePeerConnection(cluster.addresses[0] ?? "");
  const kv = createClient(KvService, connection);
  await kv.put({ key: new TextEncoder().encode("bytes"), value: Uint8Array.of(0xff) });
  // More than the history keeps.
  const key = new TextEncoder().encode("large");
  for (let i = 0; i < 9; i++) await kv.put({ key, value: new Uint8Array(1 << 20) });
});

afterAll(async () => {
  connection.close();
  await cluster.stop();
});

async function callWith({ method, request }: BadInput): Promise<unknown> {
  const kv = createClient(KvService, connection);
  switch (method) {
    case "Get":
      return kv.get(request);
    case "Put":
      return kv.put(request);
    case "Delete":
      return kv.delete(request);
    case "CompareAndSwap":
      return kv.compareAndSwap(request);
    case "Scan":
      return kv.scan(request);
    case "Batch":
      return kv.batch(request);
    case "Watch":
      for await (const response of kv.watch(request)) return response;
      return "the end";
    case "Stream": {
      const requests = (async function* () {
        yield create(StreamRequestSchema, { calls: [request] });
      })();
      for await (const { replies } of kv.stream(requests)) return replies[0]?.reply.value;
      return "the end";
    }
    case "Command":
      return createClient(KVService, connection).command(request);
  }
}

async function answerTo(input: BadInput): Promise<string> {
  let answer: unknown;
  try {
    answer = await callWith(input);
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const reason = error.findDetails(FailureSchema)[0]?.reason;
    return `${nameOf(error.code)}${reason === undefined ? "" : ` ${reasonName(reason)}`}: ${error.rawMessage}`;
  }
  if (typeof answer !== "object" || answer === null || !("reason" in answer) || !("message" in answer)) {
    throw new Error(`${input.method}, ${input.what}: it was done`);
  }
  return `a reply with ${reasonName(answer.reason)}: ${String(answer.message)}`;
}

function reasonName(reason: unknown): string {
  return Object.entries(Reason).find(([, value]) => value === reason)?.[0] ?? "no reason";
}

function nameOf(code: Code): string {
  return Code[code].replaceAll(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase();
}

async function httpAnswerTo({ method, contentType, body, verb = "POST" }: BadHttp): Promise<string> {
  const url = `http://${cluster.addresses[0]}/eraft.kv.v1.KvService/${method}`;
  const response = await fetch(url, {
    method: verb,
    headers: { "content-type": contentType },
    ...(verb === "GET" ? {} : { body }),
  });
  const text = await response.text();
  const said =
    response.headers.get("content-type")?.includes("json") === true ? jsonError(text) : text.trim();
  return `${response.status}${said === "" ? "" : `: ${said}`}`;
}

function jsonError(text: string): string {
  const { code, message } = JSON.parse(text) as { readonly code: string; readonly message?: string };
  return `${code}${message === undefined ? "" : `, ${message}`}`;
}

test("docs/bad-input.md says what comes of bad calls, and none of them changes anything", async () => {
  const { revision } = await createClient(KvService, connection).scan({});
  const rows = [];
  for (const input of BAD_INPUTS) {
    const service = input.method === "Command" ? "kvraftpb " : "";
    rows.push({ where: `${service}${input.method}`, what: input.what, answer: await answerTo(input) });
  }
  const { documented, actual } = badInputTable("Calls", rows);
  expect(documented).toBe(actual);
  expect((await createClient(KvService, connection).scan({})).revision).toBe(revision);
});

test("docs/bad-input.md says what comes of bad HTTP requests", async () => {
  const rows = [];
  for (const input of BAD_HTTP) {
    const where = `${input.verb ?? "POST"} ${input.method}, ${input.contentType}`;
    rows.push({ where, what: input.what, answer: await httpAnswerTo(input) });
  }
  const { documented, actual } = badInputTable("HTTP", rows);
  expect(documented).toBe(actual);
});
