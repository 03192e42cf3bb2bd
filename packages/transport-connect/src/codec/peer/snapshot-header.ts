import type { InstallSnapshot, NodeId } from "@eraft/core";
import type { SnapshotHeader } from "@eraft/proto/eraft/peer/v1";
import { notFrom } from "../checks.ts";
import { decodeConfiguration, encodeConfiguration } from "../configuration.ts";
import { notASequence } from "./sequence.ts";

/** A transfer as the stream that carries it introduces it. */
export interface TransferHeader {
  readonly header: InstallSnapshot;
  readonly transfer: number;
  readonly sizeBytes: number;
  /** What is before this byte the sender can no longer send. */
  readonly resumableFrom: number;
}

export function encodeSnapshotHeader({
  header,
  transfer,
  sizeBytes,
  resumableFrom,
}: TransferHeader): SnapshotHeader {
  const wire: SnapshotHeader = {
    $typeName: "eraft.peer.v1.SnapshotHeader",
    transfer: BigInt(transfer),
    sequence: BigInt(header.sequence),
    term: BigInt(header.term),
    lastIncludedIndex: BigInt(header.lastIncludedIndex),
    lastIncludedTerm: BigInt(header.lastIncludedTerm),
    sizeBytes: BigInt(sizeBytes),
    resumableFrom: BigInt(resumableFrom),
  };
  if (header.configuration !== undefined) wire.configuration = encodeConfiguration(header.configuration);
  return wire;
}

/** A string says what is wrong with it. */
export function decodeSnapshotHeader(
  wire: SnapshotHeader,
  from: NodeId,
  to: NodeId,
): TransferHeader | string {
  const transfer = Number(wire.transfer);
  const sequence = Number(wire.sequence);
  const term = Number(wire.term);
  const lastIncludedIndex = Number(wire.lastIncludedIndex);
  const lastIncludedTerm = Number(wire.lastIncludedTerm);
  const sizeBytes = Number(wire.sizeBytes);
  const resumableFrom = Number(wire.resumableFrom);
  const fault =
    notFrom(0, "transfer", transfer) ??
    notASequence(sequence) ??
    notFrom(1, "term", term) ??
    notFrom(1, "last_included_index", lastIncludedIndex) ??
    notFrom(1, "last_included_term", lastIncludedTerm) ??
    notFrom(0, "size_bytes", sizeBytes) ??
    notFrom(0, "resumable_from", resumableFrom);
  if (fault !== null) return fault;
  if (lastIncludedTerm > term) {
    return `last_included_term ${lastIncludedTerm} is above the request's term ${term}`;
  }
  const header: InstallSnapshot = {
    type: "installSnapshot",
    from,
    to,
    term,
    sequence,
    lastIncludedIndex,
    lastIncludedTerm,
  };
  const configuration = wire.configuration && decodeConfiguration(wire.configuration);
  if (typeof configuration === "string") return configuration;
  return {
    header: configuration === undefined ? header : { ...header, configuration },
    transfer,
    sizeBytes,
    resumableFrom,
  };
}
