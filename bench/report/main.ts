// `bun run bench report FILE...`: one self-contained HTML file with every run of the files; it needs no network.
import { join } from "node:path";
import { parseOptions, wrong } from "../arguments.ts";
import { readRuns, type RunRecord } from "../record.ts";
import { html, Markup } from "./markup.ts";
import { runSection } from "./sections.ts";

const DEFAULT_OUTPUT = "bench-report.html";

const HELP = `Usage: bun run bench report FILE... [--output FILE]

  FILE           run files from --json or .bench/
  --output FILE  the report (${DEFAULT_OUTPUT}): one HTML file for any browser, without network`;

export async function reportCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions("bench report", {
    args: [...args],
    allowPositionals: true,
    options: {
      output: { type: "string", default: DEFAULT_OUTPUT },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  if (positionals.length === 0) return wrong("bench report", "give at least one run file");
  try {
    await Bun.write(values.output, await reportOf(positionals.flatMap(readRuns)));
    console.log(values.output);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

/** The whole page. */
export async function reportOf(runs: readonly RunRecord[]): Promise<string> {
  const [style, script] = await Promise.all(
    ["style.css", "script.js"].map(
      async (file) => new Markup(await Bun.file(join(import.meta.dir, file)).text()),
    ),
  );
  const idOf = (index: number) => `run-${index + 1}`;
  const title = `Checkout saga: ${[...new Set(runs.map(({ scenario }) => scenario))].join(", ")}`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${style ?? null}
        </style>
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${runs.length < 2 ? null : html`<nav>${runs.map(({ scenario, commit }, index) => html`<a href="#${idOf(index)}">${scenario} <small>${commit}</small></a>`)}</nav>`}
          ${runs.map((run, index) => runSection(run, idOf(index)))}
        </main>
        <script>
          ${script ?? null};
        </script>
      </body>
    </html> `;
  return page.text;
}
