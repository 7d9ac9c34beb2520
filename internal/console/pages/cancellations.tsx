// The cancellations of orders that need an operator. Their checkouts are COMPLETED, so no list of sagas has them.
import { plural } from "../../kernel/counted.ts";
import type { OpenCancellation } from "../../operations/cancellation-store.ts";
import { CommandLine, Empty } from "../parts/bits.tsx";
import { cancellationColumns } from "../parts/cancellation.tsx";
import { Page } from "../parts/layout.tsx";
import { DataTable, Exports } from "../parts/table.tsx";
import type { Frame } from "../visit.ts";

interface Props {
  readonly frame: Frame;
  readonly cancellations: readonly OpenCancellation[];
  /** Than these. */
  readonly hasMore: boolean;
}

export function Cancellations({ frame, cancellations, hasMore }: Props) {
  return (
    <Page frame={frame} title="Cancelled orders" current="sagas">
      <div class="page-head">
        <h1>Cancelled orders that need an operator</h1>
        <Exports here={frame.here} />
      </div>
      <div class="card">
        {cancellations.length === 0 ? (
          <Empty title="No cancellation of an order needs an operator" />
        ) : (
          <>
            <DataTable
              label="Cancellations of orders"
              columns={cancellationColumns(frame.now)}
              rows={cancellations}
              keyOf={({ saga_id }) => saga_id}
              hrefOf={({ saga_id }) => `/sagas/${saga_id}`}
            />
            <div class="table-foot small soft">
              <p>
                {plural(cancellations.length, "cancellation")}, oldest first
                {hasMore ? "; there are more" : ""}
              </p>
            </div>
          </>
        )}
      </div>
      <p class="small soft">
        Each goes on by itself as soon as a reply comes: look why the service that it waits for does not
        answer. On the command line: <CommandLine>checkoutctl saga ls --stuck 1s</CommandLine>
      </p>
    </Page>
  );
}
