import { expect, test } from "vitest";
import { HeadCache } from "../src/head-cache.ts";
import { HpackDecoder } from "../src/hpack/decoder.ts";
import type { RequestHead } from "../src/request-head.ts";
import { block, POST } from "./raw-client.ts";

function cache(): (...parts: readonly Buffer[]) => RequestHead {
  const heads = new HeadCache(new HpackDecoder({ maxHeaderBytes: 16_384, maxHeaderPairs: 10 }));
  return (...parts) => {
    const bytes = Buffer.concat(parts);
    const head = heads.read(bytes, 0, bytes.byteLength);
    if (typeof head === "string") throw new Error(head);
    return head;
  };
}

const plain = block(POST);
/** The newest entry of the client's table. */
const newest = Buffer.from("be", "hex");
const adds = (name: string, value: string) =>
  Buffer.concat([Buffer.of(0x40), block([name, value]).subarray(1)]);

test("the same bytes stand for the same head", () => {
  const read = cache();
  read(plain, adds("x", "1"));
  const head = read(plain, newest);
  expect(head.headers).toEqual({ x: "1" });
  expect(read(plain, newest)).toBe(head);
  expect(read(plain)).not.toBe(head);
  expect(read(plain, newest)).toBe(head);
});

test("but not once the client's table has changed", () => {
  const read = cache();
  read(plain, adds("x", "1"));
  expect(read(plain, newest).headers).toEqual({ x: "1" });
  read(plain, adds("x", "2"));
  expect(read(plain, newest).headers).toEqual({ x: "2" });
});

test("a block that changes the table is read each time", () => {
  const read = cache();
  for (let i = 0; i < 3; i += 1) {
    expect(read(plain, adds("x", "1")).headers).toEqual({ x: "1" });
    expect(read(plain, adds("y", "2")).headers).toEqual({ y: "2" });
    expect(read(plain, newest, Buffer.from("bf", "hex")).headers).toEqual({ y: "2", x: "1" });
  }
});

test("many heads at a time are told apart", () => {
  const read = cache();
  const paths = Array.from({ length: 100 }, (_, i) => `/${i % 7}/${i}`);
  for (let round = 0; round < 3; round += 1) {
    for (const path of paths) {
      expect(read(block([":method", "GET", ":scheme", "http", ":path", path])).path).toBe(path);
    }
  }
});

test("what is added to the table after too many headers counts for later blocks", () => {
  const heads = new HeadCache(new HpackDecoder({ maxHeaderBytes: 16_384, maxHeaderPairs: 5 }));
  const many = Buffer.concat([plain, block(["a", "1", "b", "2"]), adds("x", "1")]);
  expect(heads.read(many, 0, many.byteLength)).toBe("tooLarge");
  const next = Buffer.concat([plain, newest]);
  expect(heads.read(next, 0, next.byteLength)).toMatchObject({ fields: ["x", "1"] });
});
