// Sign-in with an operator token, or at the company's identity provider.
import { Notice } from "../parts/bits.tsx";
import { CommandLine } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import type { Frame } from "../visit.ts";

interface Props {
  readonly frame: Frame;
  readonly back: string;
  /** People also sign in at the company's identity provider. */
  readonly hasProvider: boolean;
  /** What happened before, such as a refused token. */
  readonly note: { readonly tone: "info" | "bad"; readonly text: string } | null;
}

export function SignIn({ frame, back, note, hasProvider }: Props) {
  return (
    <Page frame={{ ...frame, here: "/sign-in" }} title="Sign in">
      <div class="narrow">
        <div class="page-head">
          <h1>Sign in</h1>
        </div>
        {note === null ? null : (
          <Notice tone={note.tone}>
            <p id="note">{note.text}</p>
          </Notice>
        )}
        {hasProvider ? (
          <p>
            <a class="button" href={`/sign-in/oidc?back=${encodeURIComponent(back)}`}>
              Sign in with your company account
            </a>
          </p>
        ) : null}
        <form class="card" method="post" action="/sign-in">
          <input type="hidden" name="back" value={back} />
          <div class="field">
            <label for="token">Operator token</label>
            <input
              id="token"
              name="token"
              type="password"
              autocomplete="off"
              spellcheck={false}
              required
              maxLength={4_000}
              {...(note?.tone === "bad" ? { "aria-invalid": "true", "aria-describedby": "note" } : {})}
            />
          </div>
          <div class="buttons">
            <button class="button">Sign in</button>
          </div>
        </form>
        <p class="soft small">
          A token is made with <CommandLine>checkoutctl token --operator NAME</CommandLine> by whoever holds
          the operators' key. What you do here is kept with the name in your token.
        </p>
      </div>
    </Page>
  );
}
