// What went wrong, in words, with the way out.
import { Notice } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import type { Problem } from "../problem.ts";
import type { Frame } from "../visit.ts";

export function ProblemPage({ frame, problem }: { readonly frame: Frame; readonly problem: Problem }) {
  return (
    <Page frame={frame} title={problem.title}>
      <div class="page-head">
        <h1>{problem.title}</h1>
      </div>
      <Notice tone={problem.status >= 500 ? "bad" : "warn"}>
        <p>{problem.message}</p>
      </Notice>
      <p>
        <a href={frame.here}>Try again</a>, or go to the <a href="/">overview</a>.
      </p>
    </Page>
  );
}
