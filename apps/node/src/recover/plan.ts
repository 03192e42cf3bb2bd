import type { Configuration, Entry, HardState, Member } from "@eraft/core";
import type { Address } from "../cluster.ts";
import { CommandError } from "../errors.ts";
import { clusterIdOf, nextEpoch } from "../server/cluster-id.ts";
import type { Survivor } from "./survivor.ts";

/** What `eraft recover` writes. */
export interface RecoveryPlan {
  readonly id: number;
  /** The name of the cluster that begins with this. */
  readonly clusterId: string;
  readonly hardState: HardState;
  /** Who belongs to it, after all that the log has. */
  readonly entry: Entry & { readonly configuration: Configuration };
}

/**
 * A cluster that goes on with what one disk has.
 *
 * This node alone votes at first: whatever it has is what there is, and it can commit it without asking anybody. The others join with empty disks and
 * become voters when they have all of it. Their old data would be of no use, and dangerous: two logs that end differently can have been committed,
 * each in part, by majorities that nobody can ask any more. The log that ends last, by term and then by index, has all that was committed and is on
 * any surviving disk (dissertation, 3.6.1), so nothing is gained by a second one.
 *
 * Rejects a directory that there is nothing to recover from with a CommandError.
 */
export function planRecovery(
  survivor: Survivor,
  node: { readonly id: number; readonly incarnation: string; readonly peers: ReadonlyMap<number, Address> },
): RecoveryPlan {
  const { id, incarnation, peers } = node;
  const { lastLogIndex, lastLogTerm } = survivor;
  if (lastLogIndex === 0) throw new CommandError("there is nothing to recover from: the log is empty");
  const term = Math.max(survivor.term, lastLogTerm) + 1;
  const members = [...peers].map(([peer, { text }]): Member => {
    const isSelf = peer === id;
    return {
      id: peer,
      address: text,
      standing: isSelf ? "voter" : "promotable",
      incarnation: isSelf ? incarnation : null,
    };
  });
  return {
    id,
    clusterId: nextEpoch(survivor.clusterId ?? clusterIdOf(peers)),
    // As if it had been elected: its entry is the only one that this term will ever have.
    hardState: { term, votedFor: id },
    entry: {
      index: lastLogIndex + 1,
      term,
      command: new Uint8Array(0),
      configuration: { members: members.toSorted((a, b) => a.id - b.id) },
    },
  };
}
