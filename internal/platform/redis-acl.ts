// The ACL file of a Redis server, from the table in schemas/redis-users.ts. Called by `checkoutctl grants redis` and by the local stack.
import { createHash } from "node:crypto";
import {
  REDIS_RIGHTS,
  REDIS_USERS,
  type RedisRights,
  type RedisUser,
  redisUserName,
} from "../../schemas/redis-users.ts";

/** For people: whoever administers the server. No role uses it. In a local stack also for tests and chaos. */
export const REDIS_ADMIN = "checkout-admin";

/**
 * One line per user; without a password a user is off. The file holds no password, only its SHA-256 digest: passwords must be long and
 * random. Nobody may come without a name. With a password, `REDIS_ADMIN` may do everything; without it nobody can load another file.
 */
export function aclFile(
  passwords: ReadonlyMap<RedisUser, string>,
  adminPassword: string | null = null,
): string {
  const lines = REDIS_USERS.map((user) => {
    const password = passwords.get(user);
    const state = password === undefined ? "off" : `on ${hashed(password)}`;
    const [own, ...selectors] = REDIS_RIGHTS[user];
    const rights = own === undefined ? "-@all" : rulesOf(own);
    return [
      "user",
      redisUserName(user),
      state,
      "resetchannels",
      rights,
      ...selectors.map((one) => `(${rulesOf(one)})`),
    ].join(" ");
  });
  const admin = adminPassword === null ? [] : [`user ${REDIS_ADMIN} on ${hashed(adminPassword)} ~* &* +@all`];
  return ["user default off nopass resetkeys resetchannels -@all", ...lines, ...admin, ""].join("\n");
}

function hashed(password: string): string {
  return `#${createHash("sha256").update(password).digest("hex")}`;
}

function rulesOf({ keys, commands }: RedisRights): string {
  return [...keys, "-@all", ...commands.map((command) => `+${command}`)].join(" ");
}
