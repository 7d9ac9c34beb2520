// What the causes of a drill act on: a whole local stack with Prometheus, and shoppers who buy all the time. Called by main.ts.
import { setTimeout as pause } from "node:timers/promises";
import postgres, { type Sql } from "postgres";
import { atOnce } from "../../../bench/open-loop.ts";
import { cartOf, type Placed, Shopper } from "../../../bench/shopper.ts";
import type { SagaStatusView } from "../../../schemas/http.ts";
import type { Signal } from "../child.ts";
import { RunningSystem } from "../e2e/running-system.ts";
import type { RoleOverrides } from "../role-env.ts";
import { IdentityProvider } from "./identity-provider.ts";

const SKU = "drill-tea";
const CURRENCY = "EUR";
const STOCK = 1_000_000;
const PER_SECOND = 8;
/** A shopper gives up soon: during an outage the next one tries. */
const PATIENCE_MS = 1_500;
const AT_A_TIME = 50;
const END_TIMEOUT_MS = 30_000;

/** Short times of the roles, for the same reason as in drill-rules.ts. */
const OVERRIDES: RoleOverrides = {
  paysim: { LATENCY: "fixed:50" },
  // Below the orchestrator's deadline, so that stock goes back by timeout when payments wait.
  inventory: { RESERVATION_HOLD_MS: "15000", SWEEP_INTERVAL_MS: "1000" },
  payment: { RECONCILE_INTERVAL_MS: "5000", RECONCILE_GRACE_MS: "2000" },
  orchestrator: {
    STUCK_AFTER_MS: "5000",
    RESEND_FIRST_MS: "500",
    RESEND_CAP_MS: "1000",
    INTAKE_MAX_OPEN_SAGAS: "1200",
  },
};

export class Arena implements AsyncDisposable {
  readonly system: RunningSystem;
  readonly identityProvider: IdentityProvider;
  readonly #shopper: Shopper;
  readonly #over = new AbortController();
  #buying: Promise<void> = Promise.resolve();

  private constructor(system: RunningSystem, identityProvider: IdentityProvider, shopper: Shopper) {
    this.system = system;
    this.identityProvider = identityProvider;
    this.#shopper = shopper;
  }

  /** `rulesFolder` has the rules that Prometheus evaluates each second. */
  static async open(rulesFolder: string): Promise<Arena> {
    const prometheus = { rulesFolder, everySecond: true };
    const identityProvider = await IdentityProvider.start();
    const overrides = { ...OVERRIDES, gateway: identityProvider.gatewaySettings };
    // Encrypted, because only then Kafka and Postgres refuse somebody, and certificates end.
    const system = await RunningSystem.start("alerts-drill", overrides, {}, prometheus, { secure: true });
    await system.restock(SKU, STOCK);
    const token = await identityProvider.tokenOf(Bun.randomUUIDv7());
    const shopper = Shopper.withToken(system.context.addresses.gateway, token);
    const arena = new Arena(system, identityProvider, shopper);
    arena.#buying = arena.#keepBuying();
    return arena;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#buying;
    await this.system[Symbol.asyncDispose]();
    await this.identityProvider[Symbol.asyncDispose]();
  }

  async #keepBuying(): Promise<void> {
    const running = new Set<Promise<unknown>>();
    while (!this.#over.signal.aborted) {
      const one = this.place().catch(() => undefined);
      running.add(one);
      void one.finally(() => running.delete(one));
      await pause(1_000 / PER_SECOND);
    }
    await Promise.all(running);
  }

  /** Rejects if the gateway does not take it in time. */
  place(card = "pm_card_visa"): Promise<Placed> {
    const cart = cartOf([SKU], card, CURRENCY);
    return this.#shopper.checkout(cart, crypto.randomUUID(), Date.now() + PATIENCE_MS);
  }

  /** Places `count` checkouts as fast as the system takes them; those that it rejects are left out. */
  burst(count: number): Promise<void> {
    return atOnce(count, AT_A_TIME, async () => void (await this.place().catch(() => undefined)));
  }

  /** Buys one and waits for its end. */
  async buy(): Promise<SagaStatusView> {
    const { saga_id } = await this.place();
    const view = await this.#shopper.status(saga_id, Date.now() + END_TIMEOUT_MS);
    if (view?.status !== "COMPLETED") throw new Error(`checkout ${saga_id} ended as ${view?.status}`);
    return view;
  }

  kill(...names: readonly string[]): void {
    for (const name of names) this.system.stack.kill(name, "SIGKILL");
  }

  async restart(...names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.system.stack.restart(name)));
  }

  signal(name: string, signal: Signal): void {
    this.system.stack.kill(name, signal);
  }

  /** A session of an operator in the database of that name. End it with `end`. */
  session(database: string): Sql {
    return postgres(this.system.context.addresses.postgres[database] ?? "", {
      max: 1,
      onnotice: () => undefined,
      connection: { application_name: "alerts-drill" },
    });
  }

  /** Sets the provider's faults; `{}` ends them. */
  async providerFaults(faults: object): Promise<void> {
    const url = `${this.system.context.addresses.paysim}/_sim/faults`;
    const response = await fetch(url, { method: "PUT", body: JSON.stringify(faults) });
    if (!response.ok) throw new Error(`the simulator rejected ${JSON.stringify(faults)}: ${response.status}`);
  }

  /** Runs checkoutctl as an operator; throws if it fails. */
  operator<T>(...args: readonly string[]): Promise<T> {
    return this.system.operatorSees<T>(args);
  }
}
