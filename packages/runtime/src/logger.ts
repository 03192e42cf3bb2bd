/** Where a node says what an operator should know. `console` is one. */
export interface Logger {
  info(message: string, details?: object): void;
  warn(message: string, details?: object): void;
  error(message: string, details?: object): void;
}

declare const console: Logger;

/** Warnings and errors go to the console: a node never fails in silence. */
export const defaultLogger: Logger = {
  info: () => {},
  warn: (...line) => console.warn(...line),
  error: (...line) => console.error(...line),
};

/** The same logger; if it throws, the node does not. */
export function guarded(logger: Logger): Logger {
  const guard =
    (level: "info" | "warn" | "error") =>
    (message: string, details?: object): void => {
      try {
        logger[level](message, details);
      } catch {
        // There is nowhere left to report it.
      }
    };
  return { info: guard("info"), warn: guard("warn"), error: guard("error") };
}
