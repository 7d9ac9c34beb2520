// The statements that a database needs, from what was found there.
import { expect, test } from "bun:test";
import { loginRoles, roleName } from "../../../schemas/database-grants.ts";
import { changesOf, excess, previousOwners } from "./changes.ts";
import type { Found, FoundRole } from "./found-store.ts";

const role = (name: string, more: Partial<FoundRole> = {}): FoundRole => ({
  name,
  canLogin: !name.endsWith("_owner"),
  powers: [],
  settings: {},
  memberOf: [],
  members: [],
  ...more,
});
const roles = [
  role("notification_owner"),
  ...loginRoles("notification").map((one) => role(roleName("notification", one))),
];

/** The database of mails, owned by `owner`, without any right. */
function found(owner: string, more: Partial<Found> = {}): Found {
  const objects = ["schema_migrations", "schema_owner", "waiting_mails"].map((name) => ({
    object: `table ${name}`,
    owner,
    parent: null,
  }));
  return {
    database: "mails",
    databaseOwner: owner,
    isOwnerSuperuser: false,
    roles,
    objects,
    rights: [],
    columns: new Map(),
    ...more,
  };
}

const statements = (one: Found) => changesOf("notification", one).map(({ statement }) => statement);

test("a database of another owner is handed over; that owner stays a member until it is taken out", () => {
  const lines = statements(found("shop"));
  expect(lines).toContain('grant notification_owner to "shop"');
  expect(lines).toContain('alter database "mails" owner to notification_owner');
  expect(lines).toContain("alter table waiting_mails owner to notification_owner");
  expect(statements(found("postgres", { isOwnerSuperuser: true })).join()).not.toContain('to "postgres"');
  const owner = role("notification_owner", { members: ["shop", "notification_migrator"] });
  expect(previousOwners("notification", found("notification_owner", { roles: [owner] }))).toEqual(["shop"]);
});

test("tables of others in the same database stay theirs", () => {
  const { objects, ...rest } = found("shop");
  const foreign = { object: "table reports", owner: "analyst", parent: null };
  const right = { object: "table reports", grantee: "public", privilege: "select", column: null };
  const lines = statements({ ...rest, objects: [...objects, foreign], rights: [right] });
  expect(lines.filter((line) => line.includes("reports"))).toEqual([]);
});

test("a partition of ours is handed over whoever made it, and nobody else keeps a right on it", () => {
  const { objects, ...rest } = found("notification_owner");
  const day = { object: "table mails_20260101", owner: "shop", parent: "table waiting_mails" };
  const right = { object: day.object, grantee: "public", privilege: "select", column: null };
  const lines = statements({ ...rest, objects: [...objects, day], rights: [right] });
  expect(lines).toContain("alter table mails_20260101 owner to notification_owner");
  expect(lines).toContain("revoke select on table mails_20260101 from public");
});

test("what a role got besides rights on tables is named: powers at the server, and other roles", () => {
  const app = role("notification_app", { powers: ["superuser"], memberOf: ["pg_read_all_stats", "Shop"] });
  const migrator = role("notification_migrator", { memberOf: ["notification_owner"] });
  expect(excess("notification", { roles: [app, migrator] })).toEqual([
    "alter role notification_app nosuperuser",
    'revoke "Shop" from notification_app',
  ]);
});

test("rights that a role does not need are taken away, on tables and on columns", () => {
  const on = { object: "table waiting_mails", grantee: "notification_console" };
  const rights = [
    { ...on, privilege: "select", column: null },
    { ...on, privilege: "delete", column: null },
    { ...on, privilege: "update", column: "attempts" },
  ];
  const lines = statements(found("notification_owner", { rights })).filter((line) =>
    line.includes("_console"),
  );
  expect(lines).toContain("revoke delete on table waiting_mails from notification_console");
  expect(lines).toContain('revoke update ("attempts") on table waiting_mails from notification_console');
  expect(lines).not.toContain("grant select on table waiting_mails to notification_console");
});

test("what public may do goes, and what a role that does not exist needs is marked", () => {
  const rights = [
    { object: "schema public", grantee: "public", privilege: "create", column: null },
    { object: "schema public", grantee: "public", privilege: "usage", column: null },
    { object: "database", grantee: "public", privilege: "connect", column: null },
  ];
  const changes = changesOf(
    "notification",
    found("notification_owner", { rights, roles: roles.slice(0, 3) }),
  );
  const lines = changes.map(({ statement }) => statement);
  expect(lines).toContain("revoke create on schema public from public");
  expect(lines).toContain('revoke connect on database "mails" from public');
  expect(lines).not.toContain("revoke usage on schema public from public");
  const marked = changes.filter(({ forNewRole }) => forNewRole === true);
  expect(marked.length).toBeGreaterThan(3);
  expect(marked.every(({ statement }) => statement.endsWith("to notification_console"))).toBe(true);
});
