// Sign-in at the company's identity provider: there and back. Without one these addresses lead nowhere.
import { cookiesOf, clearCookie, setCookie } from "../../web/cookies.ts";
import { ownPath } from "../../web/own-path.ts";
import { AppError } from "../../kernel/errors.ts";
import { recordIfPossible } from "../audit.ts";
import { type Claims, SignInRefused } from "../identity-provider.ts";
import { FLOW, FLOW_SECONDS } from "../oidc-flow.ts";
import { personOf, wantedClaims } from "../oidc-person.ts";
import type { CompanySignIn } from "../options.ts";
import { Bounce } from "../pages/bounce.tsx";
import { SignIn } from "../pages/sign-in.tsx";
import { notFound } from "../problem.ts";
import { page } from "../respond.ts";
import { seeOther } from "../../web/respond.ts";
import { MAX_SESSION_MS } from "../session.ts";
import type { Visit } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";
import { opened } from "./session.tsx";

export const oidcRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/sign-in/oidc", name: "oidc_begin", needs: "nothing", handle: begin },
  { method: "GET", path: "/sign-in/oidc/callback", name: "oidc_end", needs: "nothing", handle: finish },
];

const END_FLOW = clearCookie(FLOW);

/** A link, not a form: the policy of our pages lets no form lead to another site. */
async function begin(visit: Visit): Promise<Response> {
  const { provider, flows } = providerOf(visit);
  const back = ownPath(visit.query.get("back"), "/");
  try {
    const { address, checks } = await provider.begin();
    const value = await flows.seal({ ...checks, back }, visit.now);
    return seeOther(address, [setCookie(FLOW, value, FLOW_SECONDS)]);
  } catch (error) {
    return unavailable(visit, error, back);
  }
}

async function finish(visit: Visit): Promise<Response> {
  const { provider, flows, rules } = providerOf(visit);
  const flow = await flows.open(cookiesOf(visit.request.headers.get("cookie")).get(FLOW) ?? "", visit.now);
  if (flow === null)
    return refused(visit, "/", {
      why: "this browser did not begin a sign-in within the last ten minutes. Begin again here",
    });
  let claims: Claims;
  try {
    claims = await provider.finish(new URL(visit.request.url).search, flow, wantedClaims(rules));
  } catch (error) {
    if (error instanceof SignInRefused) return refused(visit, flow.back, { why: error.message, error });
    return unavailable(visit, error, flow.back);
  }
  const person = personOf(claims, rules);
  if ("refused" in person) return refused(visit, flow.back, { why: person.refused, name: person.name });
  const expiresAt = visit.now + MAX_SESSION_MS;
  const cookie = await opened(visit, { ...person, token: null, expiresAt }, "oidc", {
    issuer: claims["iss"],
    subject: claims["sub"],
  });
  // The browser comes from another site, so it would not send the new cookie along with a redirect: our own page leads on.
  return page(visit, <Bounce frame={visit} to={flow.back} />, { cookies: [cookie, END_FLOW] });
}

function providerOf({ options }: Visit): CompanySignIn {
  if (options.oidc !== null) return options.oidc;
  throw notFound("This console has no identity provider (OIDC_ISSUER): sign in with an operator token.");
}

interface Refusal {
  readonly why: string;
  /** If it is known who it was. */
  readonly name?: string | null;
  readonly error?: Error;
}

async function refused(visit: Visit, back: string, { why, name = null, error }: Refusal): Promise<Response> {
  const { options, request } = visit;
  options.counts.signIn("refused");
  if (error !== undefined) options.onError(error, request);
  if (name === null)
    options.onAct(
      { action: "console.sign-in", address: options.addressOf(request), outcome: "refused" },
      `a sign-in at the identity provider was refused: ${why}`,
    );
  else
    await recordIfPossible(
      { ...visit, actor: { name } },
      {
        action: "console.sign-in",
        subject: name,
        reason: "at the identity provider",
        outcome: "refused",
        detail: "neither an operator nor a viewer",
      },
    );
  const text = `The sign-in at ${providerOf(visit).provider.name} is not valid: ${why}.`;
  return answer(visit, back, text, name === null ? 422 : 403);
}

function unavailable(visit: Visit, error: unknown, back: string): Response {
  if (!(error instanceof AppError && error.canRetry)) throw error;
  visit.options.onError(error, visit.request);
  const text = `Nobody can sign in there just now: ${error.message}. An operator token works all the same.`;
  return answer(visit, back, text, 503);
}

function answer(visit: Visit, back: string, text: string, status: number): Response {
  const content = <SignIn frame={visit} back={back} note={{ tone: "bad", of: "oidc", text }} />;
  return page(visit, content, { status, cookies: [END_FLOW] });
}
