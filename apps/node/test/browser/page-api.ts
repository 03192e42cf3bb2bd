/** What the page can be asked to do, as `window.eraft`. */
export interface PageApi {
  putGetScan(): Promise<{
    readonly apple: string | null;
    readonly isNewest: boolean;
    readonly scanned: readonly string[];
  }>;
  /** Resolves once the watch has begun. */
  beginWatch(): Promise<void>;
  /** Writes what the watch is to tell, one after the other. */
  write(count: number): Promise<void>;
  report(): { readonly told: readonly string[]; readonly written: readonly string[] };
  /** The name of the error that a stream gives. */
  tryStream(): Promise<string>;
}
