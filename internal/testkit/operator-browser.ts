// Operators with a real browser (Chromium) at the console of a whole system, for suites of internal/console/e2e. It notes whatever a page's
// scripts, the content security policy or a server's error page say that no operator should read.
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import type { RunningSystem } from "../stack/e2e/running-system.ts";
import type { OperatorRole } from "../platform/internal-tokens.ts";
import { operatorToken } from "../stack/operator-token.ts";
import { openBrowser } from "./shop-browser.ts";

const WAIT_MS = 60_000;
/** What Chromium itself writes about an answer that is no success: the page did nothing wrong. */
const NETWORK = /^Failed to load resource:/;
/** Lines of a stack trace, as of V8 and of JavaScriptCore. */
const TRACE = /\n\s*at \S+.*:\d+:\d+|\S+@\S+:\d+:\d+/;

export class OperatorBrowser implements AsyncDisposable {
  /** The console's address. A name, not a number: its cookies must work here, too. */
  readonly site: string;
  /** What the pages' own scripts and their policy complained about. */
  readonly complaints: string[] = [];
  readonly #browser: Browser;
  readonly #system: RunningSystem;

  private constructor(system: RunningSystem, browser: Browser) {
    this.#system = system;
    this.#browser = browser;
    this.site = system.context.addresses.console.replace("127.0.0.1", "localhost");
  }

  static async open(system: RunningSystem): Promise<OperatorBrowser> {
    return new OperatorBrowser(system, await openBrowser());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#browser.close();
  }

  /** Closes every page: a live one costs the browser and the console work for as long as it is open. */
  async closePages(): Promise<void> {
    await Promise.all(this.#browser.contexts().map((context) => context.close()));
  }

  /** Somebody who has signed in, in a browser of their own. */
  async signedIn(name: string, role: OperatorRole = "operator"): Promise<BrowserContext> {
    const page = await this.signedInAt("/me", name, role, { reducedMotion: "reduce" });
    await page.close();
    return page.context();
  }

  /** The same, with the page to which the sign-in leads back. */
  async signedInAt(
    path: string,
    name: string,
    role: OperatorRole = "operator",
    options: BrowserContextOptions = {},
  ): Promise<Page> {
    const context = await this.#browser.newContext({ locale: "en-IE", ...options });
    context.setDefaultTimeout(WAIT_MS);
    context.on("page", (page) => this.#listenTo(page));
    const page = await context.newPage();
    await page.goto(`${this.site}${path}`);
    await page.fill("#token", await operatorToken(this.#system.context.secrets, name, role));
    await page.keyboard.press("Enter");
    await page.waitForURL(`${this.site}${path}`);
    return page;
  }

  /** In one more tab. */
  async openPage(context: BrowserContext, path: string): Promise<Page> {
    const page = await context.newPage();
    await page.goto(`${this.site}${path}`);
    this.#read(path, (await page.textContent("body")) ?? "");
    return page;
  }

  /** Of a page that nobody looks at. Throws if it is not one for `context`. */
  async statusOf(context: BrowserContext, path: string): Promise<number> {
    const answer = await context.request.get(`${this.site}${path}`, { headers: { accept: "text/html" } });
    const html = await answer.text();
    if (!html.includes('href="/me"')) throw new Error(`${path} is the page of nobody: ${html}`);
    this.#read(path, html);
    return answer.status();
  }

  #read(path: string, text: string): void {
    if (TRACE.test(text)) this.complaints.push(`${path} shows a stack trace: ${text}`);
  }

  #listenTo(page: Page): void {
    const complain = (what: string) => void this.complaints.push(`${page.url()}: ${what}`);
    page.on("pageerror", (error) => complain(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !NETWORK.test(message.text())) complain(message.text());
    });
    page.on("request", (request) => {
      if (request.url().endsWith("/csp-reports")) complain(`blocked: ${request.postData() ?? ""}`);
    });
  }
}
