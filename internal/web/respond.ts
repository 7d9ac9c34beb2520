// Answers that are no page: a redirect, and data for scripts. No cache keeps them. Used by the respond.ts of the storefront and of the console.

export const DATA_HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

/** After a POST: the browser gets the next page, so that reload and back repeat nothing. */
export function seeOther(path: string, cookies: readonly string[] = []): Response {
  const headers = { ...DATA_HEADERS, location: path, "referrer-policy": "same-origin" };
  return withCookies(new Response(null, { status: 303, headers }), cookies);
}

export function json(value: unknown, cookies: readonly string[] = []): Response {
  const headers = { ...DATA_HEADERS, "content-type": "application/json" };
  return withCookies(new Response(JSON.stringify(value), { headers }), cookies);
}

function withCookies(response: Response, cookies: readonly string[]): Response {
  for (const cookie of cookies) response.headers.append("set-cookie", cookie);
  return response;
}
