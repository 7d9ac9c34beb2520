// Parts of the script that browsers seldom get into: a clock that is off, a session that ends, an order without an answer. The script runs as
// it is served, over the few parts of a page that it asks for. What it does in a real browser: e2e/.
import { describe, expect, test } from "bun:test";
import { createContext, runInContext } from "node:vm";
import { assets } from "../assets.ts";

const SERVER_NOW = Date.parse("2026-11-29T12:04:00.000Z");
const STATUS_PAGE = "https://shop.example/checkout/1";
const MORE_TIME = `${STATUS_PAGE}/more-time`;

class HTMLElement {
  readonly dataset: Record<string, string>;
  textContent = "";
  constructor(dataset: Record<string, string> = {}) {
    this.dataset = dataset;
  }
}

class HTMLButtonElement extends HTMLElement {
  setAttribute(): void {}
  removeAttribute(): void {}
}

class HTMLFormElement extends HTMLElement {
  readonly action: string = MORE_TIME;
  readonly kind: string = "[data-more-time]";
  submitted = 0;
  submit(): void {
    this.submitted += 1;
  }
  matches(selector: string): boolean {
    return selector === this.kind;
  }
}

class CheckoutForm extends HTMLFormElement {
  override readonly action = "https://shop.example/checkout";
  override readonly kind = "[data-checkout]";
  readonly button = new HTMLButtonElement();
  readonly added: { readonly name: string; readonly value: string }[] = [];
  readonly elements = {
    namedItem: (wanted: string) => this.added.find(({ name }) => name === wanted) ?? null,
  };
  append(field: { readonly name: string; readonly value: string }): void {
    this.added.push(field);
  }
  querySelector(selector: string): HTMLButtonElement | null {
    return selector === "[data-place]" ? this.button : null;
  }
  dispatchEvent(): void {}
}

/** A status page. `clock` is the browser's; `tick` is what happens twice a second. */
function openPage({ timer, answer }: { readonly timer?: HTMLElement; readonly answer?: Response | null }) {
  const soon = new HTMLElement({ soon: "Hurry." });
  const clock = { ms: SERVER_NOW };
  const press: (form: HTMLFormElement) => Promise<void> = async () => {};
  const page = { clock, soon, press, tick: () => {} };
  const document = {
    documentElement: { setAttribute: () => {}, lang: "en" },
    addEventListener: (_: string, onSubmit: (event: object) => void) => {
      page.press = async (form) => {
        onSubmit({ target: form, submitter: null, preventDefault: () => {} });
        // As many rounds as five tries need.
        for (let round = 0; round < 20; round += 1) await new Promise((resolve) => setImmediate(resolve));
      };
    },
    createElement: () => ({}),
    querySelector: (selector: string) => (selector === "[data-soon]" ? soon : null),
    querySelectorAll: (selector: string) => (selector === "[data-until]" && timer ? [timer] : []),
    getElementById: (id: string) => (id === "live" ? new HTMLElement() : null),
  };
  const context = createContext({
    HTMLElement,
    HTMLFormElement,
    HTMLButtonElement,
    CustomEvent,
    URL,
    URLSearchParams,
    document,
    // A form without fields.
    FormData: class {
      [Symbol.iterator] = () => [].values();
    },
    Date: Object.assign(() => "", { now: () => clock.ms, parse: Date.parse }),
    location: new URL(STATUS_PAGE),
    window: { addEventListener: () => {} },
    navigator: { languages: ["en"] },
    matchMedia: () => ({ matches: false }),
    setTimeout: (wake: () => void) => setImmediate(wake),
    setInterval: (tick: () => void) => void (page.tick = tick),
    fetch: async () => {
      if (!answer) throw new TypeError("no connection");
      return answer;
    },
  });
  return { page, start: () => runInContext(assets.shop.text, context) };
}

describe.each([
  ["right", 0],
  ["ten minutes ahead", 600_000],
  ["ten minutes late", -600_000],
])("with a browser's clock that is %s", (_, offMs) => {
  test("the time left at the bank is the shop's, and the last minute is announced in time", () => {
    const until = new Date(SERVER_NOW + 125_000).toISOString();
    const timer = new HTMLElement({ now: String(SERVER_NOW), until, left: "{m} min {s} s" });
    const { page, start } = openPage({ timer });
    page.clock.ms += offMs;
    start();
    expect([timer.textContent, page.soon.textContent]).toEqual(["2 min 5 s", ""]);
    page.clock.ms += 64_000;
    page.tick();
    expect([timer.textContent, page.soon.textContent]).toEqual(["1 min 1 s", ""]);
    page.clock.ms += 1_000;
    page.tick();
    expect([timer.textContent, page.soon.textContent]).toEqual(["1 min 0 s", "Hurry."]);
  });
});

describe("more time at the bank", () => {
  const answerFrom = (url: string, status: number) =>
    Object.defineProperty(new Response("", { status }), "url", { value: url });
  test.each([
    ["stays on the page that follows the order", answerFrom(STATUS_PAGE, 200), 0],
    [
      "leads to the sign-in when the session has ended",
      answerFrom("https://shop.example/signin?needed=1", 200),
      1,
    ],
    ["leads to the page of a refusal", answerFrom(MORE_TIME, 503), 1],
    ["is asked for without the script when nobody answers", null, 1],
  ] as const)("%s", async (_, answer, submitted) => {
    const { page, start } = openPage({ answer });
    start();
    const form = new HTMLFormElement();
    await page.press(form);
    expect(form.submitted).toBe(submitted);
  });
});

test.each([
  ["nobody answers", null],
  ["something does not answer", new Response("", { status: 503 })],
])("when %s, the order's form remembers that it was sent, and asks again", async (_, answer) => {
  const { page, start } = openPage({ answer });
  start();
  const form = new CheckoutForm({ ask: "Ask again" });
  await page.press(form);
  expect(form.button.textContent).toBe("Ask again");
  expect(form.added.map(({ name, value }) => [name, value])).toEqual([["unanswered", "1"]]);
});
