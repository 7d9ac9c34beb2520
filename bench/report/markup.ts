// HTML and SVG as tagged templates: inserted values are escaped unless they are markup.

export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Markup | string | number | null | readonly Part[];

export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(texts.map((text, index) => text + textOf(parts[index] ?? null)).join(""));
}

function textOf(part: Part): string {
  if (part === null) return "";
  if (part instanceof Markup) return part.text;
  if (typeof part === "string" || typeof part === "number") return Bun.escapeHTML(String(part));
  return part.map(textOf).join("");
}

/** Formats a number for people: three significant digits, with thousands separators. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString("en-US");
  if (size >= 10) return value.toFixed(1);
  return size >= 1 || size === 0 ? value.toFixed(size === 0 ? 0 : 2) : value.toPrecision(2);
}

/** Milliseconds, or seconds from 1 s on. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "-";
  return ms >= 1_000 ? `${figure(ms / 1_000)} s` : `${figure(ms)} ms`;
}
