// Shoppers with a real browser (Chromium) at the whole system. The suites share one system and one browser, which cost ten seconds of CPU, and
// run in this order; between them, the roles whose settings differ start again.
import { afterAll, beforeAll, describe } from "bun:test";
import { ShopBrowser, TIMEOUT_MS } from "../../testkit/shop-browser.ts";
import { BANK, bank } from "./bank.suite.test.ts";
import { buying, MAIL_LINKS } from "./buying.suite.test.ts";
import { FAILURES, failures } from "./failures.suite.test.ts";

const held = new AsyncDisposableStack();
let shoppers: ShopBrowser;
beforeAll(async () => {
  const overrides = { ...MAIL_LINKS, paysim: { LATENCY: "fixed:5" } };
  shoppers = held.use(await ShopBrowser.start("shop", ["mug-red", "teapot-blue"], overrides, BANK));
}, TIMEOUT_MS);
afterAll(() => held.disposeAsync(), TIMEOUT_MS);

describe("buying:", () => buying(() => shoppers));
describe("the bank:", () => bank(() => shoppers));

describe("failures:", () => {
  beforeAll(() => shoppers.system.changeTo(FAILURES), TIMEOUT_MS);
  failures(() => shoppers);
});
