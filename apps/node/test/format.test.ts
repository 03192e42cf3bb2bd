import { expect, test } from "vitest";
import type { NodeRow } from "../src/client/cluster-status.ts";
import { formatBytes } from "../src/format/bytes.ts";
import { formatStatus, statusJson } from "../src/format/status.ts";

const ROWS: readonly NodeRow[] = [
  {
    online: true,
    id: 0,
    address: "127.0.0.1:5001",
    standing: "voter",
    state: "Leader",
    term: 12,
    lastApplied: 99,
    commitIndex: 100,
    storageSizeBytes: 1536,
    peers: [
      {
        id: 1,
        address: "127.0.0.1:5002",
        state: "probe",
        nextIndex: 8,
        matchIndex: 0,
        lastContactMs: null,
        lastError: "connection refused",
      },
    ],
  },
  { online: false, id: 1, address: "127.0.0.1:5002", standing: "learner", reason: "connection refused" },
  {
    online: true,
    id: 2,
    address: "[::1]:5003",
    standing: null,
    state: "Leader",
    term: 3,
    lastApplied: 7,
    commitIndex: 7,
    storageSizeBytes: 0,
    peers: null,
  },
];

test("the status table aligns its columns and shows how the leader of the newest term replicates", () => {
  expect(formatStatus(ROWS)).toBe(
    [
      "ID  ADDRESS         STANDING  STATE    TERM  COMMIT  APPLIED  STORAGE",
      " 0  127.0.0.1:5001  voter     Leader     12     100       99  1.5 KiB",
      " 1  127.0.0.1:5002  learner   Offline     -       -        -        -",
      " 2  [::1]:5003      -         Leader      3       7        7      0 B",
      "",
      "node 1 is offline: connection refused",
      "",
      "replication from node 0, the leader:",
      "ID  ADDRESS         REPLICATION  NEXT  MATCH  LAST CONTACT  LAST ERROR",
      " 1  127.0.0.1:5002  probe           8      0         never  connection refused",
      "",
    ].join("\n"),
  );
});

test("a leader without an AdminService, such as a Go node, has no replication to show", () => {
  expect(formatStatus(ROWS.slice(2))).not.toContain("replication");
});

test("the status JSON has the field names of the contract, and peers only when asked for", () => {
  const leader = {
    id: 0,
    address: "127.0.0.1:5001",
    standing: "voter",
    state: "Leader",
    term: 12,
    last_applied: 99,
    commit_index: 100,
    storage_size: 1536,
  };
  const offline = { id: 1, address: "127.0.0.1:5002", standing: "learner", state: "Offline" };
  const other = {
    id: 2,
    address: "[::1]:5003",
    state: "Leader",
    term: 3,
    last_applied: 7,
    commit_index: 7,
    storage_size: 0,
  };
  expect(JSON.parse(statusJson(ROWS, { peers: false }))).toEqual([leader, offline, other]);
  const peer = {
    id: 1,
    address: "127.0.0.1:5002",
    state: "probe",
    next_index: 8,
    match_index: 0,
    last_contact_ms: null,
    last_error: "connection refused",
  };
  expect(JSON.parse(statusJson(ROWS, { peers: true }))).toEqual([
    { ...leader, peers: [peer] },
    offline,
    other,
  ]);
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [1536, "1.5 KiB"],
  [1024 * 1024 - 1, "1.0 MiB"],
  [8 * 1024 ** 2, "8.0 MiB"],
  [3 * 1024 ** 5, "3072.0 TiB"],
])("%i bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
