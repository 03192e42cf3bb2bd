import type { Message, NodeId, PeerIdentity, TimeoutNow } from "@eraft/core";
import { settledWithin } from "../common/patience.ts";
import type { Witness } from "../common/witness.ts";
import type { TransportNetwork, TransportSupport } from "./harness.ts";
import { type Answer, type Body, type Question, isQuestion, message, textOf } from "./messages.ts";
import { Peer } from "./peer.ts";
import type { Recorder } from "./recorder.ts";
import { Traffic } from "./traffic.ts";

/** Pause before a message is sent once more: a transport may lose some. */
const RESEND_AFTER_MS = 100;

/** Round trips after which whatever was under way has had its chance to arrive. */
const FENCE_ROUND_TRIPS = 3;

/** The network of one case, and all that was said on it. */
export class Bench {
  readonly witness: Witness;
  readonly peers: readonly Peer[];
  readonly supports: TransportSupport;
  readonly #network: TransportNetwork;
  readonly #traffic: Traffic;
  readonly #patienceMs: number;
  #change = Promise.withResolvers<void>();
  #fences = 1_000_000;

  constructor(network: TransportNetwork, witness: Witness, supports: TransportSupport, patienceMs: number) {
    this.#network = network;
    this.witness = witness;
    this.supports = supports;
    this.#patienceMs = patienceMs;
    this.#traffic = new Traffic(supports);
    this.peers = network.servers.map((server) => {
      const changed = (): void => this.#changed();
      if (!supports.identities) return new Peer(server, this.#traffic, changed);
      return new Peer(server, this.#traffic, changed, () => identityOf(server.id));
    });
  }

  /** Every server knows every other, and runs. */
  async startAll(): Promise<void> {
    for (const peer of this.peers) {
      peer.know(...this.peers.filter((other) => other !== peer));
      this.witness.did(`start server ${peer.id}`);
      await this.ends(peer.start(), `start of server ${peer.id}`);
    }
  }

  async stop(peer: Peer): Promise<void> {
    this.witness.did(`stop server ${peer.id}`);
    await this.ends(peer.stop(), `stop of server ${peer.id}`);
  }

  /** Breaks what connects the servers. */
  async breakConnections(): Promise<void> {
    this.witness.did("break all connections");
    if (this.#network.breakConnections === undefined) {
      throw new RangeError("supports.resumesSnapshots needs a network with breakConnections");
    }
    await this.#network.breakConnections();
  }

  /** Notes what a case sends by itself. */
  sent(message: Message): void {
    this.#traffic.sent(message);
  }

  /** Sends a message until it has arrived. */
  async deliver<M extends Question | TimeoutNow>(from: Peer, to: Peer, body: Body<M>): Promise<void> {
    const sent = from.send<M>(body, to.id);
    const text = textOf(sent);
    const again = (): void => void from.send<M>(body, to.id, sent.sequence);
    await this.until(() => to.inbox.texts.has(text), `${name(sent)} arrives`, again);
  }

  /** Sends a request until it was answered, by `answer` or as `to` pleases. */
  async exchange<M extends Question>(
    from: Peer,
    to: Peer,
    body: Body<M>,
    answer?: Body<Answer>,
  ): Promise<void> {
    const sequence = this.#traffic.nextSequence();
    const text = textOf(message<M>(body, from.id, to.id, sequence));
    if (answer !== undefined) to.inbox.answers.set(text, answer);
    const sent = from.send<M>(body, to.id, sequence);
    const again = (): void => void from.send<M>(body, to.id, sequence);
    const isAnswered = (): boolean => from.inbox.responses.has(`${to.id} ${sequence}`);
    await this.until(isAnswered, `the answer to ${name(sent)} arrives`, again);
  }

  /** Lets everything arrive that is under way: later requests between the same servers have been answered. */
  async fence(...links: readonly (readonly [Peer, Peer])[]): Promise<void> {
    for (let i = 0; i < FENCE_ROUND_TRIPS; i += 1) {
      for (const [from, to] of links) {
        this.#fences += 1;
        await this.exchange(from, to, {
          type: "requestVote",
          term: this.#fences,
          lastLogIndex: 1,
          lastLogTerm: 1,
        });
      }
    }
  }

  /** Waits until `holds`, and calls `again` now and then. */
  async until(holds: () => boolean, what: string, again: () => void = () => {}): Promise<void> {
    for (let waitedMs = 0; !holds();) {
      if (waitedMs >= this.#patienceMs) {
        // What came instead says more than what did not come.
        this.checkAll();
        this.witness.fail(what, `not within ${this.#patienceMs} ms`);
      }
      const ms = Math.min(RESEND_AFTER_MS, this.#patienceMs);
      if (await settledWithin(this.#change.promise, ms)) continue;
      waitedMs += ms;
      again();
    }
  }

  /** Waits for a promise that must end, and passes on how. */
  async ends<T>(promise: Promise<T>, what: string): Promise<T> {
    if (!(await settledWithin(promise, this.#patienceMs))) {
      this.witness.fail(`${what} ends`, `it still waits after ${this.#patienceMs} ms`);
    }
    return promise;
  }

  /** Waits for a promise that must reject. */
  async rejects(promise: Promise<unknown>, what: string): Promise<void> {
    if (!(await settledWithin(promise, this.#patienceMs))) {
      this.witness.fail(`${what} rejects`, `it still waits after ${this.#patienceMs} ms`);
    }
    await this.witness.rejects(promise, what);
  }

  /** Whatever the case was about: nothing was altered, invented, misdirected, or handed to a server that had stopped. */
  checkAll(): void {
    for (const peer of this.peers) {
      for (const { late } of peer.recorders) {
        this.witness.equal(late, [], `what server ${peer.id} received after it had stopped`);
      }
    }
    // A request that was altered on its way has a strange answer: the cause first.
    this.#checkMessages((recorder) => recorder.messages.filter(isQuestion));
    this.#checkMessages((recorder) => recorder.snapshots.map(({ header }) => header));
    this.#checkMessages((recorder) => recorder.messages);
  }

  #checkMessages(of: (recorder: Recorder) => readonly Message[]): void {
    for (const peer of this.peers) {
      for (const recorder of peer.recorders) {
        for (const message of of(recorder)) this.#traffic.check(this.witness, peer.id, message);
      }
    }
  }

  #changed(): void {
    const change = this.#change;
    this.#change = Promise.withResolvers();
    change.resolve();
  }
}

/** What the kit has its servers say of themselves, each something else. */
export function identityOf(id: NodeId): PeerIdentity {
  return { clusterId: id === 0 ? null : "kit", incarnation: `disk-${id}`, starts: id + 1 };
}

function name(message: Message): string {
  return `the ${message.type} ${message.sequence} of server ${message.from} to server ${message.to}`;
}
