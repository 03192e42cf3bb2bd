import { Code, ConnectError } from "@connectrpc/connect";
import { type CommandResponse, KVService } from "@eraft/proto/kvraftpb";
import type { ClientTransport } from "../../chaos/workload/clients.ts";

/** After which a client tries again, by the README of @eraft/kv and what a broken connection looks like. */
const RETRIED_ERRORS: readonly Code[] = [
  Code.ResourceExhausted,
  Code.Unavailable,
  Code.Canceled,
  Code.Aborted,
  Code.Internal,
  Code.DeadlineExceeded,
];
const RETRIED: ReadonlySet<string> = new Set([
  "ErrWrongLeader",
  "ErrTimeout",
  ...RETRIED_ERRORS.map((code) => Code[code]),
]);
const FINAL: ReadonlySet<string> = new Set(["OK", "ErrNoKey"]);

/** Counts what servers said to each single attempt of a client: what the client itself settles, and so nobody else gets to see. */
export class Answers {
  readonly #counts = new Map<string, number>();

  /** The same transport, with its commands counted. */
  watch(transport: ClientTransport): ClientTransport {
    return {
      stream: transport.stream.bind(transport),
      unary: async (method, ...rest) => {
        if (method.name !== KVService.method.command.name) return transport.unary(method, ...rest);
        try {
          const response = await transport.unary(method, ...rest);
          this.#count((response.message as unknown as CommandResponse).err);
          return response;
        } catch (error) {
          this.#count(Code[ConnectError.from(error).code]);
          throw error;
        }
      },
    };
  }

  /** Attempts by their answer, the most frequent first. */
  get counts(): ReadonlyMap<string, number> {
    return new Map([...this.#counts].toSorted(([, a], [, b]) => b - a));
  }

  /** Attempts that were followed by another one. */
  get retried(): number {
    return this.#sum((answer) => !FINAL.has(answer));
  }

  /** Answers that no document knows. */
  get undocumented(): readonly string[] {
    return [...this.#counts.keys()].filter((answer) => !FINAL.has(answer) && !RETRIED.has(answer));
  }

  #count(answer: string): void {
    this.#counts.set(answer, (this.#counts.get(answer) ?? 0) + 1);
  }

  #sum(chosen: (answer: string) => boolean): number {
    return [...this.#counts].reduce((sum, [answer, count]) => sum + (chosen(answer) ? count : 0), 0);
  }
}
