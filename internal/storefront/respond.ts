// Turns a page into a response with its headers.
import type { VNode } from "preact";
import { render } from "preact-render-to-string";
import { encodedPage } from "../web/compression.ts";
import { DETAILS, SESSION } from "./cookies.ts";
import { securityHeaders } from "./security-headers.ts";
import type { Visit } from "./visit.ts";

/** For a page that changes soon and is not live: the browser loads it again after 3 s, with and without scripts. */
export const LOOK_AGAIN = { refresh: "3" };

interface PageOptions {
  readonly status?: number;
  readonly cookies?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly withStripe?: boolean;
  readonly isSecretAddress?: boolean;
}

/** Pages are made for one shopper at one moment: no cache keeps them. */
export function page(visit: Visit, content: VNode, options: PageOptions = {}): Response {
  const { status = 200, cookies = [], withStripe = false, isSecretAddress = false } = options;
  const { request, nonce } = visit;
  const { pictureHosts = [] } = visit.options;
  const headers = new Headers({
    ...securityHeaders({ nonce, withStripe, isSecretAddress, isHttps: isHttps(visit), pictureHosts }),
    "content-type": "text/html; charset=utf-8",
    "content-language": visit.language,
    "cache-control": "no-store",
    ...options.headers,
  });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  const body =
    request.method === "HEAD"
      ? null
      : encodedPage(`<!doctype html>${render(content)}`, request, headers, [SESSION, DETAILS]);
  return new Response(body, { status, headers });
}

/** TLS usually ends at a proxy in front: the shop's own address says so. */
function isHttps({ options, request }: Visit): boolean {
  return (
    options.shopUrl?.startsWith("https:") === true || request.headers.get("x-forwarded-proto") === "https"
  );
}
