// `bun run api:fuzz [--cases N] [--seed N]`: fuzzes the public API. With GATEWAY and TOKEN in the environment it takes that gateway;
// otherwise it starts the API in this process, with servers of its own.
import { parseArgs } from "node:util";
import { Value } from "@sinclair/typebox/value";
import { CheckoutAccepted } from "../../../schemas/http.ts";
import { ProductPage } from "../../../schemas/shop.ts";
import { PublicApi } from "../../testkit/public-api.ts";
import { cart, SHOPPER, tokenOf } from "../../testkit/gateway.ts";
import { startTestServers } from "../../testkit/test-servers.ts";
import { fuzz, verdictOf } from "./fuzzer.ts";

const { values } = parseArgs({
  options: { cases: { type: "string", default: "1000" }, seed: { type: "string", default: "1" } },
});

const EXIT_INTERRUPTED = 130;
const cases = Number(values.cases);
if (!Number.isSafeInteger(cases) || cases < 1) {
  console.error(`--cases must be a whole number of at least 1, not ${values.cases}`);
  process.exit(2);
}
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());
const common = { cases, seed: Number(values.seed), output: "shown", signal: stop.signal } as const;
const { GATEWAY, TOKEN } = process.env;

try {
  const result =
    GATEWAY === undefined || TOKEN === undefined ? await fuzzOwn() : await fuzzOther(GATEWAY, TOKEN);
  stop.signal.throwIfAborted();
  const { isGood, text } = verdictOf(result, cases);
  console.log(text);
  process.exit(isGood ? 0 : 1);
} catch (error) {
  // Servers that end with the same signal make the rest fail in many ways.
  if (!stop.signal.aborted) throw error;
  console.error("interrupted: nothing was proved");
  process.exit(EXIT_INTERRUPTED);
}

async function fuzzOwn() {
  await using servers = await startTestServers("api-fuzz", stop.signal);
  Object.assign(process.env, servers.env);
  await using api = await PublicApi.open();
  const [token, sagaId] = [await tokenOf(SHOPPER), await api.orchestrator.start({ user_id: SHOPPER })];
  // Ended, so that its event stream ends.
  await api.orchestrator.complete(sagaId);
  const result = await fuzz({
    ...common,
    url: api.url,
    token,
    sagaId,
    orderId: await api.placeOrder(SHOPPER),
    sku: "sku-7",
  });
  // A server error is in the fuzzer's report, too; this has the cause.
  if (!stop.signal.aborted) for (const error of api.logged) console.error(error);
  return result;
}

/** Places one checkout there, so that a checkout exists. */
async function fuzzOther(url: string, token: string) {
  const page = Value.Parse(ProductPage, await (await fetch(`${url}/api/v1/products?limit=1`)).json());
  const sku = page.products[0]?.sku_id;
  if (sku === undefined)
    throw new Error("the catalogue is empty; `checkoutctl catalogue load --demo 20` fills it");
  const answer = await fetch(`${url}/api/v1/checkout`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "idempotency-key": crypto.randomUUID(),
    },
    body: JSON.stringify(cart({ items: [{ sku_id: sku, quantity: 1 }] })),
  });
  const { saga_id: sagaId } = Value.Parse(CheckoutAccepted, await answer.json());
  return fuzz({ ...common, url, token, sagaId, sku });
}
