// What a search by an id found, if it is not exactly one thing.
import { Empty } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import type { Frame } from "../visit.ts";

export function NothingFound({ frame, text }: { readonly frame: Frame; readonly text: string }) {
  return (
    <Page frame={frame} title="Nothing found">
      <div class="page-head">
        <h1>Nothing found</h1>
      </div>
      <div class="card">
        <Empty title="No saga and no order has this id">
          <p class="mono">{text}</p>
        </Empty>
      </div>
    </Page>
  );
}
