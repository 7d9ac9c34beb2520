// Tables of the generated documents (references.ts, failure-codes.ts), and the anchors of a page that links lead to (tests).

/** A Markdown table, padded like the formatter pads it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", String.raw`\|`)));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)));
  lines.splice(
    1,
    0,
    widths.map((width) => "-".repeat(width)),
  );
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

/** A word of code. */
export function code(text: string): string {
  return `\`${text}\``;
}

/** The anchors that GitHub gives the headings of a page, without `#`. */
export function anchorsOf(page: string): ReadonlySet<string> {
  return new Set(
    Array.from(page.matchAll(/^#+ (.*)$/gm), ([, title = ""]) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    ),
  );
}
