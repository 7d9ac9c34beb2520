// The accounts of a stack with `--secure`: under which name and password each role comes to Postgres and Redis. All passwords come from one
// secret of the data directory. Used for the settings of roles and tools, and by whoever makes the accounts. In production each has its own.
import { createHmac } from "node:crypto";
import { type DatabaseRole, loginRoles, roleName } from "../../../schemas/database-grants.ts";
import { MIGRATED_DATABASES, type MigratedDatabase } from "../../../schemas/migrations.ts";
import {
  REDIS_USERS,
  type RedisUser,
  redisUserName,
  SENTINEL_USERS,
  type SentinelUser,
  sentinelUserName,
} from "../../../schemas/redis-users.ts";
import type { StackSecrets } from "../secrets.ts";
import type { StackAddresses } from "../state.ts";
import { certificateFiles } from "./certificate-files.ts";

/** Of Postgres. */
export const SUPERUSER = "checkout";

type Accounts = Pick<StackSecrets, "accounts_secret">;
type Addresses = Pick<StackAddresses, "postgres" | "redis" | "redis_sentinels" | "certificates">;

export function passwordOf({ accounts_secret }: Accounts, account: string): string {
  return createHmac("sha256", accounts_secret).update(account).digest("base64url");
}

/** By role name, of one database. */
export function databasePasswords(
  secrets: Accounts,
  database: MigratedDatabase,
): ReadonlyMap<string, string> {
  const names = loginRoles(database).map((role) => roleName(database, role));
  return new Map(names.map((name) => [name, passwordOf(secrets, name)]));
}

export function redisPasswords(secrets: Accounts): ReadonlyMap<RedisUser, string> {
  return new Map(REDIS_USERS.map((user) => [user, passwordOf(secrets, redisUserName(user))]));
}

export function sentinelPasswords(secrets: Accounts): ReadonlyMap<SentinelUser, string> {
  return new Map(SENTINEL_USERS.map((user) => [user, passwordOf(secrets, sentinelUserName(user))]));
}

/** The URL of the database for a role; in a stack without `--secure` the superuser's. */
export function databaseUrl(
  addresses: Addresses,
  secrets: Accounts,
  database: MigratedDatabase,
  role: Exclude<DatabaseRole, "owner">,
): string {
  const address = addresses.postgres[database];
  if (address === undefined || addresses.certificates === undefined) return address ?? "";
  const name = roleName(database, role);
  const settings = new URLSearchParams({
    sslmode: "verify-full",
    sslrootcert: certificateFiles(addresses.certificates, name).caFile,
  });
  // Not by `URL`: with a standby it has two hosts.
  const [, hosts = "", path = ""] = /@([^@/?]+)(\/[^?]*)/.exec(address) ?? [];
  return `postgres://${name}:${passwordOf(secrets, name)}@${hosts}${path}?${settings}`;
}

/** The databases that the stack has, for a role. */
export function databaseUrls(
  addresses: Addresses,
  secrets: Accounts,
  role: Exclude<DatabaseRole, "owner">,
): Readonly<Partial<Record<MigratedDatabase, string>>> {
  const found = MIGRATED_DATABASES.filter((name) => addresses.postgres[name] !== undefined);
  return Object.fromEntries(found.map((name) => [name, databaseUrl(addresses, secrets, name, role)]));
}

export function redisUrl(addresses: Addresses, secrets: Accounts, user: RedisUser): string {
  if (addresses.certificates === undefined) return addresses.redis;
  const url = new URL(addresses.redis);
  const name = redisUserName(user);
  [url.username, url.password] = [name, passwordOf(secrets, name)];
  return url.href;
}

/** The settings for Redis, for a role or a tool. */
export function redisSettings(
  addresses: Addresses,
  secrets: Accounts,
  user: RedisUser,
): { readonly REDIS_URL: string; readonly REDIS_SENTINELS?: string } {
  const REDIS_URL = redisUrl(addresses, secrets, user);
  const { redis_sentinels: sentinels, certificates } = addresses;
  if (sentinels === undefined) return { REDIS_URL };
  if (certificates === undefined) return { REDIS_URL, REDIS_SENTINELS: sentinels };
  const login = `${sentinelUserName("client")}:${sentinelPasswords(secrets).get("client")}@`;
  return { REDIS_URL, REDIS_SENTINELS: sentinels.replace(/:\/\/[^@]*@/, `://${login}`) };
}
