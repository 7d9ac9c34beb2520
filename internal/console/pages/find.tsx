// What a search by an id found, if it is not exactly one thing.
import type { Anything } from "../../operations/find-anything.ts";
import type { Hit } from "../../operations/find-anything-store.ts";
import type { WordsFound } from "../../operations/find-words.ts";
import { Empty, Notice } from "../parts/bits.tsx";
import { FindShopper, sagasOfShopper } from "../parts/find-shopper.tsx";
import { Page } from "../parts/layout.tsx";
import { type Column, DataTable } from "../parts/table.tsx";
import type { Frame } from "../visit.ts";

/** The page that shows it. */
export function hrefOf({ kind, id, saga_id }: Hit): string {
  switch (kind) {
    case "dead_letter":
      return `/dead-letters/${id}`;
    case "payment_alert":
      return `/payments/alerts?closed=1#${id}`;
    case "user":
      return sagasOfShopper(id);
    case "run":
      return `/runs/${id}`;
    case "product":
      return `/stock/${encodeURIComponent(id)}`;
    case "message":
      // Only a dead letter has no saga, and its message has the same id.
      return saga_id === null ? `/dead-letters/${id}` : `/sagas/${saga_id}#m-${id}`;
    default:
      return saga_id === null ? "/sagas" : `/sagas/${saga_id}`;
  }
}

const COLUMNS: readonly Column<Hit>[] = [
  {
    name: "kind",
    head: "Kind",
    show: (hit) => <a href={hrefOf(hit)}>{hit.kind.replaceAll("_", " ")}</a>,
    value: ({ kind }) => kind,
  },
  { name: "id", head: "Id", show: ({ id }) => <span class="mono">{id}</span>, value: ({ id }) => id },
  { name: "what", head: "What", value: ({ what }) => what },
];

interface Props {
  readonly frame: Frame;
  readonly text: string;
  readonly found: Anything;
  /** If nothing was found: which words name a product. Null: none does. */
  readonly words: WordsFound | null;
}

export function Found({ frame, text, found: { hits, missing }, words }: Props) {
  const title = hits.length === 0 ? "Nothing found" : "Found";
  return (
    <Page frame={frame} title={title} isStill>
      <div class="page-head">
        <h1>{hits.length > 1 ? `Found ${hits.length}` : title}</h1>
        <p class="mono">{text}</p>
      </div>
      {missing.length === 0 ? null : (
        <Notice tone="warn">
          <p>
            Not everything was looked at:{" "}
            {missing.map(({ database, reason }) => `${database} (${reason})`).join(", ")}.
          </p>
        </Notice>
      )}
      <div class="card">
        {hits.length === 0 ? (
          <Empty
            title={missing.length === 0 ? "Nothing has this id" : "Nothing that was looked at has this id"}
          >
            {words === null ? null : <Words text={text} words={words} />}
            <p>
              It may be the id of a saga, order, payment, refund, reservation, message, dead letter, run or
              shopper, an order number, an id of the payment provider, a SKU, or an Idempotency-Key.
            </p>
            <p>
              A short id is found as pages show it, beginning and end:{" "}
              <span class="mono">019ace50-3f2a…01a7</span>. Its end alone finds nothing.
            </p>
            <p>
              A shopper’s name, address and city are not searched. A shopper is found by the whole e-mail, and
              a checkout by its product’s name without other words. <a href="/sagas">The list of sagas</a>{" "}
              also finds it by its day.
            </p>
            <div class="buttons">
              <FindShopper frame={frame} />
            </div>
          </Empty>
        ) : (
          <DataTable
            label="Found"
            columns={COLUMNS}
            rows={hits}
            keyOf={({ kind, id, saga_id }) => `${kind}${id}${saga_id}`}
            hrefOf={hrefOf}
          />
        )}
      </div>
    </Page>
  );
}

/** Every link here leads to something. */
function Words({
  text,
  words: { matched, unmatched, products, has_more },
}: Pick<Props, "text"> & {
  readonly words: WordsFound;
}) {
  const quoted = (some: readonly string[]) => some.map((one) => `“${one}”`).join(", ");
  return (
    <>
      <p>
        Of “{text}”, {quoted(matched)} {matched.length === 1 ? "is" : "are"} in the name of a product.{" "}
        {unmatched.length === 0 ? null : `None of those has ${quoted(unmatched)} as well.`}
      </p>
      <ul>
        {products.map(({ sku_id, name, also_called, has_sagas }) => (
          <li key={sku_id}>
            <a href={`/stock/${encodeURIComponent(sku_id)}`}>{name}</a>
            {also_called === null ? "" : ` (${also_called})`}:{" "}
            {has_sagas ? (
              <a href={`/sagas?${new URLSearchParams({ sku: sku_id })}`}>its sagas</a>
            ) : (
              "no saga has it"
            )}
          </li>
        ))}
      </ul>
      {has_more ? <p class="small soft">More products have it.</p> : null}
    </>
  );
}
