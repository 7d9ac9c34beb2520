// Shoppers with a real browser (Chromium) at the whole system. The suites share one system and one browser, which cost ten seconds of CPU, and
// run in this order.
import { afterAll, beforeAll, describe } from "bun:test";
import { ShopBrowser, TIMEOUT_MS } from "../../testkit/shop-browser.ts";
import { ACTION_MS, bank } from "./bank.suite.test.ts";
import { buying, MAIL_LINKS } from "./buying.suite.test.ts";

const held = new AsyncDisposableStack();
let shoppers: ShopBrowser;
beforeAll(async () => {
  shoppers = held.use(
    await ShopBrowser.start("shop", ["mug-red", "teapot-blue"], {
      ...MAIL_LINKS,
      paysim: { LATENCY: "fixed:5" },
      orchestrator: { ACTION_DEADLINE_MS: String(ACTION_MS) },
    }),
  );
}, TIMEOUT_MS);
afterAll(() => held.disposeAsync(), TIMEOUT_MS);

describe("buying:", () => buying(() => shoppers));
describe("the bank:", () => bank(() => shoppers));
