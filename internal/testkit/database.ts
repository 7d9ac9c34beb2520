// A real database per test file: a template with one service's schema is migrated once per server and cloned in tens of ms. The code under
// test works as the service's own database role, so a right that is missing in schemas/database-grants.ts fails its tests.
// Disposal fails the test if it left a transaction or a connection open.
import postgres, { type Sql } from "postgres";
import { applyGrants } from "../platform/grants/apply-store.ts";
import { migrate } from "../platform/migrate.ts";
import { type Postgres, openPostgres } from "../platform/postgres.ts";
import { type DatabaseRole, GRANTS, roleName } from "../../schemas/database-grants.ts";
import { type DatabaseName, type MigratedDatabase, migrations } from "../../schemas/migrations.ts";
import { postgresUrl } from "./servers.ts";

const POOL_SIZE = 8;
/** Longer than in production, because racing replicas on a busy machine wait longer for each other. */
const LOCK_TIMEOUT_MS = 10_000;
const CLOSE_DEADLINE_MS = 10_000;
const ADMIN_IDLE_SECONDS = 3;
/** Advisory lock: only one test process creates templates at a time. */
const TEMPLATE_LOCK = 7_283_045_520;

export interface TestDatabase extends AsyncDisposable {
  /** Of a superuser. */
  readonly url: string;
  /** For the code under test, as the role of `CloneOptions`. */
  readonly postgres: Postgres;
  /** As a superuser, to prepare a test and to inspect its effects. */
  readonly sql: Sql;
  /** The same database as another role. Closed with this one. */
  as(role: Login): Postgres;
  urlAs(role: Login): string;
  /** Also throws when the test left a transaction or a connection open. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How the parts of a test get their databases. */
export type Clone = (service: DatabaseName) => Promise<TestDatabase>;

/** `superuser`: owns the database and does everything, as in a small shop without `checkoutctl grants`. */
export type Login = Exclude<DatabaseRole, "owner"> | "superuser";

export interface CloneOptions {
  /** Who the code under test is. Default: the service, `app`. */
  readonly role?: Login;
  /** Server settings for all connections to this database. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Called with each server notice. */
  readonly onNotice?: (text: string) => void;
  /** How long a statement waits for a row lock, in ms. */
  readonly lockMs?: number;
}

/** A fresh database with the migrated schema of `service`. Use with `await using`, or dispose of it in afterAll. */
export async function cloneDatabase(
  service: MigratedDatabase,
  { role = "app", settings = {}, onNotice, lockMs = LOCK_TIMEOUT_MS }: CloneOptions = {},
): Promise<TestDatabase> {
  const name = `test_${service}_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = administrator();
  const template = await templateOf(service);
  // Half the server's work of copying by way of its log. And the file from which a connection takes the system's catalogue comes along;
  // otherwise the first connection would write it.
  await admin`create database ${admin(name)} template ${admin(template)} strategy file_copy`;
  for (const [setting, value] of Object.entries(settings))
    await admin.unsafe(`alter database ${name} set ${setting} = '${value}'`);
  const urlAs = (who: Login) => urlOf(name, who === "superuser" ? undefined : roleName(service, who));
  const opened = new Map<Login, Postgres>();
  const as = (who: Login): Postgres => {
    const known =
      opened.get(who) ??
      openPostgres({
        url: urlAs(who),
        poolSize: POOL_SIZE,
        applicationName: name,
        timeouts: { lockMs },
        ...(onNotice === undefined ? {} : { onNotice }),
      });
    opened.set(who, known);
    return known;
  };
  return {
    url: urlAs("superuser"),
    postgres: as(role),
    sql: as("superuser").sql,
    as,
    urlAs,
    async [Symbol.asyncDispose]() {
      const open = await endOpenTransactions(admin, name);
      await Promise.all([...opened.values()].map((database) => database[Symbol.asyncDispose]()));
      const leaked = await connectionsAfterClosing(admin, name);
      await admin`drop database ${admin(name)} with (force)`;
      if (open.length > 0) throw new Error(`the test left transactions open: ${open.join("; ")}`);
      if (leaked.length > 0) throw new Error(`the test left connections open: ${leaked.join("; ")}`);
    },
  };
}

/** The databases of the services, as another role. */
export function databasesAs(
  { saga, inventory, payment, order }: Readonly<Record<DatabaseName, TestDatabase>>,
  role: Login,
): Readonly<Record<DatabaseName, Sql>> {
  return {
    saga: saga.as(role).sql,
    inventory: inventory.as(role).sql,
    payment: payment.as(role).sql,
    order: order.as(role).sql,
  };
}

const templates = new Map<string, Promise<string>>();

/** The name of the service's template. It is looked for, and made if there is none, once per process and day. */
function templateOf(service: MigratedDatabase): Promise<string> {
  const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  const key = `${service}_${day}`;
  const known = templates.get(key) ?? withOwnConnection((admin) => ensureTemplate(admin, service, day));
  templates.set(key, known);
  return known;
}

/**
 * The template's name contains a digest of migrations and rights, so a changed one creates a new template, and the day, because a migrated
 * database has the partitions of that day and the next ones: after midnight a copy of yesterday's would lack one.
 */
async function ensureTemplate(admin: Sql, service: MigratedDatabase, day: string): Promise<string> {
  const digest = Bun.hash(
    migrations[service].map((migration) => migration.name + migration.sql).join("\n") +
      JSON.stringify(GRANTS[service]),
  ).toString(36);
  const template = `template_${service}_${day}_${digest}`;
  await admin`select pg_advisory_lock(${TEMPLATE_LOCK}::bigint)`;
  try {
    const found = await admin`select 1 from pg_database where datname = ${template} and datistemplate`;
    if (found.length > 0) return template;
    await admin`drop database if exists ${admin(template)}`;
    await admin`create database ${admin(template)}`;
    const database = postgres(urlOf(template), { max: 1, onnotice: () => undefined });
    await migrate(database, migrations[service], service);
    // Roles belong to the whole server; what they may do is copied with the template.
    await applyGrants(database, service);
    await database.end();
    // Set it last, so that an interrupted template is created again.
    await admin`alter database ${admin(template)} is_template true`;
    return template;
  } finally {
    await admin`select pg_advisory_unlock(${TEMPLATE_LOCK}::bigint)`;
  }
}

/** Terminates open transactions, because closing would wait for them. Returns their last statements. */
async function endOpenTransactions(admin: Sql, name: string): Promise<readonly string[]> {
  const rows = await admin<{ query: string }[]>`
    select query, pg_terminate_backend(pid) from pg_stat_activity where datname = ${name} and state like 'idle in transaction%'`;
  return rows.map((row) => row.query);
}

/** Waits a moment, because the server needs time to notice a closed connection. */
async function connectionsAfterClosing(admin: Sql, name: string): Promise<readonly string[]> {
  const deadline = Date.now() + CLOSE_DEADLINE_MS;
  for (;;) {
    const rows = await admin<{ application_name: string; query: string }[]>`
      select application_name, query from pg_stat_activity where datname = ${name}`;
    if (rows.length === 0 || Date.now() > deadline)
      return rows.map((row) => `${row.application_name}: ${row.query}`);
    await Bun.sleep(10);
  }
}

let shared: Sql | undefined;

/**
 * The superuser's connection that all databases of this process share: each connection costs the server as much CPU as ten small
 * transactions. It ends by itself when nobody has used it for a while.
 */
function administrator(): Sql {
  shared ??= postgres(postgresUrl(), {
    max: 1,
    idle_timeout: ADMIN_IDLE_SECONDS,
    // Each statement has another database in it.
    prepare: false,
    fetch_types: false,
    onnotice: () => undefined,
  });
  return shared;
}

/** For an advisory lock, which belongs to a connection. */
async function withOwnConnection<T>(work: (admin: Sql) => Promise<T>): Promise<T> {
  const admin = postgres(postgresUrl(), { max: 1, onnotice: () => undefined });
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

function urlOf(database: string, user?: string): string {
  const url = new URL(postgresUrl());
  url.pathname = `/${database}`;
  if (user !== undefined) url.username = user;
  return url.href;
}
