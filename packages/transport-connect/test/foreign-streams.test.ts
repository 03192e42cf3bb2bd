import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import { afterEach, describe, expect, test } from "vitest";
import { ENGINES } from "./engines.ts";
import { ForeignClient, startForeignServer } from "./foreign.ts";
import type { Fields } from "./foreign.ts";
import { agree, appendRequest, entriesAfter, Inbox, isRequest, startNode, voteRequest } from "./support.ts";
import type { TestNode, TestNodeOptions } from "./support.ts";

describe.each(ENGINES)("with the HTTP/2 of $engine", ({ engine }) => {
  /** Google's own gRPC, reading our contract. */
  const definition = loader.loadSync("eraft/peer/v1/peer.proto", {
    includeDirs: [new URL("../../../proto", import.meta.url).pathname],
    keepCase: true,
    longs: String,
    enums: String,
  });
  const { eraft } = grpc.loadPackageDefinition(definition) as unknown as {
    eraft: { peer: { v1: { PeerService: grpc.ServiceClientConstructor } } };
  };
  const { PeerService } = eraft.peer.v1;

  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
  });

  async function node(id: number, options: TestNodeOptions): Promise<TestNode> {
    const started = await startNode(id, { engine, ...options });
    cleanups.push(() => started.stop());
    return started;
  }

  const HELLO = { hello: { version_min: 1, version_max: 1, from: 1, to: 2, run: 7 }, lane: "LANE_CONTROL" };

  test("a foreign client opens a stream, is answered on it, and hears why when it may not", async () => {
    const two = await node(2, { peers: new Map([[1, "127.0.0.1:1"]]), agree: true });
    const client = new PeerService(two.address, grpc.credentials.createInsecure());
    cleanups.push(() => client.close());
    const open = () => (client["Exchange"] as () => grpc.ClientDuplexStream<Fields, Fields>).call(client);
    const stream = open();
    const frames = new Inbox<Fields>();
    stream.on("data", (frame: Fields) => frames.push(frame));
    stream.on("error", () => {});
    stream.write(HELLO);
    expect(await frames.next()).toMatchObject({ welcome: { version: 1, from: "2" } });
    stream.write({
      requests: [
        { sequence: 5, term: 5, request_vote: { last_log_index: 9, last_log_term: 4 } },
        { sequence: 6, term: 5, append_entries: { prev_log_index: 9, prev_log_term: 4, leader_commit: 9 } },
      ],
    });
    expect(await frames.next()).toMatchObject({
      responses: [
        { sequence: "5", term: "5", request_vote: { vote_granted: true } },
        { sequence: "6", term: "5", append_entries: { success: true, match_index: "9" } },
      ],
    });
    const refused = open();
    refused.on("data", () => {});
    const status = new Promise<grpc.ServiceError>((resolve) => refused.on("error", resolve));
    refused.write({ ...HELLO, hello: { ...HELLO.hello, from: 9 } });
    expect(await status).toMatchObject({
      code: grpc.status.PERMISSION_DENIED,
      details: "server 9 is not in this cluster",
    });
    stream.cancel();
  });

  test("a foreign server is called by streams, entries and their answers included", async () => {
    const frames = new Inbox<Fields>();
    const server = new grpc.Server();
    server.addService(PeerService.service, {
      Exchange: (call: grpc.ServerDuplexStream<Fields, Fields>) => {
        call.on("data", (frame: Fields) => {
          frames.push(frame);
          if (frame["hello"]) {
            call.write({ welcome: { version: 1, from: 2, run: 3 } });
            return;
          }
          const [request] = frame["requests"] as Fields[];
          const answer = { success: true, match_index: 11 };
          call.write({ responses: [{ sequence: request?.["sequence"], term: 5, append_entries: answer }] });
        });
        call.on("end", () => call.end());
      },
      InstallSnapshot: (call: grpc.ServerDuplexStream<Fields, Fields>) => call.end(),
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
    cleanups.push(() => server.forceShutdown());
    const one = await node(1, { peers: new Map([[2, `127.0.0.1:${port}`]]) });
    const request = appendRequest({ entries: entriesAfter(9, 2, 3) });
    one.transport.send(request);
    expect(await one.receiver.messages.next()).toEqual(agree(request));
    expect([await frames.next(), await frames.next(), await frames.next()]).toMatchObject([
      { hello: { version_min: 1, from: "1", to: "2" }, lane: "LANE_CONTROL" },
      { hello: { version_min: 1, from: "1", to: "2" }, lane: "LANE_BULK" },
      {
        requests: [
          {
            sequence: "72",
            append_entries: {
              prev_log_index: "9",
              entries: [{ command: Buffer.from([1, 1, 1]) }, { command: Buffer.from([2, 2, 2]) }],
            },
          },
        ],
      },
    ]);
  });

  /** Server 1 of ours, server 2 that speaks raftpb only, server 3 of ours. */
  async function mixedSet() {
    const foreign = await startForeignServer({
      RequestVote: ({ term }) => ({ term, vote_granted: true }),
      AppendEntries: ({ term }) => ({ term, success: true }),
      InstallSnapshot: ({ term }) => ({ term }),
    });
    cleanups.push(() => foreign.stop());
    const one = await node(1, { agree: true });
    const peers = new Map([
      [1, one.address],
      [2, foreign.address],
    ]);
    const three = await node(3, { peers, agree: true });
    one.transport.setPeers(
      new Map([...peers, [3, three.address]].filter(([id]) => id !== 1) as [number, string][]),
    );
    return { one, three, foreign };
  }

  test("in a mixed set each peer is spoken to by what it knows", async () => {
    const { one, three } = await mixedSet();
    three.receiver.onMessage = (message) => {
      if (isRequest(message)) return three.transport.send(agree(message));
      const { term, sequence } = message;
      three.transport.send({ type: "preVoteResponse", from: 3, to: 1, term, sequence, voteGranted: false });
    };
    for (const to of [2, 3]) {
      const sequence = 100 * to;
      const vote = voteRequest({ to, sequence });
      const append = appendRequest({ to, sequence: sequence + 1, entries: entriesAfter(9, 3, 10) });
      for (const request of [vote, append]) {
        one.transport.send(request);
        expect(await one.receiver.messages.next()).toEqual(agree(request));
      }
      const preVote = { from: 1, to, term: 5, sequence: sequence + 2, lastLogIndex: 9, lastLogTerm: 4 };
      one.transport.send({ type: "preVote", ...preVote });
      expect(await one.receiver.messages.next()).toMatchObject({
        type: "preVoteResponse",
        from: to,
        sequence: sequence + 2,
        // The foreign one has not even heard of it.
        voteGranted: to === 2,
      });
    }
    expect(three.receiver.messages.all.map(({ type }) => type)).toEqual([
      "requestVote",
      "appendEntries",
      "preVote",
    ]);
    expect(one.receiver.unreached.all).toEqual([]);
  });

  test("a server that is spoken to by streams and by unary calls gives each caller its own answer", async () => {
    const { one, three } = await mixedSet();
    // The one that speaks raftpb only, as a client.
    const client = new ForeignClient(one.address);
    cleanups.push(() => client.close());
    const held: (() => void)[] = [];
    one.receiver.onMessage = (message) => {
      if (!isRequest(message)) return;
      const voteGranted = message.from === 3;
      held.push(() => one.transport.send({ ...agree(message), voteGranted } as ReturnType<typeof agree>));
    };
    const reply = client.call("RequestVote", {
      term: 5,
      candidate_id: 2,
      last_log_index: 9,
      last_log_term: 4,
    });
    const unary = await one.receiver.messages.next();
    // The same number as the unary request got, as near as a peer may come to it.
    const vote = voteRequest({ from: 3, to: 1, sequence: unary.sequence - 2 ** 52 });
    three.transport.send(vote);
    await one.receiver.messages.next();
    for (const answer of held.toReversed()) answer();
    expect(await three.receiver.messages.next()).toEqual({ ...agree(vote), voteGranted: true });
    expect(await reply).toMatchObject({ vote_granted: false });
  });
});
