// What `checkoutctl doctor` says about a primary and its standby, on real servers: each step of making a standby that loses nothing.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Checkoutctl } from "../../internal/testkit/checkoutctl.ts";
import { addressOf, ReplicatedPostgres } from "../../internal/testkit/replicated-postgres.ts";
import type { DoctorReport } from "../../schemas/doctor.ts";

let tool: Checkoutctl;
let servers: ReplicatedPostgres;
let primary: { readonly port: number };
let standby: { readonly port: number };
beforeAll(async () => {
  [tool, servers] = await Promise.all([Checkoutctl.open(), ReplicatedPostgres.start()]);
  primary = { port: servers.primary.ports["postgres"] ?? 0 };
  standby = { port: servers.standby.ports["postgres"] ?? 0 };
});
afterAll(async () => {
  await servers[Symbol.asyncDispose]();
  await tool[Symbol.asyncDispose]();
});

/** `verdict: what was found`, by check; of several the first, which is the worst. */
async function doctor(url: string): Promise<Readonly<Record<string, string>>> {
  const { stdout, stderr } = await tool.run(["doctor", "--json"], { ORDER_DATABASE_URL: url });
  if (stdout === "") throw new Error(`doctor printed nothing: ${stderr}`);
  const { findings }: DoctorReport = JSON.parse(stdout);
  const own = findings.filter(({ subject }) => subject === "order").toReversed();
  return Object.fromEntries(own.map(({ check, verdict, says }) => [check, `${verdict}: ${says}`]));
}

test("an asynchronous standby: an acknowledged checkout may be lost; a synchronous one: nothing is", async () => {
  const url = addressOf(standby, primary);
  const before = await doctor(url);
  expect(before["hosts"]).toBe(
    `ok: 127.0.0.1:${standby.port} is a standby; 127.0.0.1:${primary.port} is the primary (timeline 1)`,
  );
  expect(before["replication"]).toStartWith("warning: an acknowledged checkout may be lost with the primary");
  expect(before["replication"]).toContain(
    "standby walreceiver at 127.0.0.1 is streaming, asynchronous, 0.0 MiB behind",
  );
  expect(before["postgres"]).toStartWith("ok: Postgres ");
  await servers.makeSynchronous();
  expect((await doctor(url))["replication"]).toStartWith("ok: nothing acknowledged is lost with the primary");
  await servers.onPrimary`alter role checkout set synchronous_commit = local`;
  expect((await doctor(url))["replication"]).toContain("synchronous_commit is local for checkout");
  await servers.onPrimary`alter role checkout reset synchronous_commit`;
});

test("the standby is gone: commits wait for it; the primary is gone: no primary", async () => {
  const url = addressOf(primary, standby);
  await servers.standby.stop();
  const without = await doctor(url);
  expect(without["hosts"]).toContain(`127.0.0.1:${standby.port} does not answer`);
  expect(without["replication"]).toStartWith("problem: every commit waits forever");
  await servers.standby.restart();
  await servers.primary.stop();
  const left = await doctor(url);
  expect(left["hosts"]).toStartWith("problem: no primary");
  expect(left["postgres"]).toStartWith("problem: this is a standby");
});
