import { beforeEach, expect, test } from "vitest";
import { ClientTable } from "../../src/sessions/index.ts";

let table: ClientTable<string>;
let applied: number;

beforeEach(() => {
  table = new ClientTable(3);
  applied = 0;
});

const write = (clientId: bigint, commandId: bigint): string =>
  table.once(clientId, commandId, () => `${clientId}/${commandId}, the ${(applied += 1)}. write`);

test("a client that is not known is a new one, and its write is done once", () => {
  expect(write(7n, 1n)).toBe("7/1, the 1. write");
  expect(write(7n, 1n)).toBe("7/1, the 1. write");
  expect(write(7n, 2n)).toBe("7/2, the 2. write");
});

test("an older write than the last gets the answer of the last", () => {
  write(7n, 5n);
  expect(write(7n, 4n)).toBe("7/5, the 1. write");
  expect(applied).toBe(1);
});

test("the client whose last write is the oldest goes; a repeated write makes nobody younger", () => {
  for (const client of [1n, 2n, 3n]) write(client, 1n);
  write(1n, 2n);
  write(2n, 1n);
  write(4n, 1n);
  expect([1n, 2n, 3n, 4n].map((client) => table.has(client))).toEqual([true, false, true, true]);
  expect(table.size).toBe(3);
});

test("a table filled in the order of a view lets the same clients go", () => {
  for (const client of [1n, 2n, 3n]) write(client, 1n);
  write(1n, 2n);
  const view = table.view();
  const copy = new ClientTable<string>(3);
  for (const client of view) copy.record(client);
  for (const other of [table, copy]) other.once(9n, 1n, () => "");
  expect(copy.view()).toEqual(table.view());
  expect(view.map(({ clientId }) => clientId)).toEqual([2n, 3n, 1n]);
});

test("a hundred thousand clients come and go in constant time each", () => {
  for (let client = 1n; client <= 100_000n; client++) write(client, 1n);
  expect(table.size).toBe(3);
});

test.each([0, -1, 1.5, Number.NaN, 2 ** 24 + 1])("%d clients are no limit", (maxClients) => {
  expect(() => new ClientTable(maxClients)).toThrow(`maxClients is ${maxClients}`);
});
