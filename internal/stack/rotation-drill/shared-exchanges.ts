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

async function exchangeSessionSecret(arena: Arena): Promise<void> {
  const old = arena.setting("console", "CONSOLE_SESSION_SECRET");
  const made = newPassword();
  const first = await signedIn(arena);
  arena.change("console", { CONSOLE_SESSION_SECRET: `${made},${old}` });
  await arena.restart("console");
  const second = await signedIn(arena);
  for (const cookie of [first, second])
    if (!(await isSignedIn(arena, cookie))) throw new Error("a session ended while both secrets count");
  arena.change("console", { CONSOLE_SESSION_SECRET: made });
  arena.step("8 hours later");
  await arena.restart("console");
  if (!(await isSignedIn(arena, second))) throw new Error("a session of the new secret does not count");
  if (await isSignedIn(arena, first)) throw new Error("a session of the old secret still counts");
}

/** The session's cookie of an operator who signs in now. */
async function signedIn({ system }: Arena): Promise<string> {
  const { console: address } = system.context.addresses;
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

async function isSignedIn({ system }: Arena, cookie: string): Promise<boolean> {
  const url = `${system.context.addresses.console}/me`;
  const answer = await fetch(url, { headers: { cookie }, redirect: "manual" });
  await answer.arrayBuffer();
  return answer.status === 200;
}
