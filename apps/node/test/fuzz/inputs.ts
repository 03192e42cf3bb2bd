import type { Input } from "./input.ts";
import { kvInput } from "./kv-inputs.ts";
import { kvV1Input } from "./kv-v1-inputs.ts";
import { peerInput } from "./peer-inputs.ts";
import { raftInput } from "./raft-inputs.ts";
import { Random } from "./random.ts";
import { rawInput } from "./raw-inputs.ts";
import { brokenOffInput, envelopeInput, headerInput, protobufInput } from "./wire-inputs.ts";

/** The input with this number: each can be had again alone. */
export function inputOf(seed: number, number: number): Input {
  const random = new Random(seed, number);
  const choice = random.below(100);
  if (choice < 33) return raftInput(random);
  if (choice < 40) return kvV1Input(random);
  if (choice < 47) return kvInput(random);
  if (choice < 60) return peerInput(random);
  if (choice < 75) return protobufInput(random);
  if (choice < 82) return envelopeInput(random);
  if (choice < 90) return headerInput(random);
  if (choice < 95) return brokenOffInput(random);
  return rawInput(random);
}
