// Shoppers in the console over real databases: told apart in the list by operators only, found by e-mail with a line in the audit trail,
// and gone after erasure.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { ConsistentFixture } from "../testkit/consistent-fixture.ts";
import { consoleOptions } from "../testkit/console.ts";
import { ConsoleBrowser } from "../testkit/console-browser.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { eraseAsAda } from "../testkit/erasure.ts";

const EMAIL = "ada@example.com";
const PERSONAL = [EMAIL, "Ada Lovelace", "12 Secret Street"];
const REASON = "ticket 4711";

let fixture: ConsistentFixture;
let mails: TestDatabase;
beforeAll(async () => {
  [fixture, mails] = await Promise.all([ConsistentFixture.open(), cloneDatabase("notification")]);
});
afterAll(async () => {
  await mails[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await fixture.reset();
  await belongsTo(fixture.completed.saga_id, EMAIL, { name: "Ada Lovelace", city: "Paris" });
  await belongsTo(fixture.refused.saga_id, "bob@example.org", { name: "Bob Noyce", city: "Berlin" });
});

/** Makes the saga a checkout of somebody new; returns their id. */
async function belongsTo(
  sagaId: string,
  email: string,
  who: { readonly name: string; readonly city: string },
): Promise<string> {
  const userId = Bun.randomUUIDv7();
  const { saga } = fixture.databases;
  const address = { ...who, line1: "12 Secret Street", postal_code: "01001", country: "DE" };
  await saga`update saga_state set user_id = ${userId}, email = ${email}, shipping_address = ${saga.json(address)}
              where saga_id = ${sagaId}`;
  return userId;
}

async function signedIn(name: "ada" | "vic"): Promise<ConsoleBrowser> {
  const { saga, inventory, payment, order } = fixture.databases;
  const databases = { saga, inventory, payment, order, notification: mails.sql };
  const browser = new ConsoleBrowser(
    consoleOptions({
      databases,
      clock: { now: () => Date.now() },
      identify: async (token) => ({
        name,
        role: name === "ada" ? "operator" : "viewer",
        token,
        expiresAt: Date.now() + 3_600_000,
      }),
    }),
  );
  await browser.post("/sign-in", { token: "any" });
  return browser;
}

async function lookUp(email: string, who: "ada" | "vic" = "ada") {
  const browser = await signedIn(who);
  const answer = await browser.post("/shoppers/find", { email, reason: REASON });
  return { status: answer.status, to: answer.headers.get("location"), text: await answer.text() };
}

function lookups() {
  return fixture.databases.saga<
    { subject: string; outcome: string; line: string }[]
  >`select subject, outcome, a::text as line from operator_actions a where action = 'shopper.find' order by at`;
}

test("operators tell shoppers apart in the list, viewers and files say nothing of them", async () => {
  const list = async (name: "ada" | "vic", path = "/sagas") =>
    (await (await signedIn(name)).get(path)).text();
  const seen = await list("ada");
  for (const shown of ["A. L.", "a•••@example.com", "Paris", "B. N.", "b•••@example.org", "Berlin"])
    expect(seen).toContain(shown);
  for (const hidden of PERSONAL) expect(seen).not.toContain(hidden);
  const byViewer = await list("vic");
  expect(byViewer).toContain(fixture.completed.saga_id);
  for (const text of [byViewer, await list("ada", "/sagas?as=csv"), await list("ada", "/sagas?as=json")])
    for (const hidden of [...PERSONAL, "a•••", "A. L.", "Paris"]) expect(text).not.toContain(hidden);
});

test("a saga's page has the shopper masked; a reveal shows it there and says it at the top, and only then", async () => {
  const path = `/sagas/${fixture.completed.saga_id}`;
  const ada = await signedIn("ada");
  const before = await (await ada.get(path)).text();
  expect([before.includes("A. L."), before.includes("a•••@example.com")]).toEqual([true, true]);
  for (const hidden of PERSONAL) expect(before).not.toContain(hidden);
  const seenByViewer = await (await (await signedIn("vic")).get(path)).text();
  expect([seenByViewer.includes("A. L."), seenByViewer.includes("a•••")]).toEqual([false, false]);

  const after = await (await ada.post(`${path}/reveal`, { reason: REASON })).text();
  const whole = "Ada Lovelace, 12 Secret Street, 01001, Paris, DE";
  expect(after).toContain(
    `Personal data is shown: Ada Lovelace, ${EMAIL}, 12 Secret Street, 01001, Paris, DE.`,
  );
  expect(after).toContain(`<dt>Shopper</dt><dd><span>${whole} `);
  const later = await (await ada.get(path)).text();
  for (const hidden of PERSONAL) expect(later).not.toContain(hidden);
});

test("an e-mail in any case leads to the shopper's checkouts, and the audit trail has no part of it", async () => {
  const userId = await belongsTo(fixture.completed.saga_id, "Ada@Example.com", {
    name: "Ada",
    city: "Paris",
  });
  expect(await lookUp(" aDA@example.com ")).toMatchObject({ status: 303, to: `/sagas?user=${userId}` });
  const [line, ...others] = await lookups();
  expect([line?.subject, line?.outcome, others.length]).toEqual([userId, "found", 0]);
  expect(line?.line.toLowerCase()).not.toContain("@example.com");
});

test("two shoppers with one e-mail are listed, and who is not there is not found", async () => {
  const other = await belongsTo(fixture.refunded.saga_id, EMAIL, { name: "Adam", city: "Rome" });
  const { status, text } = await lookUp(EMAIL);
  expect([status, text.match(/data-href="\/sagas\?user=/g)?.length]).toEqual([200, 2]);
  expect(text).toContain(`/sagas?user=${other}`);
  expect(text).not.toContain(EMAIL);
  expect((await lookUp("ada@example.co")).status).toBe(404);
  expect((await lookups()).map(({ outcome, subject }) => [outcome, subject])).toEqual([
    ["found", "an e-mail"],
    ["not found", "an e-mail"],
  ]);
});

test("a viewer, and whoever says no reason or no whole address, finds nobody", async () => {
  expect((await lookUp(EMAIL, "vic")).status).toBe(403);
  expect((await lookUp("ada")).status).toBe(422);
  const silent = await (await signedIn("ada")).post("/shoppers/find", { email: EMAIL, reason: "" });
  expect(silent.status).toBe(422);
  expect((await lookups()).length).toBe(0);
});

test("an erased shopper is found by no e-mail, not even by that of the erased, and the list says so", async () => {
  const { databases } = fixture;
  const [row] = await databases.saga<
    { user_id: string }[]
  >`select user_id from saga_state where email = ${EMAIL}`;
  await eraseAsAda({ ...databases, notification: mails.sql }, row?.user_id ?? "");
  expect((await lookUp(EMAIL)).status).toBe(404);
  expect((await lookUp("erased@erased.invalid")).status).toBe(404);
  const text = await (await (await signedIn("ada")).get("/sagas")).text();
  expect([text.includes("(erased)"), text.includes("A. L."), text.includes("B. N.")]).toEqual([
    true,
    false,
    true,
  ]);
});
