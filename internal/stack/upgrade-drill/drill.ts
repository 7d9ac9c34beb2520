// Runs a drill: starts the old release under load, migrates with the new one, and replaces role by role, forward, back, and forward again. In
// between it has new checkouts hold the money first, and takes that back. Looks after each step at what the shoppers met, what the processes logged and how they ended. Called by main.ts.
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import postgres from "postgres";
import { ACTION_DEADLINE_MS } from "../../../bench/chaos/bank-visit.ts";
import { BLOCKED_COUNTRY } from "../../../bench/chaos/cases.ts";
import { describeError } from "../../kernel/errors.ts";
import type { Managed } from "../managed.ts";
import { leasePorts } from "../ports.ts";
import { payPalFolder, type Role, ROLES, type RoleOverrides } from "../role-env.ts";
import { ensureSecrets } from "../secrets.ts";
import { ensurePayPalCertificates } from "../secure/paypal-certificates.ts";
import { startStack } from "../stack.ts";
import { waitUntil } from "../wait.ts";
import type { Control } from "./controls.ts";
import { Fleet, type Slot } from "./fleet.ts";
import { databaseFaultsIn, faultsIn, LogTail } from "./logs.ts";
import { OpenSagas } from "./open-sagas.ts";
import { auditOf, HELD_FIRST, holdingFirst, untilNoneHeld } from "./operator.ts";
import { type Pass, PASSES } from "./passes.ts";
import { openRelease, type Release, settingsOfUpgrade } from "./release.ts";
import type { DrillResult, Faults, Replaced } from "./report.ts";
import { areAsked, Shoppers } from "./shoppers.ts";
import { workOf } from "./work.ts";

/** How long both releases work side by side, at least. */
const BESIDE_MS = 3_000;
const WORK_TIMEOUT_MS = 30_000;
/** Older releases log an error when a charge is compared just as its shopper confirms it: so the shopper has to be done by then. */
const COMPARED_AFTER_MS = ACTION_DEADLINE_MS + 5_000;
/** Load before the first step, so that a cold start is not taken for a fault of the upgrade. */
const WARM_UP_MS = 5_000;
/** About ninety checkouts, a tenth of them with 3-D Secure, a fifth with PayPal. */
const SELL_ALL_MS = 15_000;
/** In a drill that is to fail nobody waits for a checkout that will not end. */
const PATIENCE_OF_CONTROL_MS = 30_000;
/** Nobody is asked about the sagas of a console or of the simulator. */
const WITHOUT_SAGAS: ReadonlySet<Role> = new Set(["paysim", "console"]);

type Migration = NonNullable<Control["migration"]>;

/** Of both releases; a release ignores what it does not know. The provider's ledger is compared often, so that the drill sees it. */
const OVERRIDES: RoleOverrides = {
  paysim: { LATENCY: "uniform:50-200" },
  payment: {
    CHARGE_EXECUTION_MS: "60000",
    SEARCH_LAG_MS: "1000",
    RECONCILE_INTERVAL_MS: "5000",
    RECONCILE_GRACE_MS: String(COMPARED_AFTER_MS),
  },
  // So that the relay has work.
  order: { ORDER_BLOCKED_COUNTRIES: BLOCKED_COUNTRY, PUBLISH_AFTER_COMMIT: "false" },
  orchestrator: { ACTION_DEADLINE_MS: String(ACTION_DEADLINE_MS) },
};

export interface DrillOptions {
  /** The checkout of the old release, with its binaries. */
  readonly from: string;
  readonly dataDirectory: string;
  readonly report: (line: string) => void;
  /** A mistake that is made on purpose: the drill then ends early, and must have found something. */
  readonly control?: Control | undefined;
  /** Gets what must be taken down if the drill is interrupted. */
  readonly opened: (opened: AsyncDisposable) => void;
}

export async function runDrill({
  from,
  dataDirectory,
  report,
  control,
  opened,
}: DrillOptions): Promise<DrillResult> {
  await using held = new AsyncDisposableStack();
  opened(held);
  const stack = held.use(await startStack({ dataDirectory, roles: false, secure: false }));
  const ports = leasePorts(`${dataDirectory} roles`);
  held.defer(() => ports.release());
  await ensurePayPalCertificates(payPalFolder(stack.addresses.ledger_file));
  const context = { addresses: stack.addresses, secrets: await ensureSecrets(dataDirectory) };
  const fleet = held.use(new Fleet({ context, dataDirectory, ports, overrides: OVERRIDES }));
  const old = await openRelease("old", from);
  const today = await openRelease("new", undefined, { ...settingsOfUpgrade(old), ...control?.overrides });
  const logFile = (name: string) => join(dataDirectory, "logs", `${name}.log`);

  await old.roles.migrate(fleet.context, logFile("migrate-old"));
  await old.roles.createTopics(fleet.context, logFile("topics-old"));
  await startAll(fleet, old, today);
  const patienceMs = control === undefined ? undefined : PATIENCE_OF_CONTROL_MS;
  const shoppers = await Shoppers.start(fleet.context, dataDirectory, { releases: [old, today], patienceMs });
  const open = held.use(new OpenSagas(stack.addresses.postgres["saga"] ?? ""));
  const drill = new Drill(fleet, {
    servers: stack.servers,
    open,
    waits: areAsked([old, today]),
    report,
  });
  report(`the old release works: ${fleet.slots.filter(({ process }) => process !== null).length} processes`);

  const others: Record<string, readonly string[]> = {};
  others["under load"] = await drill.seen(() => pause(WARM_UP_MS));
  others["migrations"] = await drill.seen(async () => {
    await today.roles.migrate(fleet.context, logFile("migrate-new"));
    await today.roles.createTopics(fleet.context, logFile("topics-new"));
    if (control?.migration !== undefined) await misled(fleet, control.migration);
    await drill.worked(fleet.slots);
  });
  report("migrated by the new release, while the old one works");
  const replaced: Replaced[] = [];
  for (const pass of control?.passes ?? PASSES) {
    for (const role of pass.order)
      replaced.push(await drill.replace(pass, role, pass.to === "old" ? old : today));
    for (const providers of pass.holding)
      Object.assign(others, await drill.hold(pass, holdingFirst(today, providers), providers));
  }
  await shoppers.finish();
  others["shoppers"] = shoppers.faults();
  if (control !== undefined) return { replaced, others, notes: [] };
  others["all that the new release sells"] = await drill.seen(() => sellAll(fleet, dataDirectory, today));
  others["sagas that were in progress"] = await open.faults();
  others["audit"] = await auditOf(fleet.context, shoppers.journal);
  others["processes"] = await drill.seen(() => Promise.resolve());
  report(`${shoppers.checkouts.length} checkouts and ${shoppers.cancelled} cancelled orders have ended`);
  for (const { text } of fleet.hintsSince(0).slice(0, 20)) report(`hint: ${text}`);
  const ended = `${shoppers.checkouts.length} checkouts; ${shoppers.cancelled} orders were cancelled`;
  const notes = [ended, `in progress when something was replaced: ${open.summary()}`, ...drill.notes];
  return { replaced, others, notes };
}

/** The mistake of a control. */
async function misled({ context }: Fleet, { database, statement }: Migration): Promise<void> {
  const sql = postgres(context.addresses.postgres[database] ?? "", { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** What the old release does not know was left out before: PayPal, and if it is 0.1.0 also 3-D Secure and cancelled orders. */
async function sellAll({ context }: Fleet, dataDirectory: string, release: Release): Promise<void> {
  const shoppers = await Shoppers.start(context, dataDirectory, { releases: [release] });
  await pause(SELL_ALL_MS);
  await shoppers.finish();
  const faults = shoppers.faults();
  if (faults.length > 0) throw new Error(faults.join("; "));
}

/** The simulator is no part of the product, so there is one for both. */
async function startAll(fleet: Fleet, old: Release, today: Release): Promise<void> {
  for (const role of ROLES) {
    const release = role === "paysim" ? today : old;
    if (release.has(role)) await Promise.all(fleet.slotsOf(role).map((slot) => fleet.start(slot, release)));
  }
}

interface DrillParts {
  readonly servers: readonly Managed[];
  readonly open: OpenSagas;
  /** Some checkouts wait for their shopper. */
  readonly waits: boolean;
  readonly report: (line: string) => void;
}

class Drill {
  readonly #fleet: Fleet;
  readonly #parts: DrillParts;
  readonly #logs = new LogTail();
  /** Figures of the report. */
  readonly notes: string[] = [];

  constructor(fleet: Fleet, parts: DrillParts) {
    this.#fleet = fleet;
    this.#parts = parts;
  }

  /** Does the work and returns what went wrong meanwhile. */
  async seen(work: () => Promise<void>): Promise<readonly string[]> {
    const begun = Date.now();
    const failures: string[] = [];
    try {
      await work();
    } catch (error) {
      failures.push(describeError(error));
    }
    const faults = this.#fleet.faultsSince(begun).map(({ text }) => text);
    return [...failures, ...faults, ...this.#logged()];
  }

  /** Replaces the processes of a role by those of the release. */
  async replace(pass: Pass, role: Role, release: Release): Promise<Replaced> {
    const faults = await this.#exchange(role, release);
    const all = [...(faults.beside ?? []), ...(faults.after ?? [])];
    this.#parts.report(`${pass.name}: ${role} ${all.length === 0 ? "held" : `FAILED: ${all[0]}`}`);
    return { pass, role, ...faults };
  }

  /** Gives the orchestrators this value of AUTHORIZE_FIRST, as docs/upgrading.md says. Returns what went wrong, by state. */
  async hold(pass: Pass, release: Release, providers: string): Promise<Readonly<Record<string, Faults>>> {
    const name = `${pass.name}, AUTHORIZE_FIRST ${providers === "" ? "removed" : providers}`;
    const faults = await this.#exchange("orchestrator", release);
    const begun = Date.now();
    const ended = await this.seen(() =>
      providers === "" ? untilNoneHeld(this.#fleet.context) : this.#untilHeld(),
    );
    if (providers === "")
      this.notes.push(`${name}: ${Date.now() - begun} ms later no such saga was in progress any more`);
    const after = [...(faults.after ?? []), ...ended];
    const all = [...(faults.beside ?? []), ...after];
    this.#parts.report(`${name} ${all.length === 0 ? "held" : `FAILED: ${all[0]}`}`);
    return { [`${name}, side by side`]: faults.beside, [name]: after };
  }

  /** Resolves when a saga of the second table is in progress. */
  #untilHeld(): Promise<void> {
    const some = async () => {
      const open = await this.#parts.open.meet({ waits: false });
      return open.some(({ table_version }) => table_version === HELD_FIRST);
    };
    return waitUntil("a saga of table 2 is in progress", some, { timeoutMs: WORK_TIMEOUT_MS });
  }

  /** The processes of a role one after the other, each while sagas are in progress. The second one stays as it is if the first does not start. */
  async #exchange(role: Role, release: Release): Promise<Pick<Replaced, "beside" | "after">> {
    const slots = this.#fleet.slotsOf(role);
    const change = async (slot: Slot) => {
      if (!WITHOUT_SAGAS.has(role)) await this.#parts.open.meet(this.#parts);
      await this.#fleet.stop(slot);
      if (release.has(role)) await this.#fleet.start(slot, release);
    };
    const [first, ...rest] = slots;
    if (first === undefined) throw new Error(`${role} has no process`);
    const firstFaults = await this.seen(async () => {
      await change(first);
      await Promise.all([this.worked(slots), pause(BESIDE_MS)]);
    });
    if (first.process === null && release.has(role)) return { beside: firstFaults, after: null };
    const beside: Faults = rest.length === 0 ? null : firstFaults;
    const restFaults = await this.seen(async () => {
      for (const slot of rest) await change(slot);
      await this.worked(slots);
    });
    const after = rest.length === 0 ? [...firstFaults, ...restFaults] : restFaults;
    return { beside, after };
  }

  /** Resolves when each of these processes has done some work from now on. */
  async worked(slots: readonly Slot[]): Promise<void> {
    const running = slots.filter(({ process }) => process !== null);
    const before = new Map(
      await Promise.all(running.map(async (slot) => [slot, await workOf(this.#fleet, slot)] as const)),
    );
    let idle: readonly Slot[] = running;
    const all = async () => {
      const work = await Promise.all(running.map((slot) => workOf(this.#fleet, slot)));
      idle = running.filter((slot, index) => {
        const from = before.get(slot);
        return from !== undefined && (work[index] ?? 0) <= from;
      });
      return idle.length === 0;
    };
    await waitUntil("every process works", all, { timeoutMs: WORK_TIMEOUT_MS, intervalMs: 250 }).catch(
      (cause: unknown) => {
        const names = idle.map(({ release, role, number }) => `${release?.name} ${role}-${number}`);
        throw new Error(`${names.join(", ")} did no work in ${WORK_TIMEOUT_MS} ms`, { cause });
      },
    );
  }

  /** The faults in what processes and databases have logged since the last call. */
  #logged(): readonly string[] {
    const ofRoles = this.#fleet.slots.flatMap((slot) =>
      (["old", "new"] as const).flatMap((release) =>
        faultsIn(this.#logs.read(this.#fleet.logFile(slot, release))).map(
          (fault) => `${release} ${slot.role}-${slot.number}: ${fault}`,
        ),
      ),
    );
    const databases = this.#parts.servers.filter(({ name }) => name.startsWith("postgres-"));
    return [...ofRoles, ...databases.flatMap(({ logFile }) => databaseFaultsIn(this.#logs.read(logFile)))];
  }
}
