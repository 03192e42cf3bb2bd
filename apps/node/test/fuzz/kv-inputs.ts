import { type Message, type MessageInitShape, create, toBinary } from "@bufbuild/protobuf";
import { CommandRequestSchema, Op } from "@eraft/proto/kvraftpb";
import { KV, Status, type StreamInput, call } from "./input.ts";
import type { Random } from "./random.ts";

const { ok, invalidArgument } = Status;

type Fields = Exclude<MessageInitShape<typeof CommandRequestSchema>, Message>;

function command(kind: string, expected: number, fields: Fields): StreamInput {
  const message = create(CommandRequestSchema, { key: "k", value: "v", ...fields });
  return call(`command: ${kind}`, `${KV}Command`, toBinary(CommandRequestSchema, message), expected);
}

/** A client's command that can never be done, or that a follower does not do. */
export function kvInput(random: Random): StreamInput {
  switch (random.below(6)) {
    case 0:
      return command("unknown operation", invalidArgument, {
        op: (random.oneIn(2) ? random.between(3, 2 ** 31 - 1) : -random.between(1, 2 ** 31)) as Op,
      });
    case 1:
      return command("no key", invalidArgument, { key: "", op: random.pick([Op.PUT, Op.APPEND, Op.GET]) });
    case 2:
      return command("a key that is too long", invalidArgument, {
        key: "ä".repeat(random.between(2049, 4000)),
      });
    case 3: {
      // Large, so seldom.
      if (!random.oneIn(50))
        return command("no key", invalidArgument, { key: "", value: "x".repeat(random.below(999)) });
      return command("a value that is too large", invalidArgument, {
        value: "x".repeat(2 ** 20 + random.between(1, 999)),
      });
    }
    case 4:
      return command("no leader here", ok, {
        key: `k${random.below(99)}`,
        op: random.pick([Op.PUT, Op.APPEND, Op.GET]),
        clientId: random.huge(),
        commandId: random.negative(),
      });
    default:
      return call("status: unknown fields", `${KV}GetStatus`, Buffer.from([0x78, random.below(128)]), ok);
  }
}
