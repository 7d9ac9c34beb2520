// What a page that stays open says while the server that it needs does not answer: since when it shows the past. Sent by live.ts, and gone
// with the next answer.
import { Notice, Unknown } from "./bits.tsx";

/** The element that every live page has for it. */
export const STALE_ID = "stale";

export function Stale({ unknownSince, reason }: { readonly unknownSince: number; readonly reason: string }) {
  return (
    <Notice tone="bad">
      <p>
        <Unknown reading={{ value: null, at: null, unknownSince, reason }} />: what follows is from before.{" "}
        {reason}
      </p>
    </Notice>
  );
}
