// The list of dead letters: what its plans would take, and what its rows say.
import { expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import type { DeadLetterFilter } from "../operations/dead-letters.ts";
import { chargePayment } from "../testkit/commands.ts";
import { consoleOptions, OPERATOR, sagaId, signedInAs } from "../testkit/console.ts";
import { deadLetterOf } from "../testkit/dead-letters.ts";
import { Act } from "./parts/act.tsx";
import { DeadLettersPage } from "./pages/dead-letters.tsx";

const LONG = "the mail server said 550 no such mailbox here, and it said so for as long as anybody asked";
const CAUSES = ["a", "b", "c", "d", "e", "f", "g"].map((type, index) => ({
  service: "notification",
  type,
  error_code: "MAIL_REFUSED",
  fingerprint: LONG,
  count: 70 - 10 * index,
  oldest: "2026-11-29T12:00:00.000Z",
  newest: "2026-11-29T12:04:00.000Z",
}));

async function htmlOf(filter: DeadLetterFilter = {}, all = false): Promise<string> {
  const frame = await signedInAs(OPERATOR, consoleOptions());
  const record = { ...deadLetterOf(chargePayment(sagaId(1)), { service: "payment" }), error_message: LONG };
  const entries = [{ ...record, handling: "open", replays: 0 }];
  const found = { matched: 280, total: 280, unreadable: 0, causes: CAUSES, entries };
  return render(DeadLettersPage({ frame, found, filter, all, more: null }));
}

/** The dialog that makes a plan, as text. */
async function dialogOf(filter: DeadLetterFilter = {}): Promise<string> {
  const [dialog = ""] = /<dialog id="plan-replay".*?<\/dialog>/s.exec(await htmlOf(filter)) ?? [];
  return dialog.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
}

test("a plan names its causes with their counts before it is made, and says if no filter narrows it", async () => {
  const text = await dialogOf();
  expect(text).toContain("No filter is set, so it takes all 7 causes.");
  expect(text).toContain("70 × a of notification, MAIL_REFUSED: the mail server said 550");
  // The sixth and the seventh.
  expect(text).toContain("30 of other causes");
  expect(await dialogOf({ type: "a" })).not.toContain("No filter is set");
});

test("an error is clipped in the list, and whole in its title", async () => {
  const html = await htmlOf();
  expect(html).toContain(`title="${LONG}"`);
  // Besides that only in the list of causes.
  expect(html.split(LONG).length).toBe(1 + 1 + CAUSES.length);
});

test("what bars both plans is shown once", async () => {
  const html = await htmlOf({}, true);
  // Both buttons are described by it; the second text is for screen readers only.
  expect(html.match(/class="why small soft is-of-all"/g)).toHaveLength(2);
  expect(html.match(/class="why small soft"/g)).toBeNull();
});

test("a reason is marked as required, with its length where that is more", async () => {
  const frame = await signedInAs(OPERATOR, consoleOptions());
  const html = render(
    Act({ frame, id: "a", action: "/a", label: "A", confirm: "A", minReason: 10, children: null }),
  ).replaceAll(/<[^>]*>/g, "");
  expect(html).toContain("Why? Required, at least 10 characters; it goes into the audit trail.");
});
