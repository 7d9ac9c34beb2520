// Starts the compiled roles that serve HTTP, with only their databases: no answer waits for Kafka, Redis or the mail server, so
// these are missing. For http-contracts.e2e.test.ts.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cloneDatabase, type TestDatabase } from "../../testkit/database.ts";
import { type Child, startChild } from "../child.ts";
import { CACHE, DIST } from "../paths.ts";
import { payPalFolder, type Role, roleEnvironment } from "../role-env.ts";
import { newSecrets, type StackSecrets } from "../secrets.ts";
import { ensurePayPalCertificates } from "../secure/paypal-certificates.ts";
import type { StackAddresses } from "../state.ts";

const START_TIMEOUT_MS = 40_000;
const STOP_DEADLINE_MS = 5_000;
/** An address where nothing listens: port 9 is `discard`. */
const NOBODY = "127.0.0.1:9";
export type HttpRole = "paysim" | "inventory" | "payment" | "order" | "orchestrator" | "gateway";
/** `ops`: the ops port of inventory; it is the same code in every role. */
export type Surface = HttpRole | "ops";

export class HttpRoles implements AsyncDisposable {
  readonly secrets: StackSecrets;
  readonly #databases: readonly TestDatabase[];
  readonly #addresses: StackAddresses;
  readonly folder: string;
  readonly #children: Child[] = [];
  readonly #urls = new Map<Surface, string>();

  private constructor(
    secrets: StackSecrets,
    databases: readonly TestDatabase[],
    addresses: StackAddresses,
    folder: string,
  ) {
    this.secrets = secrets;
    this.#databases = databases;
    this.#addresses = addresses;
    this.folder = folder;
  }

  static async start(): Promise<HttpRoles> {
    const folder = join(CACHE, "tests", `http-roles-${process.pid}`);
    mkdirSync(folder, { recursive: true });
    const [secrets, saga, inventory, payment, order, notification] = await Promise.all([
      newSecrets(),
      cloneDatabase("saga"),
      cloneDatabase("inventory"),
      cloneDatabase("payment"),
      cloneDatabase("order"),
      cloneDatabase("notification"),
    ]);
    const ledgerFile = join(folder, "ledger.jsonl");
    await ensurePayPalCertificates(payPalFolder(ledgerFile));
    const http = `http://${NOBODY}`;
    const addresses: StackAddresses = {
      postgres: {
        saga: saga.url,
        inventory: inventory.url,
        payment: payment.url,
        order: order.url,
        notification: notification.url,
      },
      kafka_brokers: NOBODY,
      redis: `redis://${NOBODY}`,
      smtp: `smtp://${NOBODY}`,
      mail: http,
      gateway: http,
      console: http,
      orchestrator: http,
      inventory: http,
      order: http,
      payment: http,
      payment_internal: http,
      paysim: http,
      ledger_file: ledgerFile,
      secrets_file: "",
      replicas: {},
      ops: {},
    };
    const roles = new HttpRoles(secrets, [saga, inventory, payment, order, notification], addresses, folder);
    try {
      // In this order, because later roles need the addresses of earlier ones.
      await Promise.all([roles.#start("paysim"), roles.#start("inventory"), roles.#start("orchestrator")]);
      await Promise.all([roles.#start("payment"), roles.#start("order"), roles.#start("gateway")]);
    } catch (error) {
      await roles[Symbol.asyncDispose]();
      throw error;
    }
    return roles;
  }

  urlOf(surface: Surface): string {
    const url = this.#urls.get(surface);
    if (url === undefined) throw new Error(`${surface} has not logged its port`);
    return url;
  }

  /** Starts a second process of `role` with other settings, and waits until it ends by itself. */
  async endOf(role: Role, settings: Readonly<Record<string, string>>) {
    const child = Bun.spawn([join(DIST, `checkout-${role}`)], {
      cwd: this.folder,
      env: { ...this.#environment(role), PORT: "0", ...settings },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: START_TIMEOUT_MS,
    });
    const [code, out, errors] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
    return { code, output: out + errors };
  }

  /** Log lines of level error or above, by role, without errors about the missing servers. */
  complaints(): string[] {
    return this.#children.flatMap(({ name, logFile }) =>
      readFileSync(logFile, "utf8")
        .split("\n")
        .filter((line) => /"level":"(error|fatal)"/.test(line) && !/kafka|redis/i.test(line))
        .map((line) => `${name}: ${line}`),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    for (const database of this.#databases) await database[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #start(role: HttpRole): Promise<void> {
    const child = startChild({
      name: role,
      command: [join(DIST, `checkout-${role}`)],
      cwd: this.folder,
      env: { ...this.#environment(role), PORT: "0", OPS_PORT: "0", SERVED_NAMES: "g,gw,db1" },
      logFile: join(this.folder, `${role}.log`),
      stopDeadlineMs: STOP_DEADLINE_MS,
    });
    this.#children.push(child);
    const listening = () => {
      const log = readFileSync(child.logFile, "utf8");
      const port = /"port":(\d+)|"url":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(log);
      const ops = /"ops_port":(\d+)/.exec(log);
      if (port === null || ops === null) return false;
      this.#urls.set(role, `http://127.0.0.1:${port[1] ?? port[2]}`);
      if (role === "inventory") this.#urls.set("ops", `http://127.0.0.1:${ops[1]}`);
      return true;
    };
    await child.ready(listening, START_TIMEOUT_MS);
  }

  #environment(role: Role): Record<string, string> {
    const { orchestrator, paysim } = this.#addresses;
    const addresses = {
      ...this.#addresses,
      orchestrator: this.#urls.get("orchestrator") ?? orchestrator,
      paysim: this.#urls.get("paysim") ?? paysim,
    };
    const latency = role === "paysim" ? { LATENCY: "fixed:0" } : {};
    return { ...roleEnvironment(role, { addresses, secrets: this.secrets }), ...latency };
  }
}
