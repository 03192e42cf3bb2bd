import type { InstallSnapshot, Message, NodeId, OutgoingSnapshot, Receiver } from "@eraft/core";
import type { Frame } from "./frames.ts";

type FrameOf<Type extends Frame["type"]> = Extract<Frame, { readonly type: Type }>;

interface Upload {
  readonly header: InstallSnapshot;
  readonly chunks: AsyncIterator<Uint8Array>;
  /** The peer has read it. */
  readonly over: PromiseWithResolvers<void>;
  /** The peer's answer has been handed to the receiver. */
  readonly answered: PromiseWithResolvers<void>;
}

/** Snapshots on their way to others. */
export class Uploads {
  readonly #id: NodeId;
  readonly #post: (frame: Frame) => void;
  readonly #underWay = new Map<number, Upload>();
  #count = 0;

  constructor(id: NodeId, post: (frame: Frame) => void) {
    this.#id = id;
    this.#post = post;
  }

  async send(header: InstallSnapshot, { chunks }: OutgoingSnapshot): Promise<void> {
    this.#count += 1;
    const number = this.#count;
    const upload: Upload = {
      header,
      chunks: chunks[Symbol.asyncIterator](),
      over: Promise.withResolvers(),
      answered: Promise.withResolvers(),
    };
    this.#underWay.set(number, upload);
    try {
      this.#post({ type: "snapshot", from: this.#id, to: header.to, upload: number, header });
      // Both: the answer may come before the peer has read to the end, or after.
      await Promise.all([upload.over.promise, upload.answered.promise]);
    } finally {
      this.#underWay.delete(number);
      upload.chunks.return?.().catch(() => {});
    }
  }

  went(frame: FrameOf<"next" | "over">): void {
    const upload = this.#underWay.get(frame.upload);
    if (upload === undefined) return;
    if (frame.type === "next") void this.#sendChunk(frame, upload);
    else if (frame.failure === null) upload.over.resolve();
    else upload.over.reject(new Error(`server ${frame.from} could not use the snapshot: ${frame.failure}`));
  }

  /** A message was handed to the receiver: the answer to a snapshot, perhaps. */
  answered({ type, from, sequence }: Message): void {
    if (type !== "installSnapshotResponse" && type !== "refusal") return;
    for (const { header, answered } of this.#underWay.values()) {
      if (header.to === from && header.sequence === sequence) answered.resolve();
    }
  }

  /** @param peer null for all */
  fail(peer: NodeId | null, why: Error): void {
    for (const { header, over } of this.#underWay.values()) {
      if (peer === null || header.to === peer) over.reject(why);
    }
  }

  async #sendChunk({ upload: number, from: to }: FrameOf<"next">, upload: Upload): Promise<void> {
    const envelope = { from: this.#id, to, upload: number };
    try {
      const { done, value } = await upload.chunks.next();
      this.#post({ ...envelope, type: "chunk", bytes: done === true ? null : value.slice() });
    } catch (error) {
      this.#post({ ...envelope, type: "broken" });
      upload.over.reject(error);
    }
  }
}

interface Download {
  readonly from: NodeId;
  next: PromiseWithResolvers<Uint8Array | null>;
  failure: Error | null;
}

/** Snapshots on their way here. */
export class Downloads {
  readonly #id: NodeId;
  readonly #post: (frame: Frame) => void;
  readonly #underWay = new Map<string, Download>();

  constructor(id: NodeId, post: (frame: Frame) => void) {
    this.#id = id;
    this.#post = post;
  }

  begin(from: NodeId, { upload, header }: FrameOf<"snapshot">, receiver: Receiver): void {
    const name = `${from}/${upload}`;
    const download: Download = { from, next: Promise.withResolvers(), failure: null };
    this.#underWay.set(name, download);
    const over = (failure: string | null): void => {
      this.#underWay.delete(name);
      this.#post({ type: "over", from: this.#id, to: from, upload, failure });
    };
    receiver.receiveSnapshot(header, this.#chunks(download, upload)).then(
      () => over(null),
      (error: unknown) => over(String(error)),
    );
  }

  went(from: NodeId, frame: FrameOf<"chunk" | "broken">): void {
    const download = this.#underWay.get(`${from}/${frame.upload}`);
    if (download === undefined) return;
    if (frame.type === "chunk") download.next.resolve(frame.bytes);
    else breakOff(download, new Error("the sender could not read its snapshot"));
  }

  /** @param peer null for all */
  fail(peer: NodeId | null, why: Error): void {
    for (const download of this.#underWay.values()) {
      if (peer === null || download.from === peer) breakOff(download, why);
    }
  }

  /** A chunk is asked for when the one before has been used, so that a slow disk is not flooded. */
  async *#chunks(download: Download, upload: number): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (download.failure !== null) throw download.failure;
      download.next = Promise.withResolvers();
      this.#post({ type: "next", from: this.#id, to: download.from, upload });
      const bytes = await download.next.promise;
      if (bytes === null) return;
      yield bytes;
    }
  }
}

function breakOff(download: Download, why: Error): void {
  download.failure = why;
  // Nobody may be waiting for it now.
  download.next.promise.catch(() => {});
  download.next.reject(why);
}
