// A whole stack and those who attack it. Every answer that they get is counted, so that the suite can say at the end that none was a 5xx
// and that nothing exists but what was accepted. Called by hostile.e2e.test.ts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SagaSummary } from "../../../operations/saga-store.ts";
import { IdentityProvider } from "../../alerts-drill/identity-provider.ts";
import { RunningSystem } from "../running-system.ts";
import type { Surface } from "../route-credentials.ts";
import { SKU } from "./odd-requests.ts";

const STOCK = 1_000;
const ANSWER_TIMEOUT_MS = 15_000;
export const ADA = "01890000-0000-7000-8000-0000000000ad";
export const EVE = "01890000-0000-7000-8000-0000000000ee";

export interface Ask extends Omit<RequestInit, "headers"> {
  readonly headers?: Readonly<Record<string, string>>;
}
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export class HostileSystem implements AsyncDisposable {
  readonly system: RunningSystem;
  readonly provider: IdentityProvider;
  /** Every 5xx, with its request. */
  readonly failures: string[] = [];
  /** The checkouts that the gateway has accepted. */
  readonly accepted = new Set<string>();
  readonly ada: string;
  readonly eve: string;

  private constructor(system: RunningSystem, provider: IdentityProvider, ada: string, eve: string) {
    this.system = system;
    this.provider = provider;
    this.ada = `Bearer ${ada}`;
    this.eve = `Bearer ${eve}`;
  }

  static async start(): Promise<HostileSystem> {
    const provider = await IdentityProvider.start();
    const system = await RunningSystem.start("hostile", {
      paysim: { LATENCY: "fixed:5" },
      gateway: provider.gatewaySettings,
    });
    const [ada, eve] = await Promise.all([provider.tokenOf(ADA), provider.tokenOf(EVE)]);
    await system.restock(SKU, STOCK);
    return new HostileSystem(system, provider, ada, eve);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.system[Symbol.asyncDispose]();
    await this.provider[Symbol.asyncDispose]();
  }

  /** The token of a shopper who was never here before, as `Authorization`. */
  async someone(): Promise<string> {
    return `Bearer ${await this.provider.tokenOf(Bun.randomUUIDv7())}`;
  }

  urlOf(surface: Surface): string {
    const { addresses } = this.system.context;
    return surface === "ops" ? (addresses.ops["gateway"] ?? "") : addresses[surface];
  }

  portOf(surface: Surface): number {
    return Number(new URL(this.urlOf(surface)).port);
  }

  /** `url`: of another process of that role. */
  async ask(surface: Surface, path: string, init: Ask = {}, url = this.urlOf(surface)): Promise<Answer> {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const response = await fetch(url + path, { redirect: "manual", signal, ...init });
    const isStream = response.headers.get("content-type") === "text/event-stream";
    const text = isStream ? "" : await response.text();
    if (isStream) await response.body?.cancel();
    const { status } = response;
    if (status >= 500) this.failures.push(`${init.method ?? "GET"} ${url}${path.slice(0, 100)}: ${status}`);
    if (status === 202 && path === "/api/v1/checkout") this.accepted.add(JSON.parse(text).saga_id);
    return { status, text, headers: response.headers };
  }

  /** Posts a checkout to the API. */
  checkout(
    authorization: string,
    body: object,
    headers: Readonly<Record<string, string>> = {},
    url?: string,
  ): Promise<Answer> {
    const all = {
      authorization,
      "content-type": "application/json",
      "idempotency-key": crypto.randomUUID(),
      ...headers,
    };
    const init = { method: "POST", headers: all, body: JSON.stringify(body) };
    return this.ask("gateway", "/api/v1/checkout", init, url);
  }

  /** The ids of all checkouts. */
  async sagas(): Promise<readonly string[]> {
    const sagas = await this.system.operatorSees<readonly SagaSummary[]>(["saga", "ls", "--limit", "1000"]);
    return sagas.map(({ saga_id }) => saga_id);
  }

  /** Roles that are not ready, with what they say. */
  async unready(): Promise<readonly string[]> {
    const roles = Object.entries(this.system.context.addresses.ops);
    const answers = await Promise.all(
      roles.map(async ([name, url]) => {
        const response = await fetch(`${url}/readyz`);
        return response.ok ? [] : [`${name}: ${await response.text()}`];
      }),
    );
    return answers.flat();
  }

  /**
   * Log lines of level error or above of the roles that listen. Not of a background loop to which Redis has not answered within its 250 ms:
   * that is a busy machine's doing, and no request waits for it.
   */
  complaints(): readonly string[] {
    return ["gateway", "console", "orchestrator", "inventory", "order", "payment"].flatMap((role) =>
      readFileSync(join(this.system.stack.dataDirectory, "logs", `${role}.log`), "utf8")
        .split("\n")
        .filter((line) => /"level":"(error|fatal)"/.test(line))
        .filter((line) => !/"loop":.*"message":"Redis does not answer: no answer within 250 ms"/.test(line))
        .map((line) => `${role}: ${line}`),
    );
  }
}
