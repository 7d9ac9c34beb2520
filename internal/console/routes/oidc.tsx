// Sign-in at the identity provider: there and back.
import { clearCookie, cookiesOf, setCookie } from "../../web/cookies.ts";
import { ownPath } from "../../web/own-path.ts";
import { CALLBACK, PENDING, PENDING_SECONDS } from "../identity-provider.ts";
import { Bounce } from "../pages/bounce.tsx";
import { notFound } from "../problem.ts";
import { page, seeOther } from "../respond.ts";
import type { Visit } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";
import { opened } from "./session.tsx";

export const oidcRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/sign-in/oidc", name: "oidc_begin", needs: "nothing", handle: begin },
  { method: "GET", path: CALLBACK, name: "oidc_end", needs: "nothing", handle: finish },
];

function providerOf({ options }: Visit) {
  if (options.oidc === null) throw notFound("This console has no identity provider (OIDC_ISSUER).");
  return options.oidc;
}

async function begin(visit: Visit): Promise<Response> {
  const { url, pending } = await providerOf(visit).provider.begin(ownPath(visit.query.get("back"), "/"));
  // Lax: the provider's site leads back here.
  return seeOther(url, [setCookie(PENDING, pending, PENDING_SECONDS, "Lax")]);
}

async function finish(visit: Visit): Promise<Response> {
  const { provider, mint } = providerOf(visit);
  const { request, now } = visit;
  const pending = cookiesOf(request.headers.get("cookie")).get(PENDING) ?? "";
  const { name, role, back } = await provider.finish(new URL(request.url).search, pending);
  const cookies = await opened(visit, await mint({ name, role }, now), "oidc");
  // The way here began on the provider's site, and the session's cookie is SameSite=Strict: the next step must begin on a page of ours.
  return page(visit, <Bounce frame={{ ...visit, here: back }} />, {
    cookies: [...cookies, clearCookie(PENDING)],
  });
}
