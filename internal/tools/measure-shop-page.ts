// First paint and size of the shop's pages in Chromium with a cold cache, on two kinds of slow line and a processor slowed down four
// times: `bun run bench:page`, after `bun run build`. Starts a system of its own. docs/shop.md has the figures.
import type { Page } from "playwright-core";
import { atStage, ShopBrowser } from "../testkit/shop-browser.ts";

/** 400 kbit/s both ways, in bytes per second. */
const THROUGHPUT = { downloadThroughput: 50_000, uploadThroughput: 50_000 };
/** Chromium delays each request by the latency, also the first; it adds nothing for a new connection. */
const LINES = [
  // Its latency stands for several round trips: name, connection, TLS and request.
  ["DevTools' Slow 3G (2,000 ms a request)", { offline: false, ...THROUGHPUT, latency: 2_000 }],
  ["WebPageTest's Slow 3G (400 ms a request)", { offline: false, ...THROUGHPUT, latency: 400 }],
] as const;
type Line = (typeof LINES)[number][1];
const CPU_SLOWDOWN = 4;
const RUNS = 5;
const SKU = "mug-red";

interface Visit {
  readonly firstPaintMs: number;
  readonly bytes: number;
  readonly requests: number;
}

await using shoppers = await ShopBrowser.start("shop-page", [SKU], { paysim: { LATENCY: "fixed:5" } });
const page = await shoppers.placed(SKU, "pm_card_visa");
await atStage(page, "confirmed");
const open = await shoppers.placed(SKU, "pm_card_threeDSecure2Required");
await atStage(open, "confirm_at_bank");

const pages = [
  ["all products", page, `${shoppers.shop}/`],
  ["product", page, `${shoppers.shop}/products/${SKU}`],
  ["status, confirmed", page, page.url()],
  ["status, bank is asked", open, open.url()],
] as const;
process.stdout.write("first contentful paint in ms (median, lowest, highest), bytes on the wire, requests\n");
for (const [title, line] of LINES) {
  process.stdout.write(`${title}\n`);
  for (const [name, shopper, address] of pages)
    process.stdout.write(`  ${name}: ${await measured(shopper, address, line)}\n`);
}

async function measured(shopper: Page, address: string, line: Line): Promise<string> {
  const visits: Visit[] = [];
  // One after the other, because they share the processor.
  for (let run = 0; run < RUNS; run += 1) visits.push(await visit(shopper, address, line));
  const paints = visits.map(({ firstPaintMs }) => firstPaintMs).toSorted((a, b) => a - b);
  const [median, lowest, highest] = [paints[RUNS >> 1], paints[0], paints.at(-1)].map((ms) =>
    Math.round(ms ?? 0),
  );
  const { bytes, requests } = visits[0] ?? { bytes: 0, requests: 0 };
  return `${median} (${lowest}, ${highest}), ${bytes} bytes, ${requests} requests`;
}

/** A new tab of this shopper, whose cache is off. */
async function visit(shopper: Page, address: string, line: Line): Promise<Visit> {
  const tab = await shopper.context().newPage();
  const devTools = await tab.context().newCDPSession(tab);
  let [bytes, requests] = [0, 0];
  await devTools.send("Network.enable");
  await devTools.send("Network.setCacheDisabled", { cacheDisabled: true });
  await devTools.send("Network.emulateNetworkConditions", line);
  await devTools.send("Emulation.setCPUThrottlingRate", { rate: CPU_SLOWDOWN });
  devTools.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
    requests += 1;
  });
  await tab.goto(address, { waitUntil: "load" });
  const firstPaintMs: number = await tab.evaluate(
    () =>
      new Promise<number>((resolve) => {
        new PerformanceObserver((list) => {
          const entry = list.getEntriesByName("first-contentful-paint")[0];
          if (entry !== undefined) resolve(entry.startTime);
        }).observe({ type: "paint", buffered: true });
      }),
  );
  await tab.close();
  return { firstPaintMs, bytes, requests };
}
