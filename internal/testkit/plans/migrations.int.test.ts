// The roles' connections stay open while their database is migrated, with the statements that they have prepared. After each migration since
// the last release every prepared statement works as before: none meets "cached plan must not change result type", which a `select *`
// would, and none lacks a column.
import { expect, test } from "bun:test";
import postgres, { type Sql } from "postgres";
import { isReleased } from "../../../schemas/last-release.ts";
import { MIGRATED_DATABASES, migrations, type MigratedDatabase } from "../../../schemas/migrations.ts";
import { migrate } from "../../platform/migrate.ts";
import { postgresUrl } from "../servers.ts";
import { type Statement, statementsOfRoles } from "./statements.ts";

/** As the roles' connections have it (platform/postgres.ts): the plan of the first execution stays. */
const KEPT_PLANS = "set plan_cache_mode = force_generic_plan";
const CHANGED_RESULT = "0A000";
/** Undefined table, column or function, or a type that does not fit: the statement belongs to a later schema, or to another database. */
const NOT_OF_THIS_SCHEMA = /^42/;

/** A value that does not fit, or a constraint: the statement was carried out, and null is not what a role gives it. */
const REFUSED_VALUE = /^2[23]/;

const statements = await statementsOfRoles();

/** One connection of a role. */
class Connection {
  readonly #sql: Sql;
  /** What came of the last execution of each prepared statement: null, or the SQLSTATE. */
  readonly outcomes = new Map<string, string | null>();

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Prepares and executes those of these statements that this schema has, and that are not prepared yet. */
  async prepare(all: readonly Statement[]): Promise<void> {
    for (const { name, text } of all) {
      if (this.outcomes.has(name)) continue;
      const code = await this.#outcome(`prepare ${idOf(name)} as ${text}`);
      if (code === null) this.outcomes.set(name, await this.#execute(name, text));
      else if (!NOT_OF_THIS_SCHEMA.test(code)) throw new Error(`${name} cannot be prepared: ${code}`);
    }
  }

  /** Executes all prepared statements again. Returns those that end otherwise than before. */
  async executeAgain(all: readonly Statement[]): Promise<readonly string[]> {
    const changed: string[] = [];
    for (const { name, text } of all) {
      const before = this.outcomes.get(name);
      if (before === undefined) continue;
      const now = await this.#execute(name, text);
      if (now !== before) changed.push(`${name}: ${before ?? "done"}, now ${now ?? "done"}`);
    }
    return changed;
  }

  /** With null for each parameter. What it changes is rolled back. */
  #execute(name: string, text: string): Promise<string | null> {
    const count = Math.max(0, ...Array.from(text.matchAll(/\$(\d+)/g), ([, number]) => Number(number)));
    const values = count === 0 ? "" : `(${Array.from({ length: count }, () => "null").join(", ")})`;
    return this.#outcome(`execute ${idOf(name)}${values}`);
  }

  /** The SQLSTATE of its error; null if it works. A prepared statement outlives the rollback. */
  async #outcome(statement: string): Promise<string | null> {
    await this.#sql.unsafe("begin");
    try {
      await this.#sql.unsafe(statement);
      return null;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && typeof error.code === "string")) throw error;
      return REFUSED_VALUE.test(error.code) ? null : error.code;
    } finally {
      await this.#sql.unsafe("rollback");
    }
  }
}

const ids = new Map<string, string>();
function idOf(name: string): string {
  const id = ids.get(name) ?? `kept_${ids.size}`;
  ids.set(name, id);
  return id;
}

/** The same statement in several wordings has one name. */
const distinct = statements.map(({ name, text }, index) => ({ name: `${name} (${index})`, text }));

async function migrating(database: MigratedDatabase, own: readonly Statement[]) {
  const name = `test_kept_${database}_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = postgres(postgresUrl(), { max: 1, onnotice: () => undefined });
  await admin.unsafe(`create database ${name}`);
  const url = new URL(postgresUrl());
  url.pathname = `/${name}`;
  const open = () => postgres(url.href, { max: 1, onnotice: () => undefined });
  const [operator, role] = [open(), open()];
  try {
    const all = migrations[database];
    const released = all.filter((migration) => isReleased(migration.name));
    await migrate(operator, released, database);
    await role.unsafe(KEPT_PLANS);
    const connection = new Connection(role);
    await connection.prepare(own);
    const changed: string[] = [];
    for (let count = released.length + 1; count <= all.length; count++) {
      await migrate(operator, all.slice(0, count), database);
      changed.push(...(await connection.executeAgain(own)).map((what) => `${all[count - 1]?.name}: ${what}`));
      // The next migration also meets the statements of a binary that was replaced in between.
      await connection.prepare(own);
    }
    return { changed, prepared: [...connection.outcomes.keys()] };
  } finally {
    await Promise.all([operator.end(), role.end()]);
    await admin.unsafe(`drop database ${name} with (force)`);
    await admin.end();
  }
}

test("every statement of a role that is prepared before a migration works after it", async () => {
  const prepared = new Set<string>();
  for (const database of MIGRATED_DATABASES) {
    const seen = await migrating(database, distinct);
    expect(seen.changed).toEqual([]);
    for (const name of seen.prepared) prepared.add(name);
  }
  expect(distinct.filter(({ name }) => !prepared.has(name))).toEqual([]);
});

test("a statement whose result changes with a new column is noticed", async () => {
  const star = { name: "all columns", text: "select * from saga_state where saga_id = $1" };
  const { changed } = await migrating("saga", [star]);
  expect(changed).not.toEqual([]);
  for (const what of changed) expect(what).toEndWith(`done, now ${CHANGED_RESULT}`);
});
