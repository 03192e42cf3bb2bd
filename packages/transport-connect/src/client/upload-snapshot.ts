import type { InstallSnapshot, OutgoingSnapshot } from "@eraft/core";
import type { PeerConnection } from "../options.ts";
import type { PeerError } from "../peer-error.ts";
import { SnapshotUpload } from "../snapshot/upload.ts";
import type { LaneOptions } from "./lane-options.ts";

/** Enough for a few bytes to leave this machine. */
const LINGER_MS = 1000;

/** Sends a snapshot to a peer that speaks eraft.peer.v1, over connections of its own, until `closing` says that the peer is no longer in use. */
export async function uploadSnapshot(
  { address, connect, peer, running }: LaneOptions,
  closing: AbortSignal,
  header: InstallSnapshot,
  snapshot: OutgoingSnapshot,
): Promise<void> {
  closing.throwIfAborted();
  const own: { connection: PeerConnection | null } = { connection: null };
  const connection = (): PeerConnection => (own.connection ??= connect(address));
  const callee = { peer, address, running, connection };
  const upload = new SnapshotUpload(callee, header, snapshot, running.nextTransfer());
  const cancel = (): void => upload.cancel(closing.reason as PeerError);
  const linger: { cancel: (() => void) | null } = { cancel: null };
  const close = (): void => {
    linger.cancel?.();
    closing.removeEventListener("abort", close);
    own.connection?.close?.();
  };
  closing.addEventListener("abort", cancel);
  try {
    await upload.run();
    close();
  } catch (reason) {
    // The peer is being told that no more will come. It would otherwise wait for us to come back.
    linger.cancel = running.clock.after(LINGER_MS, close);
    closing.addEventListener("abort", close);
    if (closing.aborted) close();
    throw reason;
  } finally {
    closing.removeEventListener("abort", cancel);
  }
}
