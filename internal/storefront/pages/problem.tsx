// What a shopper sees when a page cannot be shown.
import { Page } from "../parts/layout.tsx";
import type { Frame } from "../visit.ts";

export type ProblemKind =
  "notFound" | "refused" | "tooLarge" | "tooMany" | "unavailable" | "signInUnknown" | "internal";

const CAN_RETRY: ReadonlySet<ProblemKind> = new Set(["tooMany", "unavailable", "signInUnknown"]);

export function ProblemPage({ frame, kind }: { readonly frame: Frame; readonly kind: ProblemKind }) {
  const { problem } = frame.words;
  const canRetry = CAN_RETRY.has(kind);
  return (
    <Page frame={frame} title={problem[kind]}>
      <div class="narrow">
        <h1>{problem[kind]}</h1>
        <p class="lead">{problem[`${kind}Text`]}</p>
        <p class="actions">
          {canRetry ? (
            <a class="button" href={frame.here}>
              {problem.retry}
            </a>
          ) : null}
          <a class={canRetry ? "button quiet" : "button"} href="/">
            {problem.home}
          </a>
        </p>
      </div>
    </Page>
  );
}
