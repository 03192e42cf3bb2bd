import type { ConfigurationAt, NodeId } from "@eraft/core";
import type { AddressBook } from "./address-book.ts";
import type { Host } from "./host.ts";
import { isSameMembers } from "./membership.ts";
import type { Peers } from "./peers.ts";

/** Follows the configuration in force: whom the transport can reach, and whether this server still belongs to the cluster. */
export class Members {
  readonly #self: NodeId;
  readonly #given: ReadonlyMap<NodeId, string>;
  readonly #peers: Peers;
  readonly #book: AddressBook;
  readonly #host: Host;
  #wasMember: boolean;
  #isRemoved = false;

  constructor(
    self: NodeId,
    given: ReadonlyMap<NodeId, string>,
    parts: { readonly peers: Peers; readonly book: AddressBook; readonly host: Host },
  ) {
    this.#self = self;
    this.#given = given;
    this.#peers = parts.peers;
    this.#book = parts.book;
    this.#host = parts.host;
    this.#wasMember = given.has(self);
  }

  /**
   * This server was a member, and is none by the latest configuration that it has. One that was removed and comes back under its old id may find itself
   * removed once more while it reads the log.
   */
  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** At the start. Throws what the transport does about addresses that were given as options. */
  open(at: ConfigurationAt): void {
    this.#peers.follow(at);
    if (at.index === 0) this.#book.open(this.#peers.others);
    else {
      this.#book.set(this.#peers.others);
      this.#compare(at);
    }
    this.#note();
  }

  /** Another configuration is in force: before anything is sent to its members. */
  follow(at: ConfigurationAt): void {
    this.#peers.follow(at);
    this.#book.set(this.#peers.others);
  }

  /** Says so. Whoever hears of it may do anything, so this comes after the rest of the work. */
  report(): void {
    const { membership } = this.#peers;
    const members = membership.members.map(({ id, standing }) => `${id} (${standing})`).join(", ");
    this.#host.logger.info(`The members as of index ${membership.index}: ${members}.`, membership);
    this.#note();
    this.#host.events.emit("membership", membership);
  }

  close(): void {
    this.#book.close();
  }

  #note(): void {
    const isMember = this.#peers.memberOf(this.#self) !== null;
    const wasRemoved = this.#isRemoved;
    this.#wasMember ||= isMember;
    this.#isRemoved = this.#wasMember && !isMember;
    if (this.#isRemoved === wasRemoved) return;
    const { logger } = this.#host;
    if (isMember) logger.warn(`Server ${this.#self} is a member of the cluster again.`);
    else {
      logger.warn(
        `Server ${this.#self} was removed from the cluster. It stands in no election, and can be stopped.`,
      );
    }
  }

  #compare({ index, configuration }: ConfigurationAt): void {
    // A joiner has been given nobody.
    if (this.#given.size === 0 || isSameMembers(configuration, this.#given)) return;
    this.#host.logger.info(
      `The members are those that the log names at index ${index}, and not those of the option "peers": they have been changed since.`,
      { members: configuration.members, peers: [...this.#given] },
    );
  }
}
