// Who ordered with an e-mail, if it is not exactly one shopper. The e-mail itself is shown masked: it is in no address and in no history.
import { type FoundShopper, MAX_SHOPPERS } from "../../operations/shopper-store.ts";
import { Empty, IdLink } from "../parts/bits.tsx";
import { sagasOfShopper } from "../parts/find-shopper.tsx";
import { Page } from "../parts/layout.tsx";
import { type Column, DataTable } from "../parts/table.tsx";
import { When } from "../parts/when.tsx";
import type { Frame } from "../visit.ts";

interface Props {
  readonly frame: Frame;
  readonly masked: string;
  readonly found: readonly FoundShopper[];
}

const columnsAt = (now: number): readonly Column<FoundShopper>[] => [
  {
    name: "user_id",
    head: "Shopper",
    show: ({ user_id }) => <IdLink id={user_id} href={sagasOfShopper(user_id)} />,
    value: ({ user_id }) => user_id,
  },
  { name: "sagas", head: "Checkouts", isRight: true, value: ({ sagas }) => sagas },
  {
    name: "newest_at",
    head: "Last one",
    isRight: true,
    show: ({ newest_at }) => <When at={newest_at} show="ago" now={now} />,
    value: ({ newest_at }) => newest_at,
  },
];

export function Shoppers({ frame, masked, found }: Props) {
  const title = found.length === 0 ? "No checkout has this e-mail" : "Several shoppers have this e-mail";
  return (
    <Page frame={frame} title={title}>
      <div class="page-head">
        <h1>{title}</h1>
        <p class="mono">{masked}</p>
      </div>
      <div class="card">
        {found.length === 0 ? (
          <Empty title={title}>
            <p>
              It is compared as a whole, in any case of its letters. A shopper whose data was erased is no
              longer found by it. <a href="/sagas">Look by product and day</a>
            </p>
          </Empty>
        ) : (
          <DataTable
            label="Shoppers"
            columns={columnsAt(frame.now)}
            rows={found}
            keyOf={({ user_id }) => user_id}
            hrefOf={({ user_id }) => sagasOfShopper(user_id)}
          />
        )}
        {found.length < MAX_SHOPPERS ? null : (
          <p class="table-foot small soft">The {MAX_SHOPPERS} who ordered last; there may be more.</p>
        )}
      </div>
    </Page>
  );
}
