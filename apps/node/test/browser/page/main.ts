// What runs in the browser: the client as an application in a page uses it.
import { createConnectTransport } from "@connectrpc/connect-web";
import { KvClient } from "@eraft/kv";
import type { PageApi } from "../page-api.ts";

const kv = new KvClient({
  addresses: ["/node/0", "/node/1", "/node/2"],
  connect: (path) => createConnectTransport({ baseUrl: new URL(path, location.origin).href }),
  deadlineMs: 30_000,
});
const told: string[] = [];
const written: string[] = [];

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`there is no #${id}`);
  return found;
}

function show(status: string): void {
  element("status").textContent = status;
}

const api: PageApi = {
  async putGetScan() {
    await kv.put("fruit/apple", "red");
    await kv.put("fruit/banana", "yellow");
    const { revision } = await kv.append("fruit/apple", ", or green");
    const apple = await kv.get("fruit/apple");
    const scanned: string[] = [];
    for await (const { keyText, text, modRevision } of kv.scan({ prefix: "fruit/" }, { pageSize: 1 })) {
      scanned.push(`${keyText}=${text}`);
      const row = document.createElement("tr");
      for (const cell of [keyText, text, String(modRevision)]) row.insertCell().textContent = cell;
      element("items").append(row);
    }
    return { apple: apple?.text ?? null, isNewest: apple?.modRevision === revision, scanned };
  },

  async beginWatch() {
    const watch = kv.watch({ prefix: "live/" });
    await watch.started();
    void (async () => {
      for await (const { keyText, item } of watch) {
        told.push(`${keyText}=${item?.text}`);
        const entry = document.createElement("div");
        entry.textContent = told.at(-1) ?? "";
        element("changes").append(entry);
        show(`${written.length} written, ${told.length} told`);
      }
    })();
  },

  async write(count) {
    for (let at = 1; at <= count; at += 1) {
      const key = `live/${at % 10}`;
      await kv.put(key, String(at));
      written.push(`${key}=${at}`);
    }
  },

  report: () => ({ told: [...told], written: [...written] }),

  async tryStream() {
    const stream = kv.stream();
    try {
      await stream.put("stream", "1");
      return "it works";
    } catch (error) {
      return error instanceof Error ? error.name : String(error);
    } finally {
      stream.close();
    }
  },
};
Object.assign(window, { eraft: api });
show("ready");
