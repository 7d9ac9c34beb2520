// `bun run bench micro`: times the pure pieces of work.ts with mitata. No server is needed.
import { bench, do_not_optimize, group, run } from "mitata";
import { parseOptions, wrong } from "../arguments.ts";
import { pieces, type Work } from "./work.ts";

const HELP = `Usage: bun run bench micro [WORD] [--json FILE]

Times the pure code of a checkout, piece by piece; with WORD only the pieces whose name or group has it.

  --json FILE  writes mitata's results (times in nanoseconds)`;

export async function microCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions("bench micro", {
    args: [...args],
    allowPositionals: true,
    options: { json: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const [word = ""] = positionals;
  const all = await pieces();
  const chosen = all.filter((piece) => `${piece.group} ${piece.name}`.includes(word));
  if (chosen.length === 0) return wrong("bench micro", `no piece has ${word} in its name`);
  for (const name of new Set(chosen.map((piece) => piece.group)))
    group(name, () => {
      for (const piece of chosen) if (piece.group === name) bench(piece.name, timed(piece));
    });
  const { benchmarks } = await run();
  if (values.json !== undefined) await Bun.write(values.json, `${JSON.stringify(benchmarks, null, 1)}\n`);
  return 0;
}

/** Waiting for what needs no waiting would cost more than most pieces. */
function timed({ run: work }: Work): () => unknown {
  return work() instanceof Promise
    ? async () => do_not_optimize(await work())
    : () => do_not_optimize(work());
}
