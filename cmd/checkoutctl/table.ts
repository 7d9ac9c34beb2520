// The one style of tables of checkoutctl.
import Table from "cli-table3";

const NO_BORDERS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Left-aligned columns without borders, so that `cut` and `grep` work on the output. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const plain = { head: [], border: [], "padding-left": 0, "padding-right": 0 };
  const printed = new Table({ head: [...head], style: plain, chars: NO_BORDERS });
  printed.push(...rows.map((row) => row.map((cell) => (cell === null ? "-" : String(cell)))));
  return printed
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
