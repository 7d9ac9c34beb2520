// `checkoutctl acl` on a broker that asks everybody who they are, and on one that does not.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { AccessPlan } from "../../internal/operations/access.ts";
import { Checkoutctl } from "../../internal/testkit/checkoutctl.ts";
import { SecureKafka } from "../../internal/testkit/secure-kafka.ts";
import { kafkaBrokers } from "../../internal/testkit/servers.ts";
import { TOPICS } from "../../schemas/topics.ts";

let tool: Checkoutctl;
let kafka: SecureKafka;
beforeAll(async () => {
  [tool, kafka] = await Promise.all([Checkoutctl.open(), SecureKafka.start()]);
});
afterAll(async () => {
  await tool[Symbol.asyncDispose]();
  await kafka[Symbol.asyncDispose]();
});

const forged = {
  resource: "topic",
  name: TOPICS.paymentEvents,
  pattern: "LITERAL",
  principal: "User:inventory",
  host: "*",
  operation: "WRITE",
  permission: "ALLOW",
} as const;

test("check finds what is missing, too much and of others; apply puts it right", async () => {
  const [operator, deploy] = [kafka.settings("operator"), kafka.settings("deploy")];
  expect((await tool.run(["acl", "check"], operator)).code).toBe(0);
  const lost = (await kafka.deploy.accessRules()).filter(({ principal }) => principal === "User:relay-order");
  const foreign = { ...forged, principal: "User:reports" };
  await kafka.deploy.removeAccessRules(lost);
  await kafka.deploy.addAccessRules([forged, foreign]);

  const check = await tool.run(["acl", "check"], operator);
  expect(check.code).toBe(3);
  expect(
    check.stdout
      .split("\n")
      .filter((line) => line !== "")
      .toSorted(),
  ).toEqual([
    "FOREIGN: User:reports may WRITE topic payment-events",
    "extra: User:inventory may WRITE topic payment-events",
    "missing: User:relay-order may WRITE topic checkout-dlq",
    "missing: User:relay-order may WRITE topic order-events",
  ]);
  const plan = await tool.json<AccessPlan & { in_force: boolean }>(["acl", "plan"], operator);
  expect(plan).toMatchObject({
    in_force: false,
    extra: [forged],
    foreign: [{ ...foreign, endangers: true }],
  });
  expect(plan.missing).toHaveLength(2);

  // The tool of every day may look, and change nothing.
  const refused = await tool.run(["acl", "apply"], operator);
  expect([refused.code, refused.stderr]).toEqual([3, expect.stringMatching(/let operator do this/)]);

  expect((await tool.run(["acl", "apply"], deploy)).stdout).toContain(
    "removed: User:inventory may WRITE topic payment-events",
  );
  // What others may do stays until somebody takes it from them.
  expect(await tool.json<AccessPlan>(["acl", "check"], operator)).toMatchObject({ missing: [], extra: [] });
  expect((await tool.run(["acl", "check"], operator)).code).toBe(3);
  await kafka.deploy.removeAccessRules([foreign]);
  expect((await tool.run(["acl", "check"], operator)).code).toBe(0);
});

test("brokers that let everybody do everything are no success", async () => {
  const { code, stderr } = await tool.run(["acl", "check"], { KAFKA_BROKERS: kafkaBrokers() });
  expect([code, stderr]).toEqual([3, expect.stringContaining("set authorizer.class.name")]);
});

test("settings that do not fit and files that cannot be used are named", async () => {
  const operator = kafka.settings("operator");
  const { code, stderr } = await tool.run(["acl", "plan"], { ...operator, KAFKA_KEY_FILE: "/nowhere/key" });
  expect([code, stderr]).toEqual([
    78,
    expect.stringContaining("KAFKA_KEY_FILE=/nowhere/key is not readable"),
  ]);
  const open = await tool.run(["acl", "plan"], { ...operator, KAFKA_SECURITY_PROTOCOL: "PLAINTEXT" });
  expect([open.code, open.stderr]).toEqual([78, expect.stringContaining("KAFKA_CERT_FILE has no effect")]);
});
