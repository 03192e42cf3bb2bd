// Here, as the runtime does not know protobuf and this package has a schema at hand.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type CommandRequest, CommandRequestSchema, Op } from "@eraft/proto/kvraftpb";
import { type Codec, defineStateMachine, protobuf } from "@eraft/runtime";
import { expect, expectTypeOf, test } from "vitest";

const codec = protobuf(CommandRequestSchema, fromBinary, toBinary);

test("a protobuf-es schema is a codec of its messages", () => {
  expectTypeOf(codec).toEqualTypeOf<Codec<CommandRequest>>();
  const command = create(CommandRequestSchema, { key: "a", value: "1", op: Op.PUT });
  expect(codec.decode(codec.encode(command))).toEqual(command);
});

test("a state machine takes its messages, and bytes that are none stop nobody", async () => {
  const keys: string[] = [];
  const machine = defineStateMachine({
    commands: codec,
    apply: ({ key }) => keys.push(key),
    malformed: () => -1,
    query: () => keys.length,
    save: () => keys,
    load: (saved) => void keys.splice(0, keys.length, ...saved),
  });
  const commands = [codec.encode(create(CommandRequestSchema, { key: "a" })), Uint8Array.of(0x0a, 9)];
  const results = await machine.apply(commands.map((command, at) => ({ index: at + 1, command })));
  expect(results).toEqual([1, -1]);
});
