// Files that browsers load besides pages. Their addresses hold a hash of the content, so they are cached forever and a new release is
// never mixed with an old page. Used by the assets.ts of the storefront and of the console.
import { acceptsGzip } from "./compression.ts";

export interface Asset {
  readonly path: string;
  readonly type: string;
  readonly text: string;
  /** For the `integrity` attribute. */
  readonly integrity: string;
  readonly zipped: Uint8Array<ArrayBuffer>;
}

/** `type` is the media type. */
export function asset(name: string, ending: string, type: string, text: string): Asset {
  const hash = new Bun.CryptoHasher("sha384").update(text).digest();
  return {
    path: `/assets/${name}.${hash.toString("hex").slice(0, 16)}.${ending}`,
    type,
    text,
    integrity: `sha384-${hash.toString("base64")}`,
    zipped: Bun.gzipSync(text),
  };
}

/** How to answer a path under /assets/ with one of these; null if there is no such file. */
export function assetsAt(
  assets: Readonly<Record<string, Asset>>,
): (path: string, request: Request) => Response | null {
  const byPath: ReadonlyMap<string, Asset> = new Map(Object.values(assets).map((one) => [one.path, one]));
  return (path, request) => {
    const found = byPath.get(path);
    return found === undefined ? null : assetResponse(found, request);
  };
}

function assetResponse({ type, text, zipped }: Asset, request: Request): Response {
  const zip = acceptsGzip(request);
  const headers = new Headers({
    "content-type": type,
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    vary: "accept-encoding",
  });
  if (zip) headers.set("content-encoding", "gzip");
  return new Response(zip ? zipped : text, { headers });
}
