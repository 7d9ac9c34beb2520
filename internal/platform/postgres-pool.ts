// The pool for single statements. It uses the driver's pool and replaces it as a whole when one of its connections is lost. A lost
// connection might never work again (postgres 3.4.9, src/connection.js): unwritten data stays in its buffer when it closes, the
// next startup message is queued behind that data and never sent, and every reconnect times out. One statement at the moment when
// a connection breaks is enough. Called by postgres.ts.
import postgres, { type Sql } from "postgres";
import type { DriverOptions } from "./transaction-connection.ts";
import { isStandby } from "./postgres-standby.ts";

/** Time that running and queued statements of a replaced pool have to end. Above the server's statement timeout. */
const RETIRED_FOR_MS = 15_000;

export class Pool {
  /** Always forwards to the current driver, for statements and helpers. */
  readonly sql: Sql;
  readonly #url: string;
  readonly #options: DriverOptions;
  readonly #retired = new Map<Sql, Timer>();
  #current: Sql;
  #isClosed = false;

  /** Up to `options.max` connections, opened when needed. */
  constructor(url: string, options: DriverOptions) {
    this.#url = url;
    this.#options = options;
    this.#current = this.#connect();
    this.sql = new Proxy(this.#current, {
      apply: (_first, self, args) => Reflect.apply(this.#current, self, args) as unknown,
      get: (_first, property) => Reflect.get(this.#current, property) as unknown,
    });
  }

  /** Waits up to `timeoutMs` for running statements, then aborts them. Does not wait for replaced pools: they may never end. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#retired.values()) clearTimeout(timer);
    const retired = [...this.#retired.keys()].map((driver) => driver.end({ timeout: 0 }));
    await Promise.all([this.#current.end({ timeout: timeoutMs / 1_000 }), ...retired]);
  }

  #connect(): Sql {
    const driver = postgres(this.#url, { ...this.#options, onclose: () => this.#lost(driver) });
    return driver;
  }

  #lost(driver: Sql): void {
    if (driver !== this.#current || this.#isClosed || !wasOfUse(driver)) return;
    this.#current = this.#connect();
    // Not ended at once: its other connections may still run statements, and more may be queued.
    const timer = setTimeout(() => {
      this.#retired.delete(driver);
      void driver.end({ timeout: 0 });
    }, RETIRED_FOR_MS);
    timer.unref();
    this.#retired.set(driver, timer);
  }
}

/** Without an answer, or with a standby's, no unwritten data can be left, and the driver's reconnect pauses should stay in effect. */
function wasOfUse(driver: Sql): boolean {
  return driver.parameters["server_version"] !== undefined && !isStandby(driver);
}
