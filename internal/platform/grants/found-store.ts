// Reads which roles exist at a Postgres server and what they may do in one database. Called by apply-store.ts.
import type { ReservedSql, Sql } from "postgres";

type Connection = Sql | ReservedSql;

/** A right that somebody has. `object`: `table NAME`, `function NAME(TYPES)`, `schema public` or `database`. */
export interface Right {
  readonly object: string;
  /** A role, or `public`. */
  readonly grantee: string;
  /** In lower case, for example `select`. */
  readonly privilege: string;
  /** Null: the whole object. */
  readonly column: string | null;
}

export interface FoundObject {
  /** As in `Right`. */
  readonly object: string;
  readonly owner: string;
  /** Of a partition: its table, as `object`. */
  readonly parent: string | null;
}

export interface Found {
  readonly database: string;
  readonly databaseOwner: string;
  readonly isOwnerSuperuser: boolean;
  readonly roles: readonly FoundRole[];
  readonly objects: readonly FoundObject[];
  readonly rights: readonly Right[];
  /** By table, in order. */
  readonly columns: ReadonlyMap<string, readonly string[]>;
}

export interface FoundRole {
  readonly name: string;
  readonly canLogin: boolean;
  /** What it may do at the whole server, as `alter role` calls it: `superuser`. */
  readonly powers: readonly string[];
  /** Of its sessions in this database. */
  readonly settings: Readonly<Record<string, string>>;
  readonly memberOf: readonly string[];
  /** Who may act as this role, besides superusers. */
  readonly members: readonly string[];
}

/** The roles of `names` that exist, and everything about the schema `public`. */
export async function findRights(sql: Connection, names: readonly string[]): Promise<Found> {
  const [[database], roles, objects, rights, columns] = await Promise.all([
    sql<[{ name: string; owner: string; super: boolean }]>`
      select datname as name, rolname as owner, rolsuper as super
        from pg_database d join pg_roles r on r.oid = d.datdba where datname = current_database()`,
    findRoles(sql, names),
    findObjects(sql),
    findAcl(sql),
    sql<{ table: string; columns: string[] }[]>`
      select quote_ident(c.relname) as table, array_agg(a.attname::text order by a.attnum) as columns
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
       group by c.relname`,
  ]);
  return {
    database: database.name,
    databaseOwner: database.owner,
    isOwnerSuperuser: database.super,
    roles,
    objects,
    rights,
    columns: new Map(columns.map(({ table, columns: own }) => [table, own])),
  };
}

async function findRoles(sql: Connection, names: readonly string[]): Promise<readonly FoundRole[]> {
  const rows = await sql<
    {
      name: string;
      login: boolean;
      powers: string[];
      settings: string[];
      member_of: string[];
      members: string[];
    }[]
  >`
    select r.rolname as name, r.rolcanlogin as login,
           array_remove(array[case when r.rolsuper then 'superuser' end, case when r.rolcreaterole then 'createrole' end,
                              case when r.rolcreatedb then 'createdb' end, case when r.rolreplication then 'replication' end,
                              case when r.rolbypassrls then 'bypassrls' end], null) as powers,
           coalesce((select s.setconfig from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
                      where s.setrole = r.oid and d.datname = current_database()), '{}') as settings,
           array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid) as member_of,
           array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.member where m.roleid = r.oid) as members
      from pg_roles r where r.rolname = any(${[...names]})`;
  return rows.map(({ name, login, powers, settings, member_of, members }) => ({
    name,
    canLogin: login,
    powers,
    settings: Object.fromEntries(settings.map(settingOf)),
    memberOf: member_of,
    members,
  }));
}

/** From `name=value`. */
function settingOf(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Tables, views and functions, without those of extensions. */
function findObjects(sql: Connection): Promise<readonly FoundObject[]> {
  return sql<FoundObject[]>`
    select 'table ' || quote_ident(c.relname) as object, pg_get_userbyid(c.relowner) as owner,
           (select 'table ' || quote_ident(p.relname) from pg_inherits i join pg_class p on p.oid = i.inhparent
             where i.inhrelid = c.oid and c.relispartition) as parent
      from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     union all
    select 'function ' || p.oid::regprocedure, pg_get_userbyid(p.proowner), null
      from pg_proc p
     where p.pronamespace = 'public'::regnamespace
       and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')`;
}

/** What anybody but the owner may do. */
function findAcl(sql: Connection): Promise<readonly Right[]> {
  return sql<Right[]>`
    with acl as (
      select 'table ' || quote_ident(relname) as object, null as "column", relowner as owner,
             coalesce(relacl, acldefault('r', relowner)) as acl
        from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')
       union all
      select 'table ' || quote_ident(c.relname), a.attname, c.relowner, a.attacl
        from pg_attribute a join pg_class c on c.oid = a.attrelid
       where c.relnamespace = 'public'::regnamespace and a.attacl is not null and not a.attisdropped
       union all
      select 'function ' || oid::regprocedure, null, proowner, coalesce(proacl, acldefault('f', proowner))
        from pg_proc where pronamespace = 'public'::regnamespace
       union all
      select 'schema public', null, nspowner, coalesce(nspacl, acldefault('n', nspowner)) from pg_namespace where nspname = 'public'
       union all
      select 'database', null, datdba, coalesce(datacl, acldefault('d', datdba)) from pg_database where datname = current_database())
    select object, "column", lower(one.privilege_type) as privilege,
           case when one.grantee = 0 then 'public' else pg_get_userbyid(one.grantee) end as grantee
      from acl, aclexplode(acl.acl) one
     where one.grantee <> acl.owner`;
}
