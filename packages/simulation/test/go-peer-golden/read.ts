import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** role, term, votedFor, commitIndex, index of the dummy, terms of the log from the dummy on */
export type RecordedState = [
  role: "F" | "C" | "L",
  term: number,
  votedFor: number,
  commit: number,
  first: number,
  terms: number[],
];

export type RecordedStep =
  | [
      rpc: "V",
      request: [term: number, candidateId: number, lastLogIndex: number, lastLogTerm: number],
      reply: [term: number, granted: 0 | 1],
      state: RecordedState,
    ]
  | [
      rpc: "A",
      request: [
        term: number,
        leaderId: number,
        prevLogIndex: number,
        prevLogTerm: number,
        leaderCommit: number,
        entryTerms: number[],
      ],
      reply: RecordedAppendReply,
      state: RecordedState,
    ]
  | [
      rpc: "I",
      request: [term: number, leaderId: number, lastIncludedIndex: number, lastIncludedTerm: number],
      /** `installed` is what CondInstallSnapshot said, -1 where nothing was delivered to the service. */
      reply: [term: number, delivered: 0 | 1, installed: 0 | 1 | -1],
      state: RecordedState,
    ];

export type RecordedAppendReply = [term: number, success: 0 | 1, conflictIndex: number, conflictTerm: number];

export type RecordedCase =
  | [kind: "F", size: number, init: RecordedState, steps: RecordedStep[]]
  | [
      kind: "L",
      size: number,
      init: RecordedState,
      nextIndex: number[],
      matchIndex: number[],
      /** An AppendEntries to server 1; `entries` is their number. */
      request: [term: number, prevLogIndex: number, prevLogTerm: number, entries: number],
      reply: RecordedAppendReply,
      state: RecordedState,
      nextIndexAfter: number[],
      matchIndexAfter: number[],
    ];

export function readRecordedCases(): RecordedCase[] {
  const bytes = gunzipSync(readFileSync(new URL("answers.jsonl.gz", import.meta.url)));
  const lines = bytes.toString("utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as RecordedCase);
}
