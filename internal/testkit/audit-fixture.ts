// Writes rows, messages and provider ledger entries by hand, as the real services would leave them. The auditor's tests build
// consistent systems from them, and then inconsistent ones.
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import type { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import { TOPICS, type Topic } from "../../schemas/topics.ts";
import type { AuditSources } from "../audit/sources.ts";

type Row = Record<string, unknown>;

export const SKU = "mug";
export const PRICE = 1_250;
const ADDRESS = { name: "A", line1: "B", city: "C", postal_code: "1", country: "DE" };
/** The age of everything, so that it counts as settled. */
const AGE_MS = 60_000;

/** The ids of one saga's parts, and its total: PRICE for each mug. */
export interface WrittenSaga {
  readonly saga_id: string;
  readonly reservation_id: string;
  readonly payment_id: string;
  readonly transaction_id: string;
  readonly order_id: string;
  readonly total_cents: number;
}

export class AuditFixture {
  readonly databases: Readonly<Record<DatabaseName, Sql>>;
  /** The provider ledger; tests change it in place. */
  ledger: ProviderLedgerEntry[] = [];
  /** The messages of each topic; undefined stands for bytes that are not JSON. */
  readonly topics = new Map<Topic, unknown[]>(Object.values(TOPICS).map((topic) => [topic, []]));

  readonly #seen: Readonly<Record<DatabaseName, Sql>>;

  /** `seen` are the same databases, as the auditor reads them. */
  constructor(databases: Readonly<Record<DatabaseName, Sql>>, seen = databases) {
    this.databases = databases;
    this.#seen = seen;
  }

  sources(): AuditSources {
    return {
      databases: this.#seen,
      ledger: () => this.ledger,
      readTopic: (topic) => {
        const messages = this.topics.get(topic) ?? [];
        const place = (offset: number) => ({ partition: 0, offset, value: bytesOf(messages[offset]) });
        return [
          {
            values: messages.filter((message) => message !== undefined),
            undecodable: messages.flatMap((message, offset) =>
              message === undefined ? [place(offset)] : [],
            ),
            raw: place,
          },
        ];
      },
    };
  }

  async insert(database: DatabaseName, table: string, row: Row): Promise<void> {
    const sql = this.databases[database];
    await sql`insert into ${sql(table)} ${sql(row)}`;
  }

  /** Writes a message to an outbox and publishes it unless `published` is false. Returns its id. */
  async say(
    database: DatabaseName,
    topic: Topic,
    type: string,
    saga_id: string,
    fields: Readonly<Record<string, string | readonly string[]>> = {},
    published = true,
  ): Promise<string> {
    const message_id = Bun.randomUUIDv7();
    const message = { message_id, type, saga_id, ...fields };
    const sql = this.databases[database];
    await this.insert(database, "outbox", {
      event_id: message_id,
      topic,
      partition_key: saga_id,
      payload: sql.json(message),
      headers: sql.json({ type }),
      published,
      published_at: published ? past() : null,
    });
    if (published) this.topics.get(topic)?.push(message);
    return message_id;
  }

  /** `way` lists the statuses after STARTED, in order, each with the message that led there, if it counts: `STATUS:Message`. */
  async history(saga_id: string, ...way: readonly string[]): Promise<void> {
    let from = "STARTED";
    for (const step of ["STARTED", ...way]) {
      const [to = "", message_type = "Test"] = step.split(":");
      // Sequential, because the auditor orders rows by history_id.
      await this.insert("saga", "saga_history", {
        saga_id,
        from_status: from,
        to_status: to,
        step: "reserve",
        message_type,
        at: past(),
      });
      from = to;
    }
  }

  async saga(one: WrittenSaga, status: string, fields: Row = {}): Promise<void> {
    const { saga: sql } = this.databases;
    const items = [{ sku_id: SKU, quantity: quantityOf(one) }];
    await this.insert("saga", "saga_state", {
      saga_id: one.saga_id,
      user_id: Bun.randomUUIDv7(),
      cart_items: sql.json(items),
      priced_items: sql.json(priced(one)),
      total_cents: one.total_cents,
      status,
      current_step: "order",
      table_version: 1,
      currency: "EUR",
      shipping_address: sql.json(ADDRESS),
      email: "a@example.com",
      client_key: Bun.randomUUIDv7(),
      body_hash: "",
      created_at: past(),
      updated_at: past(),
      completed_at: past(),
      ...fields,
    });
  }

  async reservation(one: WrittenSaga, status: string): Promise<void> {
    await this.insert("inventory", "reservations", {
      reservation_id: one.reservation_id,
      saga_id: one.saga_id,
      line: 0,
      sku_id: SKU,
      quantity: quantityOf(one),
      unit_price_cents: PRICE,
      reserved_at: past(),
      expires_at: past(),
      status,
    });
  }

  async payment(one: WrittenSaga, status: string, fields: Row = {}): Promise<void> {
    await this.insert("payment", "payments", {
      payment_id: one.payment_id,
      saga_id: one.saga_id,
      amount_cents: one.total_cents,
      currency: "EUR",
      provider: "stripe",
      provider_txn_id: one.transaction_id,
      idempotency_key: `${one.saga_id}:charge`,
      status,
      created_at: past(),
      updated_at: past(),
      ...fields,
    });
  }

  async order(one: WrittenSaga, status: string, fields: Row = {}): Promise<void> {
    const { order: sql } = this.databases;
    await this.insert("order", "orders", {
      order_id: one.order_id,
      saga_id: one.saga_id,
      user_id: Bun.randomUUIDv7(),
      items: sql.json(priced(one)),
      total_cents: one.total_cents,
      currency: "EUR",
      shipping_address: sql.json(ADDRESS),
      status,
      created_at: past(),
      updated_at: past(),
      ...fields,
    });
  }

  /** Adds a hold and what became of it to the provider ledger. */
  holds(one: WrittenSaga, end: "open" | "captured" | "released"): void {
    const { amount_cents, currency, metadata, ...entry } = this.#entry(one, "charge");
    const card = { payment_method: null, description: null, capture_method: "manual" as const };
    const money = { amount_cents, currency, metadata };
    this.ledger.push({ ...entry, ...money, ...card, kind: "hold", capture_before_ms: past().getTime() });
    if (end === "captured") this.moves("charge", one);
    if (end === "released")
      this.ledger.push({ ...entry, seq: this.ledger.length + 1, kind: "cancel", reason: null });
  }

  /** Adds a charge or refund to the provider ledger. */
  moves(
    kind: "charge" | "refund",
    one: WrittenSaga,
    fields: { readonly saga_id?: null; readonly amount_cents?: number } = {},
  ): void {
    const entry = { ...this.#entry(one, kind), ...fields };
    this.ledger.push(
      kind === "charge"
        ? { ...entry, kind, payment_method: null, description: null }
        : { ...entry, kind, refund: refundOf(one), reason: null },
    );
  }

  #entry(one: WrittenSaga, step: string) {
    return {
      seq: this.ledger.length + 1,
      at_ms: past().getTime(),
      payment_intent: one.transaction_id,
      saga_id: one.saga_id,
      idempotency_key: `${one.saga_id}:${step}`,
      fingerprint: "",
      reply_lost: false,
      error: null,
      amount_cents: one.total_cents,
      currency: "EUR",
      metadata: {},
    };
  }
}

/** The bytes in Kafka of an entry of `topics`. */
export function bytesOf(message: unknown): Buffer {
  return message === undefined ? Buffer.from([0xff, 0x00]) : Buffer.from(JSON.stringify(message));
}

/** A saga for this number of mugs. */
export function newSaga(mugs: number): WrittenSaga {
  const saga_id = Bun.randomUUIDv7();
  return {
    saga_id,
    reservation_id: Bun.randomUUIDv7(),
    payment_id: Bun.randomUUIDv7(),
    transaction_id: `pi_${saga_id}`,
    order_id: Bun.randomUUIDv7(),
    total_cents: mugs * PRICE,
  };
}

function quantityOf({ total_cents }: WrittenSaga): number {
  return total_cents / PRICE;
}

function priced(one: WrittenSaga) {
  return [{ sku_id: SKU, quantity: quantityOf(one), unit_price_cents: PRICE }];
}

/** The provider's id of its refund. */
export function refundOf({ saga_id }: WrittenSaga): string {
  return `re_${saga_id}`;
}

/** When everything happened. */
export function past(): Date {
  return new Date(Date.now() - AGE_MS);
}
