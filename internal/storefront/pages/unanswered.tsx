// The checkout was sent and nobody answered: a page that holds the form and asks again. Shown by routes/checkout.tsx.
import { Page } from "../parts/layout.tsx";
import type { Frame } from "../visit.ts";
import { KEPT_FORM } from "./checkout.tsx";

/** The field of a form that was sent and not answered. The script adds it, too (client/shop.js). */
export const UNANSWERED = "unanswered";
/** What the buttons of language and theme add to the form. */
const CHOICES: ReadonlySet<string> = new Set(["language", "theme"]);

/** The same order again, by the same key. `note`: what else there is to say. */
export function Unanswered({
  frame,
  form,
  note,
}: {
  readonly frame: Frame;
  readonly form: URLSearchParams;
  readonly note?: string;
}) {
  const { words } = frame;
  return (
    <Page frame={frame} title={words.checkout.silent} keepsForm={KEPT_FORM}>
      <div class="narrow">
        <h1>{words.checkout.silent}</h1>
        <p class="lead">{words.checkout.silentText}</p>
        {note === undefined ? null : <p>{note}</p>}
        <form id={KEPT_FORM.id} method="post" action="/checkout">
          {[...form].map(([name, value]) =>
            name === UNANSWERED || CHOICES.has(name) ? null : (
              <input key={name} type="hidden" name={name} value={value} />
            ),
          )}
          <input type="hidden" name={UNANSWERED} value="1" />
          <button class="button">{words.checkout.ask}</button>
        </form>
      </div>
    </Page>
  );
}
