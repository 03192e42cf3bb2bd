import type { Ready, RequestId } from "@eraft/core";
import { Cluster } from "../../harness/cluster.ts";
import type { Filter, Parcel } from "../../harness/network.ts";
import type { Node } from "../../harness/node.ts";
import { printMessage } from "./messages.ts";
import { printAlert, printOutcome } from "./print.ts";

/** A cluster that writes down what arrives and what clients are told. */
export class Stage extends Cluster {
  /** Whether messages are written down as they arrive. */
  isTracing = false;
  lines: string[] = [];
  readonly #names = new Map<RequestId, string>();
  #nameOfNext = "";

  /** Makes a request and remembers it by `name`. */
  request(name: string, make: () => RequestId): void {
    this.#nameOfNext = name;
    this.#names.set(make(), name);
  }

  override deliver(): boolean {
    const parcel = this.network.next();
    if (parcel !== undefined) this.#arrive(parcel);
    return parcel !== undefined;
  }

  /** What matches and is on its way now arrives, in the order of sending; what that causes does not. */
  deliverNow(matches: Filter): void {
    const arriving = this.network.parcels.filter(({ message }) => matches(message));
    this.network.parcels = this.network.parcels.filter((parcel) => !arriving.includes(parcel));
    for (const parcel of arriving) this.#arrive(parcel);
  }

  override stepped(node: Node, ready: Ready | null): void {
    super.stepped(node, ready);
    // (A server that has just been made has nothing to say, so this is not reached before the fields above are there.)
    for (const outcome of ready?.outcomes ?? [])
      this.lines.push(printOutcome(this.#nameOf(outcome.id), outcome));
    for (const alert of ready?.alerts ?? []) this.lines.push(printAlert(alert));
  }

  #arrive(parcel: Parcel): void {
    const receiver = this.node(parcel.message.to);
    if (this.isTracing && receiver.isUp) this.lines.push(printMessage(parcel.message));
    receiver.receive(parcel);
  }

  #nameOf(id: RequestId): string {
    return this.history.proposals.get(id) ?? this.#names.get(id) ?? this.#nameOfNext;
  }
}
