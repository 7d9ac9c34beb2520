// Which rights of schemas/database-grants.ts the user of a connection lacks. It asks Postgres what this user may do, whatever its name and however it
// got the right, so an owner or a superuser lacks nothing. Called by watch-rights.ts.
import type { Sql } from "postgres";
import { GRANTS, type GrantedRole, roleName } from "../../../schemas/database-grants.ts";
import type { MigratedDatabase } from "../../../schemas/migrations.ts";
import type { FoundObject, Right } from "./found-store.ts";
import { wantedRights } from "./wanted.ts";

interface ColumnRights {
  readonly table: string;
  readonly column: string;
  readonly select: boolean;
  readonly insert: boolean;
  readonly update: boolean;
  /** Of the whole table. */
  readonly delete: boolean;
}

interface FunctionRights {
  readonly signature: string;
  readonly execute: boolean;
}

/**
 * As texts like `update (status) on table orders`, empty if nothing is missing. What does not exist is left out: the role waits for its
 * migrations anyway. Throws if the database does not answer.
 */
export async function missingRights(
  sql: Sql,
  database: MigratedDatabase,
  role: GrantedRole,
): Promise<readonly string[]> {
  const { tables, functions } = GRANTS[database];
  const [columns, routines] = await Promise.all([
    sql<ColumnRights[]>`
      select quote_ident(c.relname) as table, a.attname::text as column,
             has_column_privilege(c.oid, a.attnum, 'select') as select,
             has_column_privilege(c.oid, a.attnum, 'insert') as insert,
             has_column_privilege(c.oid, a.attnum, 'update') as update,
             has_table_privilege(c.oid, 'delete') as delete
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       where c.oid = any(select to_regclass('public.' || name) from unnest(${Object.keys(tables)}::text[]) name)
       order by c.relname, a.attnum`,
    sql<FunctionRights[]>`
      select signature, has_function_privilege(to_regprocedure('public.' || signature)::oid, 'execute') as execute
        from unnest(${Object.keys(functions)}::text[]) signature
       where to_regprocedure('public.' || signature) is not null`,
  ]);
  return missingOf(database, role, columns, routines);
}

function missingOf(
  database: MigratedDatabase,
  role: GrantedRole,
  columns: readonly ColumnRights[],
  routines: readonly FunctionRights[],
): readonly string[] {
  const byTable = Map.groupBy(columns, ({ table }) => table);
  const objects = [
    ...[...byTable.keys()].map((table) => objectNamed(`table ${table}`)),
    ...routines.map(({ signature }) => objectNamed(`function ${signature}`)),
  ];
  const names = new Map([...byTable].map(([table, own]) => [table, own.map(({ column }) => column)]));
  const executes = new Set(routines.flatMap(({ signature, execute }) => (execute ? [signature] : [])));
  const has = ({ object, privilege, column }: Right): boolean => {
    const [kind, ...rest] = object.split(" ");
    const name = rest.join(" ");
    if (kind === "function") return executes.has(name);
    // Without `usage` of the schema and `connect` the names above would not be found, or nobody would ask.
    if (kind !== "table") return true;
    const own = (byTable.get(name) ?? []).filter((one) => column === null || one.column === column);
    return own.every((one) => isGranted(one, privilege));
  };
  const missing = wantedRights(database, { objects, columns: names }).filter(
    (right) => right.grantee === roleName(database, role) && !has(right),
  );
  return grouped(missing);
}

function isGranted(one: ColumnRights, privilege: string): boolean {
  if (privilege === "select") return one.select;
  if (privilege === "insert") return one.insert;
  return privilege === "update" ? one.update : one.delete;
}

/** The columns of one table in one text. */
function grouped(rights: readonly Right[]): readonly string[] {
  const groups = Map.groupBy(rights, ({ object, privilege }) => `${privilege} ${object}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const columns = group.flatMap(({ column }) => column ?? []);
    return [`${first.privilege}${columns.length === 0 ? "" : ` (${columns.join(", ")})`} on ${first.object}`];
  });
}

function objectNamed(object: string): FoundObject {
  return { object, owner: "", parent: null };
}
