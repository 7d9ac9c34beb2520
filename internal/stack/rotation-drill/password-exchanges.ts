// Passwords: of each role of each database, and of each user of Redis.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { type DatabaseRole, roleName } from "../../../schemas/database-grants.ts";
import { DATABASES, MIGRATED_DATABASES, type MigratedDatabase } from "../../../schemas/migrations.ts";
import { REDIS_USERS, type RedisUser, redisUserName } from "../../../schemas/redis-users.ts";
import { REDIS_ADMIN } from "../../platform/redis-acl.ts";
import type { Role } from "../role-env.ts";
import { databaseUrl, passwordOf, redisUrl } from "../secure/accounts.ts";
import { newPassword, type Arena } from "./arena.ts";
import { asRedisAdmin } from "./certificate-exchanges.ts";
import type { Exchange } from "./exchange.ts";

/** Whose database it is. */
const SERVICE: Readonly<Record<MigratedDatabase, Role>> = {
  saga: "orchestrator",
  inventory: "inventory",
  payment: "payment",
  order: "order",
  notification: "notification",
};

const NOT_TOGETHER = "not: open connections stay, new ones need the new one";

type Login = Exclude<DatabaseRole, "owner">;

export const passwordExchanges: readonly Exchange[] = [
  {
    name: "database-services",
    secret: "database passwords of the services",
    settings: ["DATABASE_URL"],
    page: "Passwords of databases",
    both: NOT_TOGETHER,
    async run(arena) {
      for (const database of MIGRATED_DATABASES) {
        const role = SERVICE[database];
        const [url = ""] = await exchange(arena, "app", [database]);
        arena.change(role, { DATABASE_URL: url });
        await arena.restart(role);
      }
    },
  },
  {
    name: "database-relay",
    secret: "database passwords of the relay",
    settings: ["DATABASE_URLS"],
    page: "Passwords of databases",
    both: NOT_TOGETHER,
    async run(arena) {
      const urls = await exchange(arena, "relay", DATABASES);
      const list = DATABASES.map((name, index) => `${name}=${urls[index]}`).join(",");
      arena.change("relay", { DATABASE_URLS: list });
      await arena.restart("relay");
    },
  },
  {
    name: "database-operators",
    secret: "database passwords of console, auditor and migrator",
    settings: [
      "SAGA_DATABASE_URL",
      "INVENTORY_DATABASE_URL",
      "PAYMENT_DATABASE_URL",
      "ORDER_DATABASE_URL",
      "NOTIFICATION_DATABASE_URL",
    ],
    page: "Passwords of databases",
    both: NOT_TOGETHER,
    async run(arena) {
      const settings = async (role: Login, databases: readonly MigratedDatabase[]) => {
        const urls = await exchange(arena, role, databases);
        return Object.fromEntries(databases.map((name, index) => [settingOf(name), urls[index] ?? ""]));
      };
      arena.change("console", await settings("console", MIGRATED_DATABASES));
      await arena.restart("console");
      Object.assign(arena.auditor, await settings("audit", DATABASES));
      Object.assign(arena.system.operatorChanges, await settings("migrator", MIGRATED_DATABASES));
    },
  },
  {
    name: "redis-users",
    secret: "passwords of Redis' users",
    settings: ["REDIS_URL"],
    page: "Redis users",
    both: "from one ACL LOAD to the next: a user may have two",
    run: exchangeRedis,
  },
];

/** Of checkoutctl, the console and the auditor. */
function settingOf(database: MigratedDatabase): string {
  return `${database.toUpperCase()}_DATABASE_URL`;
}

/** New passwords for this role of these databases, by `checkoutctl grants apply`. Returns the URLs with them. Tries each, and the old one. */
async function exchange(
  arena: Arena,
  role: Login,
  databases: readonly MigratedDatabase[],
): Promise<readonly string[]> {
  const urls: string[] = [];
  for (const database of databases) {
    const { addresses, secrets } = arena.system.context;
    const old = databaseUrl(addresses, secrets, database, role);
    const password = newPassword();
    const superuser = { [settingOf(database)]: addresses.postgres[database] ?? "" };
    const files = new Map([[roleName(database, role), password]]);
    await arena.withPasswords(files, (folder) =>
      arena.operator(["grants", "apply", "--database", database, "--passwords", folder], superuser),
    );
    const url = new URL(old);
    url.password = password;
    urls.push(url.href);
    await tried(url.href);
    await refused(old);
  }
  arena.step(`grants apply --passwords for ${role} of ${databases.join(", ")}`);
  return urls;
}

async function tried(url: string): Promise<void> {
  const plain = new URL(url);
  plain.search = "?sslmode=require";
  const sql = postgres(plain.href, { max: 1, onnotice: () => undefined });
  try {
    await sql`select 1`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function refused(url: string): Promise<void> {
  const isTaken = await tried(url).then(
    () => true,
    () => false,
  );
  if (isTaken) throw new Error(`${new URL(url).username} still gets in with its old password`);
}

/** Both passwords of every user into the file; each role its new URL; the new passwords alone into the file. */
async function exchangeRedis(arena: Arena): Promise<void> {
  const { addresses, secrets } = arena.system.context;
  const names = new Map<RedisUser | typeof REDIS_ADMIN, string>([
    ...REDIS_USERS.map((user) => [user, redisUserName(user)] as const),
    [REDIS_ADMIN, REDIS_ADMIN],
  ]);
  const made = new Map(
    [...names].map(([user, name]) => [user, { name, new: newPassword(), old: passwordOf(secrets, name) }]),
  );
  const all = [...made.values()];
  const admin = new URL(addresses.redis);
  await load(arena, new Map(all.map((one) => [one.name, `${one.new}\n${one.old}`])), admin.href);
  arena.step("grants redis with both, ACL LOAD");
  admin.password = made.get(REDIS_ADMIN)?.new ?? "";
  const urlOf = (user: RedisUser) => {
    const url = new URL(redisUrl(addresses, secrets, user));
    url.password = made.get(user)?.new ?? "";
    return { REDIS_URL: url.href };
  };
  for (const role of ["inventory", "payment", "order", "notification", "orchestrator", "gateway"] as const) {
    arena.change(role, urlOf(role));
    await arena.restart(role);
  }
  Object.assign(arena.system.operatorChanges, urlOf("operator"));
  await load(arena, new Map(all.map((one) => [one.name, one.new])), admin.href);
  arena.step("grants redis with the new ones, ACL LOAD");
  await asRedisAdmin(arena, ["PING"], admin.href);
}

async function load(arena: Arena, files: ReadonlyMap<string, string>, admin: string): Promise<void> {
  const lines = await arena.withPasswords(files, (folder) =>
    arena.operator<readonly string[]>(["grants", "redis", "--passwords", folder]),
  );
  const file = join(arena.system.stack.dataDirectory, "redis-users.acl");
  writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  await asRedisAdmin(arena, ["ACL", "LOAD"], admin);
}
