// The ACL files of a Redis server and of a Sentinel, from the tables in schemas/redis-users.ts. Called by `checkoutctl grants redis` and by the local stack.
import { createHash } from "node:crypto";
import {
  REDIS_RIGHTS,
  REDIS_USERS,
  type RedisRights,
  type RedisUser,
  redisUserName,
  SENTINEL_RIGHTS,
  SENTINEL_USERS,
  type SentinelUser,
  sentinelUserName,
} from "../../schemas/redis-users.ts";

/** For people: whoever administers the server. No role uses it. In a local stack also for tests and chaos. */
export const REDIS_ADMIN = "checkout-admin";

/** One or, while they are exchanged, several that count. */
export type RedisPasswords = string | readonly string[];

/**
 * One line per user; without a password a user is off. The file holds no password, only its SHA-256 digest: passwords must be long and
 * random. Nobody may come without a name. With a password, `REDIS_ADMIN` may do everything; without it nobody can load another file.
 */
export function aclFile(
  passwords: ReadonlyMap<RedisUser, RedisPasswords>,
  adminPasswords: RedisPasswords | null = null,
): string {
  const lines = REDIS_USERS.map((user) =>
    lineOf(redisUserName(user), passwords.get(user), REDIS_RIGHTS[user]),
  );
  return withAdmin(lines, adminPasswords);
}

/** The same for a Sentinel, which has users of its own. */
export function sentinelAclFile(
  passwords: ReadonlyMap<SentinelUser, RedisPasswords>,
  adminPasswords: RedisPasswords | null = null,
): string {
  const lines = SENTINEL_USERS.map((user) =>
    lineOf(sentinelUserName(user), passwords.get(user), [SENTINEL_RIGHTS[user]]),
  );
  return withAdmin(lines, adminPasswords);
}

function lineOf(name: string, passwords: RedisPasswords | undefined, sets: readonly RedisRights[]): string {
  const state = passwords === undefined ? "off" : `on ${hashed(passwords)}`;
  const [own, ...selectors] = sets;
  const rights = own === undefined ? "-@all" : rulesOf(own);
  return ["user", name, state, "resetchannels", rights, ...selectors.map((one) => `(${rulesOf(one)})`)].join(
    " ",
  );
}

function withAdmin(lines: readonly string[], adminPasswords: RedisPasswords | null): string {
  const admin =
    adminPasswords === null ? [] : [`user ${REDIS_ADMIN} on ${hashed(adminPasswords)} ~* &* +@all`];
  return ["user default off nopass resetkeys resetchannels -@all", ...lines, ...admin, ""].join("\n");
}

function hashed(passwords: RedisPasswords): string {
  return [passwords]
    .flat()
    .map((password) => `#${createHash("sha256").update(password).digest("hex")}`)
    .join(" ");
}

function rulesOf({ keys, channels = [], commands }: RedisRights): string {
  const allowed = [
    ...channels.map((channel) => `&${channel}`),
    "-@all",
    ...commands.map((command) => `+${command}`),
  ];
  return [...keys, ...allowed].join(" ");
}
