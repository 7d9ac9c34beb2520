// The whole system from outside, for the suites in this folder: shoppers at the gateway, operators with checkoutctl, the provider
// ledger, the mail catcher. Nothing here reads a process or a table directly.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commandOf, processStats } from "../../../bench/processes.ts";
import { Shopper } from "../../../bench/shopper.ts";
import { putJson } from "../../../bench/system.ts";
import type { SagaStatusView } from "../../../schemas/http.ts";
import type { SendNotification } from "../../../schemas/notification.ts";
import type { ProviderLedgerEntry } from "../../../schemas/provider-ledger.ts";
import { joined, readLedger, readPayPalLedger } from "../../audit/json-lines.ts";
import type { Money } from "../../kernel/money.ts";
import { listCatalogue, loadCatalogue } from "../../operations/catalogue.ts";
import type { SagaStory } from "../../operations/saga-story.ts";
import { newDataDirectory } from "../../testkit/data-directory.ts";
import { type KafkaOptions, kafkaOptions } from "../../platform/kafka/connection.ts";
import { auditViolations } from "../audit-violations.ts";
import { cleanEnvironment, describeExit, logTail, startChild } from "../child.ts";
import { DIST } from "../paths.ts";
import {
  deploySettings,
  operatorEnvironment,
  payPalLedgerFile,
  type Role,
  type RoleContext,
  roleEnvironment,
  type RoleOverrides,
  ROLES,
} from "../role-env.ts";
import { operatorToken } from "../operator-token.ts";
import type { Replicas } from "../replicas.ts";
import { ensureSecrets } from "../secrets.ts";
import type { CaughtMail } from "../servers/mail-catcher.ts";
import type { PrometheusSettings } from "../servers/prometheus.ts";
import { type Stack, type StackOptions, startStack } from "../stack.ts";
import { waitUntil } from "../wait.ts";
import { wipe } from "../wipe.ts";

export const CURRENCY = "EUR";
export const UNIT_PRICE_CENTS = 1_250;
/** Of the provider, where its time does not matter. */
export const LATENCY = "fixed:5";

const MAIL_TIMEOUT_MS = 40_000;
const START_TIMEOUT_MS = 40_000;
const END_TIMEOUT_MS = 40_000;

export interface ToolRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Confirmed {
  readonly confirm: number;
  readonly since: string;
  readonly published_before: string;
}

export class RunningSystem implements AsyncDisposable {
  readonly stack: Stack;
  /** The addresses and secrets of roles and operators, as the stack began. */
  readonly context: RoleContext;
  /** Settings of checkoutctl that differ by now. */
  readonly operatorChanges: Record<string, string> = {};
  readonly #changing: { settings: RoleOverrides };

  private constructor(stack: Stack, context: RoleContext, changing: { settings: RoleOverrides }) {
    this.stack = stack;
    this.context = context;
    this.#changing = changing;
  }

  /** Starts on empty data. `more`: as of `stack up --secure` (whatever CHECKOUT_SECURE says), `--sentinel` and `--standby`. `name` is part of the data directory's name. */
  static async start(
    name: string,
    overrides: RoleOverrides = {},
    replicas: Replicas = {},
    prometheus?: PrometheusSettings,
    more: Pick<StackOptions, "secure" | "sentinel" | "standbys"> = {},
  ): Promise<RunningSystem> {
    return RunningSystem.startWith(name, { overrides, replicas, prometheus, ...more });
  }

  /** The same, with any option of the stack. `settings`: of roles, until `changeTo` replaces them. */
  static async startWith(
    name: string,
    options: Omit<StackOptions, "dataDirectory" | "warmUp">,
    settings: RoleOverrides = {},
  ): Promise<RunningSystem> {
    const dataDirectory = newDataDirectory(name);
    const changing = { settings };
    const changes = (role: Role) => ({ ...options.changes?.(role), ...changing.settings[role] });
    const stack = await startStack({ ...options, changes, dataDirectory, warmUp: false });
    const secrets = await ensureSecrets(dataDirectory);
    return new RunningSystem(stack, { addresses: stack.addresses, secrets }, changing);
  }

  /** Roles whose settings are others with `next` start again. For the next suite on this system. */
  async changeTo(next: RoleOverrides): Promise<void> {
    const { settings } = this.#changing;
    this.#changing.settings = next;
    const differing = ROLES.filter((role) => !Bun.deepEquals(settings[role], next[role]));
    await Promise.all(differing.map((role) => this.stack.restart(role)));
  }

  /** How long the provider takes for an answer, for example `fixed:5`; until its process ends. */
  async providerTakes(latency: string): Promise<void> {
    await putJson(`${this.context.addresses.paysim}/_sim/faults`, { latency });
  }

  /** Throws if a role has ended by itself: tests stop roles, and kill them with SIGKILL, but none of them fails at its work. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failed = this.stack.roles.flatMap((role) => {
      const end = role.exit();
      if (end === null || end.code === 0 || end.signal === "SIGKILL") return [];
      return [`${role.name} has ended by itself with ${describeExit(end)}:\n${logTail(role.logFile)}`];
    });
    // Nobody looks at these processes or their data any more: to drain and save everything first costs a second of CPU. A Postgres that gets
    // SIGQUIT saves nothing either, but frees its shared memory.
    const { servers, roles } = this.stack;
    for (const process of [...roles, ...servers])
      process.kill(process.name.startsWith("postgres-") ? "SIGQUIT" : "SIGKILL");
    await this.stack.stop();
    wipe(this.stack.dataDirectory);
    if (failed.length > 0) throw new Error(failed.join("\n"));
  }

  /** Starts one more process of a role with other settings and waits until it listens. Dispose of the result to stop it. */
  async oneMore(role: Role, settings: Readonly<Record<string, string>>) {
    const port = String(freePort());
    const child = this.#start(role, { PORT: port, ...settings });
    await child.ready(() => readFileSync(child.logFile, "utf8").includes(`"port":${port}`), START_TIMEOUT_MS);
    return {
      address: `http://127.0.0.1:${port}`,
      [Symbol.asyncDispose]: async () => void (await child.stop()),
    };
  }

  /** Starts one more process of a role that may never be ready. Dispose of the result to stop it. */
  async started(role: Role, settings: Readonly<Record<string, string>>) {
    const opsPort = String(freePort());
    const child = this.#start(role, { PORT: String(freePort()), ...settings, OPS_PORT: opsPort });
    return {
      ops: () => `http://127.0.0.1:${opsPort}`,
      exit: () => child.exit(),
      [Symbol.asyncDispose]: async () => void (await child.stop()),
    };
  }

  /** Starts one more process of a role that ends by itself. Returns its exit code and log. */
  async endOf(role: Role, settings: Readonly<Record<string, string>>) {
    const child = this.#start(role, { PORT: String(freePort()), ...settings });
    const { code } = await child.exited;
    return { code, log: readFileSync(child.logFile, "utf8") };
  }

  #start(role: Role, settings: Readonly<Record<string, string>>) {
    return startChild({
      name: `${role}-2`,
      command: [join(DIST, `checkout-${role}`)],
      env: { ...roleEnvironment(role, this.context), OPS_PORT: "0", ...settings },
      logFile: join(this.stack.dataDirectory, `${role}-2.log`),
    });
  }

  /**
   * Kills a server or role and resolves when none of its processes is left. A Postgres backend may still commit until it notices
   * that its server has died.
   */
  async end(name: string): Promise<void> {
    const { pid } = this.stack.find(name);
    const family = [...processStats()].filter(([, { parent }]) => parent === pid).map(([child]) => child);
    this.stack.kill(name, "SIGKILL");
    const gone = () => [pid, ...family].every((one) => commandOf(one) === "");
    await waitUntil(`${name} has ended`, gone, { timeoutMs: END_TIMEOUT_MS });
  }

  /** Kafka for whoever does by hand what only the deploy account may. */
  kafka(): Pick<KafkaOptions, "brokers" | "security"> {
    return kafkaOptions(deploySettings(this.context.addresses), "test");
  }

  shopper(userId: string = Bun.randomUUIDv7(), gateway = this.context.addresses.gateway): Promise<Shopper> {
    return Shopper.signIn({ gateway, jwtSecret: this.context.secrets.jwt_hs256_secret, userId });
  }

  /** Adds `count` pieces of a product to the stock. Default price: UNIT_PRICE_CENTS in EUR. */
  async restock(skuId: string, count: number, price: Partial<Money> = {}, name = skuId): Promise<void> {
    const { amount_cents: unit_price_cents = UNIT_PRICE_CENTS, currency = CURRENCY } = price;
    const product = { sku_id: skuId, name, unit_price_cents, currency };
    await loadCatalogue(await this.#inventory(), [{ ...product, add_count: count }]);
  }

  async available(skuId: string): Promise<number | undefined> {
    const products = await listCatalogue(await this.#inventory());
    return products.find(({ sku_id }) => sku_id === skuId)?.available_count;
  }

  async #inventory() {
    const token = await operatorToken(this.context.secrets, "ada");
    return { url: this.context.addresses.inventory, token };
  }

  /** Run by the operator Ada. */
  checkoutctl(...args: readonly string[]): Promise<ToolRun> {
    return this.checkoutctlWith({}, args);
  }

  /** The same, with other settings. */
  async checkoutctlWith(
    settings: Readonly<Record<string, string>>,
    args: readonly string[],
  ): Promise<ToolRun> {
    const OPERATOR_TOKEN = await operatorToken(this.context.secrets, "ada");
    const own = { ...operatorEnvironment(this.context), OPERATOR_TOKEN, ...this.operatorChanges };
    const child = Bun.spawn([join(DIST, "checkoutctl"), ...args], {
      env: cleanEnvironment({ ...own, ...settings }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    return { code, stdout, stderr };
  }

  /** Returns the output of `checkoutctl ... --json`; throws with stderr if the exit code is not `expected`. */
  async operatorSees<T>(args: readonly string[], expected = 0): Promise<T> {
    const { code, stdout, stderr } = await this.checkoutctl(...args, "--json");
    if (code !== expected)
      throw new Error(`checkoutctl ${args.join(" ")} exited with ${code}: ${stderr}${stdout}`);
    const answer: T = JSON.parse(stdout);
    return answer;
  }

  /** Publishes the saga's outbox again, confirmed as a dry run says. */
  async republish(...args: readonly string[]): Promise<void> {
    const command = ["outbox", "republish", "--database", "saga", ...args];
    const dry = await this.operatorSees<Confirmed>([...command, "--dry-run"]);
    // The last `--since` counts: a duration of the arguments would begin later by now.
    const times = ["--since", dry.since, "--published-before", dry.published_before];
    await this.operatorSees([...command, ...times, "--confirm", String(dry.confirm)]);
  }

  story(sagaId: string): Promise<SagaStory> {
    return this.operatorSees(["saga", "show", sagaId]);
  }

  /** Audits the system as idle. Returns the exit code and every violation as `invariant: saga: detail`. */
  async audit(...args: readonly string[]): Promise<{ readonly code: number; readonly violations: string[] }> {
    const { code, stdout, stderr } = await this.checkoutctl("audit", "--expect-idle", "--json", ...args);
    if (stdout === "") throw new Error(`the audit exited with ${code}: ${stderr}`);
    return { code, violations: auditViolations(stdout) };
  }

  /** The ledgers of the providers, one after the other, each from its beginning. */
  ledger(): Promise<ProviderLedgerEntry[]> {
    const { ledger_file } = this.context.addresses;
    return Array.fromAsync(joined(readLedger(ledger_file), readPayPalLedger(payPalLedgerFile(ledger_file))));
  }

  /** The saga's entries in the ledgers of the providers, oldest first. */
  async ledgerOf(sagaId: string): Promise<ProviderLedgerEntry[]> {
    const entries = await this.ledger();
    return entries.filter((entry) => "saga_id" in entry && entry.saga_id === sagaId);
  }

  /** Waits for the mail with this template; it is sent after the saga has finished. */
  async mailAbout(sagaId: string, template: SendNotification["template"]): Promise<CaughtMail> {
    let found: CaughtMail | undefined;
    const arrived = async () => {
      found = (await this.mails()).find(
        // Corrected tracking makes another mail, so its number is part of the id.
        ({ message_id }) => new RegExp(`^<${sagaId}\\.${template}[.@]`).test(message_id),
      );
      return found !== undefined;
    };
    await waitUntil(`the mail ${template} of saga ${sagaId} has arrived`, arrived, {
      timeoutMs: MAIL_TIMEOUT_MS,
    });
    if (found === undefined) throw new Error("unreachable: the wait would have thrown");
    return found;
  }

  async mails(): Promise<readonly CaughtMail[]> {
    const answer = await fetch(`${this.context.addresses.mail}/mails`);
    const mails: CaughtMail[] = JSON.parse(await answer.text());
    return mails;
  }
}

/** Throws if the saga does not exist. */
export function existing(view: SagaStatusView | null): SagaStatusView {
  if (view === null) throw new Error("the saga does not exist");
  return view;
}

/** A port that is free now. The kernel does not give it to another process that asks for any port, until it is used. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
