// What the console's parts show: the diagram's counts, the unknown, the escaped, the exported.
import { describe, expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import { TABLES } from "../orchestrator/steps.ts";
import {
  consoleOptions,
  known,
  MAILS,
  NOW,
  OPERATOR,
  quietSnapshot,
  sagaId,
  sagaOf,
  signedInAs,
  snapshotOf,
  storyOf,
  unknown,
} from "../testkit/console.ts";
import { orderNumberOf } from "../kernel/order-number.ts";
import type { CancelledBy } from "../operations/cancellation-store.ts";
import type { SagaMails } from "../operations/saga-mails.ts";
import type { SagaStory } from "../operations/saga-story.ts";
import { commandOf } from "./pages/sagas.tsx";
import { OVERVIEW_PARTS } from "./pages/overview.tsx";
import { SAGA_PARTS, type SagaProps } from "./pages/saga.tsx";
import type { Snapshot } from "./collector.ts";
import { attentionTo } from "./parts/attention.ts";
import { PAYMENT_PARTS } from "./parts/payment-parts.ts";
import { shellArgument } from "./parts/bits.tsx";
import { barsOf } from "./parts/hour-chart.tsx";
import { EDGES, flowAlong, NODES, openAt } from "./parts/saga-map.ts";
import { staysOf } from "./parts/step-bars.tsx";
import { type Column, csvOf, jsonOf } from "./parts/table.tsx";
import { showOf } from "./parts/timeline.tsx";
import { agoText, durationText } from "./parts/words.ts";
import { Source } from "./source.ts";

const FRAME = await signedInAs(OPERATOR, consoleOptions());

const part = (id: string, snapshot = snapshotOf()) => {
  const Part = OVERVIEW_PARTS[id];
  if (Part === undefined) throw new Error(`there is no part ${id}`);
  return render(Part({ snapshot, now: NOW }));
};

describe("the diagram", () => {
  test("has a box for every step and every undo of both tables, and both ends", () => {
    const rows = [...TABLES.values()].flat();
    const ids = rows.flatMap(({ step, undo }) => (undo === null ? [step] : [step, `undo_${step}`]));
    expect(NODES.map(({ id }) => id).toSorted()).toEqual(
      [...new Set(ids), "COMPLETED", "COMPENSATED"].toSorted(),
    );
    expect(new Set(NODES.map(({ column, row }) => `${column} ${row}`)).size).toBe(NODES.length);
  });

  test("counts each saga in the box where it stands, and nowhere else", () => {
    const { value } = snapshotOf().sagas;
    const open = value?.in_progress ?? [];
    const counts = NODES.map((node) => [node.id, openAt(node, open)] as const).filter(
      ([, count]) => count > 0,
    );
    expect(counts).toEqual([
      ["reserve", 12],
      ["charge", 143],
      ["confirm", 3],
      ["order", 5],
      ["undo_charge", 2],
    ]);
  });

  test("a flow that is not known is a question mark at each arrow, and no flow is nothing", () => {
    const arrows = (parts: Partial<Snapshot>) => {
      const html = part("o-sagas", snapshotOf(parts));
      return ["flow is-unknown", 'flow-count">?<', "/min<"].map((text) => html.split(text).length - 1);
    };
    expect(arrows({ flow: unknown("away") })).toEqual([EDGES.length, EDGES.length, 0]);
    expect(arrows({ flow: known([]) })).toEqual([0, 0, 0]);
    expect(arrows({})).toEqual([0, 0, 7]);
  });

  test("counts each transition along one arrow", () => {
    const flows = snapshotOf().flow.value ?? [];
    const along = EDGES.map((edge) => [`${edge.from.id} ${edge.to.id}`, flowAlong(edge, flows)] as const);
    expect(along.filter(([, count]) => count > 0)).toEqual([
      ["reserve charge", 238],
      ["charge confirm", 221],
      ["charge undo_reserve", 17],
      ["charge undo_charge", 2],
      ["confirm order", 220],
      ["order COMPLETED", 219],
      ["undo_reserve COMPENSATED", 17],
    ]);
  });

  test("the same cause counts along the arrow from where the saga stood", () => {
    const shared = { message_type: "DeadlinePassed", to_status: "COMPENSATING", step: "charge", count: 4 };
    const hit = (from_status: string) =>
      EDGES.filter((edge) => flowAlong(edge, [{ ...shared, from_status }]) > 0).map(({ from }) => from.id);
    expect([hit("INVENTORY_RESERVED"), hit("PAYMENT_CHARGED"), hit("COMPENSATING")]).toEqual([
      ["charge"],
      ["confirm"],
      [],
    ]);
  });
});

describe("the overview", () => {
  test("says since when something is unknown, and never 0 for it", () => {
    const html = part("o-outboxes");
    expect(html).toMatch(
      /payment<\/th><td class="right" colspan="3">.*unknown since <time[^>]*>2026-11-29 12:01<\/time>/,
    );
    const sagas = part(
      "o-sagas",
      snapshotOf({ sagas: unknown("away"), flow: unknown("away"), hour: unknown("away") }),
    );
    expect(sagas).toContain(">?<");
    expect(sagas).not.toMatch(/box-count">0</);
  });

  test("keeps amounts of different currencies apart", () => {
    const html = part("o-money");
    expect(html).toContain("217.00 EUR");
    expect(html).toContain("9800 JPY");
    // Payments that are merely in progress are no risk.
    expect(html).not.toContain("4000.00 EUR");
  });

  test("money is not called safe while one of its sources is silent", () => {
    const quiet = quietSnapshot();
    expect(part("o-money", quiet)).toContain("All money is where it belongs.");
    const silent = part("o-money", { ...quiet, alerts: unknown("away") });
    expect(silent).toContain("unknown since");
    expect(silent).not.toContain("All money");
  });

  test("lists what needs a person, the worst first, and nothing when all is well", () => {
    const late = snapshotOf({
      outboxes: [
        { database: "saga", reading: known({ unpublished: 9, oldest_at: NOW - 60_000, retries: 0 }) },
      ],
    });
    const tones = attentionTo(late, NOW).map(({ tone }) => tone);
    expect(tones).toEqual(["bad", "bad", "bad", "bad", "bad", "bad", "warn"]);
    expect(attentionTo(quietSnapshot(), NOW)).toEqual([]);
    expect(part("o-attention", quietSnapshot())).toContain("Nothing needs a person now.");
  });

  test("does not call it calm while anything does not answer, or was not asked yet", () => {
    const quiet = quietSnapshot();
    const notAsked = { value: null, at: null, unknownSince: null, reason: null };
    const fields = [
      "sagas",
      "flow",
      "hour",
      "money",
      "alerts",
      "mails",
      "topics",
      "deadLetters",
      "pausedRuns",
      "firing",
    ] as const;
    for (const reading of [unknown<never>("away"), notAsked]) {
      for (const field of fields) {
        const html = part("o-attention", { ...quiet, [field]: reading });
        expect([field, html.includes("Nothing needs a person now.")]).toEqual([field, false]);
        expect([field, /does not answer|has not answered yet/.test(html)]).toEqual([field, true]);
      }
      expect(part("o-attention", { ...quiet, roles: [{ name: "relay", reading }] })).toContain("relay");
      expect(part("o-attention", { ...quiet, outboxes: [{ database: "order", reading }] })).toContain(
        "the order database",
      );
    }
  });

  test("whatever does not answer is unknown in the part that its line leads to", () => {
    const sources = ["sagas", "flow", "hour", "money", "alerts", "mails", "topics", "deadLetters", "firing"];
    for (const source of sources) {
      const snapshot = { ...quietSnapshot(), [source]: unknown<never>("away") };
      const [line] = attentionTo(snapshot, NOW);
      const html = part(line?.href.slice(1) ?? "", snapshot);
      expect([source, html.includes("unknown since")]).toEqual([source, true]);
    }
  });

  test("names why a role is not ready, and what another works without", () => {
    const html = part("o-roles");
    expect(html).toContain("postgres: no answer within 1000 ms");
    expect(html).toContain("ready, and works without:");
  });

  test("an hour has sixty bars, also where nothing happened", () => {
    const minute = Math.floor(NOW / 60_000) * 60_000;
    const bars = barsOf([{ at: minute - 120_000, started: 5, completed: 4, compensated: 1 }], NOW);
    expect(bars.length).toBe(60);
    expect(bars.filter(({ started }) => started > 0).map(({ at }) => at)).toEqual([minute - 120_000]);
    expect(bars.at(-1)?.at).toBe(minute);
  });
});

test("the page of payments says the same of the money at risk as the overview", () => {
  const stuck = {
    currency: "EUR",
    count: 1,
    amount_cents: 9_200,
    oldest_at: NOW - 90_000,
    needing_operator: 1,
  };
  const sagas = snapshotOf().sagas;
  const snapshot = snapshotOf({
    sagas: { ...sagas, value: sagas.value === null ? null : { ...sagas.value, charged_undo_stuck: [stuck] } },
  });
  const shown = [PAYMENT_PARTS["p-money"], OVERVIEW_PARTS["o-money"]].map((Part) =>
    Part === undefined ? "" : render(Part({ snapshot, now: NOW })),
  );
  expect(shown[0]).toContain("92.00 EUR");
  expect(shown[0]).toContain('href="/sagas?status=COMPENSATING&amp;currency=EUR&amp;needs_operator=1"');
  expect(shown[0]).toBe(shown[1]);
});

describe("the providers of payments", () => {
  const text = (roles: Snapshot["roles"]) => {
    const Part = PAYMENT_PARTS["p-providers"];
    if (Part === undefined) throw new Error("there is no such part");
    return render(Part({ snapshot: snapshotOf({ roles }), now: NOW }))
      .replaceAll(/<[^>]*>/g, " ")
      .replaceAll(/ +/g, " ");
  };

  test("a breaker is open, closed or unknown, and never closed because nobody answers", () => {
    const told = text(snapshotOf().roles);
    expect(told).toContain("stripe payment open: the provider does not answer are made 41 no answer");
    expect(told).toContain("paypal payment closed held: the provider rejects our requests none yet");
    const silent = text([{ name: "payment-2", reading: unknown("away") }]);
    expect(silent).toContain("payment-2: unknown since 2026-11-29 12:01");
    expect(silent).not.toContain("closed");
    expect(text([])).toContain("Unknown: none of the roles that this console asks (OPS_URLS) is a payment");
  });
});

describe("a saga", () => {
  const { topics: behind } = snapshotOf();
  const saga = (
    id: string,
    story = storyOf(),
    show = showOf(null),
    mails = MAILS,
    topics = behind,
    more: Partial<SagaProps> = {},
  ) => {
    const Part = SAGA_PARTS[id];
    if (Part === undefined) throw new Error(`there is no part ${id}`);
    const shared = { cancellation: null, cancelled: null, isRevealed: false, shopper: null, traceUrl: null };
    const { deadLetters } = snapshotOf();
    return render(
      Part({
        story,
        mails,
        topics,
        show,
        now: NOW,
        frame: FRAME,
        roles: [],
        deadLetters,
        ...shared,
        ...more,
      }),
    );
  };

  test("an act is offered as long as it makes sense", () => {
    const offered = (story: SagaStory) => /data-opens="(cancel[^"]*)"/.exec(saga("s-acts", story))?.[1];
    const order = { order_id: sagaId(5), status: "CONFIRMED", total_cents: 7_700, created_at: NOW };
    const completed = sagaOf(7, { status: "COMPLETED", completed_at: NOW });
    expect(offered(storyOf({ saga: sagaOf(7) }))).toBe("cancel");
    expect(offered(storyOf({ saga: sagaOf(7, { compensation_step: "charge" }) }))).toBeUndefined();
    expect(offered(storyOf({ saga: completed, orders: [order] }))).toBe("cancel-order");
    expect(offered(storyOf({ saga: completed, orders: [{ ...order, status: "SHIPPED" }] }))).toBeUndefined();
    const ended = saga("s-acts", storyOf());
    expect(offered(storyOf())).toBeUndefined();
    expect(ended).toContain("the saga has ended: COMPENSATED");
  });

  test("what was ordered, with prices, and honest where the catalogue has no name", () => {
    const text = (story: SagaStory) =>
      saga("s-products", story)
        .replaceAll(/<[^>]*>/g, " ")
        .replaceAll(/ +/g, " ");
    expect(text(storyOf())).toContain("mug-red 2 35.00 EUR 70.00 EUR");
    expect(text(storyOf())).toContain("no longer in the catalogue spoon 1 7.00 EUR 7.00 EUR");
    const away = [{ database: "inventory", reason: "away" }];
    const lines = [{ sku_id: "pot", quantity: 3, unit_price_cents: null, name: null }];
    expect(text(storyOf({ lines, missing: away }))).toContain(
      "name unknown pot 3 set when the stock is reserved",
    );
  });

  test("a mail that is not waiting is called sent once notification has read it and no mail is a dead letter", () => {
    const noDead = [{ service: "payment", count: 2, oldest_seconds: 900 }];
    const text = (mails: SagaMails, topics = behind, deadLetters = known(noDead), story = storyOf()) =>
      saga("s-facts", story, "all", mails, topics, { deadLetters })
        .replaceAll(/<[^>]*>/g, " ")
        .replaceAll(/ +/g, " ");
    const lag = (count: number) => {
      const groups = [{ group: "notification", lag: count }];
      return known([{ topic: "notification-commands", partitions: 16, messages: 9, end: 9, groups }]);
    };
    const isOpen =
      "1 mail asked for: taken by the mail server, a dead letter , or not read yet by notification";
    const isEither = "1 mail asked for: taken by the mail server or a dead letter";
    expect(text(MAILS, lag(0))).toContain("1 mail sent: the mail server took it");
    expect(text({ ...MAILS, asked: 2 }, lag(0))).toContain("2 mails sent: the mail server took each");
    // One of this saga may be among them, or was until somebody discarded it, or Kafka deleted it.
    const dead = [{ service: "notification", count: 1, oldest_seconds: 900 }];
    expect(text(MAILS, lag(0), known(dead))).toContain(isEither);
    expect(text(MAILS, lag(0), unknown("away"))).toContain(isEither);
    const [event] = storyOf().timeline;
    if (event === undefined) throw new Error("the story has no events");
    const act = {
      ...event,
      kind: "operator",
      what: "dead-letter.discard by ada, discarded: spoilt",
    } as const;
    expect(text(MAILS, lag(0), known(noDead), storyOf({ timeline: [act] }))).toContain(isEither);
    expect(text({ ...MAILS, last_asked_at: NOW - 31 * 86_400_000 }, lag(0))).toContain(isEither);
    expect(text(MAILS, lag(4))).toContain(`${isOpen} , which is 4 behind`);
    expect(text(MAILS, unknown("away"))).toContain(isOpen);
    // Kafka has it since a moment only, or nobody knows since when.
    expect(text({ ...MAILS, last_asked_at: NOW - 500 }, lag(0))).toContain(isOpen);
    expect(text({ ...MAILS, last_asked_at: null }, lag(0))).toContain(isOpen);
    expect(text({ ...MAILS, asked: 0 })).not.toContain("Mails");
    expect(text({ ...MAILS, missing: { database: "notification", reason: "away" } })).toContain(
      "unknown: the notification database does not answer",
    );
  });

  test("what services have stored never becomes markup", () => {
    const html = saga("s-timeline");
    expect(html).toContain("&lt;/pre>&lt;script>");
    expect(html).not.toContain("<script>");
  });

  test("the filter shows failures only, and says how many rows it hides", () => {
    const html = saga("s-timeline", storyOf(), "failed");
    expect(html).toContain("payment is FAILED");
    expect(html).not.toContain("by StartSaga");
    expect(html).toContain("4 rows are not shown");
  });

  test("who cancelled an order is the first line, above a checkout that is past", () => {
    const completed = sagaOf(7, { status: "COMPLETED", completed_at: NOW, order_id: sagaId(5) });
    const cancelled = {
      what: "order",
      actor: "sofia",
      reason: "called twice",
      at: NOW,
      state: "cancelled",
      ended_at: NOW + 1_000,
      order_status: null,
    } as const;
    const html = (one: CancelledBy, of = completed) =>
      saga("s-words", storyOf({ saga: of }), "all", MAILS, behind, { cancelled: one });
    const text = (one: CancelledBy, of = completed) =>
      html(one, of)
        .replaceAll(/<[^>]*>/g, " ")
        .replaceAll(/ +/g, " ");
    expect(text(cancelled)).toContain(
      "Order cancelled by sofia at 2026-11-29 12:04:05 : called twice (done at 2026-11-29 12:04:06 )",
    );
    expect(html(cancelled)).not.toContain("status is-good");
    expect(text(cancelled)).not.toContain("COMPLETED");
    expect(text(cancelled)).toContain(`Completed with order ${orderNumberOf(sagaId(5))}`);
    const underWay = { ...cancelled, actor: "shopper", state: "under way", ended_at: null } as const;
    expect(text(underWay)).toContain("Order being cancelled by the shopper at");
    const refused = { ...cancelled, state: "refused", order_status: "SHIPPED" } as const;
    expect(text(refused)).toContain("That was refused: it was SHIPPED .".replace(" .", "."));
    expect(html(refused)).toContain("status is-good");
    const undone = sagaOf(7, { status: "COMPENSATED", completed_at: NOW, failure_code: "CANCELLED" });
    expect(text({ ...cancelled, what: "saga" }, undone)).toContain("Checkout cancelled by sofia at");
  });

  test("while it waits: for whom, since when, and what happens by itself", () => {
    const html = saga("s-words", storyOf({ saga: sagaOf(7) })).replaceAll(/<[^>]*>/g, "");
    expect(html).toContain("Items are held; waiting for the payment, since");
    expect(html).toContain("; it compensates in 27 s.");
  });

  test("while an undo is sent again: since when it was sent first, and how often again", () => {
    const open = { status: "COMPENSATING", compensation_step: "charge" } as const;
    const resend = { from_status: "COMPENSATING", to_status: "COMPENSATING", message_id: null, note: null };
    const history = [
      { ...resend, from_status: "INVENTORY_RESERVED", at: NOW - 300_000 },
      { ...resend, at: NOW - 240_000 },
      { ...resend, at: NOW - 42_000 },
    ].map((row, index) => ({ ...row, history_id: index, step: "charge", message_type: "DeadlinePassed" }));
    const story = storyOf({ saga: sagaOf(7, open), history, money: [] });
    const html = saga("s-words", story).replaceAll(/<[^>]*>/g, "");
    expect(html).toContain(", since 5 min, sent again 2 times; the undo is sent again in 27 s.");
    expect(html).toContain("it is not known whether money was taken");
  });

  test("no payment was asked for before the step that charges", () => {
    const html = saga("s-words", storyOf({ saga: sagaOf(7, { current_step: "reserve" }), money: [] }));
    expect(html).toContain("No payment was asked for.");
  });

  test("what has become of its order since", () => {
    const order = { order_id: sagaId(5), total_cents: 7_700, created_at: NOW };
    const words = (status: string) => saga("s-words", storyOf({ orders: [{ ...order, status }] }));
    expect(words("CANCELLED")).toContain("The order is CANCELLED.");
    expect(words("CONFIRMED")).not.toContain("The order is");
  });

  test("a database that is away is named, and its money is unknown instead of none", () => {
    const html = saga(
      "s-words",
      storyOf({ money: [], missing: [{ database: "payment", reason: "no route" }] }),
    );
    expect(html).toContain("The payment database does not answer (no route).");
    expect(html).toContain("What became of the money is unknown");
    expect(html).not.toContain("No payment was asked for");
  });

  test("what only a database that is away knows is unknown, and not left out", () => {
    const missing = [
      { database: "inventory", reason: "no route" },
      { database: "order", reason: "no route" },
    ];
    const facts = (parts: Partial<SagaStory>) => saga("s-facts", storyOf({ reservation: [], ...parts }));
    expect(facts({ missing })).toMatch(
      /Reservation<.*unknown: the inventory database.*>Order<.*unknown: the order database/,
    );
    expect(facts({ missing: [] })).not.toMatch(/Reservation|>Order<|unknown/);
  });

  test("a timeline of a database that is away is unknown, and not empty", () => {
    const missing = [{ database: "order", reason: "no route" }];
    const empty = (parts: Partial<SagaStory>) => saga("s-timeline", storyOf(parts), "order");
    expect(empty({ missing })).toContain("Unknown: the order database does not answer");
    expect(empty({ missing: [] })).toContain("Nothing of that kind");
  });

  test("each stay lasts to the next transition; resends of one undo are one stay", () => {
    const { history } = storyOf();
    expect(staysOf(history, NOW, NOW).map(({ name, since, until }) => [name, until - since])).toEqual([
      ["reserve", 120],
      ["charge", 3_880],
      ["undo reserve", 300],
    ]);
    const undo = history[2];
    const again = undo === undefined ? [] : [...history.slice(0, 3), { ...undo, at: undo.at + 9_000 }];
    const stays = staysOf(again, null, NOW);
    expect(stays.map(({ name }) => name)).toEqual(["reserve", "charge", "undo reserve"]);
    expect(stays.at(-1)).toMatchObject({ isOpen: true, since: undo?.at, until: NOW });
  });
});

describe("exports and commands", () => {
  const columns: readonly Column<{ readonly text: string; readonly count: number | null }>[] = [
    { name: "text", head: "Text", value: ({ text }) => text },
    { name: "count", head: "Count", value: ({ count }) => count },
  ];

  test("CSV quotes what it must, and no cell is a formula", () => {
    const rows = [
      { text: 'a,"b"', count: 1 },
      { text: "=cmd()", count: null },
      { text: "two\nlines", count: -2 },
    ];
    expect(csvOf(columns, rows)).toBe('text,count\r\n"a,""b""",1\r\n\'=cmd(),\r\n"two\nlines",-2\r\n');
    expect(jsonOf(columns, rows)[0]).toEqual({ text: 'a,"b"', count: 1 });
  });

  test("the line for the command line searches the same, and its arguments are quoted", () => {
    expect(commandOf({})).toBe("checkoutctl saga find");
    expect(
      commandOf({
        user: sagaId(1),
        status: ["FAILED"],
        stuck_seconds: 300,
        needs_operator: true,
        client_key: "it's",
        table_version: 2,
      }),
    ).toBe(
      `checkoutctl saga find --user ${sagaId(1)} --key 'it'\\''s' --status FAILED --table 2 --stuck 300s --needs-operator`,
    );
    // Longer ones than checkoutctl takes in seconds.
    expect([999_999, 1_000_000, 366 * 86_400].map((stuck_seconds) => commandOf({ stuck_seconds }))).toEqual([
      "checkoutctl saga find --stuck 999999s",
      "checkoutctl saga find --stuck 16666m",
      "checkoutctl saga find --stuck 527040m",
    ]);
    expect(shellArgument("$(rm -rf /)")).toBe("'$(rm -rf /)'");
  });
});

test("times in words", () => {
  expect([0.4, 2_130, 45_000, 119_400, 300_000, 8_000_000, 200_000_000].map(durationText)).toEqual([
    "0 ms",
    "2.1 s",
    "45 s",
    "119 s",
    "5 min",
    "2 h",
    "2 d",
  ]);
  expect([agoText(NOW - 61_000, NOW), agoText(NOW + 27_400, NOW), agoText(NOW, NOW)]).toEqual([
    "61 s ago",
    "in 27 s",
    "now",
  ]);
});

describe("a source", () => {
  test("that stops answering is unknown since its first silence, keeps the last value apart, and recovers", async () => {
    let now = 1_000;
    let answer: () => Promise<number> = async () => 5;
    const source = new Source({
      read: () => answer(),
      everyMs: 100,
      clock: { now: () => now },
      monotonic: () => now,
    });
    await source.askIfDue(true);
    expect(source.reading).toEqual({ value: 5, at: 1_000, unknownSince: null, reason: null });
    answer = () => Promise.reject(new Error("connect ECONNREFUSED"));
    for (now of [1_200, 1_400]) await source.askIfDue(true);
    expect(source.reading).toEqual({
      value: 5,
      at: 1_000,
      unknownSince: 1_200,
      reason: "connect ECONNREFUSED",
    });
    answer = async () => 6;
    now = 1_600;
    await source.askIfDue(true);
    expect(source.reading).toEqual({ value: 6, at: 1_600, unknownSince: null, reason: null });
  });

  test("that hangs is unknown after its time limit, and is not asked twice meanwhile", async () => {
    let asked = 0;
    const read = () => {
      asked += 1;
      return new Promise<number>(() => undefined);
    };
    const source = new Source({
      read,
      everyMs: 1,
      timeoutMs: 20,
      clock: { now: () => 1_000 },
      monotonic: () => 1_000,
    });
    await Promise.all([source.askIfDue(true), source.askIfDue(true)]);
    expect([asked, source.reading.unknownSince, source.reading.reason]).toEqual([
      1,
      1_000,
      "no answer within 20 ms",
    ]);
  });

  test("that did not answer is asked again soon, however long that took and however rarely it is asked otherwise", async () => {
    let now = 0;
    let isAway = false;
    const read = async () => {
      // A slow answer, or a connection that is not made.
      now += 3_000;
      if (isAway) throw new Error("no answer");
      return now;
    };
    const source = new Source({ read, everyMs: 15_000, clock: { now: () => now }, monotonic: () => now });
    const pauseMs = async () => {
      await source.askIfDue(true);
      const [{ version }, answeredAt] = [source, now];
      for (; source.version === version; now += 100) await source.askIfDue(true);
      const askedAt = now - 100 - 3_000;
      return askedAt - answeredAt;
    };
    const slow = await pauseMs();
    isAway = true;
    now += slow;
    expect([slow, await pauseMs()]).toEqual([30_000, 3_000]);
  });

  test("that never answers is soon asked only for a tenth of the time, and anew from the first silence after an answer", async () => {
    let now = 0;
    let isAway = true;
    const read = async () => {
      now += 3_000;
      if (isAway) throw new Error("no answer");
      return now;
    };
    const source = new Source({ read, everyMs: 1_000, clock: { now: () => now }, monotonic: () => now });
    const pauseMs = async () => {
      const [{ version }, answeredAt] = [source, now];
      for (; source.version === version; now += 100) await source.askIfDue(true);
      now -= 100;
      return now - 3_000 - answeredAt;
    };
    await source.askIfDue(true);
    const pauses: number[] = [];
    while (pauses.length < 6) pauses.push(await pauseMs());
    expect(pauses).toEqual([3_000, 6_000, 12_000, 24_000, 30_000, 30_000]);
    isAway = false;
    await pauseMs();
    isAway = true;
    await pauseMs();
    expect(await pauseMs()).toBe(3_000);
  });

  test("that refuses at once is asked again every two seconds, however long it does", async () => {
    let now = 0;
    let asked = 0;
    const read = () => {
      asked += 1;
      return Promise.reject(new Error("connect ECONNREFUSED"));
    };
    const source = new Source({ read, everyMs: 15_000, clock: { now: () => now }, monotonic: () => now });
    for (; now < 600_000; now += 100) await source.askIfDue(true);
    expect(asked).toBe(300);
  });

  test("is asked on when the wall clock is set back by an hour", async () => {
    let [wall, since] = [3_600_000, 0];
    let asked = 0;
    const clock = { now: () => wall };
    const source = new Source({ read: async () => ++asked, everyMs: 100, clock, monotonic: () => since });
    await source.askIfDue(true);
    [wall, since] = [0, 100];
    await source.askIfDue(true);
    expect(source.reading).toEqual({ value: 2, at: 0, unknownSince: null, reason: null });
  });

  test("is asked ten times more rarely while nobody watches", async () => {
    let now = 0;
    let asked = 0;
    const source = new Source({
      read: async () => ++asked,
      everyMs: 100,
      clock: { now: () => now },
      monotonic: () => now,
    });
    for (now = 0; now <= 2_000; now += 100) await source.askIfDue(false);
    const unwatched = asked;
    for (; now <= 4_000; now += 100) await source.askIfDue(true);
    expect([unwatched, asked - unwatched]).toEqual([3, 20]);
  });
});
