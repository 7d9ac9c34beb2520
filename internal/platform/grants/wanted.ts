// What the table of schemas/database-grants.ts means for one database: each right by itself. Pure. Used by changes.ts.
import {
  type Columns,
  DATABASE_ROLES,
  type DatabaseRole,
  GRANTED_ROLES,
  GRANTS,
  loginRoles,
  READS_STATISTICS,
  ROLE_SETTINGS,
  roleName,
} from "../../../schemas/database-grants.ts";
import type { MigratedDatabase } from "../../../schemas/migrations.ts";
import type { Found, Right } from "./found-store.ts";

const READ_STATISTICS = "pg_read_all_stats";

export interface WantedRole {
  readonly name: string;
  readonly canLogin: boolean;
  readonly settings: Readonly<Record<string, string>>;
  readonly memberOf: readonly string[];
}

/** In the order in which they are made. */
export function wantedRoles(database: MigratedDatabase): readonly WantedRole[] {
  const own = (role: DatabaseRole) => roleName(database, role);
  const logins = loginRoles(database);
  return [
    { name: own("owner"), canLogin: false, settings: {}, memberOf: [] },
    ...logins.map((role) => ({
      name: own(role),
      canLogin: true,
      settings: ROLE_SETTINGS[role],
      memberOf:
        role === "migrator" ? [own("owner")] : READS_STATISTICS.includes(role) ? [READ_STATISTICS] : [],
    })),
  ];
}

/** Names of all roles that a database may have: rights of those that it does not need are taken away. */
export function roleNames(database: MigratedDatabase): readonly string[] {
  return DATABASE_ROLES.map((role) => roleName(database, role));
}

/** Only on what exists: a database that is behind with its migrations lacks tables. */
export function wantedRights(
  database: MigratedDatabase,
  found: Pick<Found, "objects" | "columns">,
): readonly Right[] {
  const exists = new Set(found.objects.map(({ object }) => object));
  return [...onTables(database, found.columns), ...onFunctions(database), ...toEnter(database)].filter(
    ({ object }) => exists.has(object) || object === "database" || object === "schema public",
  );
}

function onTables(database: MigratedDatabase, columnsOf: Found["columns"]): readonly Right[] {
  return Object.entries(GRANTS[database].tables).flatMap(([table, roles]) =>
    GRANTED_ROLES.flatMap((role) => {
      const rights = roles[role] ?? {};
      const on = { object: `table ${table}`, grantee: roleName(database, role) };
      const columns = columnsOf.get(table) ?? [];
      return [
        ...perColumn({ ...on, privilege: "select" }, rights.select, columns),
        ...(rights.insert === true ? [{ ...on, privilege: "insert", column: null }] : []),
        ...perColumn({ ...on, privilege: "update" }, rights.update, columns),
        ...(rights.delete === true ? [{ ...on, privilege: "delete", column: null }] : []),
      ];
    }),
  );
}

function perColumn(
  right: Omit<Right, "column">,
  granted: Columns | undefined,
  columns: readonly string[],
): readonly Right[] {
  if (granted === undefined) return [];
  if (granted === "all") return [{ ...right, column: null }];
  const isGranted = (column: string) =>
    "except" in granted ? !granted.except.includes(column) : granted.includes(column);
  return columns.filter(isGranted).map((column) => ({ ...right, column }));
}

function onFunctions(database: MigratedDatabase): readonly Right[] {
  return Object.entries(GRANTS[database].functions).flatMap(([signature, roles]) =>
    roles.map((role) => ({
      object: `function ${signature}`,
      grantee: roleName(database, role),
      privilege: "execute",
      column: null,
    })),
  );
}

function toEnter(database: MigratedDatabase): readonly Right[] {
  const roles = loginRoles(database).map((role) => roleName(database, role));
  return [
    ...roles.map((grantee) => ({ object: "database", grantee, privilege: "connect", column: null })),
    ...[...roles, roleName(database, "owner")].map((grantee) => ({
      object: "schema public",
      grantee,
      privilege: "usage",
      column: null,
    })),
    { object: "schema public", grantee: roleName(database, "owner"), privilege: "create", column: null },
  ];
}
