// Asks a running shop as a browser would, without following redirects, and keeps what it says about cookies. Called by
// storefront-verify.ts and storefront-pages.ts.
import { AppError } from "../kernel/errors.ts";
import { limitedText } from "../kernel/limited-text.ts";

const REQUEST_TIMEOUT_MS = 10_000;
/** A page is below 100 KB. More is none of the shop's. */
const MAX_ANSWER_BYTES = 5 * 1_024 * 1_024;

export interface ShopAnswer {
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Ask {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
}

export class StorefrontClient {
  readonly #base: URL;
  readonly #cookies = new Map<string, string>();
  /** Every Set-Cookie of the run. */
  readonly setCookies: string[] = [];

  /** `base`: the shop's address; a path in it is ignored. */
  constructor(base: URL) {
    this.#base = base;
  }

  get origin(): string {
    return this.#base.origin;
  }

  get isHttps(): boolean {
    return this.#base.protocol === "https:";
  }

  setCookie(name: string, value: string): void {
    this.#cookies.set(name, value);
  }

  /** Throws SERVICE_UNAVAILABLE if nothing answers. */
  async ask(path: string, { method = "GET", headers = {}, form }: Ask = {}): Promise<ShopAnswer> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    try {
      const response = await fetch(new URL(path, this.#base), {
        method,
        redirect: "manual",
        headers: { ...(cookie === "" ? {} : { cookie }), ...headers },
        ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      for (const line of response.headers.getSetCookie()) this.#keep(line);
      return { path, status: response.status, headers: response.headers, text: await textOf(response) };
    } catch (cause) {
      const message = `no shop answers at ${this.#base.origin}${path}: correct the address, or start the gateway`;
      throw new AppError("SERVICE_UNAVAILABLE", message, { cause });
    }
  }

  #keep(line: string): void {
    this.setCookies.push(line);
    const [pair = ""] = line.split(";");
    const at = pair.indexOf("=");
    this.#cookies.set(pair.slice(0, at).trim(), pair.slice(at + 1).trim());
  }
}

async function textOf({ body }: Response): Promise<string> {
  const text = await limitedText(body, MAX_ANSWER_BYTES);
  if (text === null) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
  return text;
}
