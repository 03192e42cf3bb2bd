import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { KvClient, KvRefusedError, KvraftClient } from "@eraft/kv";
import type { Address } from "../cluster.ts";
import { addressesToAsk, withConnections } from "./with-client.ts";

/** The same thing to do, in either contract. Each is called once at most, with a client that is closed afterwards. */
export interface EitherContract<T> {
  /** With `eraft.kv.v1`. */
  readonly v1: (store: KvClient) => Promise<T>;
  /** With the contract of the Go nodes: it knows text only, and no revisions. */
  readonly go: (client: KvraftClient) => Promise<T>;
}

/**
 * Does one thing with `eraft.kv.v1`, or where a node that it comes to does not know that, with the contract of the Go nodes, which every node knows: the leader of a mixed cluster
 * may be of either kind. `timeoutMs` is for both together. @param options.only these nodes and no others, whatever they know of
 */
export function withEitherContract<T>(
  cluster: readonly Address[],
  timeoutMs: number,
  work: EitherContract<T>,
  { only = false }: { readonly only?: boolean } = {},
): Promise<T> {
  return withConnections(async (connect) => {
    const addresses = await addressesToAsk(cluster, only, connect);
    const startMs = performance.now();
    let isUnknown = false;
    const refusing = (address: string): Transport =>
      refuseUnknown(connect(address), () => (isUnknown = true));
    const store = new KvClient({ addresses, connect: refusing, deadlineMs: timeoutMs });
    try {
      return await work.v1(store);
    } catch (error) {
      // A write that may have been done, by a node that knew it, would be done a second time: sessions of one contract mean nothing to the other.
      if (!isUnknown || !(error instanceof KvRefusedError) || error.outcome === "unknown") throw error;
    } finally {
      store.close();
    }
    const leftMs = Math.max(1, timeoutMs - (performance.now() - startMs));
    const client = new KvraftClient({ addresses, connect, deadlineMs: leftMs });
    try {
      return await work.go(client);
    } finally {
      client.close();
    }
  });
}

/**
 * A client goes on to the next node when one does not know a call, until its time is up. INVALID_ARGUMENT ends its call at once, and keeps what it knows of earlier
 * attempts.
 */
function refuseUnknown(connection: Transport, onUnknown: () => void): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      try {
        return await connection.unary(method, signal, timeoutMs, header, input, contextValues);
      } catch (cause) {
        if (ConnectError.from(cause).code !== Code.Unimplemented) throw cause;
        onUnknown();
        const what = "it does not know this call";
        throw new ConnectError(what, Code.InvalidArgument, undefined, undefined, cause);
      }
    },
    stream: (method, signal, timeoutMs, header, input, contextValues) =>
      connection.stream(method, signal, timeoutMs, header, input, contextValues),
  };
}
