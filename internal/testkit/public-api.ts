// The public API on real servers: gateway, orchestrator and inventory with their HTTP APIs and databases, in one process and without
// Kafka. Used by tests over all routes and by `bun run api:fuzz`.
import { gatewayApp } from "../gateway/app.ts";
import { shopCurrencies } from "../kernel/shop-currencies.ts";
import { orchestratorApi } from "../orchestrator/api.ts";
import { HistoryWatch } from "../orchestrator/history-watch.ts";
import { StatusWatch } from "../orchestrator/status-watch.ts";
import { createSealer, generateSealingKeys } from "../platform/seal.ts";
import { type HttpServer, serveHttp } from "../platform/serve-http.ts";
import { catalogueApi } from "../services/inventory/catalogue-http.ts";
import { authenticatorOf, servicesAt, tokenOf } from "./gateway.ts";
import { TestInventory } from "./inventory.ts";
import { ignore } from "./noop-telemetry.ts";
import { TestOrchestrator } from "./orchestrator.ts";

const HOSTNAME = "127.0.0.1";
const PRODUCTS = 250;

export class PublicApi implements AsyncDisposable {
  /** Tags of the routes whose service is not here. */
  static readonly missing: readonly string[] = ["orders"];
  readonly orchestrator: TestOrchestrator;
  readonly url: string;
  /** What operators would see in the log. */
  readonly logged: unknown[];
  readonly #parts: AsyncDisposableStack;

  private constructor(
    orchestrator: TestOrchestrator,
    port: number,
    logged: unknown[],
    parts: AsyncDisposableStack,
  ) {
    this.orchestrator = orchestrator;
    this.url = `http://${HOSTNAME}:${port}`;
    this.logged = logged;
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
    const { postgres } = orchestrator.database;
    const watch = new StatusWatch(postgres.sql);
    const history = new HistoryWatch(postgres.sql);
    const orchestratorUrl = serve(
      orchestratorApi({
        intake: parts.use(orchestrator.intake()),
        watch,
        history,
        cancel: (sagaId, request) => orchestrator.cancel(sagaId, request),
        faultOf: postgres.faultOf.bind(postgres),
        onError: note,
      }),
    );
    const inventoryUrl = serve(
      catalogueApi({ database: inventory.database.postgres, currencies, log: { error: ignore } }),
    );
    const services = servicesAt({ orchestrator: orchestratorUrl, inventory: inventoryUrl });
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
      services.streams[Symbol.dispose]();
      services.orchestrator[Symbol.dispose]();
    });
    return new PublicApi(orchestrator, Number(new URL(url).port), logged, parts.move());
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

function urlOf({ port }: HttpServer): string {
  return `http://${HOSTNAME}:${port}`;
}
