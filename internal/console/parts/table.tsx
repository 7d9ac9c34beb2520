// A table once, as HTML, CSV and JSON: each column says how a cell looks and what it is. On a narrow screen its rows become cards.
import type { ComponentChildren, VNode } from "preact";

export interface Column<Row> {
  /** Unique; also the name in CSV. */
  readonly name: string;
  readonly head: string;
  /** For people. Default: `value`. */
  readonly show?: (row: Row) => ComponentChildren;
  /** For programs. */
  readonly value: (row: Row) => string | number | boolean | null;
  readonly isRight?: boolean;
}

interface TableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** The page behind a row: `j`, `k` and Enter go through these. Its link must be in the row as well. */
  readonly hrefOf?: (row: Row) => string;
}

/** As many columns as this, with ids and times in them, have no room on a tablet. */
const MANY_COLUMNS = 7;

export function DataTable<Row>({ label, columns, rows, keyOf, hrefOf }: TableProps<Row>): VNode {
  return (
    <table
      class={columns.length < MANY_COLUMNS ? "stacks" : "stacks is-wide"}
      role="table"
      aria-label={label}
      {...(hrefOf === undefined ? {} : { "data-rows": "" })}
    >
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ name, head, isRight }) => (
            <th key={name} scope="col" role="columnheader" class={isRight === true ? "right" : undefined}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr role="row" key={keyOf(row)} {...(hrefOf === undefined ? {} : { "data-href": hrefOf(row) })}>
            {columns.map(({ name, head, value, show = value, isRight }) => (
              <td key={name} role="cell" data-head={head} class={isRight === true ? "right" : undefined}>
                {show(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** That a file does not have all rows, as its last row says. Whoever reads it cannot take it for the whole. */
export interface Cut {
  /** A sentence. */
  readonly why: string;
  /** The address of the file that goes on; null if only a filter helps. */
  readonly next: string | null;
}

/** RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe in front: ids and reasons come from outside. */
export function csvOf<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  cut: Cut | null = null,
): string {
  const lines = [
    columns.map(({ name }) => name),
    ...rows.map((row) => columns.map(({ value }) => cellText(value(row)))),
    // As wide as the others, as readers of CSV demand it.
    ...(cut === null ? [] : [columns.map((_, index) => (index === 0 ? cutText(cut) : ""))]),
  ];
  return lines.map((cells) => `${cells.map(quoted).join(",")}\r\n`).join("");
}

function cutText({ why, next }: Cut): string {
  return `# cut: ${why}${next === null ? "" : ` Go on at ${next}`}`;
}

function cellText(value: string | number | boolean | null): string {
  if (typeof value !== "string") return value === null ? "" : String(value);
  return /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function jsonOf<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  cut: Cut | null = null,
): readonly object[] {
  const list = rows.map((row) => Object.fromEntries(columns.map(({ name, value }) => [name, value(row)])));
  return cut === null ? list : [...list, { cut: cut.why, next: cut.next }];
}

/** Links to the same table, with the same filter, for programs. */
export function Exports({ here }: { readonly here: string }) {
  const as = (format: string) => {
    const [path = "", query = ""] = here.split("?");
    const fields = new URLSearchParams(query);
    fields.set("as", format);
    return `${path}?${fields}`;
  };
  return (
    <p class="small">
      <a href={as("csv")} download>
        CSV
      </a>{" "}
      <a href={as("json")} download>
        JSON
      </a>
    </p>
  );
}
