// What the page of one dead letter offers, by how it was handled.
import { expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import { chargePayment } from "../testkit/commands.ts";
import { consoleOptions, OPERATOR, sagaId, signedInAs } from "../testkit/console.ts";
import { deadLetterOf } from "../testkit/dead-letters.ts";
import { DeadLetterPage } from "./pages/dead-letter.tsx";

const FRAME = await signedInAs(OPERATOR, consoleOptions());

function offered(handling: string, isOpen: boolean, replays = 0): readonly (string | undefined)[] {
  const record = { ...deadLetterOf(chargePayment(sagaId(7)), { service: "payment" }), handling, replays };
  const verdict = { isGood: true, text: "may be sent again" };
  const shown = { record, body: "{}", isRevealed: false, isOpen, verdict, sagaStatus: null };
  const html = render(DeadLetterPage({ frame: FRAME, shown }));
  return [...html.matchAll(/data-opens="(plan-[^"]*)"/g)].map(([, id]) => id);
}

test("a dead letter whose replay has no known outcome is open, and may be planned again", () => {
  const both = ["plan-replay", "plan-discard"];
  expect(offered("open", true)).toEqual(both);
  expect(offered("replayed by ada, outcome not known", true, 2)).toEqual(both);
  expect(offered("replayed by ada: handled", false)).toEqual([]);
});
