import type { Message, NodeId } from "@eraft/core";
import { canonical } from "../common/canonical.ts";
import type { Witness } from "../common/witness.ts";
import type { TransportSupport } from "./harness.ts";
import { type Answer, type Question, isAnswer, isQuestion, textOf } from "./messages.ts";

/** All that was ever sent. Whatever is received must be in here: a transport may lose and repeat, but not alter and not invent. */
export class Traffic {
  readonly #supports: TransportSupport;
  readonly #sent = new Set<string>();
  /** The questions by sender and number. */
  readonly #questions = new Map<string, Question>();
  /** What was answered to a question, by what the question says. */
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
    const arrives = this.#asCarried(message);
    this.#sent.add(this.#comparable(message));
    if (arrives !== message) this.#sent.add(this.#comparable(arrives));
    if (isQuestion(arrives)) this.#questions.set(`${message.from} ${message.sequence}`, arrives);
  }

  answered(question: Question, answer: Answer): void {
    this.sent(answer);
    const answers = this.#answers.get(textOf(question)) ?? new Set();
    answers.add(textOf(answer));
    this.#answers.set(textOf(question), answers);
  }

  /** Checks one message that server `at` received. Called for thousands: texts are made only for what is wrong. */
  check(witness: Witness, at: NodeId, message: Message): void {
    if (message.to !== at) {
      witness.fail(`server ${at} receives only what is addressed to it`, canonical(message));
    }
    if (isAnswer(message) && this.#isOnBehalf(message)) return;
    if (!this.#sent.has(this.#comparable(message))) {
      witness.fail("every message that is received was sent, field for field", canonical(message));
    }
    if (isAnswer(message)) this.#checkPair(witness, at, message);
  }

  /** A response repeats the number of its request, and is an answer to just that request. */
  #checkPair(witness: Witness, at: NodeId, answer: Answer): void {
    const question = this.#questions.get(`${at} ${answer.sequence}`);
    if (question === undefined) {
      if (this.#supports.oneWayResponses) return;
      witness.fail("a response with the sequence of a request of this server", canonical(answer));
    }
    if (this.#answers.get(textOf(question))?.has(textOf(answer)) === true) return;
    const expected = `an answer that was given to request ${question.sequence}, ${canonical(question)}`;
    witness.fail(expected, canonical(answer));
  }

  /** A wire that does not know `leadershipTransfer` leaves it out. */
  #asCarried(message: Message): Message {
    if (message.type !== "requestVote" || message.leadershipTransfer === undefined) return message;
    if (this.#supports.extensions) return message;
    const { leadershipTransfer: _, ...plain } = message;
    return plain;
  }

  /** What a transport without `extensions` may say for a peer that would not understand. */
  #isOnBehalf(answer: Answer): boolean {
    if (this.#supports.extensions) return false;
    const question = this.#questions.get(`${answer.to} ${answer.sequence}`);
    if (question?.to !== answer.from || question.term !== answer.term) return false;
    if (answer.type === "preVoteResponse") return question.type === "preVote" && answer.voteGranted;
    return answer.type === "readIndexResponse" && question.type === "readIndex" && answer.readIndex === -1;
  }

  /** A wire may number requests anew; and then the answers, on their way back, have the number of the wire. */
  #comparable(message: Message): string {
    return this.#supports.carriesSequence ? canonical(message) : textOf(message);
  }
}
