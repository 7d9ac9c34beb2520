// `bun run bench micro`: measures the pure pieces of work.ts with mitata. Needs no server.
import { bench, do_not_optimize, group, run } from "mitata";
import { parseOptions, wrong } from "../arguments.ts";
import { pieces, type Work } from "./work.ts";

const HELP = `Usage: bun run bench micro [WORD] [--json FILE]

Measures the pure code of a checkout, piece by piece; with WORD only the pieces with it in their name or group.

  --json FILE  writes mitata's results to FILE (times in nanoseconds)`;

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
  if (chosen.length === 0) return wrong("bench micro", `no name contains ${word}`);
  for (const name of new Set(chosen.map((piece) => piece.group)))
    group(name, () => {
      for (const piece of chosen) if (piece.group === name) bench(piece.name, timed(piece));
    });
  const { benchmarks } = await run();
  if (values.json !== undefined) await Bun.write(values.json, `${JSON.stringify(benchmarks, null, 1)}\n`);
  return 0;
}

/** Awaits only if needed, because an `await` would cost more than most pieces. */
function timed({ run: work }: Work): () => unknown {
  return work() instanceof Promise
    ? async () => do_not_optimize(await work())
    : () => do_not_optimize(work());
}
