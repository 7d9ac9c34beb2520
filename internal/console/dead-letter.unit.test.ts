// What the page of one dead letter offers and says, by how it was handled.
import { expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import type { Handling } from "../operations/dead-letter-store.ts";
import { chargePayment } from "../testkit/commands.ts";
import { consoleOptions, NOW, OPERATOR, sagaId, signedInAs } from "../testkit/console.ts";
import { deadLetterOf } from "../testkit/dead-letters.ts";
import { DeadLetterPage } from "./pages/dead-letter.tsx";

const FRAME = await signedInAs(OPERATOR, consoleOptions());

function htmlOf(handling: string, isOpen: boolean, replays = 0, handled?: Handling): string {
  const record = { ...deadLetterOf(chargePayment(sagaId(7)), { service: "payment" }), handling, replays };
  const verdict = { isGood: true, text: "may be sent again" };
  const shown = { record, body: "{}", isRevealed: false, isOpen, handled, verdict, sagaStatus: null };
  return render(DeadLetterPage({ frame: FRAME, shown }));
}

function offered(handling: string, isOpen: boolean, replays = 0): readonly (string | undefined)[] {
  const html = htmlOf(handling, isOpen, replays);
  return [...html.matchAll(/data-opens="(plan-[^"]*)"/g)].map(([, id]) => id);
}

test("a dead letter whose replay has no known outcome is open, and may be planned again", () => {
  const both = ["plan-replay", "plan-discard"];
  expect(offered("open", true)).toEqual(both);
  expect(offered("replayed by ada, outcome not known", true, 2)).toEqual(both);
  expect(offered("replayed by ada: handled", false)).toEqual([]);
  expect(htmlOf("replayed by ada: handled", false)).toContain(">it was handled already<");
});

test("says who replayed or discarded it, when, in which run, and what came of it", () => {
  const replay: Handling = {
    dead_letter_id: sagaId(3),
    action_id: sagaId(4),
    run_id: sagaId(50),
    action: "dead-letter.replay",
    actor: "demo",
    reason: "the mail server is back",
    outcome: "published",
    detail: null,
    at: NOW,
  };
  const shown = (changes: Partial<Handling>, isOpen = false) => {
    const html = htmlOf("handled", isOpen, 0, { ...replay, ...changes });
    expect(html).toContain(`href="/runs/${sagaId(50)}"`);
    const [, handling = ""] = /<dt>Handling<\/dt><dd>(.*?)<\/dd>/.exec(html) ?? [];
    return [handling.replaceAll(/<[^>]*>/g, ""), html.includes("A replay now")];
  };
  const replayed = "Replayed by demo at 2026-11-29 12:04:05 by run 019ace50-0000…0050";
  expect(shown({})).toEqual([`${replayed}: the mail service took it.`, false]);
  expect(shown({ outcome: "handled" })).toEqual([`${replayed}: its service handled it.`, false]);
  // Nobody has seen how it ended, so it is open.
  expect(shown({ outcome: null }, true)).toEqual([`${replayed}: its outcome is not known.`, true]);
  expect(shown({ action: "dead-letter.discard", outcome: "discarded" })).toEqual([
    "Discarded by demo at 2026-11-29 12:04:05 by run 019ace50-0000…0050: the mail server is back.",
    false,
  ]);
});
