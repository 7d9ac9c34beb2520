// The system under test, seen from outside: starts its own local stack through the command line, or uses one that runs, and prepares it
// for load. It knows only addresses, nothing of the implementation. Called by the benchmarks.
import postgres, { type Sql } from "postgres";
import type { Money } from "../internal/kernel/money.ts";
import type { RestockRequest } from "../schemas/http.ts";
import { scrape } from "./measure/metrics.ts";
import { operatorHeaders } from "./operator-token.ts";
import { partOf } from "./parts.ts";
import type { ProcessGroup } from "./processes.ts";
import { type Post, Shopper } from "./shopper.ts";

const REPOSITORY = `${import.meta.dir}/..`;
const STOCK = 100_000_000;
const USERS = 200;
/** Of every product, unless a run asks for another price. */
export const PRICE: Money = { amount_cents: 1_250, currency: "EUR" };

/** The parts of the output of `stack status --json` that the benchmarks use. */
interface Status {
  readonly phase: string;
  readonly addresses: {
    readonly postgres: Readonly<Record<string, string>> & { readonly saga: string };
    readonly redis: string;
    /** Only of a stack with Sentinels. */
    readonly redis_sentinels?: string;
    readonly gateway: string;
    readonly inventory: string;
    readonly paysim: string;
    readonly mail: string;
    readonly secrets_file: string;
    /** Only of a secure stack. */
    readonly certificates?: string;
    /** By role, the URLs of all processes that serve requests. Missing in commits without replicas. */
    readonly replicas?: { readonly gateway: readonly string[] };
    /** By process: `orchestrator`, `orchestrator-2`. */
    readonly ops: Readonly<Record<string, string>>;
  };
  readonly servers: readonly ProcessGroup[];
  readonly roles: readonly ProcessGroup[];
}

export interface System extends AsyncDisposable {
  /** The stack's data directory. */
  readonly directory: string;
  readonly gateway: string;
  readonly addresses: Status["addresses"];
  /** The processes, grouped under the names of their roles. Call `refresh` after a restart, because a restarted role is another process. */
  readonly processes: readonly ProcessGroup[];
  refresh(): Promise<void>;
  readonly shoppers: readonly Shopper[];
  readonly skus: readonly string[];
  /** The saga database, read-only: it has the time at which each saga finished. */
  readonly sagas: Sql;
  /** All databases by name, read-only. Each connects at its first query. */
  readonly databases: Readonly<Record<string, Sql>>;
  /** How long the start of the stack took; undefined if it was already running. */
  readonly startUpSeconds: number | undefined;
  /** `bun run stack` for this stack: `kill`, `restart`. */
  control(...args: readonly string[]): Promise<void>;
  readonly currency: string;
  /** The number of unfinished sagas. */
  openSagas(): Promise<number>;
  /** Adds SKUs to the catalogue, with `count` pieces of each. Default price: PRICE. */
  restock(skus: readonly string[], count: number, price?: Money): Promise<void>;
  /** Runs the auditor, with additional arguments; true if it finds nothing. */
  audit(...args: readonly string[]): Promise<boolean>;
}

export interface SystemOptions {
  /** The data directory of a running stack. Without it, a stack is started in a new directory and removed afterwards. */
  readonly stack: string | undefined;
  /** The data directory of the started stack. */
  readonly directory?: string;
  /** Additional arguments for `stack up`. */
  readonly up?: readonly string[];
  readonly skus: number;
  /** The provider's latency, in the simulator's format: `fixed:0`, `uniform:200-500`. */
  readonly latency: string;
  /** How shoppers send checkouts to the gateway with this URL. */
  readonly postTo?: (gateway: string) => Post;
  /** The checkout of this repository from which the stack is built and started; default is this one. */
  readonly repository?: string;
  /** Replaces `bun run stack`, for tests. */
  readonly command?: StackCommand;
  /** Gets what must be taken down: the own stack as soon as its start begins, then the system. */
  readonly opened?: (opened: AsyncDisposable) => void;
}

/** Runs `bun run stack`; `signal` ends it. If it fails, rejects with its output. */
type StackCommand = (args: readonly string[], signal?: AbortSignal) => Promise<string>;

/** If anything fails, takes down what it started, and throws. */
export async function openSystem(options: SystemOptions): Promise<System> {
  const { stack, repository = REPOSITORY } = options;
  const command: StackCommand =
    options.command ?? ((args, signal) => stackCommand(args, { repository, signal }));
  const directory = stack ?? options.directory ?? `${repository}/.stack-bench`;
  await using opening = new AsyncDisposableStack();
  let startUpSeconds: number | undefined;
  if (stack === undefined) {
    const begun = performance.now();
    await startUp(directory, options.up ?? [], { command, opened: options.opened });
    startUpSeconds = (performance.now() - begun) / 1_000;
    opening.defer(() => wipe(directory, command));
  }
  const readStatus = async (): Promise<Status> =>
    JSON.parse(await command(["status", "--json", "--data-dir", directory]));
  const status = await readStatus();
  if (status.phase !== "ready")
    throw new Error(`no stack runs in ${directory}: start one with bun run stack up`);
  const { addresses } = status;
  let processes = processesOf(status);

  await putJson(`${addresses.paysim}/_sim/faults`, { latency: options.latency });
  const skus = newSkus(options.skus);
  await restock(addresses, skus, STOCK);
  const shoppers = await signInShoppers(addresses, options.postTo);
  const databases = databasesOf(addresses);
  opening.defer(async () => void (await Promise.all(Object.values(databases).map((sql) => sql.end()))));
  const opened = opening.move();
  options.opened?.(opened);
  return {
    directory,
    gateway: addresses.gateway,
    addresses,
    get processes() {
      return processes;
    },
    async refresh() {
      processes = processesOf(await readStatus());
    },
    async control(...args) {
      await command([...args, "--data-dir", directory]);
    },
    shoppers,
    skus,
    sagas: databases.saga,
    databases,
    startUpSeconds,
    currency: PRICE.currency,
    openSagas: () => openSagasBy(addresses.ops),
    restock: (ids, count, price) => restock(addresses, ids, count, price),
    audit: (...args) => audit(directory, repository, args),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/**
 * Runs `bun run stack up` for the stack in `directory`, with additional arguments. Never resolves if it is interrupted: the receiver of
 * `opened` then takes down the stack and ends the process.
 */
export async function startUp(
  directory: string,
  args: readonly string[],
  {
    command = inThisCheckout,
    opened,
  }: { command?: StackCommand; opened: SystemOptions["opened"] | undefined },
): Promise<void> {
  const interrupted = new AbortController();
  const up = command(["up", "--data-dir", directory, ...args], interrupted.signal);
  opened?.({
    async [Symbol.asyncDispose]() {
      interrupted.abort();
      await up.catch(() => {});
      await wipe(directory, command);
    },
  });
  try {
    await up;
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
  }
  // The stack may still have come up at the last moment.
  if (interrupted.signal.aborted) await new Promise(() => {});
}

/** Creates names that no earlier run has used. */
function newSkus(count: number): readonly string[] {
  const run = Date.now().toString(36);
  return Array.from({ length: count }, (_, index) => `bench-${run}-${index}`);
}

async function restock(
  { inventory, secrets_file }: Status["addresses"],
  skus: readonly string[],
  count: number,
  { amount_cents: unit_price_cents, currency } = PRICE,
): Promise<void> {
  const items = skus.map((sku_id) => ({
    sku_id,
    name: sku_id,
    unit_price_cents,
    currency,
    add_count: count,
  }));
  const body = { items } satisfies RestockRequest;
  await putJson(`${inventory}/catalogue`, body, await operatorHeaders(secrets_file));
}

/** Assigns the shoppers to the gateways in turn. */
async function signInShoppers(
  { secrets_file, replicas, gateway }: Status["addresses"],
  postTo: SystemOptions["postTo"],
): Promise<readonly Shopper[]> {
  const secrets: { jwt_hs256_secret: string } = await Bun.file(secrets_file).json();
  const gateways = replicas?.gateway ?? [gateway];
  const posts = new Map(postTo === undefined ? [] : gateways.map((url) => [url, postTo(url)]));
  return Promise.all(
    Array.from({ length: USERS }, (_, index) => {
      const url = gateways[index % gateways.length] ?? "";
      const post = posts.get(url);
      return Shopper.signIn({
        gateway: url,
        jwtSecret: secrets.jwt_hs256_secret,
        userId: Bun.randomUUIDv7(),
        ...(post === undefined ? {} : { post }),
      });
    }),
  );
}

function databasesOf({ postgres: urls }: Status["addresses"]): System["databases"] & { readonly saga: Sql } {
  const databases = Object.fromEntries(
    Object.entries(urls).map(([name, url]) => [name, postgres(url, { max: 2, onnotice: () => {} })]),
  );
  const { saga } = databases;
  if (saga === undefined) throw new Error("the stack has no saga database");
  return { ...databases, saga };
}

async function audit(directory: string, repository: string, args: readonly string[]): Promise<boolean> {
  const child = Bun.spawn([`${repository}/dist/checkoutctl`, "audit", "--stack", directory, ...args], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return (await child.exited) === 0;
}

/**
 * Counts unfinished sagas by the orchestrators' own counters, since their start. One orchestrator may finish a saga that another
 * started, so only the sum over all of them is right, and only if no saga was unfinished at their start.
 */
async function openSagasBy(ops: Readonly<Record<string, string>>): Promise<number> {
  const urls = Object.entries(ops).filter(([name]) => partOf(name) === "orchestrator");
  const all = await Promise.all(urls.map(([, url]) => scrape(url)));
  if (all.some(({ size }) => size === 0)) throw new Error("an orchestrator does not expose its metrics");
  const sumOf = (name: string) => all.reduce((sum, metrics) => sum + (metrics.get(name) ?? 0), 0);
  return sumOf("checkout_sagas_started_total") - sumOf("checkout_sagas_ended_total");
}

function processesOf({ servers, roles }: Status): readonly ProcessGroup[] {
  return [
    ...servers.map(({ name, pid }) => ({ name, pid })),
    ...roles.map(({ name, pid }) => ({ name: partOf(name), pid })),
  ];
}

/** Stops the stack in `directory` and removes it. */
export async function wipe(directory: string, command = inThisCheckout): Promise<void> {
  await command(["down", "--wipe", "--data-dir", directory]);
}

const inThisCheckout: StackCommand = (args, signal) => stackCommand(args, { signal });

/** Runs `bun run stack` of a checkout of this repository. If it fails, throws with its output. */
export async function stackCommand(
  args: readonly string[],
  { repository = REPOSITORY, signal }: { repository?: string; signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const child = Bun.spawn([process.execPath, `${repository}/internal/stack/main.ts`, ...args], {
    cwd: repository,
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal === undefined ? {} : { signal, killSignal: "SIGTERM" }),
  });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0)
    throw new Error(`bun run stack ${args.join(" ")} failed:\n${output}${errors}`);
  return output;
}

/** PUTs JSON; throws with the answer if it is refused. */
export async function putJson(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const response = await fetch(url, {
    method: "PUT",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`PUT ${url} answered ${response.status}: ${await response.text()}`);
}
