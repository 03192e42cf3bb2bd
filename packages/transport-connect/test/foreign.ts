import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";

/** What a program that knows nothing of us makes of the contract: Google's own gRPC, reading proto/raftpb/raft.proto. */
const definition = loader.loadSync(
  new URL("../../../proto/raftpb/raft.proto", import.meta.url).pathname,
  // Field names as in the file, and int64 as decimal text: neither is a convention of ours.
  { keepCase: true, longs: String, defaults: true },
);
const { raftpb } = grpc.loadPackageDefinition(definition) as unknown as {
  raftpb: { RaftService: grpc.ServiceClientConstructor };
};

export type Fields = Record<string, unknown>;
export type Method = "RequestVote" | "AppendEntries" | "InstallSnapshot";

const UNLIMITED = { "grpc.max_send_message_length": -1 };

const same = (bytes: Buffer): Buffer => bytes;

export class ForeignClient {
  readonly raw: grpc.Client;

  constructor(address: string) {
    this.raw = new raftpb.RaftService(address, grpc.credentials.createInsecure(), UNLIMITED);
  }

  /** Rejects with a grpc.ServiceError. */
  call(method: Method, request: Fields, options: grpc.CallOptions = {}): Promise<Fields> {
    const { path, requestSerialize, responseDeserialize } = raftpb.RaftService.service[
      method
    ] as grpc.MethodDefinition<Fields, Fields>;
    return this.unary(path, requestSerialize, responseDeserialize, request, options);
  }

  /** Sends bytes as they are, and returns those that come back. */
  callBytes(path: string, bytes: Buffer, metadata = new grpc.Metadata()): Promise<Buffer> {
    return this.unary(path, same, same, bytes, {}, metadata);
  }

  close(): void {
    this.raw.close();
  }

  unary<I, O>(
    path: string,
    serialize: (request: I) => Buffer,
    deserialize: (bytes: Buffer) => O,
    request: I,
    options: grpc.CallOptions,
    metadata = new grpc.Metadata(),
  ): Promise<O> {
    return new Promise((resolve, reject) => {
      this.raw.makeUnaryRequest(path, serialize, deserialize, request, metadata, options, (error, reply) => {
        if (error !== null) reject(error);
        else resolve(reply as O);
      });
    });
  }
}

export type Handler = (request: Fields) => Fields | Promise<Fields>;

export interface ForeignServer {
  readonly address: string;
  stop(): void;
}

/** A server with the default limits of gRPC: 4 MiB for a message it receives. */
export async function startForeignServer(handlers: Record<Method, Handler>): Promise<ForeignServer> {
  const server = new grpc.Server();
  const implementation: grpc.UntypedServiceImplementation = {};
  for (const [method, handler] of Object.entries(handlers)) {
    const serve = async (
      call: grpc.ServerUnaryCall<Fields, Fields>,
      callback: grpc.sendUnaryData<Fields>,
    ): Promise<void> => {
      callback(null, await handler(call.request));
    };
    implementation[method] = (
      call: grpc.ServerUnaryCall<Fields, Fields>,
      callback: grpc.sendUnaryData<Fields>,
    ) => void serve(call, callback);
  }
  server.addService(raftpb.RaftService.service, implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
  return { address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}
