// Reports how fast batches become durable in a directory. Run: node -C @eraft/source bench/append.ts [directory]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WalStorage } from "../src/index.ts";

const SECONDS = 2;

async function measure(parent: string, entriesPerBatch: number, commandBytes: number): Promise<string> {
  const dir = mkdtempSync(join(parent, "eraft-wal-bench-"));
  try {
    const storage = new WalStorage({ dir });
    await storage.open();
    const command = new Uint8Array(commandBytes).fill(7);
    let index = 0;
    let batches = 0;
    const start = performance.now();
    while (performance.now() - start < SECONDS * 1000) {
      const entries = Array.from({ length: entriesPerBatch }, () => ({ index: ++index, term: 1, command }));
      await storage.write({ hardState: null, truncateFrom: null, entries });
      batches++;
    }
    const seconds = (performance.now() - start) / 1000;
    await storage.close();
    const megabytes = (batches * entriesPerBatch * commandBytes) / 1e6;
    const rates = `${Math.round(batches / seconds)} batches/s, ${(megabytes / seconds).toFixed(1)} MB/s`;
    return `${entriesPerBatch} x ${commandBytes} bytes: ${rates}`;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const parent = process.argv[2] ?? tmpdir();
console.log(`one writer, one fdatasync per batch, ${SECONDS} s each, in ${parent}`);
for (const [count, size] of [
  [1, 100],
  [10, 100],
  [100, 1000],
  [1000, 1000],
] as const) {
  console.log(await measure(parent, count, size));
}
