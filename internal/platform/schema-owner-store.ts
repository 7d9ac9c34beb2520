// Which service owns a database. `migrate` records it, so that a mistyped address never puts one service's tables into another's
// database, and no role works on a foreign database. Called by migrate.ts, schema-check.ts and checkoutctl.
import type { ReservedSql, Sql } from "postgres";
import { roleName } from "../../schemas/database-grants.ts";
import { MIGRATED_DATABASES, type MigratedDatabase, migrations } from "../../schemas/migrations.ts";
import { AppError } from "../kernel/errors.ts";

/**
 * The owners of this database: the recorded service or, in a database migrated before owners were recorded, all services with
 * migrations in it. Empty if there are none.
 */
export async function ownersOf(sql: Sql): Promise<readonly string[]> {
  if (await hasTable(sql, "schema_owner")) {
    const rows = await sql<{ service: string }[]>`select service from schema_owner`;
    if (rows.length > 0) return rows.map(({ service }) => service);
  }
  if (!(await hasTable(sql, "schema_migrations"))) return [];
  const rows = await sql<{ name: string }[]>`select name from schema_migrations`;
  const applied = new Set(rows.map(({ name }) => name));
  return MIGRATED_DATABASES.filter((service) => ownMigrations(service).some((name) => applied.has(name)));
}

/** Throws MIGRATION_FAILED, without any change, if the database belongs to another service. */
export async function recordOwner(connection: ReservedSql, owner: MigratedDatabase): Promise<void> {
  refuseForeign(await ownersOf(connection), owner);
  await connection`
    create table if not exists schema_owner (
      service text not null,
      recorded_at timestamptz not null default now(),
      is_only_row boolean primary key default true check (is_only_row)
    )`;
  await connection`insert into schema_owner (service) values (${owner}) on conflict do nothing`;
}

/**
 * The role that owns the tables, if the database has roles of its own (`checkoutctl grants`) and this user may act as it; null if one user
 * owns the database and does everything.
 */
export async function ownerRole(sql: Sql | ReservedSql, service: MigratedDatabase): Promise<string | null> {
  const [row] = await sql<{ role: string }[]>`
    select r.rolname as role
      from pg_database d join pg_roles r on r.oid = d.datdba
     where d.datname = current_database() and r.rolname = ${roleName(service, "owner")}
       and pg_has_role(current_user, r.oid, 'member')`;
  return row?.role ?? null;
}

/** The user of this connection, and whether it may do everything to the tables. */
export async function userOf(sql: Sql): Promise<{ readonly name: string; readonly isOwner: boolean }> {
  const [row] = await sql<[{ name: string; is_owner: boolean }]>`
    select current_user::text as name,
           coalesce((select pg_has_role(current_user, relowner, 'usage')
                       from pg_class where oid = to_regclass('schema_migrations')), false) as is_owner`;
  return { name: row.name, isOwner: row.is_owner };
}

/** Throws MIGRATION_FAILED if any service other than `wanted` owns the database. */
export function refuseForeign(owners: readonly string[], wanted: MigratedDatabase): void {
  if (owners.every((owner) => owner === wanted)) return;
  throw new AppError(
    "MIGRATION_FAILED",
    `this is the database of ${owners.join(" and ")}, not of ${wanted}; nothing was changed: correct the address`,
  );
}

export async function hasTable(sql: Sql, table: string): Promise<boolean> {
  const [row] = await sql<{ exists: boolean }[]>`select to_regclass(${table}) is not null as exists`;
  return row?.exists === true;
}

/** The names of migrations that only this service has. */
function ownMigrations(service: MigratedDatabase): readonly string[] {
  const namesOf = (one: MigratedDatabase) => migrations[one].map(({ name }) => name);
  const others = new Set(MIGRATED_DATABASES.filter((other) => other !== service).flatMap(namesOf));
  return namesOf(service).filter((name) => !others.has(name));
}
