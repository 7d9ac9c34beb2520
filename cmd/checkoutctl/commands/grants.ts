// `checkoutctl grants`: the roles of the databases, the users of Redis and what each may do, from the tables in schemas/database-grants.ts and
// schemas/redis-users.ts.
import { Option } from "@commander-js/extra-typings";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Sql } from "postgres";
import { AppError } from "../../../internal/kernel/errors.ts";
import { applyGrants, type GrantsPlan, planGrants } from "../../../internal/platform/grants/apply-store.ts";
import { setPassword } from "../../../internal/platform/grants/password-store.ts";
import { aclFile, REDIS_ADMIN, sentinelAclFile } from "../../../internal/platform/redis-acl.ts";
import { readSecretFile } from "../../../internal/platform/secret-files.ts";
import { loginRoles, roleName } from "../../../schemas/database-grants.ts";
import {
  REDIS_USERS,
  redisUserName,
  SENTINEL_USERS,
  sentinelUserName,
} from "../../../schemas/redis-users.ts";
import { MIGRATED_DATABASES, type MigratedDatabase } from "../../../schemas/migrations.ts";
import { command, group, jsonCommand, print, table } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { loadSettings } from "../settings.ts";

const MIN_PASSWORD_LENGTH = 16;

const onlyOne = () => new Option("--database <name>", "only this database").choices(MIGRATED_DATABASES);

const plan = command(
  "plan",
  "list the statements that would give each role its rights, as SQL for a superuser",
)
  .addOption(onlyOne())
  .action(async (options) => {
    const plans = await plansOf(options);
    print(options, plans.map(asJson), () =>
      plans
        .map(({ database, changes }) =>
          [`-- ${database}`, ...changes.map(({ statement }) => `${statement};`)].join("\n"),
        )
        .join("\n\n"),
    );
  });

const check = command("check", "compare the rights in the databases with those that the roles need")
  .addOption(onlyOne())
  .action(async (options) => {
    const plans = await plansOf(options);
    print(options, plans.map(asJson), () =>
      table(
        ["DATABASE", "STATE"],
        plans.map((one) => [one.database, stateOf(one)]),
      ),
    );
    if (
      plans.some(({ changes, unnamed, owners, excess }) =>
        [changes, unnamed, owners, excess].some((one) => one.length > 0),
      )
    )
      process.exitCode = EXIT.refused;
  });

const apply = command(
  "apply",
  "make the roles and their rights, as a superuser of the databases; may be repeated",
)
  .addOption(onlyOne())
  .option(
    "--passwords <directory>",
    "set the passwords of the roles for which there is a file in it, named after the role: saga_app",
  )
  .action(async (options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const results: { database: MigratedDatabase; statements: string[]; passwords: readonly string[] }[] = [];
    for (const database of namesOf(options)) {
      const given = passwordsIn(options.passwords, database);
      // In sequence, so that a failure leaves the later databases untouched.
      const sql = await connections.databaseToMigrate(database);
      const changes = await applyGrants(sql, database);
      const passwords = await setAll(sql, given);
      results.push({ database, statements: changes.map(({ statement }) => statement), passwords });
    }
    print(options, results, () =>
      table(
        ["DATABASE", "STATEMENTS", "NEW PASSWORDS"],
        results.map(({ database, statements, passwords }) => [
          database,
          statements.length === 0 ? "(none: all as it should be)" : String(statements.length),
          passwords.join(", ") || "-",
        ]),
      ),
    );
  });

const redis = jsonCommand(
  "redis",
  "print the ACL file of Redis: a user per role, with the commands and keys that it needs",
)
  .option("--sentinel", "print that of a Sentinel instead, which has two users of its own")
  .requiredOption(
    "--passwords <directory>",
    "a directory with a file per user, named after it (checkout-gateway); a user without a file is switched off; checkout-admin, if it has one, may do everything. A file with several lines makes several valid passwords",
  )
  .action((options) => {
    const { passwords: directory, sentinel } = options;
    const admin = linesIn(directory, REDIS_ADMIN);
    const text =
      sentinel === true
        ? sentinelAclFile(redisPasswordsIn(directory, SENTINEL_USERS, sentinelUserName), admin)
        : aclFile(redisPasswordsIn(directory, REDIS_USERS, redisUserName), admin);
    const lines = text.trimEnd().split("\n");
    print(options, lines, () => lines.join("\n"));
  });

interface NamedPlan extends GrantsPlan {
  readonly database: MigratedDatabase;
}

async function plansOf(options: {
  readonly stack?: string | true | undefined;
  readonly database?: MigratedDatabase | undefined;
}): Promise<readonly NamedPlan[]> {
  await using connections = new Connections(loadSettings(options.stack));
  const plans: NamedPlan[] = [];
  for (const database of namesOf(options))
    plans.push({ database, ...(await planGrants(await connections.databaseToMigrate(database), database)) });
  return plans;
}

function namesOf({
  database,
}: {
  readonly database?: MigratedDatabase | undefined;
}): readonly MigratedDatabase[] {
  return database === undefined ? MIGRATED_DATABASES : [database];
}

function asJson({ database, changes, ...rest }: NamedPlan) {
  return { database, statements: changes.map(({ statement }) => statement), ...rest };
}

function stateOf({ database, changes, unnamed, owners, excess }: NamedPlan): string {
  const lines = [
    ...(changes.length === 0
      ? ["no statement is missing"]
      : [`${changes.length} statements are missing: see \`grants plan\`, then run \`grants apply\``]),
    ...unnamed.map((object) => `${object} is not in the table of rights: nobody but the owner can use it`),
    ...owners.map(
      (name) =>
        `${name} may still do everything: once no role connects as ${name}, run \`revoke ${roleName(database, "owner")} from ${name}\``,
    ),
    ...excess.map((statement) => `a role may do more than it needs: run \`${statement}\``),
  ];
  return lines.join("\n");
}

interface Password {
  readonly role: string;
  readonly password: string;
}

function passwordsIn(directory: string | undefined, database: MigratedDatabase): readonly Password[] {
  if (directory === undefined) return [];
  return loginRoles(database).flatMap((one) => {
    const role = roleName(database, one);
    const password = passwordIn(directory, role);
    return password === null ? [] : [{ role, password }];
  });
}

function redisPasswordsIn<User extends string>(
  directory: string,
  users: readonly User[],
  nameOf: (user: User) => string,
): ReadonlyMap<User, readonly string[]> {
  return new Map(
    users.flatMap((user) => {
      const passwords = linesIn(directory, nameOf(user));
      return passwords === null ? [] : [[user, passwords] as const];
    }),
  );
}

/** A database's role has one. Null if there is no such file. */
function passwordIn(directory: string, name: string): string | null {
  const [password = null, another] = linesIn(directory, name) ?? [];
  if (another !== undefined)
    throw new AppError(
      "CONFIG_INVALID",
      `${join(directory, name)} has several lines: a role of a database has one password`,
    );
  return password;
}

/** One password a line. Null if there is no such file. */
function linesIn(directory: string, name: string): readonly string[] | null {
  const file = join(directory, name);
  if (!existsSync(file)) return null;
  const { text = "", fault, warning } = readSecretFile(file, file);
  if (fault !== undefined) throw new AppError("CONFIG_INVALID", fault);
  if (warning !== undefined) process.stderr.write(`checkoutctl: warning: ${warning}\n`);
  const passwords = text.split("\n");
  for (const password of passwords)
    if (password.length < MIN_PASSWORD_LENGTH || !/^[\x21-\x7e]+$/.test(password))
      throw new AppError(
        "CONFIG_INVALID",
        `${file} must have one line of at least ${MIN_PASSWORD_LENGTH} ASCII characters without blanks for each password`,
      );
  return passwords;
}

/** Returns the roles whose password is new. */
async function setAll(sql: Sql, given: readonly Password[]): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const { role, password } of given) if (await setPassword(sql, role, password)) changed.push(role);
  return changed;
}

export const grantsCommand = group(
  "grants",
  "roles of the databases and users of Redis, and what each may do",
)
  .addCommand(plan)
  .addCommand(check)
  .addCommand(apply)
  .addCommand(redis);
