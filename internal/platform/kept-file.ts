// The certificate and key files that an address names: read once for Redis (redis-tls.ts), and for Postgres (postgres-tls.ts) again for each
// connection, because they may be replaced while the process runs.
import { readFileSync } from "node:fs";
import { AppError, describeError } from "../kernel/errors.ts";

/** It must be there at the start. While it is being replaced, the text from before counts. */
export class KeptFile {
  readonly #path: string;
  #text: string;

  /** Throws as `readNamedFile`. */
  constructor(setting: string, path: string) {
    this.#path = path;
    this.#text = readNamedFile(setting, path);
  }

  /** As it is now. */
  get text(): string {
    try {
      const text = readFileSync(this.#path, "utf8");
      if (text.includes("-----END ")) this.#text = text;
    } catch {
      // The next call looks again.
    }
    return this.#text;
  }
}

/** Throws CONFIG_INVALID if it cannot be read. `setting` says where its path stands. */
export function readNamedFile(setting: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const why = `${setting}=${path} cannot be read: ${describeError(error)}`;
    throw new AppError("CONFIG_INVALID", why, { cause: error });
  }
}
