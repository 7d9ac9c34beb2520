// The public API on real servers: gateway, orchestrator, inventory and order service with their HTTP APIs and databases, in one process
// and without Kafka. Used by tests over all routes and by `bun run api:fuzz`.
import { gatewayApp } from "../gateway/app.ts";
import { shopCurrencies } from "../kernel/shop-currencies.ts";
import type { StreamSlots } from "../gateway/stream-slots.ts";
import { orchestratorApi } from "../orchestrator/api.ts";
import type { HistoryWatch } from "../orchestrator/history-watch.ts";
import { createSealer, generateSealingKeys } from "../platform/seal.ts";
import { type HttpServer, serveHttp } from "../platform/serve-http.ts";
import { applyOnce } from "../messaging/inbox-transaction.ts";
import { orderHandler } from "../services/order/handler.ts";
import { orderApi } from "../services/order/order-http.ts";
import { catalogueApi } from "../services/inventory/catalogue-http.ts";
import { authenticatorOf, realClock, servicesAt, tokenOf } from "./gateway.ts";
import { accessTo } from "./callers.ts";
import { createOrder } from "./commands.ts";
import { cloneDatabase } from "./database.ts";
import { TestInventory } from "./inventory.ts";
import { ignore, noLog } from "./noop-telemetry.ts";
import { TestOrchestrator } from "./orchestrator.ts";

const HOSTNAME = "127.0.0.1";
const PRODUCTS = 250;

type Shown = Pick<
  PublicApi,
  "orchestrator" | "url" | "orderUrl" | "logged" | "history" | "slots" | "placeOrder"
>;

export class PublicApi implements AsyncDisposable {
  readonly orchestrator: TestOrchestrator;
  readonly url: string;
  /** Of the order service's own API. */
  readonly orderUrl: string;
  /** What operators would see in the log. */
  readonly logged: unknown[];
  readonly history: HistoryWatch;
  readonly slots: StreamSlots;
  /** Stores a confirmed order of a user, of a new checkout if none is given, and returns its id. */
  readonly placeOrder: (userId: string, sagaId?: string) => Promise<string>;
  readonly #parts: AsyncDisposableStack;

  private constructor(shown: Shown, parts: AsyncDisposableStack) {
    this.orchestrator = shown.orchestrator;
    this.url = shown.url;
    this.orderUrl = shown.orderUrl;
    this.logged = shown.logged;
    this.history = shown.history;
    this.slots = shown.slots;
    this.placeOrder = shown.placeOrder;
    this.#parts = parts;
  }

  static async open(): Promise<PublicApi> {
    await using parts = new AsyncDisposableStack();
    const logged: unknown[] = [];
    const note = (error: unknown) => void logged.push(error);
    const serve = (app: Parameters<typeof serveHttp>[0]) =>
      urlOf(parts.use(serveHttp(app, { hostname: HOSTNAME, port: 0 })));
    const currencies = shopCurrencies("");
    const stock = Object.fromEntries(Array.from({ length: PRODUCTS }, (_, i) => [`sku-${i}`, i]));
    const inventory = parts.use(await TestInventory.open(stock));
    const orchestrator = parts.use(await TestOrchestrator.open());
    const apiParts = orchestrator.apiParts();
    const { watch, history } = apiParts;
    const orchestratorUrl = serve(
      orchestratorApi({
        intake: parts.use(orchestrator.intake()),
        ...apiParts,
        onError: note,
      }),
    );
    const inventoryUrl = serve(
      catalogueApi({
        access: accessTo("inventory"),
        database: inventory.database.postgres,
        currencies,
        log: noLog,
      }),
    );
    const orders = parts.use(await cloneDatabase("order"));
    const orderParts = { database: orders.postgres, clock: realClock, newId: () => Bun.randomUUIDv7() };
    const orderUrl = serve(orderApi({ access: accessTo("order"), ...orderParts, log: noLog }));
    const services = servicesAt({ orchestrator: orchestratorUrl, inventory: inventoryUrl, order: orderUrl });
    const { publicJwk } = await generateSealingKeys();
    const url = serve(
      gatewayApp({
        ...services,
        authenticator: authenticatorOf(),
        currencies,
        seal: await createSealer(publicJwk),
        onError: note,
      }),
    );
    // In reverse order, so before the servers, which wait for open calls.
    parts.defer(() => {
      watch[Symbol.dispose]();
      history[Symbol.dispose]();
      services.slots[Symbol.dispose]();
      services.orchestrator[Symbol.dispose]();
    });
    const placeOrder = async (userId: string, sagaId: string = Bun.randomUUIDv7()) => {
      const command = createOrder(sagaId, { user_id: userId });
      const policy = { blockedCountries: new Set<string>() };
      await applyOnce(
        { ...orderParts, handler: orderHandler({ policy, alert: ignore }), random: Math.random },
        [{ message: command, value: command, raw: () => noRecord() }],
      );
      return command.message_id;
    };
    return new PublicApi(
      { orchestrator, url, orderUrl, logged, history, slots: services.slots, placeOrder },
      parts.move(),
    );
  }

  async ask(path: string, user: string | null, init: RequestInit = {}) {
    const headers = new Headers(init.headers);
    if (user !== null) headers.set("authorization", `Bearer ${await tokenOf(user)}`);
    return fetch(this.url + path, { ...init, headers });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.disposeAsync();
  }
}

function noRecord(): never {
  throw new Error("a test message has no Kafka record");
}

function urlOf({ port }: HttpServer): string {
  return `http://${HOSTNAME}:${port}`;
}
