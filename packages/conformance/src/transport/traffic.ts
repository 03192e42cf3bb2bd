import type { Message, NodeId, Request, Response } from "@eraft/core";
import { canonical } from "../common/canonical.ts";
import type { Witness } from "../common/witness.ts";
import type { TransportSupport } from "./harness.ts";
import { isRequest, isResponse, textOf } from "./messages.ts";

/** All that was ever sent. Whatever is received must be in here: a transport may lose and repeat, but not alter and not invent. */
export class Traffic {
  readonly #supports: TransportSupport;
  readonly #sent = new Set<string>();
  /** The requests by sender and number. */
  readonly #requests = new Map<string, Request>();
  /** What was answered to a request, by what the request says. */
  readonly #answers = new Map<string, Set<string>>();
  #sequence = 100;

  constructor(supports: TransportSupport) {
    this.#supports = supports;
  }

  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  sent(message: Message): void {
    this.#sent.add(this.#comparable(message));
    if (isRequest(message)) this.#requests.set(`${message.from} ${message.sequence}`, message);
  }

  answered(request: Request, answer: Response): void {
    this.sent(answer);
    const answers = this.#answers.get(textOf(request)) ?? new Set();
    answers.add(textOf(answer));
    this.#answers.set(textOf(request), answers);
  }

  /** Checks one message that server `at` received. Called for thousands: texts are made only for what is wrong. */
  check(witness: Witness, at: NodeId, message: Message): void {
    if (message.to !== at) {
      witness.fail(`server ${at} receives only what is addressed to it`, canonical(message));
    }
    if (!this.#sent.has(this.#comparable(message))) {
      witness.fail("every message that is received was sent, field for field", canonical(message));
    }
    if (isResponse(message)) this.#checkPair(witness, at, message);
  }

  /** A response repeats the number of its request, and is an answer to just that request. */
  #checkPair(witness: Witness, at: NodeId, response: Response): void {
    const request = this.#requests.get(`${at} ${response.sequence}`);
    if (request === undefined) {
      if (this.#supports.oneWayResponses) return;
      witness.fail("a response with the sequence of a request of this server", canonical(response));
    }
    if (this.#answers.get(textOf(request))?.has(textOf(response)) === true) return;
    const expected = `an answer that was given to request ${request.sequence}, ${canonical(request)}`;
    witness.fail(expected, canonical(response));
  }

  /** A wire may number requests anew; and then the answers, on their way back, have the number of the wire. */
  #comparable(message: Message): string {
    return this.#supports.carriesSequence ? canonical(message) : textOf(message);
  }
}
