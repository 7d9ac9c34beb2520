// One process of a baseline: `bun bench/baselines/main.ts ROLE --database URL ...`. Started, killed and restarted by
// `bun run bench solutions`.
import { parseArgs } from "node:util";
import { startOrchestrator } from "./dual-writes/orchestrator.ts";
import { startInventory, startOrder, startPayment } from "./dual-writes/services.ts";
import { type Running, startMonolith } from "./monolith.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    database: { type: "string", default: "" },
    port: { type: "string", default: "0" },
    provider: { type: "string", default: "" },
    brokers: { type: "string", default: "" },
    prefix: { type: "string", default: "dual-writes" },
    /** Charges without the checkout's idempotency key. */
    "no-provider-keys": { type: "boolean", default: false },
  },
});
const { database, provider, brokers, prefix } = values;
const port = Number(values.port);
const withKeys = !values["no-provider-keys"];
const bus = { brokers, prefix };

const ROLES: Readonly<Record<string, () => Promise<Running>>> = {
  monolith: () => startMonolith({ port, database, provider, withKeys }),
  orchestrator: () => startOrchestrator({ port, database, bus }),
  inventory: () => startInventory({ database, bus }),
  payment: () => startPayment({ database, bus, provider, withKeys }),
  order: () => startOrder({ database, bus }),
};

const [name = ""] = positionals;
const start = Object.hasOwn(ROLES, name) ? ROLES[name] : undefined;
if (start === undefined) {
  console.error(`there is no role "${name}"; choose from ${Object.keys(ROLES).join(", ")}`);
  process.exit(2);
}
const running = await start();
console.log(`${name} is ready`);
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    void running[Symbol.asyncDispose]().then(() => process.exit(0));
  });
