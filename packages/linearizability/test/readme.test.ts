import { expect, test, vi } from "vitest";
import {
  assertLinearizable,
  checkLinearizable,
  HistoryRecorder,
  type KvInput,
  kvModel,
  type KvOutput,
  minimise,
  NotLinearizableError,
  renderPicture,
} from "../src/index.ts";

test("the example of the README draws one picture and throws", () => {
  const draw = vi.fn<(svg: string) => void>();
  const recorder = new HistoryRecorder<KvInput, KvOutput>();
  const [alice, bob] = [recorder.newClient(), recorder.newClient()];
  const writing = recorder.call(alice, { type: "put", key: "x", value: "1" });
  writing.ok(null);
  recorder.call(bob, { type: "get", key: "x" }).ok(null);
  const report = checkLinearizable(kvModel, recorder.operations());
  for (const partition of report.partitions) {
    if (partition.verdict === "illegal") draw(renderPicture(kvModel, minimise(kvModel, partition)));
  }
  expect(draw).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("<svg"));
  expect(() => assertLinearizable(report)).toThrow(NotLinearizableError);
});
