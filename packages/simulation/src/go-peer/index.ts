export { GoDisk, type GoDiskFault, type GoPersistedState } from "./persistence.ts";
export { GoPanic } from "./panic.ts";
export { GoPeer, type GoPeerOptions, type GoReply, type GoVolatileState } from "./go-peer.ts";
export type {
  GoAppendEntries,
  GoAppendEntriesReply,
  GoCall,
  GoCaller,
  GoEntry,
  GoInstallSnapshot,
  GoInstallSnapshotReply,
  GoPeerState,
  GoRequestVote,
  GoRequestVoteReply,
  GoRole,
} from "./types.ts";
export { GoNode, type GoNodeOptions, type GoPacket, type GoService } from "./go-node.ts";
