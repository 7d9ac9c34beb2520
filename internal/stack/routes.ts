// Routes: a role can reach a server or another role through another port, where a proxy forwards everything. The chaos runs put a
// proxy into every link this way. Used by plan.ts.
import type { StackAddresses } from "./state.ts";

/** By role, then by the name of a server or role: the port on 127.0.0.1 at which the first reaches the second. */
export type Routes = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** The addresses for a role with these routes. Throws on a name without an address. */
export function routed(
  addresses: StackAddresses,
  routes: Readonly<Record<string, number>> = {},
): StackAddresses {
  const known = ["redis", "mail", "orchestrator", "inventory", "order", "payment", "paysim"];
  known.push(...Object.keys(addresses.postgres).map((name) => `postgres-${name}`));
  const unknown = Object.keys(routes).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Error(`no route can lead to ${unknown}; choose from ${known.join(", ")}`);
  const via = (name: string, address: string) => withPort(address, routes[name]);
  // Through a proxy a role reaches one server, whoever is the master.
  const { redis_sentinels: sentinels, ...others } = addresses;
  const followed =
    sentinels === undefined || routes["redis"] !== undefined ? {} : { redis_sentinels: sentinels };
  return {
    ...others,
    ...followed,
    postgres: Object.fromEntries(
      Object.entries(addresses.postgres).map(([name, url]) => [name, via(`postgres-${name}`, url)]),
    ),
    redis: via("redis", addresses.redis),
    smtp: via("mail", addresses.smtp),
    orchestrator: via("orchestrator", addresses.orchestrator),
    inventory: via("inventory", addresses.inventory),
    order: via("order", addresses.order),
    payment: via("payment", addresses.payment),
    paysim: via("paysim", addresses.paysim),
  };
}

/** Of several hosts, the first. */
function withPort(address: string, port: number | undefined): string {
  return port === undefined ? address : address.replace(/:\d+(?=[,/?]|$)/, `:${port}`);
}
