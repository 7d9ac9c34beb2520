// The button that finds a shopper by e-mail, and the address of what it finds.
import { EMAIL_LENGTH } from "../../../schemas/fields.ts";
import type { Frame } from "../visit.ts";
import { Act } from "./act.tsx";

export function sagasOfShopper(userId: string): string {
  return `/sagas?user=${encodeURIComponent(userId)}`;
}

/** The e-mail goes into no address, so this is no filter. Also for a search that finds nothing. */
export function FindShopper({ frame }: { readonly frame: Frame }) {
  return (
    <Act
      frame={frame}
      id="find-shopper"
      action="/shoppers/find"
      label="Find a shopper by e-mail"
      confirm="Find"
      reasonHint="ticket, or: is on the phone"
      shows="page"
    >
      <div class="field">
        <label for="shopper-email">The whole e-mail address</label>
        <input
          id="shopper-email"
          name="email"
          type="email"
          required
          maxLength={EMAIL_LENGTH}
          autocomplete="off"
        />
      </div>
      <p class="small soft">Leads to the shopper’s checkouts. That you looked is kept in the audit trail.</p>
    </Act>
  );
}
