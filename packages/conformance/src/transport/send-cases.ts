import type { AppendEntries, Request, RequestVote } from "@eraft/core";
import type { Case } from "../common/case.ts";
import { canonical } from "../common/canonical.ts";
import type { Bench } from "./bench.ts";
import type { TransportSupport } from "./harness.ts";
import {
  APPEND_ANSWERS,
  APPEND_REQUESTS,
  type Answer,
  type Body,
  type Question,
  REFUSALS,
  VOTE_ANSWERS,
  VOTE_REQUESTS,
  agree,
  append,
  appendAnswer,
  isAnswer,
} from "./messages.ts";
import type { Peer } from "./peer.ts";
import type { CaseMaker } from "./transport-case.ts";

const ANSWERED_VOTE: Body<RequestVote> = { type: "requestVote", term: 9, lastLogIndex: 17, lastLogTerm: 5 };
const ANSWERED_APPEND = append(
  { term: 9, prevLogIndex: 17, prevLogTerm: 5, leaderCommit: 18 },
  [5, 3],
  [7, 0],
  [9, 256],
);

/** Cases of `Transport.send`, on networks that run. */
export function sendCases(make: CaseMaker, supports: TransportSupport): readonly Case[] {
  return [...requestCases(make, supports), ...answerCases(make, supports), ...crowdCases(make)];
}

function requestCases(make: CaseMaker, supports: TransportSupport): readonly Case[] {
  const intact = (name: string, bodies: readonly Body<Request>[]): Case =>
    make("Transport.send", name, async (bench, a, b) => {
      for (const body of bodies) {
        const before = canonical(body);
        // That it is the same in every field is checked for all messages, at the end of every case.
        await bench.deliver(a, b, body);
        bench.witness.equal(canonical(body), before, "the message in the hands of its sender");
      }
    });
  const half = Math.floor(supports.maxMessageBytes / 2);
  const large = append(
    { term: 5, prevLogIndex: 4, prevLogTerm: 4, leaderCommit: 4 },
    [5, half],
    [5, 1000],
    [5, half - 2000],
  );
  return [
    intact("a RequestVote arrives with every field as it was sent", VOTE_REQUESTS),
    intact("an AppendEntries arrives with every field and every entry as it was sent", APPEND_REQUESTS),
    intact(`an AppendEntries with entries of ${supports.maxMessageBytes} bytes arrives`, [large]),
  ];
}

function answerCases(make: CaseMaker, supports: TransportSupport): readonly Case[] {
  const cases = [
    make(
      "Transport.send",
      "a RequestVoteResponse arrives with every field, numbered like its request",
      async (bench, a, b) => {
        for (const answer of VOTE_ANSWERS) await bench.exchange(a, b, ANSWERED_VOTE, answer);
      },
    ),
    make(
      "Transport.send",
      "an AppendEntriesResponse arrives with every field, numbered like its request",
      async (bench, a, b) => {
        for (const answer of APPEND_ANSWERS) await bench.exchange(a, b, ANSWERED_APPEND, answer);
      },
    ),
  ];
  if (supports.carriesRefusals) {
    const refusals = make(
      "Transport.send",
      "a Refusal arrives with every field, numbered like its request",
      async (bench, a, b) => {
        for (const refusal of REFUSALS) await bench.exchange(a, b, ANSWERED_VOTE, refusal);
      },
    );
    cases.push(refusals);
  }
  if (supports.oneWayResponses) {
    const alone = make(
      "Transport.send",
      "a response arrives though no request is open",
      async (bench, a, b) => {
        for (const body of [...VOTE_ANSWERS, ...APPEND_ANSWERS]) {
          const count = b.inbox.messages.length;
          a.send<Answer>(body, b.id);
          await bench.until(
            () => b.inbox.messages.length > count,
            `a ${body.type} arrives`,
            () => a.send<Answer>(body, b.id),
          );
        }
      },
    );
    cases.push(alone);
  }
  return cases;
}

function crowdCases(make: CaseMaker): readonly Case[] {
  return [
    make(
      "Transport",
      "a message reaches the server it is addressed to, and no other",
      async (bench, a, b, c) => {
        const links = [
          [a, b],
          [b, c],
          [c, a],
          [b, a],
          [c, b],
          [a, c],
        ] as const;
        for (const [i, [from, to]] of links.entries()) {
          await bench.deliver(from, to, {
            type: "requestVote",
            term: 20 + i,
            lastLogIndex: i,
            lastLogTerm: i,
          });
        }
        await bench.fence(...links);
      },
    ),
    make(
      "Transport",
      "of many messages at once, in all directions, each arrives whole or not at all, and each answer finds its request",
      crowd,
    ),
  ];
}

async function crowd(bench: Bench, a: Peer, b: Peer, c: Peer): Promise<void> {
  for (const peer of bench.peers) peer.inbox.onRequest = answerLikeNoOther;
  const links = [
    [a, b],
    [b, a],
    [b, c],
    [c, a],
  ] as const;
  for (let i = 1; i <= 50; i += 1) {
    for (const [from, to] of links) {
      if (i % 2 === 0) from.send<RequestVote>({ ...ANSWERED_VOTE, lastLogIndex: i }, to.id);
      else
        from.send<AppendEntries>(
          append({ term: 9, prevLogIndex: i, prevLogTerm: 5, leaderCommit: i }, [9, i * 20]),
          to.id,
        );
    }
  }
  bench.witness.did("send 50 messages over each of four links at once");
  await bench.fence(...links);
  const answers = a.inbox.messages.filter(isAnswer).length;
  bench.witness.check(answers > 0, "some of the answers arrive", "none");
}

/** So that an answer which comes back for the wrong request is seen. */
function answerLikeNoOther(question: Question): Body<Answer> {
  const { term } = question;
  if (question.type === "requestVote") {
    return { type: "requestVoteResponse", term: term + question.lastLogIndex, voteGranted: false };
  }
  if (question.type === "appendEntries") {
    return appendAnswer({ term, conflictIndex: question.prevLogIndex, conflictTerm: 1 });
  }
  return agree(question);
}
