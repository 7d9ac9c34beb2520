// A page that leads to itself, or on after a sign-in elsewhere. Browsers send the session cookie only when a page of this console leads
// somewhere, so a link from elsewhere needs this one step; nothing is shown or done before it.
import { Page } from "../parts/layout.tsx";
import type { Frame } from "../visit.ts";

export function Bounce({ frame, to }: { readonly frame: Frame; readonly to?: string }) {
  const next = to ?? `${frame.here}${frame.here.includes("?") ? "&" : "?"}again=1`;
  return (
    <Page frame={frame} title="One moment">
      <meta http-equiv="refresh" content={`0; url=${next}`} />
      <h1>One moment</h1>
      <p>
        <a href={next}>Go on</a>
      </p>
    </Page>
  );
}
