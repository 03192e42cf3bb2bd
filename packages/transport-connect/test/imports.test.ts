import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const SOURCE = new URL("../src", import.meta.url).pathname;

const NODE_ONLY =
  /from "(?:node:|@connectrpc\/connect-node|\.{1,2}\/node\/)|\b(?:Buffer|process|setImmediate)[.(]/;

test("the main entry runs in a browser: nothing outside src/node imports Node, connect-node or src/node", () => {
  const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const portable = files.filter((name) => !name.startsWith("node/"));
  expect(portable.length).toBeGreaterThan(10);
  for (const name of portable) {
    const text = readFileSync(join(SOURCE, name), "utf8");
    const bound = NODE_ONLY.exec(text)?.[0];
    expect({ name, bound }).toEqual({ name, bound: undefined });
  }
});
