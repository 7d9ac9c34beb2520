// Who I am here, and what I may do.
import { Status } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import { When } from "../parts/when.tsx";
import type { SignedIn } from "../visit.ts";

const RIGHTS = [
  ["See sagas, payments, messages and the audit trail, with personal data masked", "viewer"],
  ["Tell shoppers apart in the list of sagas: initials, masked e-mail, city", "operator"],
  ["Find a shopper by e-mail (audited)", "operator"],
  ["Reveal the personal data of one saga (audited)", "operator"],
  ["Cancel a saga, or the order of a completed one (audited)", "operator"],
  ["Plan, start and steer replays and discards of dead letters (audited)", "operator"],
  ["Close a payment alert, ask for a comparison with the provider (audited)", "operator"],
] as const;

const METHODS = { token: "an operator token", oidc: "the identity provider" };

export function Me({ visit }: { readonly visit: SignedIn }) {
  const { actor, session, objection, now } = visit;
  return (
    <Page frame={visit} title="You">
      <div class="page-head">
        <h1>{actor.name}</h1>
        <p class="soft">
          role {actor.role}, signed in with {METHODS[session.method]}{" "}
          <When at={session.startedAt} show="ago" now={now} />; this ends{" "}
          <When at={session.endsAt} show="ago" now={now} />
        </p>
      </div>
      <section class="card" aria-labelledby="rights">
        <h2 id="rights">What you may do here</h2>
        <table>
          <thead>
            <tr>
              <th>Act</th>
              <th>Allowed</th>
            </tr>
          </thead>
          <tbody>
            {RIGHTS.map(([text, role]) => (
              <tr key={text}>
                <td>{text}</td>
                <td>
                  {role === "viewer" || objection === null ? (
                    <Status tone="good">yes</Status>
                  ) : (
                    <Status tone="bad">no: {objection}</Status>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </Page>
  );
}
