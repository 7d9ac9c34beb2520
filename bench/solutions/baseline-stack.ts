// The stack of the baselines: the used servers of a local stack, the provider simulator, and the baselines' processes, which can be
// killed and restarted on the same ports.
import type { Sql } from "postgres";
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import type { ProcessGroup } from "../processes.ts";
import { Shopper } from "../shopper.ts";
import { putJson, stackCommand, startUp, type System, wipe } from "../system.ts";
import { type ContestantOptions, PRICE_CENTS, RESTART_DELAY_MS } from "./contestant.ts";

const REPOSITORY = `${import.meta.dir}/../..`;
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 20;
const STOP_TIMEOUT_MS = 5_000;
const USERS = 200;
/** Bun's default of 256 concurrent requests would limit the calls to the slow provider. */
const MANY_REQUESTS = "BUN_CONFIG_MAX_HTTP_REQUESTS=65535";

/** The stack addresses that the baselines need. */
type Addresses = Pick<System["addresses"], "postgres" | "gateway" | "paysim"> & {
  readonly kafka_brokers: string;
  readonly ledger_file: string;
  readonly ops: Readonly<Record<string, string>>;
};

interface Status {
  readonly addresses: Addresses;
  readonly servers: readonly ProcessGroup[];
}

export class BaselineStack implements AsyncDisposable {
  readonly addresses: Addresses;
  readonly shoppers: readonly Shopper[];
  readonly #directory: string;
  readonly #servers: readonly ProcessGroup[];
  readonly #roles = new Map<string, Role>();

  /** Starts the servers whose names `isUsed` picks, and the provider. */
  static async start(
    { directory, latency, opened }: Pick<ContestantOptions, "directory" | "latency" | "opened">,
    isUsed: (server: string) => boolean,
  ): Promise<BaselineStack> {
    await startUp(directory, ["--no-roles"], { opened });
    try {
      const status: Status = JSON.parse(await stackCommand(["status", "--json", "--data-dir", directory]));
      // Unused servers must not cost anything.
      for (const { name } of status.servers.filter((server) => !isUsed(server.name)))
        await stackCommand(["kill", name, "SIGKILL", "--data-dir", directory]);
      const { gateway } = status.addresses;
      const shoppers = await Promise.all(
        Array.from({ length: USERS }, () =>
          Shopper.signIn({
            gateway,
            jwtSecret: "not checked by the baselines",
            userId: Bun.randomUUIDv7(),
          }),
        ),
      );
      const servers = status.servers.filter(({ name }) => isUsed(name));
      const stack = new BaselineStack(directory, status.addresses, servers, shoppers);
      await stack.#startProvider(latency);
      return stack;
    } catch (error) {
      await wipe(directory);
      throw error;
    }
  }

  private constructor(
    directory: string,
    addresses: Addresses,
    servers: readonly ProcessGroup[],
    shoppers: readonly Shopper[],
  ) {
    this.#directory = directory;
    this.addresses = addresses;
    this.#servers = servers;
    this.shoppers = shoppers;
  }

  get processes(): readonly ProcessGroup[] {
    return [...this.#servers, ...Array.from(this.#roles, ([name, { pid }]) => ({ name, pid }))];
  }

  /** One process of bench/baselines. */
  async startRole(name: string, args: readonly string[]): Promise<void> {
    const command = [process.execPath, `${REPOSITORY}/bench/baselines/main.ts`, name, ...args];
    await this.#start(name, [MANY_REQUESTS], command, `${name} is ready`);
  }

  async killAndRestart(name: string): Promise<void> {
    const role = this.#roles.get(name);
    if (role === undefined) throw new Error(`${name} was not started`);
    await role.kill();
    await Bun.sleep(RESTART_DELAY_MS);
    await role.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#roles.values(), (role) => role.stop()));
    await wipe(this.#directory);
  }

  async #startProvider(latency: string): Promise<void> {
    const { paysim, ops, ledger_file } = this.addresses;
    const env = [
      `PORT=${new URL(paysim).port}`,
      `OPS_PORT=${new URL(ops["paysim"] ?? "").port}`,
      `LEDGER_FILE=${ledger_file}`,
    ];
    await this.#start("paysim", env, [`${REPOSITORY}/dist/checkout-paysim`], '"listening"');
    await putJson(`${paysim}/_sim/faults`, { latency });
  }

  async #start(name: string, env: readonly string[], command: readonly string[], sign: string) {
    const logs = `${this.#directory}/logs`;
    mkdirSync(logs, { recursive: true });
    const role = new Role(name, env, command, `${logs}/${name}.log`, sign);
    this.#roles.set(name, role);
    await role.start();
  }
}

/** Both baselines have this table. */
export async function insertProducts(sql: Sql, skus: readonly string[], count: number): Promise<void> {
  const rows = skus.map((sku_id) => ({ sku_id, unit_price_cents: PRICE_CENTS, available: count }));
  await sql`insert into products ${sql(rows)}`;
}

class Role {
  readonly #name: string;
  readonly #command: readonly string[];
  readonly #logFile: string;
  readonly #sign: string;
  #child: Bun.Subprocess | undefined;

  /** The process is ready when its log contains `sign`. */
  constructor(
    name: string,
    env: readonly string[],
    command: readonly string[],
    logFile: string,
    sign: string,
  ) {
    this.#name = name;
    // The kernel kills it with this process. setpriv and env exec the command, so the process id is that of the role.
    this.#command = ["setpriv", "--pdeathsig", "KILL", "--", "env", ...env, ...command];
    this.#logFile = logFile;
    this.#sign = sign;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    const log = openSync(this.#logFile, "a");
    const before = statSync(this.#logFile).size;
    const child = Bun.spawn([...this.#command], { stdio: ["ignore", log, log] });
    closeSync(log);
    this.#child = child;
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!readFileSync(this.#logFile).subarray(before).includes(this.#sign)) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`${this.#name} did not start: ${readFileSync(this.#logFile, "utf8").slice(-2_000)}`);
      await Bun.sleep(READY_POLL_MS);
    }
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  async stop(): Promise<void> {
    this.#child?.kill("SIGTERM");
    const deadline = setTimeout(() => this.#child?.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await this.#child?.exited;
    clearTimeout(deadline);
  }
}
