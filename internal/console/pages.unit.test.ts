// Every page, as an operator and as a viewer: well formed, labelled, and without markup of strangers.
import { describe, expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import { ERASED } from "../../schemas/fields.ts";
import { orderNumberOf } from "../kernel/order-number.ts";
import {
  consoleOptions,
  MAILS,
  NOW,
  OPERATOR,
  sagaId,
  sagaOf,
  signedInAs,
  snapshotOf,
  storyOf,
  VIEWER,
} from "../testkit/console.ts";
import { previewOf, PREVIEWS } from "../tools/preview-console.ts";
import { parseSagaQuery } from "../operations/saga-query.ts";
import type { Shopper } from "../operations/shopper-mask.ts";
import { SagaPage } from "./pages/saga.tsx";
import { Sagas } from "./pages/sagas.tsx";

const visitOf = (actor: typeof OPERATOR) => signedInAs(actor, consoleOptions());

const htmlOf = async (path: string, actor = OPERATOR) => render(previewOf(path, await visitOf(actor)));

describe.each(Object.keys(PREVIEWS))("%s", (path) => {
  test("has one main heading, no id twice, and a label for every control", async () => {
    const html = await htmlOf(path);
    expect(html.match(/<h1/g)?.length).toBe(1);
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id = ""]) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    const labelled = new Set([...html.matchAll(/<label for="([^"]*)"/g)].map(([, id = ""]) => id));
    const outside = html.replaceAll(/<label class="check">.*?<\/label>/gs, "");
    const controls = [...outside.matchAll(/<(?:input|select|textarea)([^>]*)>/g)].map(
      ([, attributes = ""]) => attributes,
    );
    const bare = controls.filter(
      (attributes) =>
        !/type="hidden"|aria-label=/.test(attributes) &&
        !labelled.has(/ id="([^"]*)"/.exec(attributes)?.[1] ?? ""),
    );
    expect(bare).toEqual([]);
  });

  test("what strangers wrote is text", async () => {
    expect((await htmlOf(path)).match(/<script>|alert\(1\)<\/script>/g)).toBeNull();
  });

  test("offers a viewer no act that the server refuses", async () => {
    const html = await htmlOf(path, VIEWER);
    const forms = [...html.matchAll(/<form[^>]*method="post"[^>]*action="([^"]*)"/g)].map(
      ([, action = ""]) => action,
    );
    expect(forms.filter((action) => !["/sign-out", "/preferences", "/sign-in"].includes(action))).toEqual([]);
  });
});

test("a saga's page names its order as the shopper does", async () => {
  const order_id = sagaId(5);
  const story = storyOf({ orders: [{ order_id, status: "CONFIRMED", total_cents: 7_700, created_at: NOW }] });
  const shown = {
    story,
    mails: MAILS,
    topics: snapshotOf().topics,
    roles: [],
    deadLetters: snapshotOf().deadLetters,
    cancellation: null,
    cancelled: null,
    show: "all",
    now: NOW,
    isRevealed: false,
    shopper: null,
    traceUrl: null,
  } as const;
  const html = render(SagaPage({ frame: await visitOf(OPERATOR), ...shown }));
  expect(html).toContain(`href="/audit?subject=${story.saga.saga_id}"`);
  expect(html).toContain(orderNumberOf(order_id));
  expect(html).toContain(order_id);
});

test("a reveal says in whole sentences what it shows, also of a shopper who was erased", async () => {
  const frame = await visitOf(OPERATOR);
  const textOf = (shopper: Shopper) => {
    const shown = {
      story: storyOf(),
      mails: MAILS,
      topics: snapshotOf().topics,
      roles: [],
      deadLetters: snapshotOf().deadLetters,
      cancellation: null,
      cancelled: null,
    };
    const how = { show: "all", now: NOW, isRevealed: true, shopper, traceUrl: null } as const;
    return render(SagaPage({ frame, ...shown, ...how })).replaceAll(/<[^>]*>/g, "");
  };
  const ada = { saga_id: sagaId(7), email: "ada@example.com", name: "Ada Lovelace", city: "Paris" };
  expect(textOf(ada)).toContain(
    "Personal data is shown: Ada Lovelace, ada@example.com. The timeline shows it, too. That you looked",
  );
  const erased = textOf({ ...ada, email: ERASED.email, name: ERASED.line, city: "" });
  expect(erased).toContain("personal data was erased, so there is none to show. That you looked");
  expect(erased).not.toContain("The timeline shows it");
});

test("a wrong filter is named as in the form", async () => {
  const frame = await visitOf(OPERATOR);
  const htmlFor = (filter: string) => {
    const given = new URLSearchParams(filter);
    const read = parseSagaQuery(given);
    const faults = "faults" in read ? read.faults : [];
    return render(Sagas({ frame, given, faults, query: null, found: null, older: null, shoppers: null }));
  };
  const html = htmlFor("sku=a b&created_after=yesterday&currency=euro&step=pay");
  for (const text of [
    "<li>Product (SKU) must be a SKU:",
    "<li>Started from (UTC) must be a time such as 2026-11-23T12:00:00Z, or 2026-11-23 12:00 in UTC, or a day in UTC such as 2026-11-23<",
    "<li>Currency must be",
    "<li>step must be one of reserve, charge, authorize, confirm, capture, order<",
  ])
    expect([text, html.includes(text)]).toEqual([text, true]);
  expect(htmlFor("created_after=2026-11-24&created_before=2026-11-23")).toContain(
    "<li>Started until (UTC) must be later than Started from (UTC)<",
  );
});

test("the list of sagas shows the order's number, and only the filters that are in use", async () => {
  const frame = await visitOf(OPERATOR);
  const htmlFor = (filter: string, orderId: string | null = null) => {
    const saga = { ...sagaOf(1, { order_id: orderId }), updated_at: NOW, resend_count: 0, items: [] };
    const found = { sagas: [saga], next: null, total: null, searched_to: null, missing: [], products: null };
    const shown = { faults: [], query: {}, older: null, shoppers: null };
    return render(Sagas({ frame, given: new URLSearchParams(filter), found, ...shown }));
  };
  expect(htmlFor("", sagaId(9))).toContain(`>${orderNumberOf(sagaId(9))}<`);
  const foldedIn = (html: string) => {
    const [, folded = ""] = /<summary>More filters<\/summary>(.*?)<\/details>/s.exec(html) ?? [];
    return ["product", "status", "step", "sku"].filter((name) => folded.includes(`name="${name}"`));
  };
  expect(foldedIn(htmlFor(""))).toEqual(["status", "step", "sku"]);
  const used = htmlFor("status=COMPLETED&sku=mug");
  expect(foldedIn(used)).toEqual(["step"]);
  expect(used).toMatch(/name="status" value="COMPLETED" checked/);
  // Folded or not, each is in the form once, so that the next search keeps it.
  expect(used.match(/name="sku"/g)).toHaveLength(1);
});

test.each(["/stock", "/found", "/sagas", "/topic"])(
  "%s does not follow, so it says of when it is",
  async (path) => {
    const html = await htmlOf(path);
    expect(html).not.toContain("data-live=");
    expect(html).toMatch(
      /As of <time [^>]*data-show="second"[^>]*>12:04:05<\/time>\. <a href="[^"]+">Load again/,
    );
  },
);

test("a failure without a sentence is its code alone", async () => {
  expect(await htmlOf("/stuck-saga")).toContain("<dd>DEADLINE_EXCEEDED</dd>");
  expect(await htmlOf("/saga")).toContain("INSUFFICIENT_FUNDS: the bank refused");
});

test("a table with many columns is a list of cards on a tablet, too", async () => {
  expect(await htmlOf("/audit")).toContain('class="stacks is-wide"');
  expect(await htmlOf("/run")).toContain('class="stacks is-wide"');
  expect(await htmlOf("/topics")).toContain('class="stacks"');
});
