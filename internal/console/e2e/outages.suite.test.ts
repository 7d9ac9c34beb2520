// Operators with the console open in their browsers (Chromium), each server dies in turn: every page says what is unknown, the rest of it goes
// on, and with the server everything is back by itself; no page is loaded again for that. At the end two operators steer one run. Called by
// console.e2e.test.ts.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { BrowserContext, Page } from "playwright-core";
import { cartOf, type Shopper } from "../../../bench/shopper.ts";
import type { SendNotification } from "../../../schemas/notification.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { CURRENCY, existing, type RunningSystem } from "../../stack/e2e/running-system.ts";
import { waitUntil } from "../../stack/wait.ts";
import { deadLetterOf } from "../../testkit/dead-letters.ts";
import { sendBytes } from "../../testkit/kafka.ts";
import { OperatorBrowser } from "../../testkit/operator-browser.ts";
import { TIMEOUT_MS } from "../../testkit/shop-browser.ts";

const SKU = "mug-red";
const WAIT_MS = 60_000;
/** The titles of the overview's cards that say of something that it is unknown. */
const UNKNOWN_CARDS = `[...document.querySelectorAll("main section.card")]
  .filter((card) => card.textContent.includes("unknown since"))
  .map((card) => card.querySelector("h2").textContent)`;
/** As long as a page was not loaded again. */
const MARK = "window.isSame = true";
const IS_MARKED = "window.isSame === true";

interface Outage {
  /** As the stack calls it. */
  readonly server: string;
  /** The cards of the overview with something unknown; all others go on. */
  readonly unknown: readonly string[];
  /** In the overview: the rest is live, and says how the roles do without it. */
  readonly rest: string;
  /** In the overview, and only while it answers. */
  readonly onlyThen: readonly string[];
  /** On the page of a saga that was open before. */
  readonly saga: string;
  /** On a page that is loaded while it is dead, by path; what is there by itself when it is back. */
  readonly loaded: Readonly<Record<string, readonly [dead: string, back: string]>>;
  /** Titles of pages that cannot be shown without it, by path. */
  readonly without: Readonly<Record<string, string>>;
}

const COMPLETED = "#s-words :text-is('COMPLETED')";
const CALM = "#o-money :text('All money is where it belongs')";
const SAGA = "/sagas/:id";
const PATHS = [
  "/",
  "/sagas",
  SAGA,
  "/dead-letters",
  "/payments",
  "/topics",
  `/stock/${SKU}`,
  "/runs",
  "/audit",
];
const roleSays = (role: string, what: string) =>
  `#o-roles tr:has(th:text-is("${role}")):has(:text("${what}"))`;

const OUTAGES: readonly Outage[] = [
  {
    server: "postgres-inventory",
    unknown: ["Outboxes"],
    rest: roleSays("inventory", "not ready"),
    onlyThen: [],
    saga: "#s-words :text('The inventory database does not answer')",
    loaded: {
      [SAGA]: [
        "#s-facts :text('unknown: the inventory database does not answer')",
        "#s-facts :text('CONFIRMED, 1 line')",
      ],
    },
    without: { [`/stock/${SKU}`]: SKU },
  },
  {
    server: "postgres-payment",
    unknown: ["Money at risk", "Outboxes"],
    rest: roleSays("payment", "not ready"),
    onlyThen: [CALM],
    saga: "#s-words :text('What became of the money is unknown')",
    loaded: {
      [SAGA]: ["#s-words :text('What became of the money is unknown')", "#s-words :text('charged.')"],
    },
    without: { "/payments": "Payments" },
  },
  {
    server: "postgres-order",
    unknown: ["Outboxes"],
    rest: roleSays("order", "not ready"),
    onlyThen: [],
    saga: "#s-words :text('The order database does not answer')",
    loaded: {
      [SAGA]: [
        "#s-acts [aria-disabled]:has-text('Cancel the order') + :text('the order database does not answer')",
        "#s-acts [data-opens=cancel-order]",
      ],
    },
    without: {},
  },
  {
    server: "postgres-notification",
    unknown: ["Outboxes"],
    rest: roleSays("notification", "not ready"),
    onlyThen: [],
    saga: COMPLETED,
    loaded: {},
    without: {},
  },
  {
    server: "postgres-saga",
    unknown: ["Sagas", "The last hour", "Money at risk", "Outboxes"],
    rest: roleSays("orchestrator", "not ready"),
    onlyThen: ["#o-sagas .box-count:text-is('0')", "#o-sagas :text('in progress')"],
    saga: "#stale :text('unknown since')",
    loaded: {},
    without: {
      "/sagas": "Sagas",
      [SAGA]: "Saga",
      "/dead-letters": "Dead letters",
      "/runs": "Plans and runs",
      "/audit": "Audit trail",
    },
  },
  {
    server: "redis",
    unknown: [],
    rest: "#o-roles :text('Redis does not answer')",
    onlyThen: [],
    saga: COMPLETED,
    loaded: {},
    without: {},
  },
  {
    server: "kafka-1",
    unknown: ["Topics"],
    // It was accepted, and waits.
    rest: "#o-sagas :text('1 saga in progress')",
    onlyThen: ["#o-topics table"],
    saga: COMPLETED,
    loaded: { "/topics": ["#t-topics :text('unknown since')", "#t-topics a:text-is('checkout-commands')"] },
    without: { "/dead-letters": "Dead letters" },
  },
];

let system: RunningSystem;
let operators: OperatorBrowser;
let shopper: Shopper;
let ada: BrowserContext;
let sagaId: string;
let overview: Page;
let sagaPage: Page;

/** Defines the tests. A checkout of the system waits for longer than any of these outages on a busy machine, and then completes. */
export function outages(running: () => RunningSystem): void {
  const held = new AsyncDisposableStack();
  beforeAll(async () => {
    system = running();
    operators = held.use(await OperatorBrowser.open(system));
    await system.restock(SKU, 50);
    shopper = await system.shopper();
    [sagaId, ada] = await Promise.all([placed().then(completed), operators.signedIn("ada")]);
    overview = await operators.openPage(ada, "/");
    sagaPage = await operators.openPage(ada, `/sagas/${sagaId}`);
    await sagaPage.waitForSelector(COMPLETED);
    await overview.waitForSelector(CALM);
    for (const page of [overview, sagaPage]) await page.evaluate(MARK);
  }, TIMEOUT_MS);
  afterAll(() => held.disposeAsync(), TIMEOUT_MS);

  async function placed(): Promise<string> {
    const cart = cartOf([SKU], "pm_card_visa", CURRENCY);
    const { saga_id } = await shopper.checkout(cart, crypto.randomUUID(), Date.now() + WAIT_MS);
    return saga_id;
  }

  async function completed(saga: string): Promise<string> {
    expect(existing(await shopper.status(saga, Date.now() + WAIT_MS)).status).toBe("COMPLETED");
    return saga;
  }

  /** Waits until exactly these cards of the overview have something unknown. */
  async function unknownCards(expected: readonly string[]): Promise<void> {
    let seen: readonly string[] = [];
    const isSo = async () => {
      seen = await overview.evaluate<string[]>(UNKNOWN_CARDS);
      return Bun.deepEquals(seen, expected);
    };
    await waitUntil(`unknown is what is in ${expected.join(", ")}`, isSo, { timeoutMs: WAIT_MS }).catch(
      (error: unknown) => {
        throw new Error(`unknown is what is in ${seen.join(", ")}`, { cause: error });
      },
    );
  }

  /** Loads every page while the server is dead. Returns those that have something to become when it is back, with what. */
  async function loadedWithout({ loaded, without }: Outage): Promise<readonly (readonly [Page, string])[]> {
    const tabs = PATHS.map(async (path): Promise<readonly (readonly [Page, string])[]> => {
      const address = path.replace(":id", sagaId);
      const [dead, back] = loaded[path] ?? [];
      const title = without[path];
      if (title !== undefined) {
        const page = await operators.openPage(ada, address);
        expect([path, await page.textContent("h1")]).toEqual([path, "Not reachable"]);
        expect(await page.textContent("main")).toMatch(/does not answer|cannot reach Kafka/);
        return [[page, `h1:has-text("${title}"), main p:text-is("${title}")`]];
      }
      if (dead === undefined || back === undefined) {
        expect([path, await operators.statusOf(ada, address)]).toEqual([path, 200]);
        return [];
      }
      const page = await operators.openPage(ada, address);
      await page.waitForSelector(dead);
      return [[page, back]];
    });
    return (await Promise.all(tabs)).flat();
  }

  /** What the pages show while the server of `outage` is dead; `waits` is a checkout that waits for its end. */
  async function seenWithout(outage: Outage) {
    const waits = outage.server === "kafka-1" ? await placed() : null;
    const [tabs] = await Promise.all([
      loadedWithout(outage),
      unknownCards(outage.unknown),
      overview.waitForSelector(outage.rest),
      sagaPage.waitForSelector(outage.saga),
    ]);
    // A card can have two readings, and the other one may have been unknown first.
    for (const selector of outage.onlyThen) await overview.waitForSelector(selector, { state: "detached" });
    expect(await sagaPage.locator(COMPLETED).count()).toBe(1);
    return { tabs, waits };
  }

  test.each(OUTAGES.map((outage) => [outage.server, outage] as const))(
    "without %s the pages say what is unknown, go on with the rest, and are whole again by themselves",
    async (server, outage) => {
      // given
      for (const selector of outage.onlyThen) await overview.waitForSelector(selector);
      // when, then
      await system.end(server);
      // Whatever the pages say, the next outage begins with a whole system.
      const { tabs, waits } = await seenWithout(outage).finally(() => system.stack.restart(server));
      // then
      await Promise.all([
        unknownCards([]),
        ...outage.onlyThen.map((selector) => overview.waitForSelector(selector)),
        overview.waitForSelector(outage.rest, { state: "detached" }),
        sagaPage.waitForSelector("main :text('does not answer')", { state: "detached" }),
        ...tabs.map(async ([page, selector]) => {
          await page.waitForSelector(selector);
          await page.close();
        }),
      ]);
      if (waits !== null) await completed(waits);
      for (const page of [overview, sagaPage]) expect(await page.evaluate<boolean>(IS_MARKED)).toBe(true);
      expect(operators.complaints).toEqual([]);
    },
    TIMEOUT_MS,
  );

  /** Mails of completed checkouts, as if notification had given them up. */
  async function deadMails(count: number): Promise<void> {
    const sagas = await Promise.all(Array.from({ length: count }, async () => completed(await placed())));
    const letters = await Promise.all(
      sagas.map(async (saga_id) => {
        await system.mailAbout(saga_id, "order_confirmed");
        const { timeline } = await system.story(saga_id);
        const sent = timeline.find(({ what }) => what.startsWith("SendNotification"));
        const message: SendNotification = JSON.parse(
          JSON.stringify({ type: "SendNotification", saga_id, message_id: sent?.id.replace(/^m-/, "") }),
        );
        return deadLetterOf(message, { service: "notification", topic: TOPICS.notifications });
      }),
    );
    const bytes = letters.map((letter) => ({ value: Buffer.from(JSON.stringify(letter)) }));
    await sendBytes(TOPICS.deadLetters, bytes, system.kafka());
  }

  /** Presses a button and says why in its dialog. */
  async function act(page: Page, id: string, fields: Readonly<Record<string, string>>): Promise<void> {
    await page.click(`[data-opens=${id}]`);
    for (const [name, value] of Object.entries(fields)) await page.fill(`#${id} [name=${name}]`, value);
    await page.click(`#${id} form button:not([type=button])`);
  }

  test(
    "two operators in two browsers steer one run: each sees at once what the other did, and the trail has both names",
    async () => {
      // given
      await deadMails(3);
      const bob = await operators.signedIn("bob");
      const adasPage = await operators.openPage(ada, "/dead-letters?service=notification");
      await act(adasPage, "plan-replay", {});
      await adasPage.waitForURL("**/runs/*");
      const path = new URL(adasPage.url()).pathname;
      const bobsPage = await operators.openPage(bob, path);
      await bobsPage.evaluate(MARK);
      const both = async (text: string) => {
        const progress = `#r-state:has(progress):has(:text("${text}"))`;
        await Promise.all([adasPage, bobsPage].map((page) => page.waitForSelector(progress)));
      };
      // when the first message waits, because nobody reads it
      system.stack.kill("notification", "SIGSTOP");
      const confirm = await adasPage.locator("#start [name=confirm]").count();
      const reason = "the mail server is back";
      await act(adasPage, "start", confirm === 0 ? { reason } : { reason, confirm: "3" });
      await both("0 sent, 0 failed, 0 refused, 0 skipped, 2 left");
      expect(await bobsPage.evaluate<boolean>(IS_MARKED)).toBe(true);
      await adasPage.evaluate(MARK);
      await bobsPage.click("#pause");
      await adasPage.waitForSelector("#r-state :text-is('paused')");
      system.stack.kill("notification", "SIGCONT");
      await both("1 sent, 0 failed, 0 refused, 0 skipped, 2 left");
      expect(await adasPage.evaluate<boolean>(IS_MARKED)).toBe(true);
      await act(adasPage, "resume", { reason: "the first one is fine" });
      await both("3 sent, 0 failed, 0 refused, 0 skipped, 0 left");
      // then
      const trail = await operators.openPage(ada, `/audit?subject=${path.slice("/runs/".length)}`);
      const rows = await trail.locator("tbody tr").allInnerTexts();
      const has = (...words: readonly string[]) =>
        rows.some((row) => words.every((word) => row.includes(word)));
      expect(has("ada", "run.start", reason)).toBe(true);
      expect(has("bob", "run.pause", "none given")).toBe(true);
      expect(has("ada", "run.resume", "the first one is fine")).toBe(true);
      expect(operators.complaints).toEqual([]);
    },
    TIMEOUT_MS,
  );
}
