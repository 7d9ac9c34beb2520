// `/signin`: the shop's identity provider signs the shopper in and sends a token; this page takes it.
import { Notice, Page } from "../parts/layout.tsx";
import type { Frame } from "../visit.ts";

interface Props {
  readonly frame: Frame;
  /** A token that was given in the address and is valid: to be confirmed. */
  readonly token: string | null;
  readonly back: string;
  readonly note?: string | undefined;
  readonly providerUrl: string | null;
}

export function SignIn({ frame, token, back, note, providerUrl }: Props) {
  const { words } = frame;
  return (
    <Page frame={frame} title={words.signIn.title}>
      <div class="narrow">
        <h1>{words.signIn.title}</h1>
        {note === undefined ? null : (
          <Notice>
            <p>{note}</p>
          </Notice>
        )}
        {token === null ? (
          <>
            <p class="lead">{words.signIn.lead}</p>
            {providerUrl === null ? null : (
              <p>
                <a class="button" href={providerUrl}>
                  {words.signIn.provider}
                </a>
              </p>
            )}
            {providerUrl === null ? <TokenForm frame={frame} back={back} /> : null}
          </>
        ) : (
          <form method="post" action="/signin">
            <p class="lead">{words.signIn.confirm}</p>
            <input type="hidden" name="token" value={token} />
            <input type="hidden" name="back" value={back} />
            <button class="button">{words.signIn.proceed}</button>
          </form>
        )}
      </div>
    </Page>
  );
}

function TokenForm({ frame, back }: { readonly frame: Frame; readonly back: string }) {
  const { words } = frame;
  return (
    <form method="post" action="/signin" class="fields">
      <div class="field">
        <label for="f-token">{words.signIn.token}</label>
        <p class="hint" id="h-token">
          {words.signIn.tokenHint}
        </p>
        <input
          id="f-token"
          name="token"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          required
          aria-describedby="h-token"
        />
      </div>
      <input type="hidden" name="back" value={back} />
      <button class="button">{words.signIn.submit}</button>
    </form>
  );
}
