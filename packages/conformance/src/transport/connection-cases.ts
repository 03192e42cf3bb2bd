import type { RequestVote } from "@eraft/core";
import type { Case } from "../common/case.ts";
import { type Bench, identityOf } from "./bench.ts";
import type { TransportSupport } from "./harness.ts";
import type { Body } from "./messages.ts";
import type { Peer } from "./peer.ts";
import type { CaseMaker } from "./transport-case.ts";

function vote(term: number): Body<RequestVote> {
  return { type: "requestVote", term, lastLogIndex: 3, lastLogTerm: 1 };
}

/** Cases of who is there, and of whom to talk to. */
export function connectionCases(
  idle: CaseMaker,
  running: CaseMaker,
  supports: TransportSupport,
): readonly Case[] {
  return [
    ...(supports.reportsDisconnects ? disconnectCases(running) : []),
    ...(supports.identities ? identityCases(idle) : []),
  ];
}

function disconnectCases(make: CaseMaker): readonly Case[] {
  return [
    make(
      "Receiver.disconnected",
      "a peer that has stopped is reported as gone, once, to everybody who spoke with it",
      async (bench, a, b, c) => {
        for (const other of [a, c]) {
          await bench.exchange(other, b, vote(5));
          await bench.exchange(b, other, vote(6));
        }
        await bench.stop(b);
        for (const other of [a, c]) await isReportedGone(bench, other, b, 1);
        bench.witness.did(`start server ${b.id} again`);
        await bench.ends(b.restart(a, c), `restart of server ${b.id}`);
        await bench.exchange(a, b, vote(7));
        await bench.exchange(b, a, vote(8));
        await bench.stop(b);
        await isReportedGone(bench, a, b, 2);
        await bench.fence([a, c], [c, a]);
        bench.witness.equal(a.inbox.gone, [b.id, b.id], `the servers that are gone for server ${a.id}`);
      },
    ),
    make(
      "Receiver.disconnected",
      "a peer that this side lets go, or leaves, is not reported as gone",
      async (bench, a, b, c) => {
        await bench.exchange(a, b, vote(5));
        await bench.exchange(b, a, vote(6));
        bench.witness.did(`server ${a.id} knows only server ${c.id}`);
        a.know(c);
        await bench.fence([a, c], [c, a]);
        await bench.stop(a);
        bench.witness.equal(a.inbox.gone, [], `the servers that are gone for server ${a.id}`);
      },
    ),
  ];
}

async function isReportedGone(bench: Bench, to: Peer, peer: Peer, times: number): Promise<void> {
  const reports = (): number => to.inbox.gone.filter((id) => id === peer.id).length;
  await bench.until(() => reports() === times, `server ${to.id} hears that server ${peer.id} is gone`);
}

function identityCases(make: CaseMaker): readonly Case[] {
  return [
    make(
      "Receiver.identify",
      "each side is asked about the other, before it hears anything from it",
      async (bench, a, b) => {
        const unasked: string[] = [];
        for (const [peer, other] of [
          [a, b],
          [b, a],
        ] as const) {
          peer.know(other);
          peer.inbox.onRequest = (question) => {
            if (peer.inbox.introduced.length === 0) unasked.push(question.type);
            return { type: "requestVoteResponse", term: question.term, voteGranted: false };
          };
          await bench.ends(peer.start(), `start of server ${peer.id}`);
        }
        await bench.exchange(a, b, vote(5));
        await bench.exchange(b, a, vote(6));
        bench.witness.equal(unasked, [], "what was received of servers that nobody was asked about");
        for (const [peer, other] of [
          [a, b],
          [b, a],
        ] as const) {
          for (const introduced of peer.inbox.introduced) {
            const expected = { peer: other.id, identity: identityOf(other.id) };
            bench.witness.equal(introduced, expected, `what server ${peer.id} is asked`);
          }
        }
      },
    ),
    make(
      "Receiver.identify",
      "nothing passes between servers one of which refuses the other, who is told why, until it does not any more",
      async (bench, a, b, c) => {
        const everybody = [a, b, c];
        b.inbox.onIdentify = (peer) => (peer === a.id ? "otherDisk" : null);
        for (const peer of everybody) peer.know(...everybody.filter((other) => other !== peer));
        for (const peer of everybody) await bench.ends(peer.start(), `start of server ${peer.id}`);
        const isTold = (): boolean => a.inbox.rejections.length > 0;
        await bench.until(isTold, `server ${a.id} hears that server ${b.id} refuses it`, () => {
          a.send<RequestVote>(vote(5), b.id);
          b.send<RequestVote>(vote(6), a.id);
        });
        await bench.fence([a, c], [c, b], [b, c]);
        bench.witness.equal(
          a.inbox.rejections[0],
          { peer: b.id, refusal: "otherDisk" },
          "the first rejection",
        );
        for (const [peer, other] of [
          [a, b],
          [b, a],
        ] as const) {
          const heard = peer.inbox.messages.filter(({ from }) => from === other.id);
          bench.witness.equal(heard, [], `what server ${peer.id} heard of server ${other.id}`);
        }
        bench.witness.did(`server ${b.id} refuses nobody any more`);
        b.inbox.onIdentify = () => null;
        for (const peer of everybody) peer.know(...everybody.filter((other) => other !== peer));
        await bench.exchange(a, b, vote(7));
        await bench.exchange(b, a, vote(8));
      },
    ),
  ];
}
