import { setTimeout } from "node:timers/promises";
import { CommandError } from "../errors.ts";
import type { JsonLogger } from "../logger.ts";
import type { ServeConfig } from "./config.ts";
import type { DiskIdentity } from "./disk.ts";
import { type Reception, askForReception } from "./reception.ts";

const ASK_AGAIN_AFTER_MS = 200;

/**
 * Asks the other nodes, before this one says anything as one of them, who it is to them. Rejects with a CommandError if they go on without it.
 *
 * A node with a new directory that could help to found a cluster waits for those that are still reading their data: they may know that the cluster is
 * there already. One with data of its own waits for nobody, so no two wait for each other.
 */
export async function present(
  config: ServeConfig,
  identity: DiskIdentity,
  options: { readonly logger: JsonLogger; readonly isStopping: () => boolean },
): Promise<Reception> {
  const { id, beginning } = config;
  const others =
    beginning.type === "join"
      ? beginning.contacts
      : [...beginning.members].filter(([other]) => other !== id).map(([, address]) => address);
  for (let round = 1; ; round += 1) {
    const { incarnation, clusterId, starts } = identity;
    const reception = await askForReception(others, { id, incarnation, clusterId });
    if (reception.type === "leftBehind") throw leftBehind(reception.clusterId);
    if (reception.type !== "starting") {
      if (reception.type !== "silence" && clusterId === null)
        await identity.adoptCluster(reception.clusterId);
      return reception;
    }
    if (beginning.type === "join" || starts > 1 || options.isStopping()) return { type: "silence" };
    if (round === 1)
      options.logger.info(
        "Waiting for another node, which is reading its data, to say who belongs to the cluster.",
      );
    await setTimeout(ASK_AGAIN_AFTER_MS);
  }
}

/**
 * Suppose two of three disks are replaced by empty ones, and both nodes start with the list that they began with: a majority of it, they would elect
 * each other and serve an empty store, while the third one has all the data. What the third one knows of them keeps them from that.
 */
export function withReception(config: ServeConfig, { type }: Reception): ServeConfig {
  const isStranger = type === "otherDisk" || type === "noMember";
  return isStranger ? { ...config, beginning: { type: "join", contacts: [] } } : config;
}

function leftBehind(clusterId: string): CommandError {
  return new CommandError(
    `the cluster was recovered without this node, as ${clusterId}, and what is in its data directory is of no use any more: start it with an empty one, and --join`,
  );
}
