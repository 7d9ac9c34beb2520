// `checkoutctl grants` against a database that one user owns, as a small shop has it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { scramVerifier } from "../../internal/platform/grants/password-store.ts";
import { Checkoutctl } from "../../internal/testkit/checkoutctl.ts";
import { cloneDatabase, type TestDatabase } from "../../internal/testkit/database.ts";
import { REDIS_USERS, redisUserName } from "../../schemas/redis-users.ts";

let ctl: Checkoutctl;
let order: TestDatabase;
let env: Record<string, string>;

beforeAll(async () => {
  ctl = await Checkoutctl.open();
  order = await cloneDatabase("order", { role: "superuser" });
  env = { ORDER_DATABASE_URL: order.url };
});
afterAll(async () => {
  await order[Symbol.asyncDispose]();
  await ctl[Symbol.asyncDispose]();
});

const ONLY = ["--database", "order"] as const;

test("check finds what is missing, apply makes it so, and a second time there is nothing to do", async () => {
  const before = await ctl.run(["grants", "check", ...ONLY], env);
  expect(before.code).toBe(3);
  expect(before.stdout).toContain("statements are missing");
  const plan = await ctl.run(["grants", "plan", ...ONLY], env);
  expect(plan.stdout).toContain('alter database "');
  expect(plan.stdout).toMatch(/^revoke connect on database .* from public;$/m);
  const applied = await ctl.json(["grants", "apply", ...ONLY], env);
  expect(applied).toMatchObject([{ database: "order", passwords: [] }]);
  expect(await ctl.json(["grants", "check", ...ONLY], env)).toEqual([
    { database: "order", statements: [], unnamed: [], owners: [], excess: [] },
  ]);
  expect(await ctl.json(["grants", "apply", ...ONLY], env)).toEqual([
    { database: "order", statements: [], passwords: [] },
  ]);
});

test("passwords come from files, and only a verifier reaches the server", async () => {
  const directory = join(ctl.directory, "passwords");
  mkdirSync(directory);
  const password = `secret-${crypto.randomUUID()}`;
  writeFileSync(join(directory, "order_audit"), `${password}\n`);
  const args = ["grants", "apply", ...ONLY, "--passwords", directory];
  expect(await ctl.json(args, env)).toMatchObject([{ passwords: ["order_audit"] }]);
  expect(await ctl.json(args, env)).toMatchObject([{ passwords: [] }]);
  const [row] = await order.sql<[{ verifier: string }]>`
    select rolpassword as verifier from pg_authid where rolname = 'order_audit'`;
  const [, salt = ""] = /^SCRAM-SHA-256\$4096:([^$]+)\$/.exec(row.verifier) ?? [];
  expect(row.verifier).toBe(scramVerifier(password, Buffer.from(salt, "base64"), 4_096));
  writeFileSync(join(directory, "order_audit"), "short\n");
  const refused = await ctl.run(args, env);
  expect([refused.code, refused.stderr]).toEqual([
    78,
    expect.stringContaining("at least 16 ASCII characters"),
  ]);
});

test("check refuses while somebody else may still do everything, or a role may do more than its rights", async () => {
  const user = `shop_${crypto.randomUUID().slice(0, 8)}`;
  await order.sql.unsafe(`create role ${user}; grant order_owner to ${user}`);
  const owned = await ctl.run(["grants", "check", ...ONLY], env);
  await order.sql.unsafe(`drop role ${user}; create role ${user}; grant ${user} to order_relay`);
  const more = await ctl.run(["grants", "check", ...ONLY], env);
  await order.sql.unsafe(`drop role ${user}`);
  expect([owned.code, owned.stdout]).toEqual([3, expect.stringContaining(`${user} may still do everything`)]);
  expect([more.code, more.stdout]).toEqual([3, expect.stringContaining(`revoke "${user}" from order_relay`)]);
  expect(more.stdout).toContain("no statement is missing");
});

test("a user without a superuser's rights cannot change what roles may do", async () => {
  await order.sql`grant delete on orders to order_app`;
  const { code, stderr } = await ctl.run(["grants", "apply", ...ONLY], {
    ORDER_DATABASE_URL: order.urlAs("console"),
  });
  expect(code).toBe(3);
  expect(stderr).toContain("nothing was changed");
  const sql = postgres(order.urlAs("app"), { max: 1 });
  expect(await sql`delete from orders`).toHaveLength(0);
  await sql.end();
  await order.sql`revoke delete on orders from order_app`;
});

test("a command that its user may not run says which user may", async () => {
  const { code, stderr } = await ctl.run(["order", "ls"], { ORDER_DATABASE_URL: order.urlAs("audit") });
  expect([code, stderr]).toEqual([
    3,
    expect.stringMatching(/permission denied .*X_migrator.*X_console.*grants check/),
  ]);
});

test("the ACL file of Redis has a line for each user, and no password", async () => {
  const directory = join(ctl.directory, "redis");
  mkdirSync(directory);
  writeFileSync(join(directory, "checkout-payment"), "a long enough password".replaceAll(" ", "-"));
  const lines = await ctl.json(["grants", "redis", "--passwords", directory]);
  expect(lines).toHaveLength(1 + REDIS_USERS.length);
  const text = JSON.stringify(lines);
  expect(text).not.toContain("long-enough");
  expect(text).toMatch(/user checkout-payment on #[0-9a-f]{64} resetchannels ~idem:payment:\* -@all/);
  for (const user of REDIS_USERS.filter((one) => one !== "payment"))
    expect(text).toContain(`user ${redisUserName(user)} off `);
  expect(text).not.toContain("checkout-admin");
  writeFileSync(join(directory, "checkout-admin"), "another-long-password");
  const withAdmin = await ctl.json(["grants", "redis", "--passwords", directory]);
  writeFileSync(join(directory, "checkout-sentinel-client"), "a-third-long-password");
  const atSentinel = JSON.stringify(
    await ctl.json(["grants", "redis", "--sentinel", "--passwords", directory]),
  );
  expect(atSentinel).toMatch(
    /user checkout-sentinel-client on #[0-9a-f]{64} resetchannels &\+switch-master -@all \+ping/,
  );
  expect(atSentinel).toContain("user checkout-sentinel-peer off ");
  expect(atSentinel).not.toContain("checkout-payment");
  expect(JSON.stringify(withAdmin)).toMatch(/user checkout-admin on #[0-9a-f]{64} ~\* &\* \+@all"\]$/);
});

test("of several passwords in a file of a Redis user each counts; a role of a database has one", async () => {
  const directory = join(ctl.directory, "rotation");
  mkdirSync(directory);
  const [made, old] = ["the-new-password-of-payment", "the-old-password-of-payment"];
  writeFileSync(join(directory, "checkout-payment"), `${made}\n${old}\n`);
  const lines = JSON.stringify(await ctl.json(["grants", "redis", "--passwords", directory]));
  const digest = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("hex");
  expect(lines).toContain(`user checkout-payment on #${digest(made)} #${digest(old)} resetchannels`);
  writeFileSync(join(directory, "order_audit"), `${made}\n${old}\n`);
  const refused = await ctl.run(["grants", "apply", ...ONLY, "--passwords", directory], env);
  expect([refused.code, refused.stderr]).toEqual([78, expect.stringContaining("has several lines")]);
  writeFileSync(join(directory, "checkout-payment"), `${made}\nshort\n`);
  const short = await ctl.run(["grants", "redis", "--passwords", directory]);
  expect([short.code, short.stderr]).toEqual([78, expect.stringContaining("for each password")]);
});
