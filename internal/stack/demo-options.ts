// The command line of `npm run demo`. Called by demo.ts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** demo-help.txt says both. */
const DEFAULT_ORDERS = 200;
const MAX_ORDERS = 100_000;

/** Also read by bootstrap.mjs, which answers `--help` before it sets anything up. */
export const DEMO_HELP = readFileSync(join(import.meta.dirname, "demo-help.txt"), "utf8").trimEnd();

export type DemoOptions =
  | { readonly kind: "run"; readonly orders: number; readonly keep: boolean }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly why: string };

/** Takes the arguments without the program. */
export function demoOptions(args: readonly string[]): DemoOptions {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        orders: { type: "string", default: String(DEFAULT_ORDERS) },
        keep: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }));
  } catch (error) {
    return { kind: "wrong", why: error instanceof Error ? error.message : String(error) };
  }
  if (values.help) return { kind: "help" };
  const orders = Number(values.orders);
  if (!/^\d+$/.test(values.orders) || orders < 1 || orders > MAX_ORDERS)
    return { kind: "wrong", why: `--orders takes a whole number from 1 to ${MAX_ORDERS}` };
  return { kind: "run", orders, keep: values.keep };
}
