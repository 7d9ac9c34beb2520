// Inventory on a real database without Kafka: commands go in through the inbox transaction, events are read from the outbox. For
// the service's tests.
import type { InventoryCommand } from "../../schemas/commands.ts";
import type { Message, MessageType } from "../../schemas/registry.ts";
import type { Money } from "../kernel/money.ts";
import type { RawMessage, RunResult } from "../kernel/ports.ts";
import type { Database, DatabaseFault } from "../messaging/database.ts";
import { applyFree, applyOnce } from "../messaging/inbox-transaction.ts";
import { inventoryHandler } from "../services/inventory/handler.ts";
import { sweepExpired } from "../services/inventory/sweeper.ts";
import { type Clone, cloneDatabase, type TestDatabase } from "./database.ts";

export const HOLD_MS = 300_000;
export const START = Date.parse("2026-11-23T12:00:00.000Z");

export class TestInventory implements AsyncDisposable {
  readonly database: TestDatabase;
  /** Epoch ms; the service's clock. */
  now = START;
  /** The database faults that repeated a batch or made it fail. */
  readonly faults: DatabaseFault[] = [];
  /** The sweeper's warnings. */
  readonly warnings: string[] = [];

  private constructor(database: TestDatabase) {
    this.database = database;
  }

  /** Starts with this `stock`. A SKU costs 2.50 EUR unless `prices` has it. */
  static async open(
    stock: Readonly<Record<string, number>>,
    prices: Readonly<Record<string, Money>> = {},
    clone: Clone = cloneDatabase,
  ): Promise<TestInventory> {
    const inventory = new TestInventory(await clone("inventory"));
    for (const [sku_id, count] of Object.entries(stock)) {
      const { amount_cents, currency } = prices[sku_id] ?? { amount_cents: 250, currency: "EUR" };
      await inventory.database.sql`
        insert into inventory (sku_id, name, unit_price_cents, currency, stocked_count, available_count)
        values (${sku_id}, ${sku_id}, ${amount_cents}, ${currency}, ${count}, ${count})`;
    }
    return inventory;
  }

  /** Handles the commands as one batch and returns the ids of those that had an effect. */
  handle(...commands: readonly InventoryCommand[]): Promise<ReadonlySet<string>> {
    return applyOnce(this.#context(), deliveriesOf(commands));
  }

  /** The same, but skips commands whose rows are locked. */
  handleFree(...commands: readonly InventoryCommand[]) {
    return applyFree(this.#context(), deliveriesOf(commands));
  }

  #context() {
    return {
      handler: inventoryHandler({ policy: { holdMs: HOLD_MS }, onCommitted: ignore }),
      database: this.#watched(),
      clock: { now: () => this.now },
      newId: () => Bun.randomUUIDv7(),
      random: Math.random,
    };
  }

  #watched(): Database {
    const { postgres } = this.database;
    return {
      sql: postgres.sql,
      transaction: (work) => postgres.transaction(work),
      listen: (channel, onNotify, onReconnect) => postgres.listen(channel, onNotify, onReconnect),
      faultOf: (error) => {
        const fault = postgres.faultOf(error);
        this.faults.push(fault);
        return fault;
      },
    };
  }

  /** `compared`: the one database in which holds may expire. */
  sweep(limit?: number, compared?: () => string | null): Promise<RunResult> {
    return sweepExpired({
      database: this.database.postgres,
      clock: { now: () => this.now },
      newId: () => Bun.randomUUIDv7(),
      onCommitted: ignore,
      log: { warn: (_fields, message) => void this.warnings.push(message) },
      ...(limit === undefined ? {} : { limit }),
      ...(compared === undefined ? {} : { compared }),
    });
  }

  /** The service's events so far, oldest first; of one saga, or of all. */
  async events(saga_id?: string): Promise<readonly Message[]> {
    const rows = await this.database.sql<
      { payload: Message }[]
    >`select payload from outbox order by event_id`;
    return rows
      .map(({ payload }) => payload)
      .filter((event) => saga_id === undefined || event.saga_id === saga_id);
  }

  async eventTypes(saga_id?: string): Promise<readonly MessageType[]> {
    return (await this.events(saga_id)).map(({ type }) => type);
  }

  async available(sku_id: string): Promise<number | undefined> {
    const rows = await this.database.sql<{ available_count: number }[]>`
      select available_count from inventory where sku_id = ${sku_id}`;
    return rows[0]?.available_count;
  }

  /** The status of each line of the saga's reservation. */
  async statuses(saga_id: string): Promise<readonly string[]> {
    const rows = await this.database.sql<{ status: string }[]>`
      select status from reservations where saga_id = ${saga_id} order by line`;
    return rows.map(({ status }) => status);
  }

  /** SKUs where stocked differs from available + held + confirmed. Empty if nothing leaked. */
  async leaks(): Promise<readonly string[]> {
    const rows = await this.database.sql<{ sku_id: string }[]>`
      select sku_id from inventory i
       where stocked_count <> available_count + coalesce((
               select sum(quantity) from reservations r
                where r.sku_id = i.sku_id and r.status in ('HELD', 'CONFIRMED')), 0)`;
    return rows.map(({ sku_id }) => sku_id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database[Symbol.asyncDispose]();
  }
}

function deliveriesOf(commands: readonly InventoryCommand[]) {
  return commands.map((message) => ({ message, value: message, raw: noRawMessage }));
}

function ignore(): void {}

function noRawMessage(): RawMessage {
  throw new Error("a test's message has no raw Kafka record");
}
