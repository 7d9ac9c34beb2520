// Sign-in at the company's identity provider, if there is one, and with an operator token.
import { MAX_TOKEN_LENGTH } from "../limits.ts";
import { CommandLine, Notice } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import type { Visit } from "../visit.ts";

interface Props {
  readonly frame: Visit;
  readonly back: string;
  /** What happened before, such as a refused token. */
  readonly note: {
    readonly tone: "info" | "bad";
    readonly of: "token" | "oidc" | "session";
    readonly text: string;
  } | null;
}

export function SignIn({ frame, back, note }: Props) {
  const provider = frame.options.oidc?.provider.name;
  const isWrong = note?.tone === "bad" && note.of === "token";
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
        {provider === undefined ? null : (
          <section class="card" aria-label="Company account">
            <p class="buttons">
              <a class="button" href={`/sign-in/oidc?back=${encodeURIComponent(back)}`}>
                Sign in at {provider}
              </a>
            </p>
          </section>
        )}
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
              maxLength={MAX_TOKEN_LENGTH}
              autofocus={provider === undefined || isWrong}
              {...(isWrong ? { "aria-invalid": "true", "aria-describedby": "note" } : {})}
            />
          </div>
          <div class="buttons">
            <button class={provider === undefined ? "button" : "button quiet"}>Sign in with the token</button>
          </div>
        </form>
        <p class="soft small">
          A token is made with <CommandLine>checkoutctl token --operator NAME</CommandLine> by whoever holds
          the operators' key. What you do here is kept with the name in your token or account.
        </p>
      </div>
    </Page>
  );
}
