import { KvCallError, type KvraftClient } from "@eraft/kv";
import type { HistoryRecorder, KvInput, KvOutput } from "@eraft/linearizability";
import type { Tally } from "./tally.ts";

export type KvRecorder = HistoryRecorder<KvInput, KvOutput>;

/** One sequential client whose calls are recorded. After an unknown outcome it goes on as another one, as the checker asks. */
export class RecordedClient {
  readonly #kv: KvraftClient;
  readonly #recorder: KvRecorder;
  readonly #tally: Tally;
  #id: number;

  constructor(kv: KvraftClient, recorder: KvRecorder, tally: Tally) {
    this.#kv = kv;
    this.#recorder = recorder;
    this.#tally = tally;
    this.#id = recorder.newClient();
  }

  /** Resolves however the call ends, with what became of it. Rejects only for an error that no fault can explain. */
  async call(input: KvInput, deadlineMs: number): Promise<"ok" | "unknown" | "failed"> {
    const pending = this.#recorder.call(this.#id, input);
    try {
      pending.ok(await this.#perform(input, deadlineMs));
      this.#tally.answered();
      return "ok";
    } catch (error) {
      if (!(error instanceof KvCallError) || error.code === "refused") throw error;
      if (error.outcome === "unknown") {
        pending.unknown();
        this.#tally.unknown += 1;
        this.#id = this.#recorder.newClient();
        return "unknown";
      }
      pending.failed();
      this.#tally.failed += 1;
      return "failed";
    }
  }

  async #perform(input: KvInput, deadlineMs: number): Promise<KvOutput> {
    switch (input.type) {
      case "get":
        return this.#kv.get(input.key, { deadlineMs });
      case "put":
        await this.#kv.put(input.key, input.value, { deadlineMs });
        return null;
      case "append":
        await this.#kv.append(input.key, input.value, { deadlineMs });
        return null;
    }
  }
}
