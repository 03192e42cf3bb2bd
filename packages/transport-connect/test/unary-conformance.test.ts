import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { CommandRequestSchema, CommandResponseSchema } from "@eraft/proto/kvraftpb";
import { constants } from "node:http2";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { commandOf, envelope, LEFT_TO_THE_OTHER, seen, UnaryServerUnderTest } from "./unary-paths.ts";
import type { Handle, Seen } from "./unary-paths.ts";
import { Inbox } from "./support.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

const echo: Handle = ({ key, value }) => ({ err: key, value });
const REQUEST = commandOf({ key: "a", value: "b" });

const statusOf = ({ httpStatus, contentType, status, message, body }: Seen) => ({
  httpStatus,
  contentType,
  status,
  message,
  bytes: body.byteLength,
});

const undated = ({ headers, ...rest }: Seen) => ({ ...rest, headers: { ...headers, date: "" } });

const failure = (code: Code, message: unknown) => ({
  httpStatus: 200,
  contentType: "application/grpc+proto",
  status: String(code),
  message,
  bytes: 0,
});

/** Whatever a caller does, all ways of serving it look the same: each test is run with all of them. */
describe.each([
  { how: "straight on HTTP/2", path: "direct", engine: "eraft" },
  { how: "from its bytes", path: "bytes", engine: "eraft" },
  { how: "through Connect", path: "connect", engine: "eraft" },
  { how: "straight on Node's HTTP/2", path: "direct", engine: "node" },
  { how: "from its bytes on Node's HTTP/2", path: "bytes", engine: "node" },
  { how: "through Connect on Node's HTTP/2", path: "connect", engine: "node" },
] as const)("a unary call served $how", ({ engine, path }) => {
  function start(
    handle: Handle = echo,
    ...rest: readonly [limits?: ConstructorParameters<typeof UnaryServerUnderTest>[2], readMaxBytes?: number]
  ): UnaryServerUnderTest {
    const server = new UnaryServerUnderTest({ engine, path }, handle, ...rest);
    cleanups.push(() => server.close());
    return server;
  }

  test("is answered with headers, one message and a status in trailers", async () => {
    const answer = await start().call([REQUEST]);
    expect(statusOf(answer)).toMatchObject({
      httpStatus: 200,
      contentType: "application/grpc+proto",
      status: "0",
      message: "",
    });
    expect(answer.headers["grpc-status"]).toBe(undefined);
    expect(Object.keys(answer.headers).toSorted()).toEqual([":status", "content-type", "date"]);
    expect(answer.trailers).toEqual({ "grpc-status": "0" });
    expect(answer.body.toString("hex")).toBe("00000000060a016112 0162".replace(" ", ""));
    expect(answer.resetCode).toBe(0);
  });

  test("ends with an error that was frozen as with any other, time and again", async () => {
    const words = "Zu viel ist los: 100 % \u00fcber dem Ma\u00df.";
    const metadata = { "x-pause": "7" };
    const [frozen, other] = [0, 1].map(() => new ConnectError(words, Code.ResourceExhausted, metadata));
    const second = new ConnectError("another", Code.Unavailable);
    const errors: Record<string, unknown> = {
      frozen: Object.freeze(frozen),
      other,
      second: Object.freeze(second),
    };
    const server = start(({ key }) => {
      throw errors[key];
    });
    const calls = [];
    for (const key of ["frozen", "other", "second", "frozen", "second", "frozen"]) {
      calls.push(await server.call([commandOf({ key })]));
    }
    const [first, unfrozen, alone, ...again] = calls.map(undated);
    expect(calls.map(statusOf)[0]).toEqual(failure(Code.ResourceExhausted, words));
    expect(first).toEqual(unfrozen);
    expect(first?.trailers["x-pause"]).toBe("7");
    expect(alone).toMatchObject({ status: String(Code.Unavailable), message: "another" });
    expect(again).toEqual([first, alone, first]);
  });

  test("ends with a frozen error after headers and trailers of its own", async () => {
    const error: unknown = Object.freeze(new ConnectError("busy", Code.ResourceExhausted));
    const server = start(({ key }, context) => {
      if (key.includes("h")) context.responseHeader.set("x-head", "1");
      if (key.includes("t")) context.responseTrailer.set("x-trail", "2");
      throw error;
    });
    for (const [key, own] of [
      ["h", { "x-head": "1" }],
      ["t", { "x-trail": "2" }],
      ["", {}],
      ["ht", { "x-head": "1", "x-trail": "2" }],
    ] as const) {
      const { headers, trailers, ...rest } = await server.call([commandOf({ key })]);
      expect(statusOf({ headers, trailers, ...rest })).toEqual(failure(Code.ResourceExhausted, "busy"));
      const found = Object.entries({ ...headers, ...trailers }).filter(([name]) => name.startsWith("x-"));
      expect(Object.fromEntries(found)).toEqual(own);
    }
  });

  test.for([["application/grpc"], ["application/grpc+proto"]])("of type %s is the same", async ([type]) => {
    const answer = await start().call([REQUEST], { "content-type": type });
    expect(statusOf(answer)).toMatchObject({ status: "0", bytes: REQUEST.byteLength });
  });

  test("may come in pieces that are cut anywhere", async () => {
    const server = start();
    for (let at = 1; at < REQUEST.byteLength; at += 1) {
      const answer = await server.call([REQUEST.subarray(0, at), REQUEST.subarray(at)]);
      expect(answer.body).toEqual(REQUEST);
    }
    const answer = await server.call([...REQUEST].map((byte) => Uint8Array.of(byte)));
    expect(answer.body).toEqual(REQUEST);
  });

  test("may be left by the handler of bytes to the other one", async () => {
    const request = commandOf({ key: LEFT_TO_THE_OTHER });
    const answer = await start().call([request]);
    expect(answer.body).toEqual(request);
  });

  test("may be of no bytes at all", async () => {
    const answer = await start().call([envelope(new Uint8Array(0))]);
    expect(statusOf(answer)).toMatchObject({ status: "0", bytes: 5 });
  });

  test("may be as large as the limit, in both directions, and passes windows many times over", async () => {
    const server = start(echo, { readMaxBytes: 3_000_000, writeMaxBytes: 3_000_000 });
    const request = commandOf({ key: "k", value: "v".repeat(2_999_900) });
    const answer = await server.call([request]);
    expect(answer.status).toBe("0");
    expect(answer.body.equals(request)).toBe(true);
  });

  test.for([
    ["none", [], Code.Unimplemented, "protocol error: missing input message for unary method"],
    [
      "two",
      [REQUEST, REQUEST],
      Code.Unimplemented,
      "protocol error: received extra input message for unary method",
    ],
    [
      "two in one frame",
      [Buffer.concat([REQUEST, REQUEST])],
      Code.Unimplemented,
      "protocol error: received extra input message for unary method",
    ],
    [
      "one and no more than the beginning of another",
      [REQUEST, REQUEST.subarray(0, 3)],
      Code.InvalidArgument,
      "protocol error: incomplete envelope",
    ],
    ["half a one", [REQUEST.subarray(0, 8)], Code.InvalidArgument, "protocol error: incomplete envelope"],
    ["half a prefix", [REQUEST.subarray(0, 2)], Code.InvalidArgument, "protocol error: incomplete envelope"],
    [
      "one that is no protobuf",
      [envelope(Buffer.from("0f", "hex"))],
      Code.InvalidArgument,
      expect.stringMatching(/^parse binary: /),
    ],
    [
      "one that breaks off within a field",
      [envelope(Buffer.from("0a05616263", "hex"))],
      Code.InvalidArgument,
      expect.stringMatching(/^parse binary: /),
    ],
    [
      "two, of which the second is no protobuf",
      [REQUEST, envelope(Buffer.from("0f", "hex"))],
      Code.InvalidArgument,
      expect.stringMatching(/^parse binary: /),
    ],
    [
      "two, of which the first is no protobuf",
      [envelope(Buffer.from("0f", "hex")), REQUEST],
      Code.InvalidArgument,
      expect.stringMatching(/^parse binary: /),
    ],
    [
      "one that says that it is compressed",
      [envelope(REQUEST.subarray(5), 1)],
      Code.Internal,
      "received compressed envelope, but do not know how to decompress",
    ],
    [
      "one above the limit",
      [commandOf({ value: "v".repeat(1100) })],
      Code.ResourceExhausted,
      "message size 1103 is larger than configured readMaxBytes 1000",
    ],
    [
      "one that claims 4 GiB",
      [Buffer.from("00ffffffff", "hex")],
      Code.ResourceExhausted,
      "message size 4294967295 is larger than configured readMaxBytes 1000",
    ],
  ] as const)("with %s for a message is refused", async ([, chunks, code, message]) => {
    let isCalled = false;
    const server = start(
      (request, context) => {
        isCalled = true;
        return echo(request, context);
      },
      { readMaxBytes: 1000 },
    );
    expect(statusOf(await server.call(chunks))).toEqual(failure(code, message));
    expect(isCalled).toBe(false);
  });

  test("with flags that nobody knows is answered", async () => {
    const answer = await start().call([envelope(REQUEST.subarray(5), 0x82)]);
    expect(answer.status).toBe("0");
  });

  test("keeps the limit of its method rather than that of the server", async () => {
    const request = commandOf({ key: "a", value: "v".repeat(1100) });
    const large = await start(echo, { readMaxBytes: 1000 }, 2000).call([request]);
    expect(large.status).toBe("0");
    const small = await start(echo, {}, 1000).call([request]);
    expect(small.status).toBe(String(Code.ResourceExhausted));
  });

  test("is refused as soon as its size is known, while the rest is still to come", async () => {
    const server = start(echo, { readMaxBytes: 1000 });
    const stream = await server.open();
    const answer = seen(stream);
    stream.write(Buffer.from("000000ffff00", "hex"));
    expect((await answer).status).toBe(String(Code.ResourceExhausted));
    stream.close(constants.NGHTTP2_CANCEL);
  });

  test("whose answer is above the limit fails", async () => {
    const answer = await start(() => ({ err: "v".repeat(2000) }), { writeMaxBytes: 1000 }).call([REQUEST]);
    expect(statusOf(answer)).toEqual(
      failure(Code.ResourceExhausted, "message size 2003 is larger than configured writeMaxBytes 1000"),
    );
  });

  test("whose answer cannot be encoded fails", async () => {
    const answer = await start(() => ({ err: Object.create(null) as string })).call([REQUEST]);
    expect(statusOf(answer)).toEqual(failure(Code.Internal, expect.stringMatching(/^serialize binary: /)));
  });

  test.for([
    ["throws", true],
    ["rejects", false],
  ] as const)("whose handler %s gets that status, its text, metadata and details", async ([, isThrown]) => {
    const error = new ConnectError("nö, 100 %\n", Code.FailedPrecondition, { "x-why": "so" }, [
      { desc: CommandResponseSchema, value: { err: "detail" } },
    ]);
    const answer = await start(() => {
      if (isThrown) throw error;
      return Promise.reject(error);
    }).call([REQUEST]);
    expect(statusOf(answer)).toEqual(failure(Code.FailedPrecondition, "nö, 100 %\n"));
    expect(answer.trailers).toMatchObject({
      "grpc-message": "n%C3%B6%2C%20100%20%25%0A",
      "x-why": "so",
      "grpc-status-details-bin": expect.stringMatching(/^[\w+/]+$/),
    });
  });

  test("whose handler fails in a way that it did not mean is told nothing of it", async () => {
    const answer = await start(() => Promise.reject(new Error("the password is 12345"))).call([REQUEST]);
    expect(statusOf(answer)).toEqual(failure(Code.Internal, "internal error"));
  });

  test("whose error cannot be put into a trailer is answered", async () => {
    const answer = await start(() => {
      throw new ConnectError("half a character: \ud83d", Code.NotFound);
    }).call([REQUEST]);
    expect(answer.status).toBe(String(Code.InvalidArgument));
    expect(answer.message).toBe("the request could not be read");
  });

  test("shows its headers to the handler, and gets the handler's headers and trailers", async () => {
    const found: Record<string, string | null> = {};
    const server = start((request, context) => {
      for (const name of ["x-one", "x-two", "content-type"]) found[name] = context.requestHeader.get(name);
      context.responseHeader.set("x-header", "1");
      context.responseTrailer.set("x-trailer", "2");
      return echo(request, context);
    });
    const answer = await server.call([REQUEST], { "x-one": "a", "x-two": ["b", "c"] });
    expect(found).toEqual({ "x-one": "a", "x-two": "b, c", "content-type": "application/grpc" });
    expect(answer.headers).toMatchObject({ "x-header": "1", "content-type": "application/grpc+proto" });
    expect(answer.trailers).toEqual({ "grpc-status": "0", "x-trailer": "2" });
  });

  test("keeps the handler's headers and trailers if it fails after that", async () => {
    const answer = await start((_request, context) => {
      context.responseHeader.set("x-header", "1");
      context.responseTrailer.set("x-trailer", "2");
      throw new ConnectError("no", Code.Aborted);
    }).call([REQUEST]);
    expect(answer.headers).toMatchObject({ "x-header": "1" });
    expect(answer.trailers).toMatchObject({ "grpc-status": String(Code.Aborted), "x-trailer": "2" });
  });

  test.for([
    ["5H", 18_000_000],
    ["3M", 180_000],
    ["20S", 20_000],
    ["90000m", 90_000],
    ["99999999u", 99_999.999],
    ["99999999n", 99.999999],
  ] as const)("with a grpc-timeout of %s has a deadline in %d ms", async ([timeout, ms]) => {
    let leftMs: number | undefined;
    const server = start((request, context) => {
      leftMs = context.timeoutMs();
      return echo(request, context);
    });
    await server.call([REQUEST], { "grpc-timeout": timeout });
    expect(leftMs).toBeLessThanOrEqual(Math.ceil(ms));
    // What the machine was slow to do is all that may be missing.
    expect(leftMs).toBeGreaterThan(ms - 15_000);
  });

  test("without a grpc-timeout has none", async () => {
    let leftMs: number | undefined = 0;
    const server = start((request, context) => {
      leftMs = context.timeoutMs();
      return echo(request, context);
    });
    await server.call([REQUEST]);
    expect(leftMs).toBe(undefined);
  });

  test.for([["soon"], ["5"], ["-1S"], ["123456789S"], ["5 S"], [["1S", "2S"]]] as const)(
    "with a grpc-timeout of %s is refused",
    async ([timeout]) => {
      const answer = await start().call([REQUEST], { "grpc-timeout": timeout as string });
      expect(statusOf(answer)).toEqual(
        failure(Code.InvalidArgument, expect.stringContaining("invalid grpc timeout value")),
      );
    },
  );

  test("tells its handler when the deadline has passed", async () => {
    const server = start(async (_request, { signal }) => {
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", resolve);
      });
      signal.throwIfAborted();
      return {};
    });
    const answers = await Promise.all(
      ["1m", "20m", "7m"].map((timeout) => server.call([REQUEST], { "grpc-timeout": timeout })),
    );
    for (const answer of answers) {
      expect(statusOf(answer)).toEqual(failure(Code.DeadlineExceeded, "the operation timed out"));
    }
  });

  test("that is cancelled tells its handler so, and the next one is served", async () => {
    const reasons = new Inbox<unknown>();
    const begun = new Inbox<true>();
    const server = start(async ({ key }, { signal }) => {
      if (key !== "wait") return { err: key };
      begun.push(true);
      await new Promise<void>((resolve) => signal.addEventListener("abort", resolve));
      reasons.push(signal.reason);
      return {};
    });
    const stream = await server.open();
    stream.end(commandOf({ key: "wait" }));
    await begun.next();
    stream.close(constants.NGHTTP2_CANCEL);
    expect(await reasons.next()).toMatchObject({ code: Code.Canceled });
    expect((await server.call([REQUEST])).status).toBe("0");
  });

  test("that is broken off before its request is complete never gets to the handler", async () => {
    let calls = 0;
    const server = start((request, context) => {
      calls += 1;
      return echo(request, context);
    });
    const stream = await server.open();
    await new Promise((resolve) => stream.write(REQUEST.subarray(0, 7), resolve));
    stream.close(constants.NGHTTP2_CANCEL);
    await once(stream, "close");
    await server.call([REQUEST]);
    expect(calls).toBe(1);
  });

  test("is answered each for itself, in whatever order the answers come", async () => {
    const waiting = new Map<string, () => void>();
    const begun = new Inbox<string>();
    const server = start(async ({ key }) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.set(key, resolve);
      begun.push(key);
      await promise;
      return { value: key };
    });
    const keys = Array.from({ length: 100 }, (_, i) => `key ${i}`);
    const answers = keys.map((key) => server.call([commandOf({ key })]));
    for (const _ of keys) await begun.next();
    for (const key of keys.toReversed()) waiting.get(key)?.();
    const values = (await Promise.all(answers)).map(
      ({ body }) => fromBinary(CommandResponseSchema, body.subarray(5)).value,
    );
    expect(values).toEqual(keys);
  });

  test("is finished when the server closes, and told that no more are taken", async () => {
    const begun = new Inbox<() => void>();
    const server = start(async (request, context) => {
      await new Promise<void>((resolve) => begun.push(resolve));
      return echo(request, context);
    });
    const answer = server.call([REQUEST]);
    const finish = await begun.next();
    const goaway = once(await server.session(), "goaway");
    const closed = server.server.close();
    await goaway;
    finish();
    expect((await answer).status).toBe("0");
    await closed;
  });

  test("whose request never ends is answered in the end", async () => {
    const server = start(echo, { requestTimeoutMs: 40 });
    const stream = await server.open();
    stream.write(REQUEST.subarray(0, 7));
    const answer = await seen(stream);
    expect(answer.status).toBe(String(Code.DeadlineExceeded));
    expect(answer.message).toBe("the request did not end within 40 ms");
    if (!stream.closed) await once(stream, "close");
  });

  test.for([
    ["another HTTP method", { ":method": "PUT" }, 405, null],
    ["a type that is not known", { "content-type": "application/grpc+thrift" }, 415, null],
    ["JSON as gRPC", { "content-type": "application/grpc+json" }, 200, "3"],
    ["a query", { ":path": "/kvraftpb.KVService/Command?x=1" }, 200, "0"],
    ["a path that is not known", { ":path": "/kvraftpb.KVService/Nothing" }, 200, "12"],
    ["a compression that is not known", { "grpc-encoding": "gzip" }, 200, "12"],
    ["no compression, by name", { "grpc-encoding": "identity" }, 200, "0"],
    ["an authority that is none", { ":authority": "a:123456" }, 400, null],
  ] as const)("with %s is Connect's own business", async ([, headers, status, grpcStatus]) => {
    const answer = await start().call([REQUEST], headers);
    expect(answer.httpStatus).toBe(status);
    expect(answer.status).toBe(grpcStatus);
  });

  test("has a request that keeps its bytes for itself", async () => {
    const requests: string[] = [];
    const server = start((request, context) => {
      requests.push(request.value);
      return echo(request, context);
    });
    const values = Array.from({ length: 20 }, (_, i) => String(i).repeat(50));
    await Promise.all(values.map((value) => server.call([commandOf({ value })])));
    expect(requests.toSorted()).toEqual(values.toSorted());
    expect(fromBinary(CommandRequestSchema, REQUEST.subarray(5)).key).toBe("a");
  });
});
