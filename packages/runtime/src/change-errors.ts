import { RaftError } from "./errors.ts";

/** Not done: this server is handing its leadership over. In a moment another server leads, or this one again. */
export class TransferringError extends RaftError {
  override readonly name = "TransferringError";
  readonly code = "TRANSFERRING";
  readonly retry = "later";

  constructor() {
    super(
      "This server is handing its leadership over. Nothing was done: try again after a pause, any server will say who leads.",
    );
  }
}

/** This server leads and serves as before: nobody could take over, or nobody did in time. */
export class TransferFailedError extends RaftError {
  override readonly name = "TransferFailedError";
  readonly code = "TRANSFER_FAILED";
  readonly retry = "later";
  /** Why, for people. */
  readonly reason: string;

  constructor(reason: string) {
    super(`The leadership was not handed over: ${reason}. This server goes on as before.`);
    this.reason = reason;
  }
}

/** Not done: another change of the members is under way, or this leader is too new to know that none is. */
export class ChangePendingError extends RaftError {
  override readonly name = "ChangePendingError";
  readonly code = "CHANGE_PENDING";
  readonly retry = "later";

  constructor() {
    super(
      "Another change of the members is under way, or this leader has just been elected. Nothing was done: try again after a pause.",
    );
  }
}

/** Not done: the members cannot be changed like that, or they are no longer those that the caller knew. */
export class ChangeRefusedError extends RaftError {
  override readonly name = "ChangeRefusedError";
  readonly code = "CHANGE_REFUSED";
  readonly retry = "never";
  /** Why, for people. */
  readonly reason: string;

  constructor(reason: string) {
    super(`The members were not changed as asked: ${reason}.`);
    this.reason = reason;
  }
}
