// The servers that docs/deploy.md takes for granted, on the three machines: a Kafka broker on each, Postgres on `a` with a synchronous standby on
// `b`, Redis on `a`, a mail server on each. They run from this machine's files, in the networks of the machines.
import { appendFileSync, mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import postgres from "postgres";
import { copyRunning, untilCommitsWait, writeOwned } from "../../faults/failover.ts";
import { type Definition, type Managed, start } from "../managed.ts";
import { SUPERUSER } from "../secure/accounts.ts";
import { kafkaServers } from "../servers/kafka.ts";
import { mailServer } from "../servers/mail.ts";
import { postgresData, postgresServer } from "../servers/postgres.ts";
import { redisServer } from "../servers/redis.ts";
import { waitUntil } from "../wait.ts";
import { HOST_ADDRESS, type Machine } from "./machine.ts";

const TIMEOUT_MS = 60_000;
const POSTGRES_PORT = 5_432;
const REDIS_PORT = 6_379;
const KAFKA_PORT = 9_092;
const CONTROLLER_PORT = 9_093;
const SMTP_PORT = 25;
const MAILS_PORT = 8_025;
/** Who may connect: everybody on the bridge by password, the drill itself and the operator of step 2 as the superuser. */
const access = (operator: string) => `
host all ${SUPERUSER} ${HOST_ADDRESS}/32 trust
host all ${SUPERUSER} ${operator}/32 trust
host replication ${SUPERUSER} 10.77.0.0/24 trust
host all all 10.77.0.0/24 scram-sha-256
`;

export interface Servers extends AsyncDisposable {
  /** The mails that the machines have sent, by machine. */
  readonly mails: () => Promise<number>;
}

export async function startServers(machines: readonly Machine[], folder: string): Promise<Servers> {
  const held = new AsyncDisposableStack();
  const run = async (definition: Definition) => {
    const server = await start(definition);
    held.defer(async () => void (await server.stop()));
    return server;
  };
  try {
    await startPostgres(machines, folder, run);
    // A quorum is ready only when most of its members are.
    await Promise.all([...kafka(machines, folder), ...others(machines, folder)].map(run));
  } catch (error) {
    await held.disposeAsync();
    throw error;
  }
  return {
    mails: () => mailsOf(machines),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function startPostgres(
  machines: readonly Machine[],
  folder: string,
  run: (definition: Definition) => Promise<Managed>,
): Promise<void> {
  const [first, second] = machines;
  if (first === undefined || second === undefined) throw new Error("a standby needs a second machine");
  const primary = postgresOn(first, first, folder);
  const standby = postgresOn(second, first, folder);
  await run(primary);
  await using held = new AsyncDisposableStack();
  const sql = held.adopt(postgres(urlOn(first), { max: 2, onnotice: () => {} }), (it) =>
    it.end({ timeout: 1 }),
  );
  await copyRunning(sql, dataOn(first, folder), dataOn(second, folder));
  const source = `host=${first.address} port=${POSTGRES_PORT} user=${SUPERUSER} application_name=b`;
  writeOwned(join(dataOn(second, folder), "postgresql.auto.conf"), `primary_conninfo = '${source}'\n`);
  writeOwned(join(dataOn(second, folder), "standby.signal"), "");
  await run(standby);
  await sql`alter system set synchronous_standby_names = 'b'`;
  await sql`select pg_reload_conf()`;
  const isSynchronous = async () =>
    (await sql`select 1 from pg_stat_replication where sync_state = 'sync'`).length === 1;
  await waitUntil("the standby is synchronous", isSynchronous, { timeoutMs: TIMEOUT_MS });
  await untilCommitsWait(urlOn(first), urlOn(second));
}

const urlOn = ({ address }: Machine) => `postgres://${SUPERUSER}@${address}:${POSTGRES_PORT}/postgres`;
const folderOn = ({ name }: Machine, folder: string) => join(folder, `postgres-${name}`);
const dataOn = (machine: Machine, folder: string) => postgresData(folderOn(machine, folder));

/** `operator` is the machine on which step 2 is typed. */
function postgresOn(machine: Machine, operator: Machine, folder: string): Definition {
  const { name } = machine;
  const made = postgresServer({
    name: `postgres-${name}`,
    database: "postgres",
    port: POSTGRES_PORT,
    dataDirectory: folderOn(machine, folder),
    logFile: join(folder, `postgres-${name}.log`),
  });
  const { whenReady: _, ...definition } = made;
  return {
    ...inNetworkOf(machine, { ...definition, command: [...definition.command, "-c", "listen_addresses=*"] }),
    async prepare() {
      await definition.prepare?.();
      appendFileSync(join(dataOn(machine, folder), "pg_hba.conf"), access(operator.address));
    },
    // It accepts connections before it answers.
    probe: async () => {
      const sql = postgres(urlOn(machine), { max: 1, connect_timeout: 2, onnotice: () => {} });
      try {
        return (await sql`select 1`).length === 1;
      } finally {
        await sql.end({ timeout: 1 });
      }
    },
  };
}

function kafka(machines: readonly Machine[], folder: string): readonly Definition[] {
  const directory = join(folder, "kafka");
  mkdirSync(directory, { recursive: true });
  const brokers = machines.map(({ address }) => ({
    host: address,
    port: KAFKA_PORT,
    controllerPort: CONTROLLER_PORT,
  }));
  const logFile = (name: string) => join(folder, `${name}.log`);
  return kafkaServers({ brokers, directory, logFile }).map((definition, index) => ({
    ...inNetworkOf(at(machines, index), definition),
    probe: () => accepts(at(machines, index), KAFKA_PORT),
  }));
}

function others(machines: readonly Machine[], folder: string): readonly Definition[] {
  const first = at(machines, 0);
  const redis = redisServer({ port: REDIS_PORT, directory: folder, logFile: join(folder, "redis.log") });
  // For the private network, as the page says of everything here: it has no password.
  const open = ["--bind", "0.0.0.0", "--protected-mode", "no"];
  return [
    {
      ...inNetworkOf(first, { ...redis, command: [...redis.command, ...open] }),
      probe: () => accepts(first, REDIS_PORT),
    },
    ...machines.map((machine) => {
      const logFile = join(folder, `mail-${machine.name}.log`);
      const mail = mailServer({ smtpPort: SMTP_PORT, httpPort: MAILS_PORT, logFile });
      return { ...inNetworkOf(machine, mail), probe: async () => (await mailsOn(machine)) !== null };
    }),
  ];
}

/** The user is set inside, because only root may enter a network. */
function inNetworkOf({ network }: Machine, { user, ...definition }: Definition): Definition {
  const identity =
    user === undefined
      ? []
      : [
          "setpriv",
          `--reuid=${user.uid}`,
          `--regid=${user.gid}`,
          "--clear-groups",
          "--pdeathsig",
          "KILL",
          "--",
        ];
  return {
    ...definition,
    command: ["nsenter", `--net=/run/netns/${network}`, "--", ...identity, ...definition.command],
  };
}

function at<T>(list: readonly T[], index: number): T {
  const one = list[index];
  if (one === undefined) throw new Error(`there is no number ${index}`);
  return one;
}

function accepts({ address }: Machine, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 1_000 });
    const settle = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.on("connect", () => settle(true));
    socket.on("error", () => settle(false));
    socket.on("timeout", () => settle(false));
  });
}

async function mailsOf(machines: readonly Machine[]): Promise<number> {
  const counts = await Promise.all(machines.map(mailsOn));
  return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
}

/** The catcher listens on the machine's loopback only. Null while it does not answer. */
async function mailsOn({ network }: Machine): Promise<number | null> {
  const url = `http://127.0.0.1:${MAILS_PORT}/mails`;
  const { stdout, exitCode } = await Bun.$`nsenter --net=/run/netns/${network} -- curl -sf ${url}`
    .quiet()
    .nothrow();
  if (exitCode !== 0) return null;
  const mails: unknown = JSON.parse(stdout.toString());
  return Array.isArray(mails) ? mails.length : null;
}
