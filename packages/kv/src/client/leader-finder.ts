/**
 * Which server to ask. Remembers, for all calls of a client, who answered last: a write that was answered was answered by the leader. A read may have been
 * answered by any server; that one is asked again only while nobody better is known.
 */
export class LeaderFinder {
  readonly #addresses: readonly string[];
  /** The addresses as the cluster's own list may have them: with neither scheme nor slash. */
  readonly #byPlainAddress: ReadonlyMap<string, string>;
  #leader: string | null = null;
  #start = 0;

  /** @param addresses at least one, all different */
  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
    this.#byPlainAddress = new Map(addresses.map((address) => [plain(address), address]));
  }

  /** Where a call begins: at the leader, or while there is none known, at each address in turn. */
  first(): string {
    return this.#leader ?? this.next();
  }

  /** Each address in turn, whoever leads. */
  next(): string {
    this.#start += 1;
    return this.#at(this.#start - 1);
  }

  /** One of the addresses. @param random from 0 up to 1 */
  any(random: number): string {
    return this.#at(Math.floor(random * this.#addresses.length));
  }

  /** Who answered last, null if that one has failed since. */
  get leader(): string | null {
    return this.#leader;
  }

  /** The address behind this one in the list. */
  after(address: string): string {
    return this.#at(this.#addresses.indexOf(address) + 1);
  }

  /** The address that a hint means. Null if it cannot be followed: only servers that the client was told to trust are asked. */
  find(hint: string): string | null {
    return this.#byPlainAddress.get(plain(hint)) ?? null;
  }

  wrote(address: string): void {
    this.#leader = address;
  }

  read(address: string): void {
    this.#leader ??= address;
  }

  /** Forgets the leader if it was this one; another call may have found the new one meanwhile. */
  failed(address: string): void {
    if (this.#leader === address) this.#leader = null;
  }

  #at(index: number): string {
    const address = this.#addresses[index % this.#addresses.length];
    if (address === undefined) throw new Error("there are no addresses");
    return address;
  }
}

function plain(address: string): string {
  return address.replace(/^https?:\/\//, "").replace(/\/$/, "");
}
