// `bun run api:fuzz [--cases N] [--seed N]`: fuzzes the public API. With GATEWAY and TOKEN in the environment it takes that gateway;
// otherwise it starts the API in this process, with servers of its own.
import { parseArgs } from "node:util";
import { PublicApi } from "../../testkit/public-api.ts";
import { SHOPPER, tokenOf } from "../../testkit/gateway.ts";
import { startTestServers } from "../../testkit/test-servers.ts";
import { fuzz } from "./fuzzer.ts";

/** Systematic requests and sequences come on top of these. */
const OPERATIONS = 9;

const { values } = parseArgs({
  options: { cases: { type: "string", default: "1000" }, seed: { type: "string", default: "1" } },
});
const examples = Math.ceil(Number(values.cases) / OPERATIONS);
const seed = Number(values.seed);
const { GATEWAY, TOKEN } = process.env;

const { found } =
  GATEWAY === undefined || TOKEN === undefined
    ? await fuzzOwn()
    : await fuzz({ url: GATEWAY, token: TOKEN, ...common() });
process.exit(found ? 1 : 0);

function common() {
  return { examples, seed, output: "shown" as const };
}

async function fuzzOwn() {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
  await using servers = await startTestServers("api-fuzz", stop.signal);
  Object.assign(process.env, servers.env);
  await using api = await PublicApi.open();
  const result = await fuzz({
    url: api.url,
    token: await tokenOf(SHOPPER),
    ...common(),
    without: PublicApi.missing,
  });
  // A server error is in its report, too; this has the cause.
  for (const error of api.logged) console.error(error);
  return result;
}
