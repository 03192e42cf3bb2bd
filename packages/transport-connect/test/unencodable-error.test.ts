import { connect } from "node:http2";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { ENGINES } from "./engines.ts";
import { startNode } from "./support.ts";

/** What comes back for a call with this JSON, in a protocol of Connect. */
async function statusOf(port: number, contentType: string, json: string): Promise<string> {
  const session = connect(`http://127.0.0.1:${port}`);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const stream = session.request({
    ":method": "POST",
    ":path": "/raftpb.RaftService/AppendEntries",
    "content-type": contentType,
  });
  let found = "no answer";
  stream.on("response", (headers) => (found = `http ${headers[":status"]}`));
  stream.on("trailers", (trailers) => (found = `grpc ${String(trailers["grpc-status"])}`));
  stream.on("error", reject);
  stream.on("close", () => resolve(found));
  const text = Buffer.from(json);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  stream.end(contentType.startsWith("application/grpc") ? Buffer.concat([head, text]) : text);
  stream.resume();
  try {
    return await promise;
  } finally {
    session.destroy();
  }
}

describe.each(ENGINES)("with the HTTP/2 of $engine", ({ engine }) => {
  test.each([
    { contentType: "application/grpc+json", expected: `grpc ${status.INVALID_ARGUMENT}` },
    { contentType: "application/json", expected: "http 400" },
  ])(
    "a caller of $contentType is answered although the error quotes half a surrogate pair",
    async ({ contentType, expected }) => {
      const node = await startNode(2, { engine });
      try {
        // The quotation ends after a fixed number of UTF-16 units: with one of these beginnings, in the middle of a character.
        for (const beginning of ["x", "xx"]) {
          const json = beginning + "\u{1f600}".repeat(40);
          expect(await statusOf(node.port, contentType, json)).toBe(expected);
        }
      } finally {
        await node.stop();
      }
    },
  );
});
