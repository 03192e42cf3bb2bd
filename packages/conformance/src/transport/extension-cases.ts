import type { AppendEntries, PreVote, ReadIndexRequest, RequestVote } from "@eraft/core";
import type { Case } from "../common/case.ts";
import { canonical } from "../common/canonical.ts";
import type { Bench } from "./bench.ts";
import {
  CONFIGURATION_APPENDS,
  CONFIGURATION_FIRST,
  EXTENSIONS,
  PRE_VOTES,
  PRE_VOTE_ANSWERS,
  READ_INDEXES,
  READ_INDEX_ANSWERS,
  TIMEOUTS,
  TRANSFERRED_VOTE,
} from "./extension-messages.ts";
import type { TransportSupport } from "./harness.ts";
import type { Body } from "./messages.ts";
import type { Peer } from "./peer.ts";
import type { CaseMaker } from "./transport-case.ts";

/** Cases of what the three RPCs of the paper cannot say, on networks that run. */
export function extensionCases(make: CaseMaker, supports: TransportSupport): readonly Case[] {
  const send = (name: string, body: (bench: Bench, a: Peer, b: Peer, c: Peer) => Promise<void>): Case =>
    make("Transport.send", name, body);
  if (!supports.extensions) {
    return [
      send(
        "what its wire cannot say is dropped, or answered as a peer is taken to, and harms nobody",
        strangers,
      ),
    ];
  }
  return [
    send(
      "a PreVote, a ReadIndex and a TimeoutNow arrive with every field as they were sent",
      async (bench, a, b) => {
        for (const body of PRE_VOTES) await bench.deliver(a, b, body);
        for (const body of READ_INDEXES) await bench.deliver(a, b, body);
        for (const body of TIMEOUTS) await bench.deliver(a, b, body);
      },
    ),
    send("a PreVoteResponse arrives with every field, numbered like its request", async (bench, a, b) => {
      const [question] = PRE_VOTES;
      if (question === undefined) throw new RangeError("there is a PreVote");
      for (const answer of PRE_VOTE_ANSWERS) await bench.exchange<PreVote>(a, b, question, answer);
    }),
    send("a ReadIndexResponse arrives with every field, numbered like its request", async (bench, a, b) => {
      const [question] = READ_INDEXES;
      if (question === undefined) throw new RangeError("there is a ReadIndex");
      for (const answer of READ_INDEX_ANSWERS) await bench.exchange<ReadIndexRequest>(a, b, question, answer);
    }),
    send("a RequestVote that the leader asked for arrives as such", (bench, a, b) =>
      bench.deliver<RequestVote>(a, b, TRANSFERRED_VOTE),
    ),
    send(
      "an AppendEntries that changes the members arrives with every member as it was",
      async (bench, a, b) => {
        for (const body of CONFIGURATION_APPENDS) {
          const before = canonical(body);
          await bench.deliver<AppendEntries>(a, b, body);
          bench.witness.equal(canonical(body), before, "the message in the hands of its sender");
        }
      },
    ),
  ];
}

/** That nothing was made of it is checked for all messages, at the end of every case. */
async function strangers(bench: Bench, a: Peer, b: Peer, c: Peer): Promise<void> {
  bench.witness.did("send what only other transports carry");
  for (const body of EXTENSIONS) a.send(body, b.id);
  a.send<RequestVote>(TRANSFERRED_VOTE, b.id);
  a.send<AppendEntries>(CONFIGURATION_FIRST, b.id);
  await bench.fence([a, b], [b, a], [a, c]);
  const vote: Body<RequestVote> = { type: "requestVote", term: 5, lastLogIndex: 3, lastLogTerm: 1 };
  await bench.exchange(a, b, vote);
}
