// `checkoutctl session`: a revocation reaches the list that the gateways read, and leaves a line in the audit trail.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createClient } from "redis";
import { Checkoutctl } from "../../internal/testkit/checkoutctl.ts";
import { cloneDatabase, type TestDatabase } from "../../internal/testkit/database.ts";
import { OwnRedis } from "../../internal/testkit/own-redis.ts";

const USER = "01890000-0000-7000-8000-00000000000a";
const BY = ["--reason", "stolen phone"];

let database: TestDatabase;
let redis: OwnRedis;
let tool: Checkoutctl;
let env: Readonly<Record<string, string>>;
beforeAll(async () => {
  [database, redis, tool] = await Promise.all([cloneDatabase("saga"), OwnRedis.start(), Checkoutctl.open()]);
  env = { SAGA_DATABASE_URL: database.url, REDIS_URL: `redis://127.0.0.1:${redis.port}` };
});
afterAll(async () => {
  await tool[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

test("revoke ends a session, a token and a user's sessions; ls lists them", async () => {
  const before = Math.floor(Date.now() / 1_000);
  const ended = async (...which: string[]) =>
    (await tool.json<{ revoked: string }>(["session", "revoke", ...which, ...BY], env)).revoked;
  expect(await ended("--session", "s:1")).toBe("session:s:1");
  expect(await ended("--token", "t-1")).toBe("token:t-1");
  const [, user, seconds] = /^user:(.{36}):(\d+)$/.exec(await ended("--user", USER)) ?? [];
  expect(user).toBe(USER);
  expect(Number(seconds)).toBeWithin(before + 1, before + 60);
  expect(await ended("--user", USER, "--issued-before", "2026-01-01T00:00:00Z")).toBe(
    `user:${USER}:${Date.UTC(2026, 0, 1) / 1_000}`,
  );
  const listed = await tool.json<{ revoked: string }[]>(["session", "ls"], env);
  expect(listed).toHaveLength(4);
  const client = createClient({ url: env["REDIS_URL"] ?? "" });
  await client.connect();
  const score = Number(await client.zScore("auth:revoked", "session:s:1"));
  await client.close();
  // Longer than any token is valid.
  expect(score).toBeGreaterThan(before + 30 * 86_400);
  const actions = await database.sql`
    select action, subject, actor, reason, outcome from operator_actions order by subject`;
  expect([...actions].slice(0, 2)).toEqual([
    {
      action: "session.revoke",
      subject: "session:s:1",
      actor: "ada",
      reason: "stolen phone",
      outcome: "revoked",
    },
    {
      action: "session.revoke",
      subject: "token:t-1",
      actor: "ada",
      reason: "stolen phone",
      outcome: "revoked",
    },
  ]);
  expect(actions).toHaveLength(4);
});

test.each([
  ["nothing", []],
  ["two things", ["--session", "a", "--token", "b"]],
  ["a time without a user", ["--session", "a", "--issued-before", "1h"]],
  ["a time to come", ["--user", USER, "--issued-before", "2999-01-01T00:00:00Z"]],
  ["an empty session", ["--session", ""]],
])("revoke refuses %s as a usage error", async (_, which) => {
  const { code, stderr, stdout } = await tool.run(["session", "revoke", ...which, ...BY], env);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain("error:");
});

test("without Redis it says what to start, and records nothing", async () => {
  const nobody = { ...env, REDIS_URL: "redis://127.0.0.1:9" };
  const { code, stderr } = await tool.run(["session", "revoke", "--session", "x", ...BY], nobody);
  expect({ code, stderr }).toEqual({
    code: 4,
    stderr: expect.stringContaining("Redis does not answer at 127.0.0.1:9: start it, or correct REDIS_URL"),
  });
  const rows = await database.sql`select 1 from operator_actions where subject = 'session:x'`;
  expect(rows).toHaveLength(0);
});

test("without the saga database the session is ended, and the error says what is missing", async () => {
  await using other = await cloneDatabase("saga");
  await other.sql`alter table operator_actions rename to hidden`;
  const { code, stderr } = await tool.run(["session", "revoke", "--session", "y", ...BY], {
    ...env,
    SAGA_DATABASE_URL: other.url,
  });
  expect([code, stderr]).toEqual([4, expect.stringContaining("is not recorded")]);
  const listed = await tool.json<{ revoked: string }[]>(["session", "ls"], env);
  expect(listed.map(({ revoked }) => revoked)).toContain("session:y");
});
