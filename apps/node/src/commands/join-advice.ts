import { fileURLToPath } from "node:url";
import { textOf } from "../cluster.ts";
import { howToCall, whereUserStands } from "../how-to-call.ts";
import type { ServeConfig } from "../server/config.ts";
import type { Started } from "../server/server.ts";

/** What is to be done next about a node that belongs to no cluster yet; empty if it does. */
export function addThisNode({ id, listen, beginning }: ServeConfig, { members, reception }: Started): string {
  const isMember = reception.type === "member" || reception.type === "otherDisk";
  if (isMember || members.some((member) => member.id === id)) return "";
  const script = fileURLToPath(new URL("../../bin/eraft.js", import.meta.url));
  const eraft = howToCall(process.argv[1] ?? script, whereUserStands());
  // Who listens on every interface has not said by which name others reach it.
  const isAny = listen.host === "0.0.0.0" || listen.host === "::";
  const address = isAny ? `HOST:${listen.port}` : listen.text;
  const contacts = beginning.type === "join" ? beginning.contacts : [...beginning.members.values()];
  const others = contacts.filter(({ text }) => text !== listen.text);
  return `it is not a member yet; to add it: ${eraft} member add ${id} ${address} --cluster ${textOf(others)}\n`;
}
