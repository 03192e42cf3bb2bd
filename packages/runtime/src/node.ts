import type { NodeId } from "@eraft/core";
import { Applier } from "./applier.ts";
import { toBytes } from "./commands.ts";
import { Engine } from "./engine.ts";
import {
  BusyError,
  InvariantBrokenError,
  NodeFailedError,
  NotStartedError,
  StoppedError,
  StorageFailedError,
  TransportFailedError,
} from "./errors.ts";
import { Events, type Listener, type NodeEvents } from "./events.ts";
import type { Host } from "./host.ts";
import { openStateMachine, openStorage } from "./open.ts";
import { type RaftNodeOptions, resolveOptions, type Settings } from "./options.ts";
import { Peers } from "./peers.ts";
import { type AbortSignalLike, Requests } from "./requests.ts";
import { type NodeStatus, type Phase, statusOf } from "./status.ts";

/** How a caller limits its wait. */
export interface RequestOptions {
  /** An `AbortSignal`. Aborting ends the wait, not a proposal that is in the log already. */
  readonly signal?: AbortSignalLike;
}

/**
 * One server of a Raft cluster: a core, driven by time, messages and clients, over the storage, transport and state machine it is given.
 *
 * Every promise settles, with a {@link RaftError} that says what to do next if it was not done. The node lives once: after `stop` or a failure, make
 * a new one.
 */
export class RaftNode<Command = Uint8Array, Query = unknown, Result = unknown, Answer = Result> {
  readonly #settings: Settings<Command, Query, Result, Answer>;
  readonly #events: Events;
  readonly #requests = new Requests();
  readonly #peers: Peers;
  readonly #host: Host;
  readonly #applier: Applier;
  #engine: Engine | null = null;
  #phase: Phase = "created";
  #failure: NodeFailedError | null = null;
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  #isStopping = false;
  #transportStopped: Promise<void> | null = null;
  #isStorageOpen = false;

  /** @throws InvalidOptionError */
  constructor(options: RaftNodeOptions<Command, Query, Result, Answer>) {
    this.#settings = resolveOptions(options);
    const { id, peers, clock, logger, stateMachine } = this.#settings;
    this.#events = new Events(logger);
    this.#peers = new Peers(id, peers, clock);
    this.#host = {
      clock,
      logger,
      events: this.#events,
      isClosed: () => this.#failure !== null || this.#isStopping,
      push: (input) => this.#engine?.loop.push(input),
      fail: (failure) => this.#fail(failure),
    };
    this.#applier = new Applier(stateMachine, this.#requests, this.#host);
  }

  get id(): NodeId {
    return this.#settings.id;
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
   * may have been; the signal's reason if it was aborted before anything was done.
   */
  async propose(command: Command, options: RequestOptions = {}): Promise<Result> {
    const bytes = toBytes(command, this.#settings.codec, this.#settings.maxCommandBytes);
    const engine = this.#admit();
    const { id, promise } = this.#requests.open(options.signal, null);
    engine.loop.push({ type: "propose", id, command: bytes });
    return (await promise) as Result;
  }

  /**
   * Answers `query` from a state that reflects every write that had been acknowledged, by any server, when `read` was called
   * (dissertation, 6.4: linearizable, without a log entry).
   *
   * @throws NotLeaderError, BusyError, NotStartedError, StoppedError or a NodeFailedError; the signal's reason when aborted; what the state machine's
   * `query` rejected with. A read can always be repeated.
   */
  async read(query: Query, options: RequestOptions = {}): Promise<Answer> {
    const engine = this.#admit();
    const { id, promise } = this.#requests.open(options.signal, (id) => this.#applier.query(id, query));
    engine.loop.push({ type: "read", id });
    return (await promise) as Answer;
  }

  /** A copy of what this node knows now. */
  status(): NodeStatus {
    return statusOf({
      id: this.#settings.id,
      phase: this.#phase,
      raft: this.#engine?.raft.inspect() ?? null,
      peers: this.#peers,
      lastApplied: this.#applier.lastApplied,
      storageBytes: this.#phase === "running" ? this.#settings.storage.size() : 0,
      pendingRequests: this.#requests.size,
      failure: this.#failure,
    });
  }

  /** Calls `listener` at every `name` event until the returned function is called. A listener that throws disturbs nobody. */
  on<Name extends keyof NodeEvents>(name: Name, listener: Listener<Name>): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Stops serving. Requests that wait end: with StoppedError if nothing was done, with OutcomeUnknownError if the command is in the log and may still
   * be committed by others. Resolves once the write and the apply under way are done and transport and storage are closed.
   * May be called at any time and more than once.
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
    const restored = await openStorage(storage);
    this.#isStorageOpen = true;
    this.#throwIfStopped();
    this.#applier.resumeAt(await openStateMachine(stateMachine, storage, restored));
    this.#throwIfStopped();
    const parts = { host: this.#host, applier: this.#applier, requests: this.#requests, peers: this.#peers };
    const engine = new Engine(this.#settings, restored, parts);
    this.#engine = engine;
    try {
      transport.setPeers(this.#peers.others);
      await transport.start(engine);
    } catch (error) {
      throw new TransportFailedError(error);
    }
    this.#throwIfStopped();
    this.#throwIfFailed();
    this.#phase = "running";
    engine.start();
  }

  /** Who may ask for something now. */
  #admit(): Engine {
    this.#throwIfStopped();
    this.#throwIfFailed();
    if (this.#engine === null || this.#phase !== "running") throw new NotStartedError();
    if (this.#requests.size >= this.#settings.maxPendingRequests) throw new BusyError();
    return this.#engine;
  }

  #throwIfStopped(): void {
    if (this.#isStopping) throw new StoppedError();
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
    // Silence, not an error to every peer: to them this server has crashed, and they know what to do about that.
    void this.#stopTransport();
    this.#events.emit("failure", failure);
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#failure === null) this.#phase = "stopping";
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
