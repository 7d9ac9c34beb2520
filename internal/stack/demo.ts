// `npm run demo`: starts the whole stack, places real checkouts through the gateway, waits until every saga has finished, runs the
// auditor, and prints the result and where to look further. Run by bootstrap.mjs.
import { openLoop } from "../../bench/open-loop.ts";
import { Shopper } from "../../bench/shopper.ts";
import type { CheckoutRequest, SagaStatusView } from "../../schemas/http.ts";
import { describeError } from "../kernel/errors.ts";
import { listCatalogue, putItems } from "../operations/catalogue.ts";
import { readDemoShop } from "../operations/demo-shop.ts";
import { mintToken } from "../operations/token.ts";
import { buildableRoles, buildAll } from "../tools/build.ts";
import { runningStack } from "./control.ts";
import { DEMO_HELP, demoOptions } from "./demo-options.mjs";
import { shelfFor } from "./demo-shelf.ts";
import { DIST, REPOSITORY, stackDirectory } from "./paths.ts";
import { operatorEnvironment } from "./role-env.ts";
import { operatorToken } from "./operator-token.ts";
import { ensureSecrets } from "./secrets.ts";
import { forBrowsers, type StackState } from "./state.ts";
import { launchSupervisor } from "./supervisor.ts";

const CHECKOUTS_PER_SECOND = 40;
/** Longer than any deadline of an undisturbed saga. */
const PATIENCE_MS = 90_000;
/** The printed sign-in is valid this long. */
const VISIT_SECONDS = 12 * 60 * 60;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

/** The result of one checkout. Times count from its intended start. */
interface Outcome {
  readonly view: SagaStatusView | null;
  readonly acceptedMs: number;
  readonly totalMs: number;
}

const options = readOptions();
await refuseBesideAnother();
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

function readOptions() {
  const given = demoOptions(Bun.argv.slice(2));
  if (given.kind === "run") return given;
  if (given.kind === "help") say(DEMO_HELP);
  else console.error(`${given.why}; see npm run demo -- --help`);
  return process.exit(given.kind === "help" ? 0 : EXIT_USAGE);
}

/** Before anything is built: binaries of a running stack stay as they are. */
async function refuseBesideAnother(): Promise<void> {
  const directory = stackDirectory(undefined);
  const state = await runningStack(directory);
  if (state === null) return;
  console.error(`A stack is already running in ${directory}, so the demo starts none.`);
  if (state.phase === "ready") await showAround(state);
  else console.error(`It is ${state.phase}. Look: npm run stack status. Stop it: npm run stack down`);
  process.exit(EXIT_FAILED);
}

/** Stocks the products and places the checkouts. Resolves when every saga has finished or timed out. */
async function shop(state: StackState): Promise<readonly Outcome[]> {
  const carts = await timed("catalogue", () => stockShelf(state));
  const { jwt_hs256_secret: jwtSecret } = await ensureSecrets(state.data_directory);
  const { gateway } = state.addresses;
  const shopper = await Shopper.signIn({ gateway, jwtSecret, userId: Bun.randomUUIDv7() });

  const outcomes: Promise<Outcome>[] = [];
  const progress = new Progress(options.orders);
  const placed = openLoop(CHECKOUTS_PER_SECOND, options.orders, (index, intendedAt) => {
    const cart = carts[index];
    if (cart !== undefined) outcomes.push(placeOne(shopper, cart, intendedAt, progress));
  });
  await placed;
  const all = await Promise.all(outcomes);
  progress.end();
  return all;
}

/** Fills the demo shop as far as needed, and returns the carts of the demo's shoppers. */
async function stockShelf({ addresses, data_directory }: StackState): Promise<readonly CheckoutRequest[]> {
  const token = await operatorToken(await ensureSecrets(data_directory), "demo");
  const inventory = { url: addresses.inventory, token };
  const products = (await readDemoShop()).map(({ item }) => item);
  const { restock, carts } = shelfFor(options.orders, products, await listCatalogue(inventory));
  await putItems(inventory, restock, false);
  return carts;
}

async function placeOne(
  shopper: Shopper,
  cart: CheckoutRequest,
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
  const secrets = await ensureSecrets(data_directory);
  const operator = await operatorToken(secrets, "demo");
  const { jwt_hs256_secret } = secrets;
  const userId = Bun.randomUUIDv7();
  const { token } = await mintToken(userId, jwt_hs256_secret, VISIT_SECONDS, Date.now());
  // In another directory than .stack the commands need the variable that the demo had.
  const chosen = process.env["STACK_DIR"];
  const prefix = chosen === undefined ? "" : `STACK_DIR=${chosen} `;
  say(`
The stack keeps running. Buy something:
  the shop     ${addresses.gateway}/
  sign in      ${addresses.gateway}/signin?token=${token}

Operate it. Open the console, paste the token into its form, and sign in with it. It is good for 8 hours:
  console      ${forBrowsers(addresses.console)}/
  token        ${operator}
  another one  ${prefix}dist/checkoutctl token --operator NAME --role viewer

Look at:
  API          ${addresses.gateway}/api/v1/openapi.json
  mails        ${addresses.mail}/mails
  provider     ${addresses.paysim}/_sim/stats
In ${REPOSITORY}:
  products     ${prefix}dist/checkoutctl catalogue ls
  sagas        ${prefix}dist/checkoutctl saga ls
  everything   ${prefix}npm run stack status
  stop         ${prefix}npm run stack down
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
