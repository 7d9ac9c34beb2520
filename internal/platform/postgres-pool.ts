// The pool for single statements. It uses the driver's pool and replaces it as a whole when one of its connections is lost. A lost
// connection might never work again (postgres 3.4.9, src/connection.js): unwritten data stays in its buffer when it closes, the
// next startup message is queued behind that data and never sent, and every reconnect times out. One statement at the moment when
// a connection breaks is enough. Called by postgres.ts.
import postgres, { type ReservedSql, type Sql } from "postgres";
import type { DriverOptions } from "./transaction-connection.ts";
import { untilEnded } from "./pending-socket.ts";
import { isStandby } from "./postgres-standby.ts";

/** Options of the driver, and who hears of each failed statement, whoever waits for it. */
export interface PoolOptions extends DriverOptions {
  readonly onError?: (error: unknown) => void;
}

/** Time that running and queued statements of a replaced pool have to end. Above the server's statement timeout. */
const RETIRED_FOR_MS = 15_000;

export class Pool {
  /** Always forwards to the current driver, for statements and helpers. */
  readonly sql: Sql;
  readonly #url: string;
  readonly #options: DriverOptions;
  readonly #onError: (error: unknown) => void;
  readonly #retired = new Map<Sql, Timer>();
  #current: Sql;
  #isClosed = false;

  /** Up to `options.max` connections, opened when needed. */
  constructor(url: string, { onError = () => undefined, ...options }: PoolOptions) {
    this.#url = url;
    this.#options = options;
    this.#onError = onError;
    this.#current = this.#connect();
    this.sql = new Proxy(this.#current, {
      apply: (_first, self, args) => this.#overheard(Reflect.apply(this.#current, self, args)),
      get: (_first, property) =>
        property === "reserve" ? () => this.#reserve() : (Reflect.get(this.#current, property) as unknown),
    });
  }

  /** Waits up to `timeoutMs` for running statements, then aborts them. Does not wait for replaced pools: they may never end. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#retired.values()) clearTimeout(timer);
    const retired = [...this.#retired.keys()].map((driver) => driver.end({ timeout: 0 }));
    await Promise.all([this.#current.end({ timeout: timeoutMs / 1_000 }), ...retired]);
  }

  /**
   * A connection that the driver (postgres 3.4.9) opens for `reserve` is never lent out when it asks the server for no types
   * (postgres-types.ts), so a statement opens it.
   */
  async #reserve(): Promise<ReservedSql> {
    const driver = this.#current;
    await driver`select`;
    return driver.reserve();
  }

  /**
   * Whoever waits for a statement calls its `then`, also by `await` and `catch`. Waiting here would send it, and parts of other statements
   * must never be sent.
   */
  #overheard(made: unknown): unknown {
    if (!(made instanceof Promise)) return made;
    const wait = made.then.bind(made);
    const overheard: typeof wait = (done, failed) =>
      wait(undefined, (error: unknown) => {
        this.#onError(error);
        throw error;
      }).then(done, failed);
    // oxlint-disable-next-line unicorn/no-thenable -- it is a promise already
    return Object.assign(made, { then: overheard });
  }

  #connect(): Sql {
    const isEnded = (): boolean => driver !== this.#current && !this.#retired.has(driver);
    const options = untilEnded(this.#options, isEnded);
    const driver: Sql = postgres(this.#url, { ...options, onclose: () => this.#lost(driver) });
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
