import { describe, expect, test } from "vitest";
import { HpackDecoder } from "../src/hpack/decoder.ts";
import { HpackEncoder } from "../src/hpack/encoder.ts";
import { HeaderList } from "../src/hpack/header-list.ts";
import { decodeHuffman, encodeHuffman, huffmanLength } from "../src/hpack/huffman.ts";

const LIMITS = { maxHeaderBytes: 16_384, maxHeaderPairs: 64 };

const bytesOf = (hex: string) => Buffer.from(hex.replaceAll(/\s/g, ""), "hex");

function decode(decoder: HpackDecoder, hex: string): string[] | null {
  const bytes = bytesOf(hex);
  return decoder.decode(bytes, 0, bytes.byteLength);
}

const GET = [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "www.example.com"];
const SECOND = [...GET, "cache-control", "no-cache"];
const THIRD = [
  ":method",
  "GET",
  ":scheme",
  "https",
  ":path",
  "/index.html",
  ":authority",
  "www.example.com",
  "custom-key",
  "custom-value",
];

describe("the examples of RFC 7541, Appendix C, are decoded:", () => {
  test.for([
    [
      "C.2.1 literal with indexing",
      "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
      ["custom-key", "custom-header"],
    ],
    ["C.2.2 literal without indexing", "040c 2f73 616d 706c 652f 7061 7468", [":path", "/sample/path"]],
    ["C.2.3 literal never indexed", "1008 7061 7373 776f 7264 0673 6563 7265 74", ["password", "secret"]],
    ["C.2.4 indexed", "82", [":method", "GET"]],
  ] as const)("%s", ([, hex, fields]) => {
    expect(decode(new HpackDecoder(LIMITS), hex)).toEqual(fields);
  });

  test("C.3 requests without Huffman coding", () => {
    const decoder = new HpackDecoder(LIMITS);
    expect(decode(decoder, "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d")).toEqual(GET);
    expect(decode(decoder, "8286 84be 5808 6e6f 2d63 6163 6865")).toEqual(SECOND);
    expect(
      decode(decoder, "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65"),
    ).toEqual(THIRD);
  });

  test("C.4 requests with Huffman coding", () => {
    const decoder = new HpackDecoder(LIMITS);
    expect(decode(decoder, "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff")).toEqual(GET);
    expect(decode(decoder, "8286 84be 5886 a8eb 1064 9cbf")).toEqual(SECOND);
    expect(decode(decoder, "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")).toEqual(THIRD);
  });

  test("C.6 answers with Huffman coding, in a table of 256 bytes", () => {
    const decoder = new HpackDecoder(LIMITS);
    const location = "https://www.example.com";
    const first = [":status", "302", "cache-control", "private", "date", "Mon, 21 Oct 2013 20:13:21 GMT"];
    // 3f e1 01: the table is no larger than 256 bytes from now on, as the examples have it.
    const hex =
      "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
    expect(decode(decoder, hex)).toEqual([...first, "location", location]);
    expect(decode(decoder, "4883 640e ffc1 c0bf")).toEqual([
      ":status",
      "307",
      ...first.slice(2),
      "location",
      location,
    ]);
    const third =
      "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07";
    expect(decode(decoder, third)).toEqual([
      ":status",
      "200",
      "cache-control",
      "private",
      "date",
      "Mon, 21 Oct 2013 20:13:22 GMT",
      "location",
      location,
      "content-encoding",
      "gzip",
      "set-cookie",
      "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    ]);
  });
});

describe("a block is refused, not taken for another, for", () => {
  test.for([
    ["index 0", "80"],
    ["an index beyond both tables", "be"],
    ["a name of an index beyond both tables", "7f00 0161"],
    ["an index that does not end", "ff80 8080 8080 8080 8001"],
    ["a number that is cut off", "ff"],
    ["a string that is cut off", "400a 6375"],
    ["a value that is missing", "4001 61"],
    ["a table above 4 KiB", "3fe2 1f"],
    ["a table that changes after a header", "8220"],
    ["a string that is filled up with zeros", "0001 6181 00"],
    ["a string that is filled up with a whole byte", "0001 6182 1fff"],
    ["an end of string within a string", "0001 6184 ffff fffc"],
  ] as const)("%s", ([, hex]) => {
    expect(() => decode(new HpackDecoder(LIMITS), hex)).toThrow(/^headers: /);
  });
});

test("more headers, or longer ones, than allowed are read and not kept", () => {
  const decoder = new HpackDecoder({ maxHeaderBytes: 120, maxHeaderPairs: 2 });
  const added = "4001 6101 62";
  expect(decode(decoder, `${added} 8286`)).toBe(null);
  // It is in the table all the same.
  expect(decode(decoder, "be")).toEqual(["a", "b"]);
  expect(decode(decoder, `0001 6130 ${"61".repeat(48)}`)).toHaveLength(2);
  expect(decode(decoder, `0001 617f 00 ${"61".repeat(127)}`)).toBe(null);
});

test("each byte has a code that is decoded again", () => {
  const bytes = new Uint8Array(1024);
  const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");
  for (const text of all.split("").concat(all, "")) {
    const end = encodeHuffman(text, bytes, 0);
    expect(end).toBe(huffmanLength(text));
    expect(decodeHuffman(bytes, 0, end)).toBe(text);
  }
});

const decoded = (decoder: HpackDecoder, block: Uint8Array) => decoder.decode(block, 0, block.byteLength);

describe("an encoder and a decoder", () => {
  const list = new HeaderList([":status", "200", "content-type", "application/grpc+proto"], true);

  test("agree, and what is sent again and again takes a byte each", () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(LIMITS)];
    for (let i = 0; i < 3; i += 1) {
      const block = encoder.encode(list, "Mon, 21 Oct 2013 20:13:21 GMT");
      expect(decoded(decoder, block)).toEqual([...list.fields, "date", "Mon, 21 Oct 2013 20:13:21 GMT"]);
      expect(block.byteLength).toBe(i === 0 ? block.byteLength : 3);
    }
  });

  test("agree through any sequence of lists, dates and tables", () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(LIMITS)];
    const lists = Array.from(
      { length: 90 },
      (_, i) => new HeaderList([":status", "200", `x-${i % 30}`, `${i}`.repeat(40)], i % 3 > 0),
    );
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48_271) % 0x7fffffff;
      return seed % below;
    };
    for (let i = 0; i < 20_000; i += 1) {
      // Also tables that have no room for the shortest of them.
      if (random(50) === 0) encoder.allow([0, 30, 70, 100, 200, 4096, 100_000][random(7)] ?? 0);
      const next = lists[random(lists.length)] ?? list;
      const date = random(3) === 0 ? null : `date ${random(5)}`;
      const block = encoder.encode(next, date);
      expect(decoded(decoder, block)).toEqual([...next.fields, ...(date === null ? [] : ["date", date])]);
    }
  });

  test("agree about long names and values", () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder({ ...LIMITS, maxHeaderBytes: 100_000 })];
    const long = new HeaderList(["x".repeat(300), "ÿ\u0080".repeat(20_000), "y", ""]);
    expect(decoded(decoder, encoder.encode(long, null))).toEqual(long.fields);
  });
});

test.for([
  ["", "a"],
  ["A", "a"],
  ["a b", "a"],
  ["a:", "a"],
  ["a", "b\nc"],
  ["a", "b\rc"],
  ["a", "b\0c"],
  ["a", " b"],
  ["a", "b\t"],
  ["a", "\u0100"],
])("%j: %j is no header", ([name, value]) => {
  expect(() => new HeaderList([name ?? "", value ?? ""])).toThrow(TypeError);
});
