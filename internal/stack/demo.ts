// `npm run demo`: starts the whole stack, places real checkouts through the gateway, waits until every saga has finished, runs the
// auditor, and prints the result and where to look further. Run by bootstrap.mjs.
import { parseArgs } from "node:util";
import { openLoop } from "../../bench/open-loop.ts";
import { cartOf, Shopper } from "../../bench/shopper.ts";
import type { SagaStatusView } from "../../schemas/http.ts";
import { describeError } from "../kernel/errors.ts";
import { importProducts } from "../operations/catalogue-import.ts";
import { loadCatalogue } from "../operations/catalogue.ts";
import { DEMO_SHOP, readDemoShop } from "../operations/demo-shop.ts";
import { mintToken } from "../operations/token.ts";
import { buildableRoles, buildAll } from "../tools/build.ts";
import { DIST } from "./paths.ts";
import { operatorEnvironment } from "./role-env.ts";
import { ensureSecrets } from "./secrets.ts";
import type { StackState } from "./state.ts";
import { launchSupervisor } from "./supervisor.ts";

const CURRENCY = "EUR";
const CHECKOUTS_PER_SECOND = 40;
/** Longer than any deadline of an undisturbed saga. */
const PATIENCE_MS = 90_000;
/** The printed sign-in is valid this long. */
const VISIT_SECONDS = 12 * 60 * 60;
const EXIT_FAILED = 1;
const EXIT_INTERRUPTED = 130;
const DEFAULT_ORDERS = 200;
const MAX_ORDERS = 100_000;

interface Options {
  readonly orders: number;
  readonly keep: boolean;
}

/** The products. Stock of `scarce` is half of the demand, so that some shoppers find it sold out. */
interface Shelf {
  readonly plenty: readonly string[];
  readonly scarce: string;
}

/** The result of one checkout. Times count from its intended start. */
interface Outcome {
  readonly view: SagaStatusView | null;
  readonly acceptedMs: number;
  readonly totalMs: number;
}

const options = readOptions();
const begun = performance.now();
say(`Checkout demo: ${options.orders} checkouts against the real stack`);
await buildAll(buildableRoles(), ({ file, built, seconds: took }) => {
  if (built) done(`built ${file}`, took);
});
const supervisor = launchSupervisor({ report: (step) => done(step.name, step.seconds) });
process.once("SIGINT", () => void supervisor.stop().then(() => process.exit(EXIT_INTERRUPTED)));
process.once("SIGTERM", () => void supervisor.stop().then(() => process.exit(EXIT_INTERRUPTED)));
let succeeded = false;
try {
  const state = await supervisor.ready;
  const outcomes = await shop(state);
  succeeded = report(outcomes) && (await audit(state));
  if (options.keep) {
    await timed("the demo shop's products", () => openShop(state.addresses.inventory));
    await supervisor.release();
    await showAround(state);
  }
} catch (error) {
  console.error(`\nThe demo failed: ${describeError(error)}`);
} finally {
  if (!options.keep) await timed("everything stopped", () => supervisor.stop());
}
say(`${succeeded ? "Done" : "Failed"} after ${seconds(performance.now() - begun)} s.`);
if (!options.keep) say("To keep the stack running: npm run demo -- --keep");
process.exit(succeeded ? 0 : EXIT_FAILED);

function readOptions(): Options {
  const { values } = parseArgs({
    options: { orders: { type: "string" }, keep: { type: "boolean", default: false } },
  });
  const orders = Number(values.orders ?? DEFAULT_ORDERS);
  if (Number.isInteger(orders) && orders > 0 && orders <= MAX_ORDERS) return { orders, keep: values.keep };
  console.error(`--orders takes a whole number from 1 to ${MAX_ORDERS}`);
  return process.exit(2);
}

/** Stocks the products and places the checkouts. Resolves when every saga has finished or timed out. */
async function shop(state: StackState): Promise<readonly Outcome[]> {
  const shelf = await timed("catalogue", () => stockShelf(state.addresses.inventory));
  const { jwt_hs256_secret: jwtSecret } = await ensureSecrets(state.data_directory);
  const { gateway } = state.addresses;
  const shopper = await Shopper.signIn({ gateway, jwtSecret, userId: Bun.randomUUIDv7() });

  const outcomes: Promise<Outcome>[] = [];
  const progress = new Progress(options.orders);
  const placed = openLoop(CHECKOUTS_PER_SECOND, options.orders, (index, intendedAt) => {
    outcomes.push(placeOne(shopper, cartFor(index, shelf), intendedAt, progress));
  });
  await placed;
  const all = await Promise.all(outcomes);
  progress.end();
  return all;
}

/** What a visitor of the kept stack finds. A repeated demo changes nothing about it. */
async function openShop(inventoryUrl: string): Promise<void> {
  const quiet = { dryRun: false, onProgress: () => undefined };
  await importProducts(await readDemoShop(), { inventoryUrl, name: DEMO_SHOP, ...quiet });
}

async function stockShelf(inventory: string): Promise<Shelf> {
  // New SKUs each time, so that stock from an earlier run does not change the result.
  const run = Date.now().toString(36);
  const plenty = Array.from({ length: 10 }, (_, index) => `demo-${run}-${index}`);
  const scarce = `demo-${run}-scarce`;
  const item = (sku_id: string, name: string, add_count: number, unit_price_cents: number) => {
    return { sku_id, name, unit_price_cents, currency: CURRENCY, add_count };
  };
  await loadCatalogue(inventory, [
    ...plenty.map((sku_id, index) =>
      item(sku_id, `Tea no. ${index + 1}`, options.orders * 2, 495 + 100 * index),
    ),
    item(scarce, "Limited teapot", Math.floor(wanting("scarce") / 2), 8_900),
  ]);
  return { plenty, scarce };
}

/** Every tenth shopper wants the scarce teapot, every tenth has a card that is declined, the others succeed. */
function kindOf(index: number): "happy" | "scarce" | "declined" {
  if (index % 10 === 3) return "scarce";
  return index % 10 === 7 ? "declined" : "happy";
}

function wanting(kind: ReturnType<typeof kindOf>): number {
  return Array.from({ length: options.orders }, (_, index) => kindOf(index)).filter((each) => each === kind)
    .length;
}

function cartFor(index: number, { plenty, scarce }: Shelf) {
  const kind = kindOf(index);
  const card = kind === "declined" ? "pm_card_visa_chargeDeclined" : "pm_card_visa";
  const first = plenty[index % plenty.length] ?? scarce;
  const second = plenty[(index * 7 + 3) % plenty.length] ?? scarce;
  const skus = kind === "scarce" ? [scarce] : [...new Set([first, second])];
  return cartOf(skus, card, CURRENCY);
}

async function placeOne(
  shopper: Shopper,
  cart: ReturnType<typeof cartOf>,
  intendedAt: number,
  progress: Progress,
): Promise<Outcome> {
  const giveUpAt = intendedAt + PATIENCE_MS;
  const { saga_id } = await shopper.checkout(cart, Bun.randomUUIDv7(), giveUpAt);
  const acceptedMs = Date.now() - intendedAt;
  progress.accepted();
  const view = await shopper.status(saga_id, giveUpAt);
  progress.rests(view);
  return { view, acceptedMs, totalMs: Date.now() - intendedAt };
}

/** Prints the counts by outcome and the latencies. True if every saga finished with an order or a failure code. */
function report(outcomes: readonly Outcome[]): boolean {
  const counts = new Map<string, number>();
  for (const { view } of outcomes) {
    const reason = view?.failure_code == null ? "" : ` ${view.failure_code}`;
    const name = `${view?.status ?? "NOT FOUND"}${reason}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  say("");
  for (const [name, count] of [...counts].toSorted(([, a], [, b]) => b - a))
    say(`  ${String(count).padStart(6)}  ${name}`);
  const line = (what: string, values: readonly number[]) =>
    say(`  ${what}: p50 ${percentile(values, 0.5)} ms, p99 ${percentile(values, 0.99)} ms`);
  line(
    "202 after      ",
    outcomes.map(({ acceptedMs }) => acceptedMs),
  );
  line(
    "saga finished in",
    outcomes.map(({ totalMs }) => totalMs),
  );
  return outcomes.every(({ view }) => {
    if (view?.status === "COMPLETED") return true;
    return view?.status === "COMPENSATED" && view.failure_code !== null;
  });
}

async function audit(state: StackState): Promise<boolean> {
  const secrets = await ensureSecrets(state.data_directory);
  const child = Bun.spawn([`${DIST}/checkoutctl`, "audit", "--expect-idle"], {
    env: { ...process.env, ...operatorEnvironment({ addresses: state.addresses, secrets }) },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return (await child.exited) === 0;
}

async function showAround({ addresses, data_directory }: StackState): Promise<void> {
  const { jwt_hs256_secret } = await ensureSecrets(data_directory);
  const userId = Bun.randomUUIDv7();
  const { token } = await mintToken(userId, jwt_hs256_secret, VISIT_SECONDS, Date.now());
  say(`
The stack keeps running. Buy something:
  the shop     ${addresses.gateway}/
  sign in      ${addresses.gateway}/signin?token=${token}

Look at:
  API          ${addresses.gateway}/api/v1/openapi.json
  mails        ${addresses.mail}/mails
  provider     ${addresses.paysim}/_sim/stats
  products     dist/checkoutctl catalogue ls
  everything   bun run stack status
  one saga     dist/checkoutctl saga ls --stack ${data_directory}
  stop         bun run stack down
`);
}

/** On a terminal one line that is rewritten, in a log one line every few seconds. */
class Progress {
  readonly #total: number;
  #accepted = 0;
  readonly #counts = { completed: 0, compensated: 0 };
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(total: number) {
    this.#total = total;
    this.#timer = setInterval(() => this.#print(), process.stdout.isTTY ? 100 : 2_000);
  }

  accepted(): void {
    this.#accepted += 1;
  }

  rests(view: SagaStatusView | null): void {
    if (view?.status === "COMPLETED") this.#counts.completed += 1;
    if (view?.status === "COMPENSATED") this.#counts.compensated += 1;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#print();
    if (process.stdout.isTTY) process.stdout.write("\n");
  }

  #print(): void {
    const { completed, compensated } = this.#counts;
    const open = this.#accepted - completed - compensated;
    const text = `  ${this.#accepted}/${this.#total} accepted, ${open} in progress, ${completed} completed, ${compensated} compensated`;
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[2K${text}`);
    else say(text);
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}

async function timed<T>(name: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  done(name, (performance.now() - start) / 1_000);
  return result;
}

function done(name: string, took: number): void {
  say(`  ${name} (${took.toFixed(1)} s)`);
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}

function say(text: string): void {
  console.log(text);
}
