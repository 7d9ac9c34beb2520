// The command line of `npm run demo`. Called by demo.ts, and before the set-up by bootstrap.mjs: so it is plain JavaScript on node's builtins.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

/** demo-help.txt says both. */
const DEFAULT_ORDERS = 200;
const MAX_ORDERS = 100_000;

export const DEMO_HELP = readFileSync(new URL("demo-help.txt", import.meta.url), "utf8").trimEnd();

export function demoOptions(args) {
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
    return { kind: "wrong", why: error.message };
  }
  if (values.help) return { kind: "help" };
  const orders = Number(values.orders);
  if (!/^\d+$/.test(values.orders) || orders < 1 || orders > MAX_ORDERS)
    return { kind: "wrong", why: `--orders takes a whole number from 1 to ${MAX_ORDERS}` };
  return { kind: "run", orders, keep: values.keep };
}
