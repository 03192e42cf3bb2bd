import type { Message, Request, RequestVote } from "@eraft/core";
import type { Case } from "../common/case.ts";
import type { Bench } from "./bench.ts";
import { EXTENSIONS, TRANSFERRED_VOTE } from "./extension-messages.ts";
import type { TransportSupport } from "./harness.ts";
import { APPEND_REQUESTS, type Body, VOTE_REQUESTS, agree, answerTo, append, textOf } from "./messages.ts";
import type { Peer } from "./peer.ts";
import type { CaseMaker } from "./transport-case.ts";

const UNKNOWN_ID = 99;

function vote(term: number): Body<RequestVote> {
  return { type: "requestVote", term, lastLogIndex: 3, lastLogTerm: 1 };
}

/** Cases that start from a network on which nothing runs. */
export function startCases(make: CaseMaker, supports: TransportSupport): readonly Case[] {
  return [
    make(
      "Transport.start",
      "once both have started, messages pass in both directions",
      async (bench, a, b) => {
        for (const [one, other] of [
          [a, b],
          [b, a],
        ] as const) {
          one.know(other);
          await bench.ends(one.start(), `start of server ${one.id}`);
        }
        await bench.exchange(a, b, vote(5));
        await bench.exchange(b, a, vote(6));
      },
    ),
    make(
      "Transport.setPeers",
      "peers that are set after start are known as well as those set before",
      async (bench, a, b, c) => {
        for (const peer of [a, b, c]) await bench.ends(peer.start(), `start of server ${peer.id}`);
        a.know(b, c);
        b.know(a, c);
        c.know(a, b);
        await bench.exchange(a, b, vote(5));
        await bench.exchange(b, c, vote(6));
      },
    ),
    make(
      "Transport.send",
      "send throws never: not before start, not to nobody, not when there is too much, not after stop",
      (bench, a, b) => sendAnything(bench, a, b, supports),
    ),
  ];
}

/** Cases of `setPeers` and `stop`, on networks that run. */
export function runningCases(make: CaseMaker): readonly Case[] {
  return [
    make(
      "Transport.setPeers",
      "setPeers replaces: who is not named any more gets nothing, until it is again",
      async (bench, a, b, c) => {
        await bench.exchange(a, b, vote(5));
        bench.witness.did(`server ${a.id} knows only server ${c.id}`);
        a.know(c);
        const unwanted = a.send<RequestVote>(vote(77), b.id);
        await bench.fence([a, c], [b, c]);
        expectMissing(bench, b, unwanted);
        bench.witness.did(`server ${a.id} knows server ${b.id} again`);
        a.know(b, c);
        await bench.exchange(a, b, vote(6));
      },
    ),
    make(
      "Transport.stop",
      "after stop has resolved the receiver hears nothing more",
      async (bench, a, b, c) => {
        await bench.exchange(a, b, vote(5));
        for (let i = 0; i < 20; i += 1) {
          a.send<RequestVote>(vote(100 + i), b.id);
          b.send<RequestVote>(vote(200 + i), a.id);
        }
        await bench.stop(b);
        for (let i = 0; i < 20; i += 1) a.send<RequestVote>(vote(300 + i), b.id);
        // What came late is found by the check at the end of every case.
        await bench.fence([a, c], [c, a]);
      },
    ),
    make(
      "Transport.start",
      "a server that was stopped and started again is reached, and reaches the others",
      async (bench, a, b, c) => {
        await bench.exchange(a, b, vote(5));
        await bench.stop(b);
        a.send<RequestVote>(vote(6), b.id);
        await bench.fence([a, c]);
        bench.witness.did(`start server ${b.id} again`);
        await bench.ends(b.restart(a, c), `restart of server ${b.id}`);
        await bench.exchange(a, b, vote(7));
        await bench.exchange(b, a, vote(8));
        await bench.exchange(c, b, vote(9));
      },
    ),
    make("Receiver.unreachable", "only peers are reported as unreachable", async (bench, a, b, c) => {
      await bench.exchange(a, b, vote(5));
      await bench.stop(b);
      for (let i = 0; i < 5; i += 1) a.send<RequestVote>(vote(10 + i), b.id);
      await bench.fence([a, c]);
      const strangers = a.inbox.unreached.filter((id) => id !== b.id && id !== c.id);
      bench.witness.equal(strangers, [], "reports about servers that are no peers");
    }),
  ];
}

async function sendAnything(bench: Bench, a: Peer, b: Peer, supports: TransportSupport): Promise<void> {
  const { witness } = bench;
  const sendAll = (when: string): void => {
    witness.did(`send all kinds of messages ${when}`);
    for (const to of [b.id, a.id, UNKNOWN_ID]) {
      for (const body of [...VOTE_REQUESTS, ...APPEND_REQUESTS]) a.send<Request>(body, to);
      for (const body of [...EXTENSIONS, TRANSFERRED_VOTE]) a.send<Message>(body, to);
      const answered = a.send<RequestVote>(vote(1), to);
      a.transport.send(answerTo(answered, agree(answered)));
      a.transport.send({ type: "refusal", from: a.id, to, term: 1, sequence: 2, reason: "malformed" });
    }
  };
  sendAll("before start");
  a.know(b);
  b.know(a);
  await bench.ends(a.start(), "start");
  await bench.ends(b.start(), "start");
  witness.did("send far more messages than any queue holds");
  for (let i = 0; i < 5000; i += 1) a.send<RequestVote>(vote(1000 + i), b.id);
  const tooLarge = append({ term: 5, prevLogIndex: 0, prevLogTerm: 0, leaderCommit: 0 }, [
    5,
    2 * supports.maxMessageBytes,
  ]);
  a.send(tooLarge, b.id);
  await bench.exchange(a, b, vote(5));
  await bench.stop(a);
  sendAll("after stop");
}

function expectMissing(bench: Bench, at: Peer, message: Message): void {
  const got = at.inbox.messages.some((one) => textOf(one) === textOf(message));
  bench.witness.check(!got, `server ${at.id} does not get the ${message.type}`, "it got it");
}
