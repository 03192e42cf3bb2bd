import { ConformanceError, Witness } from "./witness.ts";

/** One promise of a port, and the experiment that would show it broken. */
export interface Case {
  /** A sentence that is true of every backend that keeps the promise. Unique within its list. */
  readonly name: string;
  /** Which comment of the ports of `@eraft/core` promises it, such as "Storage.write". */
  readonly promise: string;
  /** Resolves when the promise was kept, rejects with a {@link ConformanceError} when it was not. Can be run again. */
  readonly run: () => Promise<void>;
}

/** Makes a case of `body`, which tells `witness` what it does and what it sees. */
export function defineCase(
  promise: string,
  name: string,
  body: (witness: Witness) => Promise<void> | void,
): Case {
  return {
    name,
    promise,
    run: async () => {
      const witness = new Witness(promise);
      try {
        await body(witness);
      } catch (error) {
        if (error instanceof ConformanceError) throw error;
        throw witness.surprisedBy(error);
      }
    },
  };
}
