// Tags of the fields that a chunk of a snapshot consists of, as peer.proto has them: number << 3, 2 for what has a length, and 5 for what has four bytes.
export const CHUNK = 0x1a;
export const OFFSET = 0x08;
export const DATA = 0x12;
export const CHECKSUM = 0x1d;
