// What went wrong, in words, with the way out.
import { Notice } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import type { Problem } from "../problem.ts";
import type { Frame } from "../visit.ts";

interface Props {
  readonly frame: Frame;
  readonly problem: Problem;
  /** The page comes by itself when what it needs is back: for an address that can be asked for again. */
  readonly comesBack: boolean;
}

export function ProblemPage({ frame, problem, comesBack }: Props) {
  return (
    <Page frame={frame} title={problem.title} comesBack={comesBack}>
      <div class="page-head">
        <h1>{problem.title}</h1>
      </div>
      <Notice tone={problem.status >= 500 ? "bad" : "warn"}>
        <p>{problem.message}</p>
      </Notice>
      <p>
        <a href={frame.here}>Try again</a>, or go to the <a href="/">overview</a>.
      </p>
      {comesBack ? (
        <p class="soft" data-needs-js>
          The page comes by itself as soon as it can be shown.
        </p>
      ) : null}
    </Page>
  );
}
