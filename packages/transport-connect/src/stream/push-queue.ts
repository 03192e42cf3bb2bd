/** A queue with one reader, for streams that are written to by callbacks and read as an AsyncIterable. */
export class PushQueue<T> implements AsyncIterable<T>, AsyncIterator<T> {
  #items: { readonly item: T; readonly sizeBytes: number }[] = [];
  #bufferedBytes = 0;
  #reader: PromiseWithResolvers<IteratorResult<T>> | null = null;
  #end: { readonly error: Error | null } | null = null;

  /** Of items that nobody has read yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  push(item: T, sizeBytes: number): void {
    if (this.#end !== null) return;
    const reader = this.#reader;
    if (reader !== null) {
      this.#reader = null;
      reader.resolve({ done: false, value: item });
      return;
    }
    this.#items.push({ item, sizeBytes });
    this.#bufferedBytes += sizeBytes;
  }

  /** The reader finds the end, or throws `error`, after what was pushed. */
  end(error: Error | null = null): void {
    if (this.#end !== null) return;
    this.#end = { error };
    const reader = this.#reader;
    this.#reader = null;
    if (error === null) reader?.resolve({ done: true, value: undefined });
    else reader?.reject(error);
  }

  /** As `end`, and forgets what was pushed. */
  clear(): void {
    this.#items = [];
    this.#bufferedBytes = 0;
    this.end();
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this;
  }

  next(): Promise<IteratorResult<T>> {
    const first = this.#items.shift();
    if (first !== undefined) {
      this.#bufferedBytes -= first.sizeBytes;
      return Promise.resolve({ done: false, value: first.item });
    }
    if (this.#end !== null) return this.#atEnd(this.#end.error);
    this.#reader ??= Promise.withResolvers();
    return this.#reader.promise;
  }

  /** The reader leaves. */
  return(): Promise<IteratorResult<T>> {
    this.clear();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** The reader cannot go on. Connect insists on being able to say so. */
  throw(error: unknown): Promise<IteratorResult<T>> {
    this.clear();
    return Promise.reject(error);
  }

  /** An error is thrown once: the end after it is an ordinary one. */
  #atEnd(error: Error | null): Promise<IteratorResult<T>> {
    if (error === null) return Promise.resolve({ done: true, value: undefined });
    this.#end = { error: null };
    return Promise.reject(error);
  }
}
