// put, get and append with nodes that know eraft.kv.v1, nodes that do not, and both in one cluster.
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { KvService } from "@eraft/proto/eraft/kv/v1";
import { KVService, Op } from "@eraft/proto/kvraftpb";
import { serve } from "@eraft/transport-connect/node";
import { expect, onTestFinished, test } from "vitest";
import { runMain } from "./support/run-main.ts";

const DONE = { code: 0, stdout: "", stderr: "" };

function doesNotLead(): never {
  throw new ConnectError("another leads", Code.Unavailable);
}

/** A server with some services; resolves with its address. */
async function serverOf(routes: (router: ConnectRouter) => void): Promise<string> {
  const server = serve({ host: "127.0.0.1", port: 0, routes });
  onTestFinished(() => server.close());
  const { port } = await server.listening;
  return `127.0.0.1:${port}`;
}

/** The contract of the Go nodes, and nothing else. */
function goStore(writes: string[] = []): (router: ConnectRouter) => void {
  const values = new Map<string, string>();
  return (router) => {
    router.service(KVService, {
      command: ({ op, key, value }) => {
        const old = values.get(key);
        if (op === Op.GET) {
          return old === undefined ? { err: "ErrNoKey" } : { err: "OK", value: old };
        }
        writes.push(`${op === Op.PUT ? "put" : "append"} ${key} ${value}`);
        values.set(key, op === Op.APPEND ? `${old ?? ""}${value}` : value);
        return { err: "OK" };
      },
    });
  };
}

test("nodes that know nothing but the Go contract are spoken to in that", async () => {
  const writes: string[] = [];
  const flags = ["--cluster", await serverOf(goStore(writes))];
  expect(await runMain("put", "k", "ä", ...flags)).toEqual(DONE);
  expect(await runMain("append", "k", String.raw`\n`, "--escaped", ...flags)).toEqual(DONE);
  expect(await runMain("get", "k", ...flags)).toEqual({ ...DONE, stdout: "ä\n\n" });
  expect(await runMain("get", "k", "--escaped", ...flags)).toEqual({ ...DONE, stdout: "ä\\n\n" });
  expect(await runMain("get", "k", "--consistency", "stale", ...flags)).toEqual({ ...DONE, stdout: "ä\n\n" });
  expect(await runMain("get", "none", ...flags)).toEqual({
    code: 3,
    stdout: "",
    stderr: 'eraft: no such key: "none"\n',
  });
  expect(writes).toEqual(["put k ä", "append k \n"]);
});

test("what the Go contract does not tell is null in JSON, and what it cannot hold is refused", async () => {
  const writes: string[] = [];
  const flags = ["--cluster", await serverOf(goStore(writes))];
  expect((await runMain("put", "k", "v", "--json", ...flags)).stdout).toBe('{"revision":null}\n');
  expect(JSON.parse((await runMain("get", "k", "--json", ...flags)).stdout)).toEqual({
    key: "k",
    value: "v",
    create_revision: null,
    mod_revision: null,
  });
  const { code, stdout, stderr } = await runMain("append", "k", String.raw`\xff`, "--escaped", ...flags);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain(String.raw`VALUE \xff is no UTF-8`);
  expect(writes).toEqual(["put k v"]);
});

test("in a mixed cluster whose leader is a Go node, that is found past one that knows more", async () => {
  const following = await serverOf((router) => {
    router.service(KvService, { openSession: doesNotLead, get: doesNotLead });
    router.service(KVService, { command: () => ({ err: "ErrWrongLeader" }) });
  });
  const writes: string[] = [];
  const cluster = `${following},${await serverOf(goStore(writes))}`;
  expect(await runMain("put", "k", "v", "--cluster", cluster)).toEqual(DONE);
  expect(await runMain("get", "k", "--cluster", cluster)).toEqual({ ...DONE, stdout: "v\n" });
  expect(writes).toEqual(["put k v"]);
});

test("a write that may have been done in one contract is not done again in the other", async () => {
  const writes: string[] = [];
  let puts = 0;
  const cluster = await serverOf((router) => {
    goStore(writes)(router);
    router.service(KvService, {
      openSession: () => ({ sessionId: 1n }),
      put: () => {
        puts += 1;
        // The first may have been done; then the node is replaced by one that does not know the call.
        throw new ConnectError("it stops", puts === 1 ? Code.Unavailable : Code.Unimplemented);
      },
    });
  });
  const { code, stdout, stderr } = await runMain("put", "k", "v", "--cluster", cluster);
  expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
  expect(stderr).toContain("it does not know this call; the write may have been done all the same");
  expect({ puts, writes }).toEqual({ puts: 2, writes: [] });
});

test("what one contract refuses is not tried in the other", async () => {
  const writes: string[] = [];
  const cluster = await serverOf((router) => {
    goStore(writes)(router);
    router.service(KvService, {
      openSession: () => ({ sessionId: 1n }),
      put: () => {
        throw new ConnectError("the store is full", Code.FailedPrecondition);
      },
    });
  });
  expect(await runMain("put", "k", "v", "--cluster", cluster)).toEqual({
    code: 1,
    stdout: "",
    stderr: "eraft: the cluster refused: the store is full; nothing was done\n",
  });
  expect(writes).toEqual([]);
});

test("a value that is no text is printed byte for byte, with a newline after it", async () => {
  const item = { key: new TextEncoder().encode("k"), value: Uint8Array.of(0xff, 0x00, 0xc3) };
  const cluster = await serverOf((router) => {
    router.service(KvService, { get: () => ({ item: { ...item, createRevision: 1n, modRevision: 1n } }) });
  });
  expect(await runMain("get", "k", "--cluster", cluster)).toEqual({
    ...DONE,
    stdout: "\u00ff\u0000\u00c3\n",
  });
});
