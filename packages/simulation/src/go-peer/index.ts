export { GoDisk, type GoDiskFault, type GoPersistedState } from "./persistence.ts";
export { GoNode, type GoNodeOptions, type GoPacket, type GoService } from "./go-node.ts";
export { GoPanic } from "./panic.ts";
export { GoPeer, type GoPeerOptions, type GoReply, type GoVolatileState } from "./go-peer.ts";
export {
  type GoAppendEntries,
  type GoAppendEntriesReply,
  type GoCall,
  type GoCaller,
  type GoEntry,
  type GoInstallSnapshot,
  type GoInstallSnapshotReply,
  type GoPeerState,
  type GoRequestVote,
  type GoRequestVoteReply,
  type GoRole,
  NOBODY,
} from "./types.ts";
