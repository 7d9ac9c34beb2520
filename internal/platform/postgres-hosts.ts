// Finds the primary among the hosts of a database's URL. The driver (postgres 3.4.9) has a list of hosts of its own, which does not do: it tries
// one after the other, each new connection from the first on, so that a first host that does not answer at all hides the others; and while all
// refuse, it tries without a pause and without an error, forever. Here every host is asked at once, and the driver gets a socket to the primary.
//
// Called by postgres.ts, only for a URL with several hosts. Each has one connection more, for the question; it is kept.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import postgres, { type Sql } from "postgres";
import { AppError, describeError } from "../kernel/errors.ts";
import { hostsOf, urlOf } from "./postgres-address.ts";
import { choosePrimary, type HostAnswer, type HostState, type Seen, seenWith } from "./postgres-primary.ts";
import { tlsOf } from "./postgres-tls.ts";
import { type Place, textOf } from "./server-place.ts";
import type { DriverOptions } from "./transaction-connection.ts";

/** How long a primary waits for the answer of the other hosts: one of them may have replaced it. */
const OTHERS_MS = 300;
/** The same for a standby, when no primary has answered. The questions go on, and whoever tries again hears their answers. */
const NO_PRIMARY_MS = 1_000;
/** How often the hosts are asked while connections are open: a machine that vanishes does not close them. */
const WATCH_MS = 2_000;

export interface HostsOptions {
  /** Without the settings of TLS. */
  readonly url: string;
  readonly hosts: readonly Place[];
  readonly ssl: false | "allow" | "prefer" | "require" | ConnectionOptions;
  readonly applicationName: string;
  /** Time limit for opening a connection, and for an answer. */
  readonly connectMs: number;
}

export class PostgresHosts {
  readonly #options: HostsOptions;
  readonly #contacts: readonly Contact[];
  #seen: Seen = new Map();
  /** Open sockets, with the index of their host. Closed ones are dropped later: the driver takes all listeners off a socket that it encrypts. */
  #sockets: readonly { readonly socket: Socket; readonly index: number }[] = [];
  #search: Promise<readonly HostAnswer[]> | undefined;
  #watch: Timer | undefined;
  #isClosed = false;

  constructor(options: HostsOptions) {
    this.#options = options;
    this.#contacts = options.hosts.map((host) => new Contact(host, options));
  }

  /** For the driver: it connects to the primary, or with `acceptsStandby` to a standby if there is none. */
  driverOptions(acceptsStandby: boolean): DriverOptions {
    const { hosts } = this.#options;
    const [first = { host: "", port: 0 }, ...others] = hosts;
    // The driver's types have neither a list nor `socket`.
    const options: object = {
      // Only for its error messages, which name all.
      host: [[...others.map(textOf), first.host].join(",")],
      port: [first.port],
      socket: () => this.#socket(acceptsStandby),
    };
    return options;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#watch);
    for (const contact of this.#contacts) contact.close();
    this.#leave(() => true);
  }

  /** Never rejects: the driver (postgres 3.4.9) would lose the connection's place in its pool, and later statements would wait forever. */
  async #socket(acceptsStandby: boolean): Promise<Duplex> {
    try {
      const index = await this.#primary(acceptsStandby);
      const socket = await this.#connect(index);
      if (this.#isClosed) {
        socket.destroy();
        throw closed();
      }
      this.#sockets = [...this.#sockets.filter(isOpen), { socket, index }];
      this.#watch ??= setInterval(() => void this.#look(), WATCH_MS).unref();
      return socket;
    } catch (error) {
      return new RefusedSocket(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #connect(index: number): Promise<Socket> {
    const { host, port } = this.#contacts[index]?.host ?? { host: "", port: 0 };
    const socket = connect({ host, port });
    try {
      await once(socket, "connect", { signal: AbortSignal.timeout(this.#options.connectMs) });
    } catch (cause) {
      socket.destroy();
      const name = textOf({ host, port });
      throw new AppError("DATABASE_UNAVAILABLE", `${name} cannot be connected`, { cause });
    }
    // The driver takes the name that the certificate must have from here.
    return Object.assign(socket, { host, port });
  }

  async #primary(acceptsStandby: boolean): Promise<number> {
    if (this.#isClosed) throw closed();
    const answers = await this.#ask();
    const index = choosePrimary(answers, this.#seen, acceptsStandby);
    this.#seen = seenWith(this.#seen, answers, index);
    return index;
  }

  /** All ask together. */
  #ask(): Promise<readonly HostAnswer[]> {
    this.#search ??= this.#askEach().finally(() => (this.#search = undefined));
    return this.#search;
  }

  async #askEach(): Promise<readonly HostAnswer[]> {
    const states = this.#contacts.map((): HostState => ({ kind: "unknown" }));
    const enough = Promise.withResolvers<void>();
    const timers: Timer[] = [];
    const all = this.#contacts.map(async (contact, index) => {
      const state = await contact.ask();
      states[index] = state;
      if (state.kind === "primary") timers.push(setTimeout(enough.resolve, OTHERS_MS));
      if (state.kind === "standby") timers.push(setTimeout(enough.resolve, NO_PRIMARY_MS));
    });
    await Promise.race([Promise.all(all), enough.promise]);
    // They would keep a tool alive that is done.
    for (const timer of timers) clearTimeout(timer);
    return this.#contacts.map(({ host }, index) => ({
      name: textOf(host),
      state: states[index] ?? { kind: "unknown" },
    }));
  }

  /** Breaks the connections to a server that was replaced, also if it still answers. Whoever uses them opens new ones. */
  async #look(): Promise<void> {
    try {
      const index = await this.#primary(false);
      this.#leave((other) => other !== index && !this.#isSameServer(other, index));
    } catch {
      // Without a primary nobody is better off elsewhere.
    }
  }

  #isSameServer(a: number, b: number): boolean {
    const [one, other] = [this.#contacts[a]?.last, this.#contacts[b]?.last];
    return one?.kind === "primary" && other?.kind === "primary" && one.server === other.server;
  }

  #leave(isLeft: (index: number) => boolean): void {
    for (const { socket, index } of this.#sockets)
      if (isLeft(index))
        socket.destroy(new AppError("DATABASE_UNAVAILABLE", "another host is the primary now"));
    this.#sockets = this.#sockets.filter((one) => !isLeft(one.index) && isOpen(one));
  }
}

function closed(): AppError {
  return new AppError("DATABASE_UNAVAILABLE", "the database was closed by this process");
}

function isOpen({ socket }: { readonly socket: Socket }): boolean {
  return !socket.destroyed;
}

/** What each host of a URL is, for people. Takes no longer than `connectMs`. */
export async function askHosts(url: string, connectMs: number): Promise<readonly HostAnswer[]> {
  const { url: bare, ssl } = tlsOf(url);
  const options = { url: bare, ssl, hosts: hostsOf(bare), applicationName: "checkoutctl", connectMs };
  return Promise.all(
    options.hosts.map(async (host) => {
      const contact = new Contact(host, options);
      const state = await contact.ask();
      contact.close();
      return { name: textOf(host), state };
    }),
  );
}

/** One host, and a connection to it for the question what it is. */
class Contact {
  readonly host: Place;
  last: HostState = { kind: "unknown" };
  readonly #options: HostsOptions;
  #driver: Sql | undefined;
  #asking: Promise<HostState> | undefined;

  constructor(host: Place, options: HostsOptions) {
    this.host = host;
    this.#options = options;
  }

  /** Never rejects, and takes no longer than `connectMs`. */
  ask(): Promise<HostState> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  close(): void {
    const driver = this.#driver;
    this.#driver = undefined;
    void driver?.end({ timeout: 0 });
  }

  async #ask(): Promise<HostState> {
    try {
      this.last = await this.#answer((this.#driver ??= this.#open()));
    } catch (error) {
      // What becomes of a broken connection in the driver is not certain (postgres-pool.ts), so the next question has a new one.
      this.close();
      this.last = { kind: "away", why: reasonOf(error) };
    }
    return this.last;
  }

  async #answer(driver: Sql): Promise<HostState> {
    const { connectMs } = this.#options;
    const tooLate = Promise.withResolvers<never>();
    const timer = setTimeout(() => tooLate.reject(new Error(`no answer within ${connectMs} ms`)), connectMs);
    try {
      const answer = ask(driver);
      answer.catch(() => undefined);
      const row = await Promise.race([answer, tooLate.promise]);
      const { timeline, system, server } = row;
      return timeline === null ? { kind: "standby" } : { kind: "primary", timeline, system, server };
    } finally {
      clearTimeout(timer);
    }
  }

  #open(): Sql {
    const { url, ssl, applicationName, connectMs } = this.#options;
    const driver = postgres(urlOf(url, this.host), {
      ssl,
      max: 1,
      fetch_types: false,
      connect_timeout: connectMs / 1_000,
      onnotice: () => undefined,
      connection: { application_name: applicationName },
      onclose: () => {
        if (this.#driver === driver) this.close();
      },
    });
    return driver;
  }
}

interface Row {
  /** Null for a standby. */
  readonly timeline: number | null;
  readonly system: string;
  readonly server: string;
}

async function ask(driver: Sql): Promise<Row> {
  // Any user may call these. A standby has no place of its own in the log, so it is not asked for one.
  const [row] = await driver.unsafe<[Row]>(`
    select case when not pg_is_in_recovery()
                then ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end as timeline,
           (select system_identifier::text from pg_control_system()) as system,
           pg_postmaster_start_time()::text as server`);
  return row;
}

/** With the code, which a message about a certificate lacks. */
function reasonOf(error: unknown): string {
  const why = describeError(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return why.includes(code) ? why : `${code}: ${why}`;
}

/** Fails at the first write, when the driver listens. */
class RefusedSocket extends Duplex {
  readonly #why: Error;

  constructor(why: Error) {
    super({ emitClose: false, autoDestroy: false });
    this.#why = why;
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, callback: () => void): void {
    callback();
    queueMicrotask(() => this.emit("error", this.#why));
    // Later, as of a real socket: whoever waits for the error must not take the end of the connection for it.
    setImmediate(() => this.emit("close", true));
  }
}
