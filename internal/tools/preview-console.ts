// `bun internal/tools/preview-console.ts [port]`: the console's pages with made-up content, to look at them without a stack. The real ones are
// on `bun run stack up`.
import { Elysia } from "elysia";
import { ERASED } from "../../schemas/fields.ts";
import { assetResponse } from "../console/assets.ts";
import { Audit } from "../console/pages/audit.tsx";
import { Me } from "../console/pages/me.tsx";
import { Overview } from "../console/pages/overview.tsx";
import { SagaPage } from "../console/pages/saga.tsx";
import { Sagas } from "../console/pages/sagas.tsx";
import { Shoppers } from "../console/pages/shoppers.tsx";
import { SignIn } from "../console/pages/sign-in.tsx";
import { foldedLines } from "../console/parts/audit-fold.ts";
import { page } from "../console/respond.ts";
import type { SignedIn, Theme } from "../console/visit.ts";
import { maskedShopper } from "../operations/shopper-mask.ts";
import type { FoundSaga } from "../operations/saga-search-store.ts";
import { MORE_PREVIEWS } from "../testkit/console-previews.ts";
import { serveHttp } from "../platform/serve-http.ts";
import {
  consoleOptions,
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
  VIEWER,
} from "../testkit/console.ts";

const STUCK = sagaOf(3, {
  status: "COMPENSATING",
  compensation_step: "charge",
  needs_operator: true,
  failure_code: "DEADLINE_EXCEEDED",
});
const SAGAS: readonly FoundSaga[] = [
  sagaOf(1),
  sagaOf(2, { status: "COMPLETED", completed_at: NOW - 1_000, order_id: sagaId(9), current_step: "order" }),
  STUCK,
  sagaOf(4, { status: "COMPENSATED", failure_code: "INSUFFICIENT_FUNDS", completed_at: NOW - 2_000 }),
].map((saga, index) => ({ ...saga, updated_at: NOW - 900, resend_count: index === 2 ? 4 : 0, items: [] }));
const ADA = {
  saga_id: sagaId(7),
  name: "Ada Lovelace",
  email: "ada@example.com",
  city: "London",
  address: "12 Secret Street, London, GB",
};
/** As operators see them. */
const SHOPPERS = new Map(
  SAGAS.map(({ saga_id }, index) => {
    const shown = [
      ["Ada Lovelace", "ada@example.com", "London"],
      [
        "Björn <script>alert(1)</script>",
        "bjorn@a-rather-long-name-of-a-company.example",
        "Llanfairpwllgwyngyll",
      ],
      [ERASED.line, ERASED.email, ""],
    ][index % 3];
    const [name = "", email = "", city = ""] = shown ?? [];
    return [saga_id, maskedShopper({ saga_id, name, email, city })] as const;
  }),
);
const searched = (sagas: readonly FoundSaga[]) => ({
  given: new URLSearchParams(),
  query: {},
  faults: [],
  older: sagas.length === 0 ? null : "/sagas?after=x",
  shoppers: null,
  found: {
    sagas,
    next: null,
    total: { count: sagas.length, at_least: sagas.length > 0 },
    searched_to: null,
    missing: [],
    products: null,
  },
});
const ofProduct = (too_many: boolean) => {
  const { found, ...shown } = searched(SAGAS.slice(0, too_many ? 0 : 2));
  const products = {
    found: [
      { sku_id: "kettle-1", name: "Wasserkocher", also_called: "Kettle" },
      { sku_id: "kettle-2", name: "Kettle <script>alert(1)</script>", also_called: null },
    ],
    too_many,
  };
  return { ...shown, query: { product: "kettle" }, found: { ...found, products } };
};
const audit = (number: number, action: string, outcome: string, detail: string | null = null) => ({
  action_id: sagaOf(number).saga_id,
  run_id: sagaOf(number).saga_id,
  action,
  subject: sagaOf(number).saga_id,
  saga_id: sagaOf(number).saga_id,
  order_id: null,
  actor: "ada",
  reason: "ticket 4711: shopper asked twice",
  outcome,
  detail,
  ended: null,
  ended_at: null,
  is_cancellation: false,
  address: number % 2 === 0 ? "192.0.2.7" : null,
  parameters: null,
  at: NOW - number * 60_000,
});
const AUDITED = [
  {
    ...audit(1, "order.cancel", "cancelling", `cancellation ${sagaId(95)}`),
    order_id: sagaId(96),
    is_cancellation: true,
    ended: "cancelled" as const,
    ended_at: NOW - 50_000,
  },
  { ...audit(1, "console.act", "asked"), action_id: sagaId(97), parameters: { act: "order.cancel" } },
  audit(2, "saga.reveal", "revealed"),
  ...[11, 12, 13].map((number) => ({
    ...audit(number, "dead-letter.replay", "handled"),
    run_id: sagaId(91),
  })),
  {
    ...audit(
      14,
      "run.end",
      "halted",
      "1 of 8 failed again, more than 10 %; 7 sent, 1 failed, 0 refused, 0 skipped, 292 left",
    ),
    saga_id: null,
  },
  audit(4, "console.refused", "refused", "vic has the role viewer; this needs the role operator"),
];
const NO_FILTER = { actor: null, action: null, ids: null, outcome: null, since: null, until: null };

const sagaPage = (frame: SignedIn, parts: Partial<Parameters<typeof SagaPage>[0]> = {}) =>
  SagaPage({
    frame,
    story: storyOf(),
    mails: MAILS,
    topics: snapshotOf().topics,
    roles: snapshotOf().roles,
    deadLetters: snapshotOf().deadLetters,
    cancellation: null,
    cancelled: null,
    show: "all",
    now: NOW,
    isRevealed: false,
    traceUrl: null,
    shopper: frame.actor.role === "operator" ? maskedShopper(ADA) : null,
    ...parts,
  });

/** By path. */
export const PREVIEWS: Readonly<Record<string, (visit: SignedIn) => ReturnType<typeof Me>>> = {
  "/": (frame) => Overview({ frame, snapshot: snapshotOf() }),
  "/quiet": (frame) => Overview({ frame, snapshot: quietSnapshot() }),
  "/sagas": (frame) =>
    Sagas({ frame, ...searched(SAGAS), shoppers: frame.actor.role === "operator" ? SHOPPERS : null }),
  "/shoppers": (frame) =>
    Shoppers({
      frame,
      masked: "a•••@example.com",
      found: [1, 2].map((number) => ({
        user_id: sagaId(number),
        sagas: number,
        newest_at: NOW - 60_000 * number,
      })),
    }),
  "/no-shoppers": (frame) => Shoppers({ frame, masked: "a•••@example.com", found: [] }),
  "/no-sagas": (frame) => Sagas({ frame, ...searched([]) }),
  "/sagas-of-product": (frame) => Sagas({ frame, ...ofProduct(false) }),
  "/sagas-of-products": (frame) => Sagas({ frame, ...ofProduct(true) }),
  "/saga": (frame) => sagaPage(frame),
  "/revealed-saga": (frame) => sagaPage(frame, { isRevealed: true, shopper: ADA }),
  "/open-saga": (frame) =>
    sagaPage(frame, {
      story: storyOf({ saga: sagaOf(7), missing: [{ database: "order", reason: "connect ECONNREFUSED" }] }),
      mails: { ...MAILS, missing: { database: "notification", reason: "connect ECONNREFUSED" } },
    }),
  "/cancelled-saga": (frame) =>
    sagaPage(frame, {
      story: storyOf({ saga: sagaOf(7, { status: "COMPLETED", completed_at: NOW, order_id: sagaId(96) }) }),
      cancelled: {
        what: "order",
        actor: "sofia",
        reason: "ticket 4711: shopper asked twice",
        at: NOW - 60_000,
        state: "cancelled",
        ended_at: NOW - 50_000,
        order_status: null,
      },
    }),
  "/wrong-audit": (frame) =>
    Audit({
      frame,
      lines: [],
      filter: NO_FILTER,
      given: new URLSearchParams({ since: "soon" }),
      faults: { since: "From (UTC) must be a time such as 2026-11-23 12:00." },
      older: null,
    }),
  "/stuck-saga": (frame) =>
    sagaPage(frame, {
      story: storyOf({ saga: STUCK }),
      roles: [{ name: "payment", reading: unknown("connect ECONNREFUSED") }],
    }),
  "/audit": (frame) =>
    Audit({
      frame,
      lines: foldedLines(AUDITED, null),
      filter: NO_FILTER,
      given: new URLSearchParams(),
      older: "/audit?after=1",
    }),
  ...MORE_PREVIEWS,
  "/me": (visit) => Me({ visit }),
  "/sign-in": (frame) =>
    SignIn({
      frame: { ...frame, actor: null },
      back: "/",
      note: { tone: "bad", of: "token", text: "This token is not valid, or has expired." },
    }),
};

/** How a page of the preview is shown to `actor`. */
export function previewOf(path: string, signedIn: SignedIn) {
  const preview = PREVIEWS[path];
  if (preview === undefined) throw new Error(`there is no preview ${path}`);
  return preview(signedIn);
}

if (import.meta.main) {
  const options = consoleOptions();
  const app = new Elysia().get("/assets/:name", ({ params, request }) =>
    assetResponse(`/assets/${params.name}`, request),
  );
  for (const [path, preview] of Object.entries(PREVIEWS))
    app.get(path, async ({ request }) => {
      const { searchParams } = new URL(request.url);
      const actor = searchParams.has("viewer") ? VIEWER : OPERATOR;
      const theme: Theme = searchParams.get("theme") === "dark" ? "dark" : "light";
      const signedIn = { ...(await signedInAs(actor, options, request)), theme };
      return page(signedIn, preview(signedIn));
    });
  const server = serveHttp(app, { hostname: "127.0.0.1", port: Number(Bun.argv[2] ?? 4_781) });
  for (const path of Object.keys(PREVIEWS)) console.log(`http://localhost:${server.port}${path}`);
}
