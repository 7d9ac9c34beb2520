// A certificate or key in a file that may be replaced while the process runs. Called by postgres-tls.ts and redis-tls.ts.
import { readFileSync } from "node:fs";
import { AppError, describeError } from "../kernel/errors.ts";

/** It must be there at the start. While it is being replaced, the text from before counts. */
export class KeptFile {
  readonly #path: string;
  #text: string;

  /** Throws CONFIG_INVALID if it cannot be read. `setting` says where its path stands. */
  constructor(setting: string, path: string) {
    this.#path = path;
    try {
      this.#text = readFileSync(path, "utf8");
    } catch (error) {
      const why = `${setting}=${path} cannot be read: ${describeError(error)}`;
      throw new AppError("CONFIG_INVALID", why, { cause: error });
    }
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
