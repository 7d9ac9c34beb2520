// A browser without scripts at the console's app, for its tests: it keeps cookies, posts forms, follows no redirect.
import { consoleApp } from "../console/app.ts";
import type { ConsoleOptions } from "../console/options.ts";

export const ORIGIN = "http://localhost";
/** What browsers send along with a form of the console's own page. */
export const OWN = { origin: ORIGIN, host: "localhost", "sec-fetch-site": "same-origin" };
export const PAGE = { accept: "text/html,*/*" };

type Headers = Readonly<Record<string, string>>;

export class ConsoleBrowser {
  readonly cookies = new Map<string, string>();
  readonly #app: ReturnType<typeof consoleApp>;

  constructor(options: ConsoleOptions) {
    this.#app = consoleApp(options);
  }

  get(path: string, headers: Headers = PAGE, signal?: AbortSignal): Promise<Response> {
    return this.#send(path, { headers, ...(signal === undefined ? {} : { signal }) });
  }

  post(path: string, fields: Headers = {}, headers: Headers = { ...OWN, ...PAGE }): Promise<Response> {
    return this.#send(path, { method: "POST", body: new URLSearchParams(fields), headers });
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const request = new Request(ORIGIN + path, init);
    request.headers.set("cookie", [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await this.#app.handle(request);
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.cookies.set(name, value);
    }
    return response;
  }
}
