// A browser without scripts at the storefront's app, for unit tests: it keeps cookies, posts forms and follows redirects.
import { storefrontApp } from "../storefront/app.ts";
import type { StorefrontOptions } from "../storefront/options.ts";
import { SHOPPER_TOKEN, type ShopInMemory, storefrontOptions } from "./storefront.ts";

/** What a shopper types at the checkout. */
export const DETAILS = {
  email: "ada@example.com",
  name: "Ada",
  line1: "Main St 1",
  postal_code: "10115",
  city: "Berlin",
  country: "DE",
};

export const ORIGIN = "http://localhost";

/** Keeps cookies and follows redirects, like a browser. */
export class Browser {
  readonly shop: ShopInMemory;
  readonly cookies = new Map<string, string>();
  readonly seen: unknown[] = [];
  readonly counted: string[] = [];
  readonly #app: ReturnType<typeof storefrontApp>;
  status = 0;
  url = "";
  html = "";
  headers = new Headers();

  constructor(shop: ShopInMemory, parts: Partial<StorefrontOptions> = {}) {
    this.shop = shop;
    const counts = {
      page: () => undefined,
      cspReport: (directive: string) => void this.counted.push(directive),
      refusedOrigin: () => void this.counted.push("foreign"),
    };
    this.#app = storefrontApp(
      storefrontOptions(shop, { counts, onError: (error) => void this.seen.push(error), ...parts }),
    );
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<this> {
    return this.#visit(path, { headers });
  }

  async post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ) {
    const body = new URLSearchParams(fields).toString();
    const form = { "content-type": "application/x-www-form-urlencoded", origin: ORIGIN, host: "localhost" };
    return this.#visit(path, { method: "POST", body, headers: { ...form, ...headers } });
  }

  async #visit(
    path: string,
    init: {
      readonly method?: string;
      readonly body?: string;
      readonly headers: Readonly<Record<string, string>>;
    },
  ): Promise<this> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const request = new Request(ORIGIN + path, { ...init, headers: { cookie, ...init.headers } });
    const response = await this.#app.handle(request);
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (line.includes("Max-Age=0")) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (response.status === 303 && location?.startsWith("/") === true) return this.get(location);
    [this.status, this.url, this.headers, this.html] = [
      response.status,
      path,
      response.headers,
      await response.text(),
    ];
    return this;
  }

  get title(): string {
    return /<h1>([^<]*)/.exec(this.html)?.[1] ?? "";
  }

  /** The hidden fields of the checkout form. */
  get offer(): Record<string, string> {
    const fields = [
      ...this.html.matchAll(/<input type="hidden" name="(key|cart|prices|total|currency)" value="([^"]*)"/g),
    ];
    return Object.fromEntries(fields.map(([, name = "", value = ""]) => [name, value]));
  }

  async signIn(token = SHOPPER_TOKEN): Promise<this> {
    return this.post("/signin", { token });
  }
}
