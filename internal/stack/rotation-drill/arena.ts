// What a drill of secrets acts on: a whole secure stack with two gateways and two orchestrators behind a balancer, two consoles, and shoppers who buy all
// the time. Called by main.ts; the exchanges use it.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scrape } from "../../../bench/measure/metrics.ts";
import { Shopper } from "../../../bench/shopper.ts";
import { IdentityProvider } from "../alerts-drill/identity-provider.ts";
import { CURRENCY, RunningSystem } from "../e2e/running-system.ts";
import { roleOf } from "../replicas.ts";
import { databaseSettings, type Role, roleEnvironment, type RoleOverrides } from "../role-env.ts";
import { CertificateAuthority } from "../secure/certificate-authority.ts";
import { waitUntil } from "../wait.ts";
import { Balancer } from "./balancer.ts";
import { Shoppers } from "./shoppers.ts";

const SKU = "drill-tea";
const STOCK = 1_000_000;
const PATIENCE_MS = 30_000;
/** The machine is busy with the restarts themselves. No exchange depends on the time limit of a checkout. */
const OVERRIDES: RoleOverrides = {
  paysim: { LATENCY: "fixed:50" },
  orchestrator: { FORWARD_DEADLINE_MS: "100000" },
};
const REPLICAS = { gateway: 2, orchestrator: 2, console: 2 };

type Settings = Readonly<Record<string, string>>;

export class Arena implements AsyncDisposable {
  readonly system: RunningSystem;
  readonly identityProvider: IdentityProvider;
  readonly balancer: Balancer;
  readonly shoppers: Shoppers;
  /** The authority of the stack's certificates. */
  authority: CertificateAuthority;
  readonly journal: string;
  /** The database settings of `checkoutctl audit`: those of the auditor, who may only read what it compares. */
  readonly auditor: Record<string, string>;
  readonly #changes: Map<Role, Settings>;
  readonly #say: (step: string) => void;
  readonly #steps: string[] = [];
  #held = new AsyncDisposableStack();

  private constructor(
    parts: Pick<Arena, "system" | "identityProvider" | "authority">,
    changes: Map<Role, Settings>,
    say: (step: string) => void,
  ) {
    this.system = parts.system;
    this.identityProvider = parts.identityProvider;
    this.authority = parts.authority;
    this.#changes = changes;
    this.#say = say;
    this.auditor = databaseSettings(this.system.context, "audit");
    const { gateway = [] } = this.system.context.addresses.replicas;
    const ops = this.processesOf("gateway").map((name) => this.opsOf(name));
    this.balancer = new Balancer(gateway.map((url, index) => ({ url, ops: ops[index] ?? "" })));
    this.journal = join(this.system.stack.dataDirectory, "journal.jsonl");
    this.shoppers = new Shoppers({
      somebody: () => this.somebody(),
      sku: SKU,
      currency: CURRENCY,
      journal: this.journal,
    });
  }

  /** `say` hears of each step. */
  static async open(say: (step: string) => void): Promise<Arena> {
    await using held = new AsyncDisposableStack();
    const identityProvider = held.use(await IdentityProvider.start());
    const changes = new Map<Role, Settings>();
    const system = held.use(
      await RunningSystem.startWith("rotation-drill", {
        secure: true,
        kafkaPasswords: true,
        replicas: REPLICAS,
        overrides: { ...OVERRIDES, gateway: identityProvider.gatewaySettings },
        changes: (role) => changes.get(role) ?? {},
      }),
    );
    await system.restock(SKU, STOCK);
    const authority = await CertificateAuthority.open(system.context.addresses.certificates ?? "");
    const arena = new Arena({ system, identityProvider, authority }, changes, say);
    held.use(arena.balancer);
    held.defer(() => arena.shoppers.finish());
    await arena.untilWhole();
    await arena.shoppers.untilMore(2);
    arena.#held = held.move();
    return arena;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
  }

  /** A shopper who signs in now. */
  async somebody(): Promise<Shopper> {
    const token = await this.identityProvider.tokenOf(Bun.randomUUIDv7());
    return Shopper.withToken(this.balancer.url, token);
  }

  /** Resolves when every gateway is ready. */
  untilWhole(): Promise<void> {
    return waitUntil("every gateway is ready", () => this.balancer.isWhole, { timeoutMs: PATIENCE_MS });
  }

  /** For the report: what was done now. */
  step(what: string): void {
    this.#steps.push(what);
    this.#say(what);
  }

  /** The steps since the last call. */
  takeSteps(): readonly string[] {
    return this.#steps.splice(0);
  }

  /** The present value of a role's setting. */
  setting(role: Role, name: string): string {
    const changed = this.#changes.get(role)?.[name];
    return changed ?? roleEnvironment(role, this.system.context)[name] ?? "";
  }

  /** Takes effect at the role's next start. */
  change(role: Role, settings: Settings): void {
    this.#changes.set(role, { ...this.#changes.get(role), ...settings });
  }

  processesOf(role: Role): readonly string[] {
    return this.system.stack.roles.map(({ name }) => name).filter((name) => roleOf(name) === role);
  }

  /** Its processes one after the other; the next one when the one before is in service again. */
  async restart(...roles: readonly Role[]): Promise<void> {
    for (const role of roles) {
      for (const name of this.processesOf(role)) await this.restartOne(name);
      this.step(`restart ${role}`);
    }
  }

  /** A process. Resolves when everything is in service again. */
  async restartOne(name: string): Promise<void> {
    await this.system.stack.restart(name);
    await this.untilWhole();
    // A call that waited at the stopped process has gone to another one, which must not stop before it has answered.
    await this.balancer.untilAnswered();
  }

  /** Runs checkoutctl with settings besides an operator's, and returns its JSON. Throws if it fails. */
  async operator<T>(args: readonly string[], settings: Settings = {}): Promise<T> {
    const { code, stdout, stderr } = await this.system.checkoutctlWith(settings, [...args, "--json"]);
    if (code !== 0) throw new Error(`checkoutctl ${args.join(" ")} exited with ${code}: ${stderr}${stdout}`);
    const answer: T = JSON.parse(stdout);
    return answer;
  }

  /** A new folder with these files, for `--passwords`. It is removed when `use` has ended. */
  async withPasswords<T>(
    files: ReadonlyMap<string, string>,
    use: (folder: string) => Promise<T>,
  ): Promise<T> {
    const folder = join(this.system.stack.dataDirectory, "passwords");
    mkdirSync(folder, { mode: 0o700 });
    try {
      for (const [name, text] of files) writeFileSync(join(folder, name), `${text}\n`, { mode: 0o600 });
      return await use(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** The sum of a metric, or of one of its series, over the processes of these roles since their start. */
  async metric(series: string, ...roles: readonly Role[]): Promise<number> {
    const names = roles.flatMap((role) => this.processesOf(role));
    const all = await Promise.all(names.map((name) => scrape(this.opsOf(name))));
    return all.reduce((sum, metrics) => sum + (metrics.get(series) ?? 0), 0);
  }

  /** Throws if `series` is not 0. */
  async expectNone(series: string, ...roles: readonly Role[]): Promise<void> {
    const count = await this.metric(series, ...roles);
    if (count > 0) throw new Error(`${series} of ${roles.join(", ")} is ${count}`);
  }

  opsOf(process: string): string {
    return this.system.context.addresses.ops[process] ?? "";
  }
}

/** As good as the passwords of the stack: 256 bits. */
export function newPassword(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
}
