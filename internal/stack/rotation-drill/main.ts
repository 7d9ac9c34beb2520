// `bun run rotation:drill`: exchanges every certificate, password, key and shared secret of a secure local stack while shoppers buy, as the pages
// of the runbook say, and audits the end. Needs the binaries and the set-up; the exchanges take about five minutes. Exit 0: no checkout was lost, no shopper
// got a 5xx, the audit is clean; 1: otherwise; 2: usage; 130: ended by Ctrl-C.
import { Command } from "@commander-js/extra-typings";
import { basename } from "node:path";
import { describeError } from "../../kernel/errors.ts";
import { buildAll, buildableRoles } from "../../tools/build.ts";
import { auditViolations } from "../audit-violations.ts";
import { sayElapsed } from "../say-elapsed.ts";
import { Arena } from "./arena.ts";
import type { Exchange, Exchanged } from "./exchange.ts";
import { EXCHANGES, NOT_DRILLED } from "./exchanges.ts";
import { reportOf } from "./report.ts";

const EXIT_INTERRUPTED = 130;
/** Shoppers buy for a while after each exchange, so that its effects are its own. */
const SETTLED_AFTER = 3;

const { only } = new Command("rotation:drill")
  .description("Exchanges every secret of a secure local stack while shoppers buy.")
  .option("--only <names>", `only these: ${EXCHANGES.map(({ name }) => name).join(",")}`)
  .parse()
  .opts();

const names = only?.split(",") ?? EXCHANGES.map(({ name }) => name);
const unknown = names.filter((name) => !EXCHANGES.some((one) => one.name === name));
if (unknown.length > 0) {
  console.error(`there is no exchange ${unknown.join(", ")}; see bun run rotation:drill --help`);
  process.exit(2);
}

await buildAll(buildableRoles(), ({ file, built }) => built && console.log(`built ${basename(file)}`));
const say = sayElapsed();
{
  await using arena = await Arena.open((step) => say(`  ${step}`));
  const interrupt = () => void arena[Symbol.asyncDispose]().finally(() => process.exit(EXIT_INTERRUPTED));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupt);
  say("the stack is up, and shoppers buy");
  const exchanged: Exchanged[] = [];
  for (const exchange of EXCHANGES.filter(({ name }) => names.includes(name)))
    exchanged.push(await exchangeOne(arena, exchange));
  await arena.shoppers.finish();
  say("nobody comes any more; auditing");
  const violations = await audit(arena).catch((error: unknown) => {
    say(`  FAILED: ${describeError(error)}`);
    return undefined;
  });
  const { bad, answers } = arena.balancer;
  const { text, passed } = reportOf(exchanged, { bought: arena.shoppers.all, bad, answers }, violations);
  console.log(`\n${text}`);
  if (only === undefined)
    for (const [name, reason] of Object.entries(NOT_DRILLED)) console.log(`not drilled: ${name}: ${reason}`);
  process.exitCode = passed ? 0 : 1;
}
// Sessions of exchanges that broke off would keep the process.
process.exit();

async function exchangeOne(arena: Arena, exchange: Exchange): Promise<Exchanged> {
  const from = Date.now();
  say(`${exchange.secret} (runbook: ${exchange.page})`);
  let fault: string | undefined;
  try {
    await exchange.run(arena);
    await arena.shoppers.untilMore(SETTLED_AFTER);
  } catch (error) {
    fault = describeError(error);
  }
  const steps = arena.takeSteps();
  if (fault !== undefined) say(`  FAILED: ${fault}`);
  return { exchange, from, until: Date.now(), steps, ...(fault === undefined ? {} : { fault }) };
}

/** As the auditor, with the journal of the shoppers. */
async function audit({ system, auditor, journal }: Arena): Promise<readonly string[]> {
  const args = ["audit", "--expect-idle", "--json", "--journal", journal];
  const { code, stdout, stderr } = await system.checkoutctlWith(auditor, args);
  if (stdout === "") throw new Error(`the audit exited with ${code}: ${stderr}`);
  return auditViolations(stdout);
}
