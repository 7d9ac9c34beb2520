// The console over real databases: what its pages tell of sagas, what is kept of acts and looks, and what is left when a database is away.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Sql } from "postgres";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { DATABASES, type DatabaseName } from "../../schemas/migrations.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { orderNumberOf } from "../kernel/order-number.ts";
import { sagasWithWaitingMails } from "../operations/saga-mails-store.ts";
import { recordActions } from "../messaging/operator-action-store.ts";
import { waitUntil } from "../stack/wait.ts";
import { ConsistentFixture } from "../testkit/consistent-fixture.ts";
import { consoleOptions, deadLettersOf, sagaId } from "../testkit/console.ts";
import { ConsoleBrowser } from "../testkit/console-browser.ts";
import { deadBytes, deadLetterOf } from "../testkit/dead-letters.ts";
import { testContext, testExecutor } from "../testkit/bulk.ts";
import { chargePayment, createOrder } from "../testkit/commands.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { openPostgres } from "../platform/postgres.ts";
import { Collector } from "./collector.ts";

let fixture: ConsistentFixture;
let notification: TestDatabase;
/** Nothing listens on port 9. */
const away = openPostgres({
  url: "postgres://checkout:x@127.0.0.1:9/nowhere",
  poolSize: 2,
  applicationName: "console test",
  plans: "fresh",
  timeouts: { connectMs: 500 },
});
beforeAll(async () => {
  [fixture, notification] = await Promise.all([ConsistentFixture.open(), cloneDatabase("notification")]);
});
afterAll(async () => {
  await away[Symbol.asyncDispose]();
  await notification[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});
/** What is in the dead-letter topic. */
let deadLetters: DeadLetter[] = [];
beforeEach(async () => {
  await fixture.reset();
  deadLetters = [];
});

/** Somebody at a console whose databases may be away. */
class Person {
  readonly #browser: ConsoleBrowser;

  private constructor(without: readonly DatabaseName[], orchestratorUrl: string) {
    const clock = { now: () => Date.now() };
    const sqlOf = (name: DatabaseName): Sql => (without.includes(name) ? away.sql : fixture.asConsole[name]);
    const databases = {
      saga: sqlOf("saga"),
      inventory: sqlOf("inventory"),
      payment: sqlOf("payment"),
      order: sqlOf("order"),
      notification: notification.as("console").sql,
    };
    const servers = { topics: async () => [], deadLetters: async () => [], firing: null };
    const collector = new Collector({ databases, roles: [], ...servers, clock });
    const options = consoleOptions({ databases, collector, clock, orchestratorUrl });
    const bulk = { ...options.bulk, readDeadLetters: () => deadLettersOf(deadLetters) };
    this.#browser = new ConsoleBrowser({ ...options, bulk, identify: identified });
  }

  static async of(
    name: "ada" | "vic",
    without: readonly DatabaseName[] = [],
    orchestratorUrl = "http://127.0.0.1:9",
  ): Promise<Person> {
    const person = new Person(without, orchestratorUrl);
    const answer = await person.post("/sign-in", { token: `token-of-${name}` });
    expect(answer.status).toBe(303);
    return person;
  }

  async get(path: string, accept = "text/html"): Promise<{ status: number; text: string }> {
    const answer = await this.#browser.get(path, { accept });
    return { status: answer.status, text: await answer.text() };
  }

  post(path: string, fields: Readonly<Record<string, string>>): Promise<Response> {
    return this.#browser.post(path, fields);
  }

  /** The first parts that a page's stream sends. */
  async firstParts(path: string): Promise<Record<string, string>> {
    const left = new AbortController();
    const answer = await this.#browser.get(path, { accept: "text/event-stream" }, left.signal);
    let text = "";
    for await (const chunk of answer.body ?? []) {
      text += new TextDecoder().decode(chunk);
      const [, data] = /event: parts\ndata: (.*)\n\n/.exec(text) ?? [];
      if (data !== undefined) {
        left.abort();
        return JSON.parse(data);
      }
    }
    throw new Error(`the stream ended: ${text}`);
  }
}

async function identified(token: string) {
  const role = token === "token-of-ada" ? ("operator" as const) : ("viewer" as const);
  return { name: token.slice("token-of-".length), role, token, expiresAt: Date.now() + 3_600_000 };
}

/** Whether the diagram counts so many sagas that ended so in the last hour. */
function endsWith(html: string, end: string, count: number): boolean {
  return new RegExp(`class="box-title">${end} </text><text[^>]*class="box-count">${count}</text>`).test(html);
}

function actions() {
  return fixture.databases.saga<
    {
      action: string;
      actor: string;
      outcome: string;
      address: string;
      reason: string;
      detail: string | null;
    }[]
  >`select action, actor, outcome, address, reason, detail from operator_actions order by at, action`;
}

describe("reading", () => {
  test("the overview counts the sagas of the last hour and finds all money where it belongs", async () => {
    const { text } = await (await Person.of("vic")).get("/");
    expect(text).toContain("All money is where it belongs.");
    expect([endsWith(text, "COMPLETED", 1), endsWith(text, "COMPENSATED", 2)]).toEqual([true, true]);
  });

  test("the list filters, links each saga, and is the same as CSV and JSON", async () => {
    const vic = await Person.of("vic");
    const { completed, refunded } = fixture;
    const all = await vic.get("/sagas");
    expect([all.status, all.text.match(/data-href="\/sagas\//g)?.length]).toEqual([200, 3]);
    const { text } = await vic.get("/sagas?status=COMPLETED");
    expect(text).toContain(`href="/sagas/${completed.saga_id}"`);
    expect(text).not.toContain(refunded.saga_id);
    expect(text).toContain("checkoutctl saga find --status COMPLETED");
    const csv = await vic.get("/sagas?status=COMPLETED&as=csv");
    expect(csv.text.split("\r\n").map((line) => line.split(",")[0])).toEqual([
      "saga_id",
      completed.saga_id,
      "",
    ]);
    const json: { saga_id: string }[] = JSON.parse((await vic.get("/sagas?as=json")).text);
    expect(json.length).toBe(3);
  });

  test("a wrong filter lists nothing and says why", async () => {
    const { status, text } = await (await Person.of("vic")).get("/sagas?statu=COMPLETED&currency=euro");
    expect(status).toBe(422);
    expect(text).toContain("there is no filter statu");
    expect(text).toContain("Currency must be");
    expect(text).not.toContain("data-href");
  });

  test("a shopper's order is found by a product's name and a day, and the page says what it understood", async () => {
    const vic = await Person.of("vic");
    await fixture.databases.inventory`
      insert into products (sku_id, names) values ('mug', '{"de": "Großer Becher"}') on conflict do nothing`;
    const [yesterday, today] = [1, 0].map((days) => new Date(Date.now() - days * 86_400_000));
    const dayOf = (date: Date | undefined) => date?.toISOString().slice(0, 10) ?? "";
    const { saga_id } = fixture.completed;
    const { status, text } = await vic.get(
      `/sagas?product=BECHER&created_after=${dayOf(yesterday)}&created_before=${dayOf(today)}`,
    );
    expect(status).toBe(200);
    for (const told of [
      `href="/sagas/${saga_id}"`,
      "Großer Becher",
      'value="BECHER"',
      `created_before=${dayOf(today)}`,
      "--product BECHER",
    ])
      expect([told, text.includes(told)]).toEqual([told, true]);
    expect((await vic.get("/sagas?product=kettle")).text).toContain("No product of the catalogue has");
    const blind = await Person.of("vic", ["inventory"]);
    const listed = await blind.get("/sagas?product=becher");
    expect([listed.status, listed.text.includes("the inventory database does not answer")]).toEqual([
      200,
      true,
    ]);
    // A file cannot say why it is empty.
    expect((await blind.get("/sagas?product=becher&as=csv")).status).toBe(503);
  });

  test("a saga's page lists its products, and a mail that waits, without the shopper's address", async () => {
    const { saga_id } = fixture.completed;
    await notification.sql`truncate waiting_mails`;
    await fixture.say("saga", TOPICS.notifications, "SendNotification", saga_id);
    const keys = [`${saga_id}.order-confirmed`, `${crypto.randomUUID()}.order-confirmed`];
    await notification.sql`
      insert into waiting_mails (mail_key, saga_id, attempts, first_failed_at, stored_at, next_attempt_at, last_reply, topic, partition,
                                 "offset", timestamp_ms, value, headers)
      select key, split_part(key, '.', 1)::uuid, 3, now(), now(), now() + interval '1 min',
             '450 <ada@example.com>: greylisted', 'notification-commands', 0, 0, 0, '', '[]'
        from unnest(${keys}::text[]) key`;
    const other = crypto.randomUUID();
    expect([...(await sagasWithWaitingMails(notification.sql, [other, saga_id]))]).toEqual([saga_id]);
    const { text } = await (await Person.of("vic")).get(`/sagas/${saga_id}`);
    for (const told of [
      ">Mug</td>",
      'href="/stock/mug"',
      "mail order-confirmed waits, failed 3 times, next attempt at",
      "450 &lt;(masked)>: greylisted",
      "1 mail waiting",
    ])
      expect([told, text.includes(told)]).toEqual([told, true]);
    expect([text.includes("ada@example.com"), text.split("mail order-confirmed waits").length]).toEqual([
      false,
      2,
    ]);
    const blind = await Person.of("vic", ["inventory"]);
    expect((await blind.get(`/sagas/${saga_id}`)).text).toContain("name unknown");
  });

  test("a cancellation that needs an operator is listed, and its saga's page tells of it until it has ended", async () => {
    const { completed, refunded } = fixture;
    const vic = await Person.of("vic");
    expect((await vic.get("/cancellations")).text).toContain("No cancellation of an order needs an operator");
    const { saga } = fixture.databases;
    await saga`
      insert into order_cancellations (cancellation_id, saga_id, order_id, status, step, resend_count, needs_operator, deadline_at,
                                       created_at, updated_at)
      select gen_random_uuid(), id, gen_random_uuid(), 'CANCELLING', 'refund', 4, needy, now() + interval '1 min',
             now() - interval '2 h', now()
        from (values (${completed.saga_id}::uuid, true), (${refunded.saga_id}::uuid, false)) as made (id, needy)`;
    const { status, text } = await vic.get("/cancellations");
    expect([status, text.match(/data-href="[^"]*"/g)]).toEqual([
      200,
      [`data-href="/sagas/${completed.saga_id}"`],
    ]);
    expect((await vic.get("/")).text).toContain(
      '<a href="/cancellations">1 cancelled order needs an operator',
    );
    const words = async ({ saga_id }: { saga_id: string }) =>
      /The order is being cancelled[^<]*/.exec((await vic.get(`/sagas/${saga_id}`)).text)?.[0];
    expect([await words(completed), await words(refunded)]).toEqual([
      "The order is being cancelled, and that needs an operator",
      "The order is being cancelled",
    ]);
    await saga`
      update order_cancellations set status = 'CANCELLED', step = 'release', needs_operator = false, deadline_at = null,
             completed_at = now()`;
    expect(await words(completed)).toBeUndefined();
    await saga`delete from order_cancellations`;
  });

  test("dead letters are grouped by the text of their error, and a group opens its members", async () => {
    const failed = (error: string) =>
      deadLetterOf(chargePayment(crypto.randomUUID()), { service: "payment", error });
    deadLetters = [
      failed("row 17 of the table is locked"),
      failed("row 4 of the table is locked"),
      failed("boom"),
    ];
    const vic = await Person.of("vic");
    const { text } = await vic.get("/dead-letters");
    expect(text).toContain("row &lt;n> of the table is locked");
    const [, href = ""] = /href="(\/dead-letters\?[^"]*error=of\+the[^"]*)"[^>]*>2</.exec(text) ?? [];
    const group = await vic.get(href.replaceAll("&amp;", "&"));
    expect(group.text.match(/data-href="\/dead-letters\//g)?.length).toBe(2);
    // What is planned from here is about these two, and so is the command.
    expect(group.text).toContain('name="error" value="of the table is locked"');
    expect(group.text).toContain("--error 'of the table is locked'");
  });

  test("one timeline out of four databases, personal data masked", async () => {
    const { saga_id, order_id } = fixture.completed;
    // The fixture's messages are of now, and its history is a minute old.
    await fixture.databases.saga`update saga_history set at = now() where saga_id = ${saga_id}`;
    await fixture.say("saga", TOPICS.notifications, "SendNotification", saga_id, {
      email: "ada@example.com",
    });
    const { status, text } = await (await Person.of("vic")).get(`/sagas/${saga_id}`);
    expect(status).toBe(200);
    for (const told of [
      `Completed with order ${orderNumberOf(order_id)}`,
      "reserved 2 x mug",
      "payment is SUCCEEDED",
      "OrderCreated to order-events",
    ])
      expect([told, text.includes(told)]).toEqual([told, true]);
    expect(text.includes("25.00 EUR charged.")).toBe(true);
    expect([text.includes("ada@example.com"), text.includes("(masked)")]).toEqual([false, true]);
  });

  test("any id of a saga finds it", async () => {
    const vic = await Person.of("vic");
    expect((await vic.get(`/find?q=${fixture.completed.saga_id}`)).status).toBe(303);
    expect((await vic.get(`/find?q=${fixture.completed.order_id}`)).status).toBe(303);
    expect((await vic.get("/find?q=nothing-of-this-name")).status).toBe(404);
    const partly = await vic.get("/find?q=Mug+Graz");
    expect(partly.status).toBe(404);
    for (const told of [
      "Of “Mug Graz”, “Mug” is in the name of a product.",
      "None of those has “Graz” as well",
      'href="/stock/mug"',
    ])
      expect([told, partly.text.includes(told)]).toEqual([told, true]);
    for (const [, href = ""] of partly.text.matchAll(/<li>.*?href="(.*?)"/g))
      expect([href, (await vic.get(href)).status]).toEqual([href, 200]);
    expect((await vic.get("/find?q=Sofa+Graz")).text).not.toContain("/sagas?product");
    // A product's name leads to the sagas with it.
    expect((await vic.get("/find?q=Mug")).status).toBe(303);
    expect((await vic.get(`/sagas/${fixture.completed.order_id}`)).status).toBe(404);
  });

  test("the streams send every part once, and then what changed", async () => {
    const vic = await Person.of("vic");
    await vic.get("/");
    const overview = await vic.firstParts("/events");
    expect(Object.keys(overview).toSorted()).toEqual([
      "o-alerts",
      "o-attention",
      "o-hour",
      "o-money",
      "o-outboxes",
      "o-roles",
      "o-sagas",
      "o-topics",
      "stale",
    ]);
    await fixture.databases.saga`
      update saga_state set completed_at = now() where saga_id = ${fixture.completed.saga_id}`;
    const saga = await vic.firstParts(`/sagas/${fixture.completed.saga_id}/events`);
    expect(Object.keys(saga).toSorted()).toEqual([
      "s-acts",
      "s-facts",
      "s-instructions",
      "s-products",
      "s-steps",
      "s-timeline",
      "s-words",
      "stale",
    ]);
    expect((await vic.get(`/sagas/${crypto.randomUUID()}/events`, "text/event-stream")).status).toBe(404);
  });
});

describe("acting", () => {
  test("a look at personal data is in the audit trail with who, why and from where", async () => {
    const { saga_id } = fixture.completed;
    const answer = await (await Person.of("ada")).post(`/sagas/${saga_id}/reveal`, { reason: "ticket 4711" });
    expect([answer.status, await answer.text()]).toEqual([
      200,
      expect.stringContaining("That you looked is in the audit trail."),
    ]);
    expect([...(await actions())]).toEqual([
      expect.objectContaining({
        action: "console.sign-in",
        actor: "ada",
        outcome: "ok",
        address: "192.0.2.7",
      }),
      {
        action: "saga.reveal",
        actor: "ada",
        outcome: "revealed",
        address: "192.0.2.7",
        reason: "ticket 4711",
        detail: null,
      },
    ]);
  });

  test("bytes of a dead letter that nobody could read are shown to nobody without a line in the audit trail", async () => {
    const letter = deadBytes(Buffer.from("{ ada@example.com"), { service: "order" });
    const { value_base64 } = letter.original;
    const path = `/dead-letters/${letter.dead_letter_id}`;
    deadLetters = [letter];
    const ada = await Person.of("ada");
    const before = await ada.get(path);
    expect([before.status, before.text.includes(String(value_base64))]).toEqual([200, false]);
    const shown = await ada.post(`${path}/reveal`, { reason: "ticket 4712" });
    expect([shown.status, (await shown.text()).includes(String(value_base64))]).toEqual([200, true]);
    expect((await actions()).at(-1)).toMatchObject({
      action: "dead-letter.reveal",
      actor: "ada",
      outcome: "revealed",
      reason: "ticket 4712",
    });
    const vic = await Person.of("vic");
    expect((await vic.post(`${path}/reveal`, { reason: "just so" })).status).toBe(403);
  });

  test("held money has its own list, and money that was taken is not in it", async () => {
    const { payment } = fixture.databases;
    const { saga_id } = fixture.refunded;
    await payment`update payments set status = 'AUTHORIZED' where saga_id = ${saga_id}`;
    const held = await (await Person.of("vic")).get("/payments?show=held");
    await payment`update payments set status = 'REFUNDED' where saga_id = ${saga_id}`;
    expect(held.text).toContain("AUTHORIZED");
    expect([held.text.includes(saga_id), held.text.includes(fixture.completed.saga_id)]).toEqual([
      true,
      false,
    ]);
  });

  test("a part of the dead letters of one cause is planned by time, with where the operator is", async () => {
    const [old, late, later] = [0, 1, 2].map((hours) =>
      deadBytes(Buffer.from("{"), { service: "order", failedAt: Date.UTC(2026, 10, 23, 12 + hours) }),
    );
    if (old === undefined || late === undefined || later === undefined) throw new Error("there are three");
    deadLetters = [old, late, later];
    const ada = await Person.of("ada");
    const times = { since: "2026-11-23T12:30:00Z", until: "2026-11-23T13:30:00Z" };
    const { text } = await ada.get(`/dead-letters?${new URLSearchParams(times)}`);
    const shown = [old, late, later].map(({ dead_letter_id }) => text.includes(dead_letter_id));
    expect(shown).toEqual([false, true, false]);
    expect(text).toContain("dlq ls --since 2026-11-23T12:30:00.000Z --until 2026-11-23T13:30:00.000Z");
    const wrong = await ada.get("/dead-letters?since=yesterday");
    expect([wrong.status, wrong.text.includes("since must be a time such as")]).toEqual([422, true]);
    const made = await ada.post("/runs/plan", { kind: "dead-letter.discard", ...times });
    expect(made.status).toBe(303);
    const plan = made.headers.get("location")?.replace("/runs/", "") ?? "";
    const items = await fixture.databases
      .saga`select subject from operator_plan_items where plan_id = ${plan}`;
    expect([...items]).toEqual([{ subject: late.dead_letter_id }]);
    expect((await actions()).at(-1)).toMatchObject({
      action: "plan.create",
      actor: "ada",
      address: "192.0.2.7",
    });
  });

  test("outboxes say how far back they reach, and are published again by a plan that a viewer cannot make", async () => {
    const ada = await Person.of("ada");
    const { text } = await ada.get("/outboxes");
    expect(text.match(/data-head="Reaches back to"[^>]*><time/g)?.length).toBe(DATABASES.length);
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const form = { kind: "outbox.republish", since, until: "", database: "inventory", rate: "0.1" };
    expect((await (await Person.of("vic")).post("/runs/plan", form)).status).toBe(403);
    for (const [wrong, says] of [
      [{ since: "yesterday" }, "since must be a time such as"],
      [{ since: "" }, "since must be a time: publish again from when on?"],
      [{ until: since }, "the time range must begin before it ends"],
      [{ database: "users" }, "There is no outbox users."],
      [{ rate: "0" }, "the rate must be above 0"],
      [{ rate: "many" }, "the rate must be above 0"],
    ] as const) {
      const answer = await ada.post("/runs/plan", { ...form, ...wrong });
      expect([answer.status < 500, answer.status >= 400, await answer.text()]).toEqual([
        true,
        true,
        expect.stringContaining(says),
      ]);
    }
    expect([
      ...(await fixture.databases.saga`select plan_id from operator_plans where kind = 'outbox.republish'`),
    ]).toEqual([]);
    // The fixture has no relay.
    const { inventory } = fixture.databases;
    const { count } =
      await inventory`update outbox set published = true, published_at = now() - interval '1 minute'`;
    const made = await ada.post("/runs/plan", form);
    expect(made.status).toBe(303);
    const path = made.headers.get("location") ?? "";
    const plan = (await ada.get(path)).text;
    for (const told of ["Outboxes sent again", `${count} messages at 0.1 a second, which takes about`])
      expect([told, plan.includes(told)]).toEqual([told, true]);
    const [, confirm] = /--confirm (\d+)/.exec(plan) ?? [];
    const start = { reason: "Kafka lost both disks", ...(confirm === undefined ? {} : { confirm }) };
    expect((await ada.post(`${path}/start`, start)).status).toBe(303);
    const executor = testExecutor(testContext(fixture.asConsole, []));
    for (let batches = 0; batches < 2; batches += 1) await executor.runOnce();
    const run = (await ada.get(path)).text;
    expect(run).toContain(`<progress max="${count}" value="1"`);
    expect(await inventory`select from outbox where not published`).toHaveLength(1);
    expect((await ada.post(`${path}/stop`, { reason: "enough is seen" })).status).toBe(303);
    await executor[Symbol.asyncDispose]();
    expect((await actions()).filter(({ action }) => action === "outbox.republish")).toMatchObject([
      { actor: "ada", outcome: "interrupted", reason: "Kafka lost both disks" },
    ]);
  });

  test("an outbox whose database is away is unknown, and the others are shown", async () => {
    const { status, text } = await (await Person.of("vic", ["payment"])).get("/outboxes");
    const known = text.match(/data-head="Reaches back to"[^>]*><time/g)?.length;
    expect([status, known]).toEqual([200, DATABASES.length - 1]);
    expect(text).toMatch(/data-head="Reaches back to"[^>]*><span class="unknown"/);
  });

  test("the decisions of a run are shown by outcome and page by page, and all of them as CSV", async () => {
    const letters = Array.from({ length: 230 }, () => deadBytes(Buffer.from("{"), { service: "order" }));
    deadLetters = letters;
    const ada = await Person.of("ada");
    const made = await ada.post("/runs/plan", { kind: "dead-letter.discard", everything: "1" });
    const path = made.headers.get("location") ?? "";
    await fixture.databases.saga`
      update operator_plan_items set outcome = 'failed', settled_at = now() where position in (3, 225)`;
    const rows = async (query: string) => {
      const { text } = await ada.get(`${path}${query}`);
      return [
        text.match(/data-head="Dead letter"/g)?.length ?? 0,
        /<a href="([^"]*)">Next/.exec(text)?.[1]?.replaceAll("&amp;", "&").slice(path.length) ?? null,
      ];
    };
    expect(await rows("")).toEqual([50, "?after=49"]);
    expect(await rows("?after=199")).toEqual([30, null]);
    expect(await rows("?outcome=failed")).toEqual([2, null]);
    expect(await rows("?outcome=not+reached")).toEqual([50, "?outcome=not+reached&after=50"]);
    expect(await rows("?outcome=sent")).toEqual([0, null]);
    expect((await ada.get(`${path}?outcome=lost`)).status).toBe(422);
    const lines = async (query: string) => (await ada.get(`${path}${query}`)).text.trimEnd().split("\r\n");
    expect((await lines("?as=csv")).length).toBe(231);
    expect((await lines("?outcome=failed&as=csv")).length).toBe(3);
    expect(Object.keys(await ada.firstParts(`${path}/events?outcome=failed`))).toEqual([
      "r-what",
      "r-actions",
      "r-state",
      "r-items",
      "stale",
    ]);
  });

  test("a dead letter that nobody has handled is found by the id of its message", async () => {
    const message = chargePayment(Bun.randomUUIDv7());
    const letter = deadLetterOf(message, { service: "payment" });
    deadLetters = [letter];
    const vic = await Person.of("vic");
    const { status } = await vic.get(`/find?q=${message.message_id}`);
    const nothing = await vic.get(`/find?q=${Bun.randomUUIDv7()}`);
    expect([status, nothing.status]).toEqual([303, 404]);
  });

  test("a dead letter whose replay was not seen to end is open on its page as it is in the list", async () => {
    const letter = deadLetterOf(chargePayment(Bun.randomUUIDv7()), { service: "payment" });
    const id = letter.dead_letter_id;
    deadLetters = [letter];
    const [action_id, run_id] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
    const replay = { action: "dead-letter.replay", subject: id, saga_id: null, actor: "ada" } as const;
    const kept = { ...replay, reason: "the fix is out", outcome: null, detail: null, at: Date.now() };
    await recordActions(fixture.databases.saga, [{ action_id, run_id, ...kept }]);
    const ada = await Person.of("ada");
    const opens = async (path: string) => (await ada.get(path)).text.includes('data-opens="plan-replay"');
    expect([await opens("/dead-letters"), await opens(`/dead-letters/${id}`)]).toEqual([true, true]);
    await fixture.databases
      .saga`update operator_actions set outcome = 'handled', settled_at = now() where action_id = ${action_id}`;
    expect(await opens(`/dead-letters/${id}`)).toBe(false);
  });

  test("what a viewer tries is refused and kept", async () => {
    const { saga_id } = fixture.completed;
    const answer = await (await Person.of("vic")).post(`/sagas/${saga_id}/cancel`, { reason: "just so" });
    expect(answer.status).toBe(403);
    expect((await actions()).at(-1)).toMatchObject({
      action: "console.refused",
      actor: "vic",
      outcome: "refused",
      reason: "just so",
    });
  });

  test("an orchestrator that does not answer leaves the saga alone, and the try is kept", async () => {
    const { saga_id } = fixture.completed;
    const answer = await (
      await Person.of("ada")
    ).post(`/sagas/${saga_id}/cancel-order`, { reason: "ticket 1" });
    expect([answer.status, await answer.text()]).toEqual([
      503,
      expect.stringContaining("the orchestrator does not answer"),
    ]);
    expect((await actions()).at(-2)).toMatchObject({
      action: "console.act",
      actor: "ada",
      outcome: "asked",
      address: "192.0.2.7",
    });
    expect((await actions()).at(-1)).toMatchObject({
      action: "order.cancel",
      outcome: "failed",
      reason: "ticket 1",
    });
  });

  test("a dead letter is planned, started with a reason, paused by another operator, and all of it is kept", async () => {
    const record = deadLetterOf(createOrder(fixture.completed.saga_id), {
      service: "order",
      error: "no such column",
    });
    deadLetters = [record];
    const id = record.dead_letter_id;
    const ada = await Person.of("ada");
    const list = await ada.get("/dead-letters");
    expect([list.text.includes(`/dead-letters/${id}`), list.text.includes("HANDLER_FAILED")]).toEqual([
      true,
      true,
    ]);
    const message = await ada.get(`/dead-letters/${id}`);
    expect([
      message.status,
      message.text.includes("no such column"),
      message.text.includes("Main St"),
    ]).toEqual([200, true, false]);

    const planned = await ada.post("/runs/plan", { kind: "dead-letter.discard", id });
    const path = planned.headers.get("location") ?? "";
    expect([planned.status, path]).toEqual([303, expect.stringMatching(/^\/runs\/[0-9a-f-]{36}$/)]);
    const short = await ada.post(`${path}/start`, { reason: "too short" });
    expect([short.status, (await short.text()).includes("at least 10 characters")]).toEqual([409, true]);
    const money = await ada.post(`${path}/start`, { reason: "it can never work" });
    expect([money.status, (await money.text()).includes("confirm it with the count 1")]).toEqual([409, true]);
    const started = await ada.post(`${path}/start`, { reason: "it can never work", confirm: "1" });
    expect(started.status).toBe(303);
    const paused = await (await Person.of("ada")).post(`${path}/pause`, {});
    expect(paused.status).toBe(303);
    const run = await (await Person.of("vic")).get(path);
    expect([
      run.text.includes("paused"),
      run.text.includes("0 discarded, 0 failed, 0 refused, 0 skipped, 1 left"),
    ]).toEqual([true, true]);
    const kept = (await actions())
      .filter(({ action }) => !action.startsWith("console."))
      .map(({ action, outcome }) => `${action} ${outcome}`);
    expect(kept.toSorted()).toEqual([
      "plan.create planned",
      "run.pause paused",
      "run.start refused",
      "run.start refused",
      "run.start started",
    ]);
  });

  test("what the console does itself is in the audit trail before it happens, and then with its outcome", async () => {
    const ada = await Person.of("ada");
    expect((await ada.post("/payments/compare", { reason: "ticket 2" })).status).toBe(303);
    const closed = await ada.post(`/payments/alerts/${crypto.randomUUID()}/close`, { reason: "ticket 3" });
    expect(closed.status).toBe(409);
    const settled = await fixture.databases.saga`
      select action, outcome, settled_at is not null as settled from operator_actions
       where action like 'payment%' order by at`;
    expect([...settled]).toEqual([
      { action: "payments.reconcile", outcome: "requested", settled: true },
      { action: "payment-alert.close", outcome: "refused", settled: true },
    ]);
  });

  test("an orchestrator that refuses the token is no fault of the console, and the try is kept", async () => {
    const detail = "the token is signed with a key that is not trusted here";
    await using strict = Bun.serve({
      port: 0,
      fetch: () => Response.json({ error: "UNAUTHENTICATED", detail }, { status: 401 }),
    });
    const ada = await Person.of("ada", [], `http://127.0.0.1:${strict.port}`);
    const answer = await ada.post(`/sagas/${fixture.completed.saga_id}/cancel`, { reason: "ticket 5" });
    expect([answer.status, await answer.text()]).toEqual([
      403,
      expect.stringContaining(`The orchestrator refuses your token: ${detail}. Sign in again`),
    ]);
    expect((await actions()).at(-1)).toMatchObject({
      action: "saga.cancel",
      outcome: "refused",
      reason: "ticket 5",
      detail: expect.stringContaining(detail),
    });
  });

  test("the audit trail shows all of it, filters, pages and exports", async () => {
    const ada = await Person.of("ada");
    for (let number = 0; number < 3; number++)
      await ada.post(`/sagas/${fixture.completed.saga_id}/reveal`, { reason: `look ${number}` });
    await fixture.databases.saga`
      insert into operator_actions (action_id, run_id, action, subject, actor, reason, outcome, at, settled_at)
      select gen_random_uuid(), gen_random_uuid(), 'outbox.republish', 'saga', 'bob', 'older', 'ok', at, at
        from (select now() - make_interval(mins => n) as at from generate_series(1, 120) n) old`;
    const first = await ada.get("/audit");
    expect(first.text).toContain("look 2");
    const [, older = ""] = /<a href="([^"]*)">Older/.exec(first.text) ?? [];
    const second = await ada.get(older.replaceAll("&amp;", "&"));
    const lines = (text: string) => text.match(/data-head="When"/g)?.length;
    expect([lines(first.text), lines(second.text)]).toEqual([100, 24]);
    await fixture.databases.saga`
      insert into operator_actions (action_id, run_id, action, subject, actor, reason, outcome, at, settled_at)
      select gen_random_uuid(), ${sagaId(9)}, 'dead-letter.replay', gen_random_uuid(), 'eve', 'bulk', 'handled', at, at
        from (select now() + make_interval(secs => n) as at from generate_series(1, 700) n) bulk`;
    const bulk = await ada.get("/audit");
    expect(bulk.text).toContain("and 699 more lines of this run");
    const [, next = ""] = /<a href="([^"]*)">Older/.exec(bulk.text) ?? [];
    const rest = await ada.get(next.replaceAll("&amp;", "&"));
    expect([lines(bulk.text), lines(rest.text)]).toEqual([100, 25]);
    expect(rest.text).not.toContain("bulk");
    const revealed = await ada.get("/audit?action=saga.&actor=ada");
    expect(lines(revealed.text)).toBe(3);
    const csv = await ada.get("/audit?actor=bob&as=csv");
    expect(csv.text.trimEnd().split("\r\n").length).toBe(121);
    expect((await ada.get("/audit?actor=nobody")).text).toContain("Nothing matches this filter");
  });

  test("who cancelled what: by any id that the search knows, several at once, and as a file", async () => {
    const { completed, refunded } = fixture;
    const order_id = Bun.randomUUIDv7();
    await fixture.databases
      .saga`update saga_state set order_id = ${order_id} where saga_id = ${completed.saga_id}`;
    await fixture.databases
      .order`update orders set order_id = ${order_id} where saga_id = ${completed.saga_id}`;
    const line = (saga_id: string, action: string, subject: string, reason: string) => fixture.databases.saga`
      insert into operator_actions (action_id, run_id, action, subject, saga_id, actor, reason, outcome, at, settled_at)
      values (gen_random_uuid(), gen_random_uuid(), ${action}, ${subject}, ${saga_id}, 'sofia', ${reason}, 'cancelling', now(), now())`;
    await line(completed.saga_id, "order.cancel", order_id, "shopper called");
    await line(refunded.saga_id, "saga.cancel", refunded.saga_id, "wrong address");
    await line(sagaId(8), "saga.cancel", sagaId(8), "a third one");
    const vic = await Person.of("vic");
    const number = orderNumberOf(order_id);
    const ids = new URLSearchParams({ subject: `${number}, ${refunded.saga_id}`, action: "cancellations" });
    const { status, text } = await vic.get(`/audit?${ids}`);
    expect([status, text.includes("shopper called"), text.includes("wrong address")]).toEqual([
      200,
      true,
      true,
    ]);
    expect(text).not.toContain("a third one");
    expect(text).toContain(number);
    const [payment] = await fixture.databases.payment<[{ payment_id: string }]>`
      select payment_id from payments where saga_id = ${completed.saga_id}`;
    const byPayment = await vic.get(`/audit?subject=${payment.payment_id}`);
    expect([byPayment.text.includes("shopper called"), byPayment.text.includes("wrong address")]).toEqual([
      true,
      false,
    ]);
    const file = JSON.parse((await vic.get(`/audit?${ids}&as=json`)).text);
    expect(file).toMatchObject([
      { actor: "sofia", reason: "wrong address", outcome: "cancelled" },
      { actor: "sofia", reason: "shopper called", order_number: number },
    ]);
    const { text: page } = await vic.get(`/sagas/${refunded.saga_id}`);
    expect(page.replaceAll(/<[^>]*>/g, "")).toMatch(
      /Checkout cancelled by sofia at [^:]*:\d\d:\d\d: wrong address/,
    );
    const wrong = await vic.get(`/audit?subject=${refunded.saga_id},${crypto.randomUUID()}`);
    expect(wrong.text).toContain("Nothing has the id");
    expect(wrong.text).toContain("A file is refused while it is in the filter.");
    expect((await vic.get(`/audit?subject=${crypto.randomUUID()}&as=csv`, "*/*")).status).toBe(422);
    const without = await Person.of("vic", ["order"]);
    expect((await without.get(`/audit?subject=${number}`)).text).toContain(
      "Not everything was looked at: order",
    );
    expect((await without.get(`/audit?subject=${number}&as=csv`, "*/*")).status).toBe(503);
  });
});

describe("with one database away", () => {
  test.each(DATABASES)("%s: the overview says so and shows the rest", async (name) => {
    const person = await Person.of("vic", [name]);
    const says = async (text: string) => (await person.get("/")).text.includes(text);
    await waitUntil(
      `it says that ${name} does not answer`,
      () => says(`the ${name} database does not answer`),
      {
        timeoutMs: 20_000,
      },
    );
    const others = DATABASES.filter((one) => one !== name);
    for (const other of others) expect(await says(`the ${other} database does not answer`)).toBe(false);
    expect(await says("All money is where it belongs.")).toBe(name !== "payment" && name !== "saga");
    expect(endsWith((await person.get("/")).text, "COMPLETED", 1)).toBe(name !== "saga");
  });

  test.each(["inventory", "payment", "order"] as const)("%s: a saga is told without it", async (name) => {
    const { status, text } = await (
      await Person.of("vic", [name])
    ).get(`/sagas/${fixture.completed.saga_id}`);
    expect(status).toBe(200);
    expect(text).toContain("Only a part is shown.");
    expect(text).toContain(`The ${name} database does not answer`);
    expect(text).toContain("COMPLETED");
  });

  test("saga: its pages say what is not reachable, and signing in works", async () => {
    const person = await Person.of("ada", ["saga"]);
    for (const path of ["/sagas", `/sagas/${fixture.completed.saga_id}`, "/audit"]) {
      const { status, text } = await person.get(path);
      expect([path, status]).toEqual([path, 503]);
      expect(text).toContain("does not answer");
    }
  });
});
