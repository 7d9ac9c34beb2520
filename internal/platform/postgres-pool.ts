// The pool for single statements: the driver's own, replaced as a whole when a connection of it is lost. Kept, the lost one might
// never work again (postgres 3.4.9, src/connection.js): what was about to be written when it closed stays in its buffer, the
// next greeting is queued behind that and is not sent, and each attempt to connect ends in a timeout. A statement that comes in
// the moment in which a connection breaks is enough. Called by postgres.ts.
import postgres, { type Sql } from "postgres";
import type { DriverOptions } from "./transaction-connection.ts";
import { isStandby } from "./postgres-standby.ts";

/** What was sent or waits in line when its pool was replaced has so long to end: above the server's own statement timeout. */
const RETIRED_FOR_MS = 15_000;

export class Pool {
  /** Always the driver of the day; statements and helpers alike. */
  readonly sql: Sql;
  readonly #url: string;
  readonly #options: DriverOptions;
  readonly #retired = new Map<Sql, Timer>();
  #current: Sql;
  #isClosed = false;

  /** `options.max` connections, opened when needed. */
  constructor(url: string, options: DriverOptions) {
    this.#url = url;
    this.#options = options;
    this.#current = this.#connect();
    this.sql = new Proxy(this.#current, {
      apply: (_first, self, args) => Reflect.apply(this.#current, self, args) as unknown,
      get: (_first, property) => Reflect.get(this.#current, property) as unknown,
    });
  }

  /** Waits so long for what is under way, then breaks it off. In a pool that was replaced nothing can be waited for: see above. */
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
    // Not ended at once: its other connections may be in the middle of a statement, and more may wait for them.
    const timer = setTimeout(() => {
      this.#retired.delete(driver);
      void driver.end({ timeout: 0 });
    }, RETIRED_FOR_MS);
    timer.unref();
    this.#retired.set(driver, timer);
  }
}

/** Where nobody answers, or a standby does, nothing was written that could be left over, and the driver's pauses should last. */
function wasOfUse(driver: Sql): boolean {
  return driver.parameters["server_version"] !== undefined && !isStandby(driver);
}
