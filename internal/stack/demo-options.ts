// The command line of `npm run demo`. Called by demo.ts.
import { parseArgs } from "node:util";

const DEFAULT_ORDERS = 200;
const MAX_ORDERS = 100_000;

export const DEMO_HELP = `Usage: npm run demo -- [options]

Starts the whole stack, places checkouts through the public API, waits until each has ended, runs the audit, and stops everything.

  --orders N   number of checkouts, 1 to ${MAX_ORDERS} (${DEFAULT_ORDERS})
  --keep       leaves the stack running, with the shop; \`npm run stack down\` stops it

npm hands options on only after \`--\`. Exits 0 if every checkout ended and the audit is clean, otherwise 1; 2 on wrong arguments.`;

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
