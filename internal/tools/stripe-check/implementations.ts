// Installs and starts the implementations of Stripe's API that others wrote, each on 127.0.0.1 only. They are kept under .cache/.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Stripe } from "stripe";
import { startProvider } from "../../paysim/start.ts";
import { systemClock } from "../../platform/clock.ts";
import { REPOSITORY } from "../../stack/paths.ts";
import { freePort } from "../../testkit/redis-cluster.ts";
import type { Asked, Cards } from "./observations.ts";

export const STRIPE_MOCK_VERSION = "v0.203.0";
export const LOCALSTRIPE_VERSION = "1.15.10";

const CACHE = join(REPOSITORY, ".cache", "stripe-check");
const STARTS_WITHIN_MS = 20_000;

export interface Implementation extends Asked, AsyncDisposable {}

/** Stripe's own server of its OpenAPI document: it checks requests, keeps nothing, and answers with fixtures. Needs Go. */
export async function startStripeMock(): Promise<Implementation> {
  const folder = join(CACHE, `stripe-mock-${STRIPE_MOCK_VERSION}`);
  const binary = join(folder, "stripe-mock");
  if (!(await Bun.file(binary).exists()))
    await run(["go", "install", `github.com/stripe/stripe-mock@${STRIPE_MOCK_VERSION}`], { GOBIN: folder });
  const [http, https] = [freePort(), freePort()];
  // Told only where to listen for HTTP, it also listens for HTTPS, on every address.
  const addresses = ["-http-addr", `127.0.0.1:${http}`, "-https-addr", `127.0.0.1:${https}`];
  return started([binary, ...addresses], http, (url) => ({
    url,
    adapterUrl: url,
    cards: () => Promise.resolve(TOKENS),
  }));
}

/** A server in Python with state. Its own command listens on every address, so its application is started here by hand. Needs Python 3. */
export async function startLocalstripe(): Promise<Implementation> {
  const folder = join(CACHE, `localstripe-${LOCALSTRIPE_VERSION}`);
  const python = join(folder, "bin", "python");
  if (!(await Bun.file(join(folder, "bin", "localstripe")).exists())) {
    await run(["python3", "-m", "venv", folder]);
    await run([python, "-m", "pip", "install", "--quiet", `localstripe==${LOCALSTRIPE_VERSION}`]);
  }
  const port = freePort();
  const program =
    "import sys; from aiohttp import web; from localstripe.server import app; web.run_app(app, host='127.0.0.1', port=int(sys.argv[1]), print=None)";
  const server = await started([python, "-c", program, String(port)], port, (url) => ({
    url,
    adapterUrl: url,
    cards: cardsByNumber,
  }));
  const translator = translate(server.url);
  return {
    ...server,
    adapterUrl: translator.url,
    async [Symbol.asyncDispose]() {
      await translator.stop(true);
      await server[Symbol.asyncDispose]();
    },
  };
}

export async function startSimulator(): Promise<Implementation> {
  mkdirSync(CACHE, { recursive: true });
  const ledgerFile = join(CACHE, `ledger-${process.pid}.jsonl`);
  const running = startProvider({
    hostname: "127.0.0.1",
    port: 0,
    ledgerFile,
    keyLifetimeMs: 86_400_000,
    seed: 1,
    latency: "fixed:0",
    clock: systemClock,
  });
  const url = new URL(running.server.url);
  return {
    url,
    adapterUrl: url,
    cards: () => Promise.resolve(TOKENS),
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await Bun.file(ledgerFile).delete();
    },
  };
}

const TOKENS: Cards = {
  good: "pm_card_visa",
  declining: "pm_card_visa_chargeDeclined",
  challenged: "pm_card_threeDSecure2Required",
};

/** It has none of Stripe's tokens: a payment method is made of a test number. */
async function cardsByNumber(client: Stripe): Promise<Cards> {
  const method = async (number: string) =>
    (
      await client.paymentMethods.create({
        type: "card",
        card: { number, exp_month: 12, exp_year: new Date().getFullYear() + 3, cvc: "123" },
      })
    ).id;
  return {
    good: await method("4242424242424242"),
    // Stripe's number for a decline is charged here, unless it was attached to a customer.
    declining: await method("4000000000000341"),
    challenged: await method("4000002500003155"),
  };
}

/** What localstripe refuses, and no test of state needs: without it the adapter runs. */
const UNKNOWN_TO_LOCALSTRIPE =
  /^(automatic_payment_methods|error_on_requires_action|return_url|created)(\[|$)/;

/** Passes requests on without the parameters that localstripe refuses. */
function translate(target: URL): Bun.Server<undefined> {
  const without = (text: string) => {
    const fields = [...new URLSearchParams(text)].filter(([name]) => !UNKNOWN_TO_LOCALSTRIPE.test(name));
    return new URLSearchParams(fields).toString();
  };
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const url = new URL(`${pathname}?${without(search.slice(1))}`, target);
      const body = request.method === "POST" ? { body: without(await request.text()) } : {};
      const headers = new Headers(request.headers);
      for (const name of ["host", "content-length"]) headers.delete(name);
      return fetch(url, { method: request.method, headers, ...body });
    },
  });
}

async function started(
  command: readonly string[],
  port: number,
  askedAt: (url: URL) => Asked,
): Promise<Implementation> {
  const child = Bun.spawn([...command], { stdio: ["ignore", "ignore", "ignore"] });
  const url = new URL(`http://127.0.0.1:${port}`);
  const until = performance.now() + STARTS_WITHIN_MS;
  while (!(await answers(url))) {
    if (performance.now() > until || child.exitCode !== null)
      throw new Error(`${command[0]} does not answer at ${url.href}`);
    await Bun.sleep(100);
  }
  return {
    ...askedAt(url),
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

async function answers(url: URL): Promise<boolean> {
  try {
    await fetch(url);
    return true;
  } catch {
    return false;
  }
}

async function run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  const child = Bun.spawn([...command], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
  });
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
}
