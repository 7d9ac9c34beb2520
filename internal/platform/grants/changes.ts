// The statements that make a database as schemas/database-grants.ts wants it, from what was found there. Pure. Used by apply-store.ts.
import { GRANTS, roleName } from "../../../schemas/database-grants.ts";
import type { MigratedDatabase } from "../../../schemas/migrations.ts";
import type { Found, FoundObject, Right } from "./found-store.ts";
import { roleNames, wantedRights, type WantedRole, wantedRoles } from "./wanted.ts";

/** The owner may grant and revoke; for the others it takes a superuser. */
export type ChangeKind = "role" | "owner" | "revoke" | "grant";

export interface Change {
  readonly kind: ChangeKind;
  /** SQL without a semicolon. */
  readonly statement: string;
  /** Of a grant: its role does not exist yet. */
  readonly forNewRole?: boolean;
  /** Of a revoke: from everybody, not from a role. */
  readonly fromPublic?: boolean;
}

/** In the order in which they must run; none if all is as it should be. */
export function changesOf(database: MigratedDatabase, found: Found): readonly Change[] {
  const owner = roleName(database, "owner");
  const wanted = wantedRights(database, found);
  const revoked = unwanted(database, found, wanted);
  const left = found.rights.filter((right) => !revoked.some((gone) => takes(gone, right)));
  const missing = wanted.filter((right) => !left.some((one) => isSame(one, right)));
  return [
    ...wantedRoles(database).flatMap((role) => roleChanges(role, found)),
    ...ownerChanges(owner, found),
    ...grouped(revoked).map(
      (right) =>
        ({
          kind: "revoke",
          statement: statementOf("revoke", right, found),
          fromPublic: right.grantee === "public",
        }) as const,
    ),
    ...grouped(missing).map(
      (right) =>
        ({
          kind: "grant",
          statement: statementOf("grant", right, found),
          forNewRole: found.roles.every(({ name }) => name !== right.grantee),
        }) as const,
    ),
  ];
}

/** Tables and functions that the table of rights does not name: nobody but the owner can use them. */
export function unnamed(database: MigratedDatabase, { objects }: Found): readonly string[] {
  const { tables, functions } = GRANTS[database];
  const named = new Set([
    ...Object.keys(tables).map((name) => `table ${name}`),
    ...Object.keys(functions).map((name) => `function ${name}`),
  ]);
  const own = roleName(database, "owner");
  return objects
    .filter(({ object, parent, owner }) => parent === null && !named.has(object) && owner === own)
    .map(({ object }) => object);
}

/** Who may do everything, besides superusers and the migrator: the previous owner, until all roles connect as their own. */
export function previousOwners(database: MigratedDatabase, { roles }: Found): readonly string[] {
  const owner = roles.find(({ name }) => name === roleName(database, "owner"));
  return (owner?.members ?? []).filter((name) => name !== roleName(database, "migrator"));
}

/** What our roles may do beyond all rights on tables, as SQL that takes it away. Somebody gave it by hand, so somebody must look. */
export function excess(database: MigratedDatabase, { roles }: Pick<Found, "roles">): readonly string[] {
  return wantedRoles(database).flatMap(({ name, memberOf }) => {
    const role = roles.find((one) => one.name === name);
    return [
      ...(role?.powers ?? []).map((power) => `alter role ${name} no${power}`),
      ...(role?.memberOf ?? [])
        .filter((group) => !memberOf.includes(group))
        .map((group) => `revoke ${quoted(group)} from ${name}`),
    ];
  });
}

/** Our roles must have no other right, and nobody may do anything as `public` but look into the schema. */
function unwanted(database: MigratedDatabase, found: Found, wanted: readonly Right[]): readonly Right[] {
  const ours = new Set(roleNames(database));
  const objects = new Set(ownObjects(found).map(({ object }) => object));
  const isKnown = (object: string) =>
    objects.has(object) || object === "database" || object === "schema public";
  return found.rights.filter((right) => {
    if (!isKnown(right.object) || (right.grantee !== "public" && !ours.has(right.grantee))) return false;
    if (right.grantee === "public" && right.object === "schema public" && right.privilege === "usage")
      return false;
    return !wanted.some((one) => isSame(one, right));
  });
}

/**
 * The tables and functions of this program: what the owner of its list of migrations owns, and all partitions of that. A service of an older
 * version goes on making partitions as the previous owner.
 */
function ownObjects(found: Found): readonly FoundObject[] {
  const owner = found.objects.find(({ object }) => object === "table schema_migrations")?.owner;
  const own = new Set(found.objects.filter((one) => one.owner === owner).map(({ object }) => object));
  return found.objects.filter(
    ({ object, parent }) => own.has(object) || (parent !== null && own.has(parent)),
  );
}

function roleChanges({ name, canLogin, settings, memberOf }: WantedRole, found: Found): readonly Change[] {
  const role = found.roles.find((one) => one.name === name);
  const login = canLogin ? "login" : "nologin";
  const lines = [
    ...(role === undefined ? [`create role ${name} ${login}`] : []),
    ...(role !== undefined && role.canLogin !== canLogin ? [`alter role ${name} ${login}`] : []),
    ...memberOf
      .filter((group) => role?.memberOf.includes(group) !== true)
      .map((group) => `grant ${group} to ${name}`),
    ...Object.entries(settings)
      .filter(([setting, value]) => role?.settings[setting] !== value)
      .map(
        ([setting, value]) =>
          `alter role ${name} in database ${quoted(found.database)} set ${setting} = '${value}'`,
      ),
  ];
  return lines.map((statement) => ({ kind: "role", statement }));
}

function ownerChanges(owner: string, found: Found): readonly Change[] {
  const others = ownObjects(found).filter((one) => one.owner !== owner);
  const isNew = found.databaseOwner !== owner;
  const lines = [
    // Roles that still connect as the previous owner go on working.
    ...(isNew && !found.isOwnerSuperuser ? [`grant ${owner} to ${quoted(found.databaseOwner)}`] : []),
    ...(isNew ? [`alter database ${quoted(found.database)} owner to ${owner}`] : []),
    ...others.map(({ object }) => `alter ${object} owner to ${owner}`),
  ];
  return lines.map((statement) => ({ kind: "owner", statement }));
}

type Grouped = Omit<Right, "column"> & { readonly columns: readonly string[] };

/** The columns of one table in one statement. */
function grouped(rights: readonly Right[]): readonly Grouped[] {
  const groups = Map.groupBy(rights, ({ object, grantee, privilege, column }) =>
    [object, grantee, privilege, column === null].join(" "),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { object, grantee, privilege } = first;
    return [{ object, grantee, privilege, columns: group.flatMap(({ column }) => column ?? []) }];
  });
}

function statementOf(
  verb: "grant" | "revoke",
  { object, grantee, privilege, columns }: Grouped,
  found: Found,
): string {
  const what = columns.length === 0 ? privilege : `${privilege} (${columns.map(quoted).join(", ")})`;
  const on = object === "database" ? `database ${quoted(found.database)}` : object;
  return `${verb} ${what} on ${on} ${verb === "grant" ? "to" : "from"} ${grantee}`;
}

function isSame(a: Right, b: Right): boolean {
  return (
    a.object === b.object && a.grantee === b.grantee && a.privilege === b.privilege && a.column === b.column
  );
}

/** Taking away a right on a table takes away the same right on its columns. */
function takes(gone: Right, right: Right): boolean {
  return isSame(gone, right) || (gone.column === null && isSame(gone, { ...right, column: null }));
}

/** As an SQL name. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
