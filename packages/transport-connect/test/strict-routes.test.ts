import { connect } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { AdminService } from "@eraft/proto/eraft/admin/v1";
import { KvService } from "@eraft/proto/eraft/kv/v1";
import { serve } from "@eraft/transport-connect/node";
import type { RpcServer } from "@eraft/transport-connect/node";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ENGINES } from "./engines.ts";
import { ForeignClient } from "./foreign.ts";
import { envelope } from "./unary-paths.ts";

describe.each(ENGINES)("with the HTTP/2 of $engine", ({ engine }) => {
  const UNARY = "/eraft.admin.v1.AdminService/GetNodeStatus";
  const STREAM = "/eraft.kv.v1.KvService/Watch";

  /** A field of wire type 7, which there is not. */
  const NO_PROTOBUF = Buffer.from([0x0f]);

  let server: RpcServer;
  let address: string;

  beforeEach(async () => {
    server = serve({
      host: "127.0.0.1",
      port: 0,
      engine,
      routes: (router) =>
        router
          .service(AdminService, {
            getNodeStatus: () => ({}),
            listMembers: () => {
              throw new ConnectError("parse what?", Code.Internal);
            },
          })
          .service(KvService, {
            async *watch() {
              yield await Promise.reject<object>(new ConnectError("parse what?", Code.Internal));
            },
          }),
    });
    const { host, port } = await server.listening;
    address = `${host}:${port}`;
  });

  afterEach(() => server.close());

  /** Everything that comes back, as text: statuses of HTTP first, then the body. */
  async function post(path: string, contentType: string, body: Uint8Array): Promise<string> {
    const session = connect(`http://${address}`);
    try {
      const stream = session.request({ ":method": "POST", ":path": path, "content-type": contentType });
      let text = "";
      stream.on("response", (headers) => {
        text = `${headers[":status"]} `;
        if (headers["content-length"] !== undefined) text += `(${headers["content-length"]}) `;
      });
      stream.end(body);
      for await (const chunk of stream.setEncoding("latin1")) text += chunk;
      return text;
    } finally {
      session.destroy();
    }
  }

  test("bytes that are no protobuf are INVALID_ARGUMENT for every service of the port, not only Raft's", async () => {
    const client = new ForeignClient(address);
    try {
      expect(await client.callBytes(UNARY, Buffer.alloc(0))).toHaveLength(0);
      await expect(client.callBytes(UNARY, NO_PROTOBUF)).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
      });
    } finally {
      client.close();
    }
  });

  test("they are for callers of gRPC-Web", async () => {
    const web = "application/grpc-web+proto";
    for (const path of [UNARY, STREAM]) {
      const text = await post(path, web, envelope(NO_PROTOBUF));
      expect(text).toMatch(/^200 \x80\0\0\0.grpc-message: parse%20binary[^\r]*\r\ngrpc-status: 3\r\n$/s);
      expect(text.charCodeAt(8)).toBe(text.length - 9);
    }
    expect(await post(UNARY, web, envelope(Buffer.alloc(0)))).toContain("grpc-status: 0\r\n");
  });

  test("they are for callers of Connect", async () => {
    const text = await post(UNARY, "application/proto", NO_PROTOBUF);
    const [, statusCode, length, json = ""] = /^(\d+) \((\d+)\) (.*)$/s.exec(text) ?? [];
    expect(statusCode).toBe("400");
    expect(Number(length)).toBe(json.length);
    expect(JSON.parse(json)).toEqual({
      code: "invalid_argument",
      message: expect.stringMatching(/^parse binary: /),
    });
    const end = await post(STREAM, "application/connect+proto", envelope(NO_PROTOBUF));
    expect(end.slice(0, 8)).toBe("200 \x02\0\0\0");
    expect(end.charCodeAt(8)).toBe(end.length - 9);
    expect(JSON.parse(end.slice(9))).toMatchObject({
      error: { code: "invalid_argument", message: expect.stringMatching(/^parse binary: /) },
    });
  });

  test("what a handler itself says stays as it is, in all protocols", async () => {
    const none = Buffer.alloc(0);
    const unary = "/eraft.admin.v1.AdminService/ListMembers";
    expect(await post(unary, "application/proto", none)).toMatch(
      /^500 \(43\) \{"code":"internal","message":"parse what\?"\}$/,
    );
    expect(await post(unary, "application/grpc-web+proto", envelope(none))).toContain("grpc-status: 13\r\n");
    expect(await post(STREAM, "application/connect+proto", envelope(none))).toContain('"code":"internal"');
  });
});
