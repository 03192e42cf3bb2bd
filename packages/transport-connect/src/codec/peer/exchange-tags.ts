// Tags of the fields that AppendEntries on a stream consist of, as peer.proto has them: number << 3, and 2 for what has a length.
export const LANE = 0x10;
export const REQUESTS = 0x1a;
export const SEQUENCE = 0x08;
export const TERM = 0x10;
export const APPEND_ENTRIES = 0x22;
export const PREV_LOG_INDEX = 0x08;
export const PREV_LOG_TERM = 0x10;
export const LEADER_COMMIT = 0x18;
export const ENTRIES = 0x22;
export const ENTRY_TERM = 0x08;
export const COMMAND = 0x12;
