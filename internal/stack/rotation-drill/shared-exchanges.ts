// Secrets that two sides share: with the payment provider, between gateway and notification, and of the console with itself.
import { operatorToken } from "../operator-token.ts";
import { type Arena, newPassword } from "./arena.ts";
import type { Exchange } from "./exchange.ts";

const WEBHOOKS = "checkout_payment_webhooks_total";

export const sharedExchanges: readonly Exchange[] = [
  {
    name: "webhook-secret",
    secret: "STRIPE_WEBHOOK_SECRET",
    settings: ["STRIPE_WEBHOOK_SECRET", "WEBHOOK_SECRET"],
    page: "Webhooks",
    both: "until the old one is removed from the list",
    run: exchangeWebhookSecret,
  },
  {
    name: "link-secret",
    secret: "SHOP_LINK_SECRET",
    settings: ["SHOP_LINK_SECRET"],
    page: "Links in mails",
    both: "until the old one is removed from the list",
    run: exchangeLinkSecret,
  },
  {
    name: "console-sessions",
    secret: "CONSOLE_SESSION_SECRET",
    settings: ["CONSOLE_SESSION_SECRET"],
    page: "The console's sessions",
    both: "until the old one is removed from the list",
    run: exchangeSessionSecret,
  },
];

async function exchangeWebhookSecret(arena: Arena): Promise<void> {
  const old = arena.setting("payment", "STRIPE_WEBHOOK_SECRET");
  const made = `whsec_${newPassword()}`;
  arena.change("payment", { STRIPE_WEBHOOK_SECRET: `${made},${old}` });
  await arena.restart("payment");
  await untilEvents(arena);
  arena.change("paysim", { WEBHOOK_SECRET: made });
  arena.step("the provider signs with the new one");
  await arena.restart("paysim");
  await untilEvents(arena);
  arena.change("payment", { STRIPE_WEBHOOK_SECRET: made });
  await arena.restart("payment");
  await untilEvents(arena);
}

/** Resolves when events come, and none was refused. */
async function untilEvents(arena: Arena): Promise<void> {
  await arena.shoppers.untilMore(4);
  await arena.expectNone(`${WEBHOOKS}{result="refused"}`, "payment");
  if ((await arena.metric(WEBHOOKS, "payment")) === 0) throw new Error("no event has come");
}

async function exchangeLinkSecret(arena: Arena): Promise<void> {
  const old = arena.setting("gateway", "SHOP_LINK_SECRET");
  const made = newPassword();
  const first = await mailedLink(arena);
  arena.change("gateway", { SHOP_LINK_SECRET: `${old},${made}` });
  await arena.restart("gateway");
  arena.change("notification", { SHOP_LINK_SECRET: made });
  await arena.restart("notification");
  const second = await mailedLink(arena);
  for (const link of [first, second])
    if (!(await isShown(arena, link)))
      throw new Error("a link in a mail does not count while both secrets do");
  arena.change("gateway", { SHOP_LINK_SECRET: made });
  arena.step("30 days later");
  await arena.restart("gateway");
  if (!(await isShown(arena, second))) throw new Error("a link of the new secret does not count");
  if (await isShown(arena, first)) throw new Error("a link of the old secret still counts");
}

/** The path that the mail about a new order leads to. */
async function mailedLink({ shoppers, system }: Arena): Promise<string> {
  const { sagaId, fault } = await shoppers.buy();
  if (sagaId === undefined || fault !== undefined)
    throw new Error(`no order to mail about: ${fault ?? "not accepted"}`);
  const { source } = await system.mailAbout(sagaId, "order_confirmed");
  // Quoted-printable.
  const text = source.replaceAll(/=\r?\n/g, "").replaceAll("=3D", "=");
  const path = new RegExp(`/checkout/${sagaId}\\?k=[A-Za-z0-9_.-]+`).exec(text)?.[0];
  if (path === undefined) throw new Error(`the mail about ${sagaId} has no link`);
  return path;
}

/** To somebody who is not signed in. */
async function isShown({ balancer }: Arena, path: string): Promise<boolean> {
  const answer = await fetch(`${balancer.url}${path}`, { redirect: "manual" });
  await answer.arrayBuffer();
  return answer.status === 200;
}

/** With two consoles: all must know the new secret before one signs with it. */
async function exchangeSessionSecret(arena: Arena): Promise<void> {
  const old = arena.setting("console", "CONSOLE_SESSION_SECRET");
  const made = newPassword();
  const sessions = await signedInEverywhere(arena);
  for (const both of [`${old},${made}`, `${made},${old}`]) {
    arena.change("console", { CONSOLE_SESSION_SECRET: both });
    for (const name of arena.processesOf("console")) {
      await arena.restartOne(name);
      sessions.push(...(await signedInEverywhere(arena)));
      if ((await countOf(arena, sessions)) < sessions.length)
        throw new Error(`after the restart of ${name} a session does not count at every console`);
    }
    arena.step(`restart console with ${both.startsWith(old) ? "OLD,NEW" : "NEW,OLD"}, one after the other`);
  }
  const ofNew = await signedInEverywhere(arena);
  arena.change("console", { CONSOLE_SESSION_SECRET: made });
  arena.step("8 hours later");
  await arena.restart("console");
  if ((await countOf(arena, ofNew)) < ofNew.length)
    throw new Error("a session of the new secret does not count");
  if ((await countOf(arena, sessions.slice(0, 1))) > 0)
    throw new Error("a session of the old secret still counts");
}

function consolesOf({ system }: Arena): readonly string[] {
  return system.context.addresses.replicas["console"] ?? [];
}

/** The cookies of operators who sign in now, one at each console. */
function signedInEverywhere(arena: Arena): Promise<string[]> {
  return Promise.all(consolesOf(arena).map((address) => signedIn(arena, address)));
}

/** How many of these cookies count at every console. */
async function countOf(arena: Arena, cookies: readonly string[]): Promise<number> {
  const counts = await Promise.all(
    cookies.map(async (cookie) => {
      const answers = await Promise.all(consolesOf(arena).map((address) => isSignedIn(address, cookie)));
      return answers.every(Boolean);
    }),
  );
  return counts.filter(Boolean).length;
}

/** The session's cookie of an operator who signs in now. */
async function signedIn({ system }: Arena, address: string): Promise<string> {
  const token =
    system.operatorChanges["OPERATOR_TOKEN"] ?? (await operatorToken(system.context.secrets, "ada"));
  const answer = await fetch(`${address}/sign-in`, {
    method: "POST",
    body: new URLSearchParams({ token }),
    headers: { origin: address },
    redirect: "manual",
  });
  await answer.arrayBuffer();
  const cookie = /__Host-console=[^;]+/.exec(answer.headers.get("set-cookie") ?? "")?.[0];
  if (cookie === undefined) throw new Error(`the console's sign-in answered ${answer.status}`);
  return cookie;
}

async function isSignedIn(address: string, cookie: string): Promise<boolean> {
  const answer = await fetch(`${address}/me`, { headers: { cookie }, redirect: "manual" });
  await answer.arrayBuffer();
  return answer.status === 200;
}
