// A small, idle and consistent system for the auditor's tests: four real databases, with provider ledger and topics as data. It has
// three sagas: one completed, one was refunded, one was out of stock; and two more, if a test wants them, whose money was held first. A test
// then breaks one thing.
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { cloneDatabase, databasesAs, type Login, type TestDatabase } from "./database.ts";
import { newSaga, past, PRICE, refundOf, SKU, type WrittenSaga, AuditFixture } from "./audit-fixture.ts";

const STOCKED = 100;

export class ConsistentFixture extends AuditFixture implements AsyncDisposable {
  readonly clones: Readonly<Record<DatabaseName, TestDatabase>>;
  /** COMPLETED: two mugs, paid. */
  completed = newSaga(2);
  /** COMPENSATED after the charge: the order was rejected, the charge is refunded. */
  refunded = newSaga(3);
  /** COMPENSATED at once: out of stock. */
  refused = newSaga(1);
  /** Written by `holdFirst`. COMPLETED by table 2: four mugs, held, confirmed, captured. */
  captured = newSaga(4);
  /** Written by `holdFirst`. COMPENSATED by table 2: its stock was lost, so the hold was released. */
  released = newSaga(5);

  private constructor(clones: Readonly<Record<DatabaseName, TestDatabase>>) {
    super(databasesAs(clones, "superuser"), databasesAs(clones, "audit"));
    this.clones = clones;
  }

  static async open(): Promise<ConsistentFixture> {
    const [saga, inventory, payment, order] = await Promise.all([
      cloneDatabase("saga"),
      cloneDatabase("inventory"),
      cloneDatabase("payment"),
      cloneDatabase("order"),
    ]);
    return new ConsistentFixture({ saga, inventory, payment, order });
  }

  /** As settings of checkoutctl. */
  get databaseUrls(): Readonly<Record<string, string>> {
    return this.urlsAs("superuser");
  }

  urlsAs(role: Login): Readonly<Record<string, string>> {
    const { saga, inventory, payment, order } = this.clones;
    return {
      SAGA_DATABASE_URL: saga.urlAs(role),
      INVENTORY_DATABASE_URL: inventory.urlAs(role),
      PAYMENT_DATABASE_URL: payment.urlAs(role),
      ORDER_DATABASE_URL: order.urlAs(role),
    };
  }

  /** The databases as operators see them. */
  get asConsole(): Readonly<Record<DatabaseName, Sql>> {
    return databasesAs(this.clones, "console");
  }

  /** Deletes everything and writes the sagas again. */
  async reset(): Promise<void> {
    const { saga, inventory, payment, order } = this.databases;
    await saga`truncate saga_state, saga_history, outbox, inbox, retry, operator_actions, order_cancellations`;
    await inventory`truncate products, inventory, reservations, outbox, inbox, retry`;
    await payment`truncate payments, refunds, outbox, inbox, retry`;
    await order`truncate orders, outbox, inbox, retry`;
    this.ledger = [];
    for (const topic of Object.values(TOPICS)) this.topics.set(topic, []);
    this.completed = newSaga(2);
    this.refunded = newSaga(3);
    this.refused = newSaga(1);
    this.captured = newSaga(4);
    this.released = newSaga(5);
    const available_count = STOCKED - 2;
    const product = { sku_id: SKU, name: "Mug", unit_price_cents: PRICE, currency: "EUR" };
    await this.insert("inventory", "inventory", { ...product, stocked_count: STOCKED, available_count });
    await this.#complete(this.completed);
    await this.#refund(this.refunded);
    await this.#refuse(this.refused);
  }

  /** Writes two sagas whose money was held first. */
  async holdFirst(): Promise<void> {
    await this.databases.inventory`update inventory set available_count = available_count - 4`;
    await this.#capture(this.captured);
    await this.#release(this.released);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const database of Object.values(this.clones)) {
      // One after the other, so that the error names the database that leaks.
      await database[Symbol.asyncDispose]();
    }
  }

  async #complete(one: WrittenSaga): Promise<void> {
    const { saga_id, order_id, payment_id, transaction_id } = one;
    await this.saga(one, "COMPLETED", { order_id });
    const way = ["INVENTORY_RESERVED", "PAYMENT_CHARGED", "PAYMENT_CHARGED", "ORDER_CREATED", "COMPLETED"];
    await this.history(saga_id, ...way);
    await this.reservation(one, "CONFIRMED");
    await this.payment(one, "SUCCEEDED");
    this.moves("charge", one);
    await this.order(one, "CONFIRMED");
    await this.#reserved(one);
    await this.say("saga", TOPICS.commands, "ChargePayment", saga_id);
    await this.say("payment", TOPICS.paymentEvents, "PaymentSucceeded", saga_id, {
      payment_id,
      transaction_id,
    });
    await this.say("saga", TOPICS.commands, "CreateOrder", saga_id);
    await this.say("order", TOPICS.orderEvents, "OrderCreated", saga_id, { order_id });
    await this.say("saga", TOPICS.notifications, "SendNotification", saga_id);
  }

  async #refund(one: WrittenSaga): Promise<void> {
    const { saga_id, payment_id, transaction_id } = one;
    await this.saga(one, "COMPENSATED", { failure_code: "ADDRESS_NOT_SERVED" });
    await this.history(
      saga_id,
      "INVENTORY_RESERVED",
      "PAYMENT_CHARGED",
      "PAYMENT_CHARGED",
      "COMPENSATING",
      "COMPENSATED",
    );
    await this.reservation(one, "RELEASED");
    await this.payment(one, "REFUNDED");
    await this.insert("payment", "refunds", {
      refund_id: Bun.randomUUIDv7(),
      payment_id,
      amount_cents: one.total_cents,
      idempotency_key: `${saga_id}:refund`,
      status: "SUCCEEDED",
      provider_refund_id: refundOf(one),
      created_at: past(),
      updated_at: past(),
    });
    this.moves("charge", one);
    // Stripe's refunds need not repeat the saga of their charge.
    this.moves("refund", one, { saga_id: null });
    await this.#reserved(one);
    await this.say("payment", TOPICS.paymentEvents, "PaymentSucceeded", saga_id, {
      payment_id,
      transaction_id,
    });
    await this.say("payment", TOPICS.paymentEvents, "RefundCompleted", saga_id, { payment_id });
  }

  async #capture(one: WrittenSaga): Promise<void> {
    const { saga_id, order_id, payment_id, transaction_id } = one;
    await this.saga(one, "COMPLETED", { order_id, table_version: 2 });
    await this.history(
      saga_id,
      "INVENTORY_RESERVED:InventoryReserved",
      "INVENTORY_RESERVED:PaymentAuthorized",
      "INVENTORY_RESERVED:ReservationConfirmed",
      "PAYMENT_CHARGED:PaymentSucceeded",
      "ORDER_CREATED",
      "COMPLETED",
    );
    await this.reservation(one, "CONFIRMED");
    await this.payment(one, "SUCCEEDED", { capture: "manual" });
    this.holds(one, "captured");
    await this.order(one, "CONFIRMED");
    await this.#reserved(one);
    await this.#authorized(one);
    await this.say("saga", TOPICS.commands, "CapturePayment", saga_id);
    await this.say("payment", TOPICS.paymentEvents, "PaymentSucceeded", saga_id, {
      payment_id,
      transaction_id,
    });
    await this.say("saga", TOPICS.commands, "CreateOrder", saga_id);
    await this.say("order", TOPICS.orderEvents, "OrderCreated", saga_id, { order_id });
  }

  async #release(one: WrittenSaga): Promise<void> {
    const { saga_id } = one;
    await this.saga(one, "COMPENSATED", { failure_code: "RESERVATION_LOST", table_version: 2 });
    await this.history(
      saga_id,
      "INVENTORY_RESERVED:InventoryReserved",
      "INVENTORY_RESERVED:PaymentAuthorized",
      "COMPENSATING:ReservationLost",
      "COMPENSATED:PaymentCancelled",
    );
    await this.reservation(one, "RELEASED");
    await this.payment(one, "CANCELLED", { capture: "manual", provider_txn_id: null });
    this.holds(one, "released");
    await this.#reserved(one);
    await this.#authorized(one);
    await this.say("payment", TOPICS.paymentEvents, "PaymentCancelled", saga_id);
  }

  async #authorized({ saga_id, payment_id, transaction_id }: WrittenSaga): Promise<void> {
    await this.say("saga", TOPICS.commands, "AuthorizePayment", saga_id);
    const hold = { payment_id, transaction_id };
    await this.say("payment", TOPICS.paymentEvents, "PaymentAuthorized", saga_id, hold);
  }

  async #refuse({ saga_id }: WrittenSaga): Promise<void> {
    await this.saga(this.refused, "COMPENSATED", {
      failure_code: "INSUFFICIENT_STOCK",
      priced_items: null,
      total_cents: null,
    });
    await this.history(saga_id, "COMPENSATED");
    await this.say("saga", TOPICS.commands, "ReserveInventory", saga_id);
    await this.say("inventory", TOPICS.inventoryEvents, "InsufficientStock", saga_id, { sku_ids: [SKU] });
  }

  async #reserved({ saga_id, reservation_id }: WrittenSaga): Promise<void> {
    await this.say("saga", TOPICS.commands, "ReserveInventory", saga_id);
    await this.say("inventory", TOPICS.inventoryEvents, "InventoryReserved", saga_id, { reservation_id });
  }
}
