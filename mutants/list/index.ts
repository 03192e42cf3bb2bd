import type { Mutant } from "../src/mutant.ts";
import { APPS_BENCH } from "./apps-bench.ts";
import { APPS_NODE_KV } from "./apps-node-kv.ts";
import { APPS_NODE } from "./apps-node.ts";
import { CORE_COMMIT } from "./core-commit.ts";
import { CORE_ENTRIES } from "./core-entries.ts";
import { CORE_CONFIGURATIONS } from "./core-configurations.ts";
import { CORE_DURABILITY } from "./core-durability.ts";
import { CORE_ELECTIONS } from "./core-elections.ts";
import { CORE_FORWARDED_READS } from "./core-forwarded-reads.ts";
import { CORE_INPUT } from "./core-input.ts";
import { CORE_MEMBERS } from "./core-members.ts";
import { CORE_PREVOTE } from "./core-prevote.ts";
import { CORE_READS } from "./core-reads.ts";
import { CORE_RECONFIGURATION } from "./core-reconfiguration.ts";
import { CORE_REPLICATION } from "./core-replication.ts";
import { CORE_SNAPSHOTS } from "./core-snapshots.ts";
import { CORE_SUCCESSION } from "./core-succession.ts";
import { CORE_TRANSFER } from "./core-transfer.ts";
import { FOUND_MEMBERS } from "./found-members.ts";
import { HTTP2 } from "./http2.ts";
import { KV_CLIENT } from "./kv-client.ts";
import { KV_CONSISTENCY } from "./kv-consistency.ts";
import { KV_LEVEL } from "./kv-level.ts";
import { KV_SERVICE } from "./kv-service.ts";
import { KV_STATE } from "./kv-state.ts";
import { KV } from "./kv.ts";
import { OVERLOAD } from "./overload.ts";
import { RUNTIME_MEMBERS } from "./runtime-members.ts";
import { RUNTIME_EMBEDDING } from "./runtime-embedding.ts";
import { RUNTIME_EXACTLY_ONCE } from "./runtime-exactly-once.ts";
import { RUNTIME_SESSIONS } from "./runtime-sessions.ts";
import { RUNTIME } from "./runtime.ts";
import { STORAGE_LEVEL } from "./storage-level.ts";
import { STORAGE_MEMORY } from "./storage-memory.ts";
import { STORAGE_WAL_CONFIGURATIONS } from "./storage-wal-configurations.ts";
import { STORAGE_WAL_IDENTITY } from "./storage-wal-identity.ts";
import { STORAGE_WAL_ORDER } from "./storage-wal-order.ts";
import { STORAGE_WAL } from "./storage-wal.ts";
import { TRANSPORT_CONNECT } from "./transport-connect.ts";
import { TRANSPORT_MEMORY } from "./transport-memory.ts";
import { TRANSPORT_NODE } from "./transport-node.ts";
import { TRANSPORT_PIPES } from "./transport-pipes.ts";
import { TRANSPORT_STREAMS } from "./transport-streams.ts";
import { TRANSPORT_UNARY } from "./transport-unary.ts";
import { TRANSPORT_UPLOADS } from "./transport-uploads.ts";

/** All seeded bugs. */
export const MUTANTS: readonly Mutant[] = [
  ...CORE_ELECTIONS,
  ...CORE_COMMIT,
  ...CORE_ENTRIES,
  ...CORE_REPLICATION,
  ...CORE_DURABILITY,
  ...CORE_SNAPSHOTS,
  ...CORE_READS,
  ...CORE_MEMBERS,
  ...CORE_SUCCESSION,
  ...CORE_CONFIGURATIONS,
  ...CORE_RECONFIGURATION,
  ...CORE_PREVOTE,
  ...CORE_TRANSFER,
  ...CORE_FORWARDED_READS,
  ...CORE_INPUT,
  ...FOUND_MEMBERS,
  ...OVERLOAD,
  ...RUNTIME,
  ...RUNTIME_MEMBERS,
  ...RUNTIME_SESSIONS,
  ...RUNTIME_EXACTLY_ONCE,
  ...RUNTIME_EMBEDDING,
  ...STORAGE_MEMORY,
  ...STORAGE_WAL,
  ...STORAGE_WAL_ORDER,
  ...STORAGE_WAL_CONFIGURATIONS,
  ...STORAGE_WAL_IDENTITY,
  ...STORAGE_LEVEL,
  ...TRANSPORT_MEMORY,
  ...HTTP2,
  ...TRANSPORT_CONNECT,
  ...TRANSPORT_NODE,
  ...TRANSPORT_STREAMS,
  ...TRANSPORT_UNARY,
  ...TRANSPORT_UPLOADS,
  ...TRANSPORT_PIPES,
  ...KV,
  ...KV_CLIENT,
  ...KV_STATE,
  ...KV_LEVEL,
  ...KV_SERVICE,
  ...KV_CONSISTENCY,
  ...APPS_NODE,
  ...APPS_BENCH,
  ...APPS_NODE_KV,
];
