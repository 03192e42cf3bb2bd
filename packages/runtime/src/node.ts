import type { LogIndex, MemberChange, NodeId, PeerIdentity, RequestId } from "@eraft/core";
import { Applier } from "./applier.ts";
import { Backlog } from "./backlog.ts";
import { Turns } from "./clock.ts";
import { Commands } from "./commands.ts";
import { limitOf } from "./deadline.ts";
import { Engine } from "./engine.ts";
import {
  BusyError,
  InvariantBrokenError,
  NodeFailedError,
  NotLeaderError,
  NotStartedError,
  StoppedError,
  StorageFailedError,
  TransportFailedError,
} from "./errors.ts";
import { Events, type Listener, type NodeEvents } from "./events.ts";
import { handOver, hasSuccessor } from "./handovers.ts";
import type { Host } from "./host.ts";
import { Identities } from "./identities.ts";
import { MemberOperations } from "./member-operations.ts";
import type { Membership } from "./membership.ts";
import { openStateMachine, openStorage } from "./open.ts";
import { type RaftNodeOptions, resolveOptions, type Settings } from "./options.ts";
import { Peers } from "./peers.ts";
import type {
  AbortSignalLike,
  ChangeOptions,
  ReadOptions,
  LeaderOptions,
  RequestOptions,
  TransferOptions,
} from "./request-options.ts";
import { Requests } from "./requests.ts";
import { type NodeStatus, type Phase, statusOf } from "./status.ts";
import { type Wait, Waits } from "./waits.ts";

/** Between two questions whether there is a leader to catch up with. */
const CATCH_UP_PAUSE_MS = 20;

/** Who leads, as far as a server knows. */
export interface LeaderHint {
  readonly leaderId: NodeId;
  /** Null if nobody has said where it is. */
  readonly leaderAddress: string | null;
}

/**
 * One server of a Raft cluster: a core, driven by time, messages and clients, over the storage, transport and state machine it is given.
 *
 * Every promise settles, with a {@link RaftError} that says what to do next if it was not done. The node lives once: after `stop` or a failure, make
 * a new one.
 */
export class RaftNode<
  Command = Uint8Array,
  Query = unknown,
  Result = unknown,
  Answer = Result,
> extends MemberOperations {
  readonly #settings: Settings<Command, Query, Result, Answer>;
  readonly #commands: Commands<Command>;
  readonly #events: Events;
  readonly #backlog: Backlog;
  readonly #requests: Requests;
  readonly #peers: Peers;
  readonly #host: Host;
  readonly #applier: Applier;
  readonly #identities: Identities;
  readonly #waits: Waits;
  #engine: Engine | null = null;
  #phase: Phase = "created";
  #failure: NodeFailedError | null = null;
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  /** `stop` was called: nothing new is taken on. */
  #isClosing = false;
  /** Nothing is stepped any more. */
  #isStopping = false;
  #transportStopped: Promise<void> | null = null;
  #isStorageOpen = false;

  /** @throws InvalidOptionError */
  constructor(options: RaftNodeOptions<Command, Query, Result, Answer>) {
    super();
    this.#settings = resolveOptions(options);
    const { id, peers, clock, logger, stateMachine, identity } = this.#settings;
    const { maxPendingRequests, maxWaitMs, electionTimeoutMs } = this.#settings;
    this.#commands = new Commands(this.#settings.codec, this.#settings.maxCommandBytes);
    this.#backlog = new Backlog(clock, maxWaitMs);
    this.#requests = new Requests(this.#backlog);
    this.#events = new Events(logger);
    this.#waits = new Waits(this.#events, maxPendingRequests);
    this.#peers = new Peers(id, peers, clock);
    this.#host = {
      clock,
      turns: new Turns(clock),
      logger,
      events: this.#events,
      isClosed: () => this.#failure !== null || this.#isStopping,
      push: (input) => this.#engine?.loop.push(input),
      fail: (failure) => this.#fail(failure),
    };
    this.#identities = new Identities(identity, electionTimeoutMs, this.#peers, this.#host);
    this.#applier = new Applier(stateMachine, this.#requests, this.#host, maxPendingRequests);
  }

  get id(): NodeId {
    return this.#settings.id;
  }

  /**
   * What this server says of itself to others: for its transport. As the option says, but for the cluster's id where that had to be learnt.
   * Null without the option.
   */
  get identity(): PeerIdentity | null {
    return this.#identities.own;
  }

  /**
   * Resolves once the storage is read, the state machine is open and peers can reach this server. It may take an election until there is a leader.
   *
   * @throws StorageFailedError, StateMachineFailedError, TransportFailedError; StoppedError after `stop`.
   */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /**
   * Puts `command` into the replicated log. Resolves, once it is committed and applied here, with what the state machine made of it.
   *
   * @throws NotLeaderError, BusyError, InvalidCommandError, NotStartedError, StoppedError or a NodeFailedError if it was not done; OutcomeUnknownError if it
   * may have been; the signal's reason, or a TimeoutError, if the wait was ended before anything was done.
   */
  propose(command: Command, options: RequestOptions = {}): Promise<Result> {
    try {
      const given = this.#commands.encode(command);
      const engine = this.#admit(given.length, true);
      // Not before: who has too much to do already should refuse at little expense.
      const bytes = this.#commands.own(given);
      const wish = { effect: "command", sizeBytes: bytes.length, isQueued: true } as const;
      const { id, promise } = this.#requests.open(this.#limit(options), wish);
      engine.loop.push({ type: "propose", id, command: bytes });
      // The caller's own promise: an async function would make another for each command.
      return promise as Promise<Result>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Answers `query` from a state that is as new as `consistency` asks for.
   *
   * @throws NotLeaderError if no leader is known, or it stopped to lead meanwhile (not with `stale`); BusyError, NotStartedError, StoppedError or a
   * NodeFailedError; the signal's reason when aborted, a TimeoutError when timed out; what the state machine's `query` rejected with. A read can always be repeated.
   */
  async read(query: Query, options: ReadOptions = {}): Promise<Answer> {
    const { consistency = "linearizable" } = options;
    const isQueued = consistency !== "stale";
    const engine = this.#admit(0, isQueued);
    const onReadable = (id: RequestId): void => this.#applier.query(id, query);
    const { id, promise } = this.#requests.open(this.#limit(options), { effect: null, isQueued, onReadable });
    if (consistency === "stale") onReadable(id);
    else engine.loop.push({ type: "read", id, consistency });
    return (await promise) as Answer;
  }

  /**
   * Hands the leadership over (dissertation, 3.10). Meanwhile this server takes no commands and no changes of members, see TransferringError. Resolves once
   * another server leads, or, where that takes longer than an election timeout, once this one has ceased to. Nothing is undone by `signal`.
   *
   * @throws TransferFailedError if nobody could take over, or nobody did within an election timeout; NotLeaderError, TransferringError, BusyError,
   * NotStartedError, StoppedError or a NodeFailedError.
   */
  async transferLeadership(options: TransferOptions = {}): Promise<void> {
    const engine = this.#admit();
    const { id, promise } = this.#requests.open(this.#limit(options), { effect: null });
    engine.loop.push({ type: "transferLeadership", id, to: options.to ?? null });
    await promise;
  }

  /**
   * Resolves once this server knows who leads, itself perhaps, with the one that it then knows; with `except`, once that is another one. May be called before `start`. By the time a caller goes on, the
   * leader may be another one.
   *
   * @throws StoppedError, a NodeFailedError; BusyError if too many wait; the signal's reason when aborted, a TimeoutError when timed out.
   */
  async waitForLeader(options: LeaderOptions = {}): Promise<LeaderHint> {
    const leader = (): NodeId | null => {
      const leaderId = this.#engine?.loop.leaderId ?? null;
      return leaderId === (options.except ?? null) ? null : leaderId;
    };
    await this.#waits.begin(() => leader() !== null, this.#limit(options)).promise;
    const leaderId = leader();
    // Somebody who was told of the leader before us may have deposed it; then that, too, was long enough to wait.
    return leaderId === null
      ? this.waitForLeader(options)
      : { leaderId, leaderAddress: this.#peers.addressOf(leaderId) };
  }

  /**
   * Resolves once the state of this server reflects the log up to `index`, as a `stale` read here then does, with the index that it reflects. May be called
   * before `start`. Nobody promises that there will ever be so many entries.
   *
   * @throws as {@link waitForLeader}
   */
  async waitForApplied(index: LogIndex, options: RequestOptions = {}): Promise<LogIndex> {
    if (!Number.isSafeInteger(index)) throw new TypeError(`${index} is not a log index`);
    await this.#waits.begin(() => this.#applier.lastApplied >= index, this.#limit(options)).promise;
    return this.#applier.lastApplied;
  }

  /**
   * Resolves once the state of this server reflects everything that any server had acknowledged when this was called, with the index that it reflects: after a
   * start, say, before it takes part in answering stale reads. Goes on trying while no leader is known. May be called before `start`.
   *
   * @throws as {@link waitForLeader}
   */
  async waitForCaughtUp(options: RequestOptions = {}): Promise<LogIndex> {
    let reached: LogIndex | null = null;
    const wait = this.#waits.begin(() => reached !== null, this.#limit(options));
    const settle = (index: LogIndex): void => {
      reached = index;
      this.#waits.look();
    };
    void this.#catchUp(wait, settle);
    await wait.promise;
    return reached ?? this.#applier.lastApplied;
  }

  /** Who belongs to the cluster, as far as this server knows. Nobody before `start`, and in a joiner until the leader has spoken to it. */
  membership(): Membership {
    return this.#peers.membership;
  }

  /**
   * Changes the members: all of `changes` together, through a joint configuration if the voters differ (dissertation, 4.3). Resolves once that is
   * committed and no longer joint, and whoever was to become a voter is one, with the members as they then are.
   *
   * @throws NotLeaderError, ChangePendingError, TransferringError, ChangeRefusedError, BusyError, NotStartedError, StoppedError or a NodeFailedError if it
   * was not done; OutcomeUnknownError if it may have been; the signal's reason if it was aborted before anything was done.
   */
  override async changeMembers(
    changes: readonly MemberChange[],
    options: ChangeOptions = {},
  ): Promise<Membership> {
    const engine = this.#admit();
    const { expectedIndex = null } = options;
    const { id, promise } = this.#requests.open(this.#limit(options), { effect: "change" });
    engine.loop.push({
      type: "changeConfiguration",
      id,
      changes: changes.map((change) => ({ ...change })),
      expectedIndex,
    });
    return (await promise) as Membership;
  }

  /** A copy of what this node knows now. */
  status(): NodeStatus {
    return statusOf({
      id: this.#settings.id,
      phase: this.#phase,
      raft: this.#engine?.raft.inspect() ?? null,
      leaderId: this.#engine?.loop.leaderId ?? null,
      peers: this.#peers,
      lastApplied: this.#applier.lastApplied,
      storageBytes: this.#phase === "running" ? this.#settings.storage.size() : 0,
      rejectionOf: (peer) => this.#engine?.rejections.of(peer) ?? null,
      isRemoved: this.#engine?.members.isRemoved ?? false,
      identity: this.identity,
      pendingRequests: this.#requests.size,
      pendingBytes: this.#requests.bytes,
      failure: this.#failure,
    });
  }

  /** Calls `listener` at every `name` event until the returned function is called. A listener that throws disturbs nobody. */
  on<Name extends keyof NodeEvents>(name: Name, listener: Listener<Name>): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Stops serving. A leader hands its leadership over first, unless the option `transferOnStop` is false or no other voter can be reached; that takes an
   * election timeout at most, and what it has taken on goes on meanwhile. Then requests that wait end: with StoppedError if nothing was done, with
   * OutcomeUnknownError if the command is in the log and may still be committed by others. Resolves once the write and the apply under way are done and
   * transport and storage are closed. May be called at any time and more than once.
   *
   * @throws StorageFailedError if the storage could not be closed.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  // --- inside

  async #start(): Promise<void> {
    this.#throwIfStopped();
    this.#phase = "starting";
    try {
      await this.#open();
    } catch (error) {
      if (error instanceof StoppedError) throw error;
      const failure = error instanceof NodeFailedError ? error : new InvariantBrokenError(error);
      this.#fail(failure);
      try {
        await this.#release();
      } catch (error) {
        // What the caller needs to know is why it does not start.
        this.#host.logger.error("The storage could not be closed.", { error });
      }
      throw failure;
    }
  }

  async #open(): Promise<void> {
    const { storage, stateMachine, transport } = this.#settings;
    const { turns } = this.#host;
    const restored = await openStorage(storage);
    this.#isStorageOpen = true;
    this.#throwIfStopped();
    this.#applier.resumeAt(await openStateMachine(stateMachine, storage, restored, turns));
    this.#throwIfStopped();
    const parts = {
      host: this.#host,
      applier: this.#applier,
      requests: this.#requests,
      peers: this.#peers,
      identities: this.#identities,
    };
    const engine = new Engine(this.#settings, restored, parts);
    this.#engine = engine;
    try {
      engine.members.open(engine.raft.inspect().configuration);
      await transport.start(engine);
    } catch (error) {
      throw new TransportFailedError(error);
    }
    this.#throwIfStopped();
    this.#throwIfFailed();
    this.#phase = "running";
    engine.start();
    this.#waits.look();
  }

  /** Who may ask for something now; `isQueued` if that has to wait for a majority, and would do so in vain where too many do already. */
  #admit(sizeBytes = 0, isQueued = false): Engine {
    this.#throwIfStopped();
    this.#throwIfFailed();
    if (this.#engine === null || this.#phase !== "running") throw new NotStartedError();
    const { maxPendingRequests, maxPendingBytes } = this.#settings;
    if (this.#requests.size >= maxPendingRequests) throw new BusyError();
    if (this.#requests.bytes + sizeBytes > maxPendingBytes) throw new BusyError();
    if (isQueued && this.#backlog.isTooLong) throw new BusyError();
    return this.#engine;
  }

  /** Asks for an index to read from, again and again until there is one. */
  async #catchUp(wait: Wait, settle: (index: LogIndex) => void): Promise<void> {
    while (!wait.isOver()) {
      try {
        if (this.#phase === "running") {
          const engine = this.#admit();
          const onReadable = (id: RequestId): void => this.#requests.resolve(id, this.#applier.lastApplied);
          const { id, promise } = this.#requests.open(undefined, { effect: null, onReadable });
          engine.loop.push({ type: "read", id, consistency: "linearizable" });
          settle((await promise) as LogIndex);
          return;
        }
      } catch (error) {
        // Nobody leads yet, or no longer; or too much is waiting.
        const isPassing = error instanceof NotLeaderError || error instanceof BusyError;
        if (!isPassing) wait.fail(error);
      }
      if (wait.isOver()) return;
      const pause = Promise.withResolvers<void>();
      const cancel = this.#settings.clock.after(CATCH_UP_PAUSE_MS, pause.resolve);
      await Promise.race([pause.promise, wait.promise.catch(() => {})]);
      cancel();
    }
  }

  #limit(options: RequestOptions): AbortSignalLike | undefined {
    return limitOf(options, this.#settings.clock);
  }

  #throwIfStopped(): void {
    if (this.#isClosing) throw new StoppedError();
  }

  #throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #fail(failure: NodeFailedError): void {
    if (this.#host.isClosed()) return;
    this.#failure = failure;
    this.#phase = "failed";
    this.#host.logger.error(failure.message, { error: failure });
    this.#engine?.stop();
    this.#requests.endAll(failure, { spareCommitted: false });
    this.#waits.end(failure);
    // Silence, not an error to every peer: to them this server has crashed, and they know what to do about that.
    void this.#stopTransport();
    this.#events.emit("failure", failure);
  }

  async #stop(): Promise<void> {
    this.#isClosing = true;
    this.#waits.end(new StoppedError());
    const engine = this.#phase === "running" ? this.#engine : null;
    if (this.#failure === null) this.#phase = "stopping";
    const { transferOnStop, electionTimeoutMs } = this.#settings;
    if (transferOnStop && engine !== null && hasSuccessor(engine.raft.inspect(), this.#peers)) {
      await handOver(electionTimeoutMs, this.#requests, this.#host);
    }
    this.#isStopping = true;
    this.#engine?.stop();
    // Callers first: they can go on to another server while the rest takes its time.
    this.#requests.endAll(new StoppedError(), { spareCommitted: true });
    await this.#starting?.catch(() => {});
    try {
      await this.#release();
    } catch (error) {
      throw new StorageFailedError(error);
    } finally {
      this.#phase = "stopped";
      this.#events.emit("stopped", undefined);
    }
  }

  /**
   * Lets go of the ports, in this order. The transport first: peers must not wait for a server that no longer thinks, and a snapshot being
   * received breaks off. Then what is under way ends, for it uses the storage. The storage last: the next opener, perhaps
   * this server's next life, must not meet a write of this one.
   */
  async #release(): Promise<void> {
    if (this.#engine !== null) {
      await this.#stopTransport();
      await this.#engine.idle();
    }
    this.#requests.endAll(this.#failure ?? new StoppedError(), { spareCommitted: false });
    if (!this.#isStorageOpen) return;
    this.#isStorageOpen = false;
    await this.#settings.storage.close();
  }

  /** Never rejects. */
  #stopTransport(): Promise<void> {
    this.#transportStopped ??= (async () => {
      try {
        await this.#settings.transport.stop();
      } catch (error) {
        this.#host.logger.error("The transport could not be stopped.", { error });
      }
    })();
    return this.#transportStopped;
  }
}
