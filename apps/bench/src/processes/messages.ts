/** What the bench and a process that embeds a node say to each other. */
export type ToNode =
  | { readonly type: "start"; readonly id: number; readonly peers: readonly string[]; readonly dir: string }
  /** Propose for so long, with so many under way. */
  | {
      readonly type: "load";
      readonly seconds: number;
      readonly window: number;
      readonly commandBytes: number;
    }
  | { readonly type: "look" };

export type FromNode =
  | { readonly type: "started" }
  | { readonly type: "leads" }
  | {
      readonly type: "loaded";
      readonly acknowledged: number;
      /** Of which nobody can say whether they were done. */
      readonly unknown: number;
      readonly perSecond: number;
    }
  | {
      readonly type: "state";
      readonly applied: number;
      readonly checksum: number;
      /** Processor time it has used so far. */
      readonly cpuUs: number;
    }
  | { readonly type: "failed"; readonly message: string };
