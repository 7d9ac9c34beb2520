// Whether payment providers answer, as each process of the payment role sees it. A part of /payments.
import type { ProviderState } from "../../../schemas/overview.ts";
import { countText } from "../../kernel/counted.ts";
import type { Snapshot } from "../collector.ts";
import { knownOf } from "../source.ts";
import { Status, Unknown } from "./bits.tsx";
import { type Column, DataTable } from "./table.tsx";

interface Props {
  readonly snapshot: Pick<Snapshot, "roles">;
}

interface Row extends ProviderState {
  readonly role: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { name: "provider", head: "Provider", value: ({ provider }) => provider },
  { name: "role", head: "Seen by", value: ({ role }) => role },
  {
    name: "breaker_open",
    head: "Circuit breaker",
    show: ({ breaker_open }) => (
      <Status tone={breaker_open ? "bad" : "good"}>
        {breaker_open ? "open: the provider does not answer" : "closed"}
      </Status>
    ),
    value: ({ breaker_open }) => breaker_open,
  },
  {
    name: "charges_held",
    head: "New charges",
    show: ({ charges_held }) => (
      <Status tone={charges_held ? "warn" : "good"}>
        {charges_held ? "held: the provider rejects our requests" : "are made"}
      </Status>
    ),
    value: ({ charges_held }) => charges_held,
  },
  {
    name: "results",
    head: "Answers since the role's start",
    show: resultsText,
    value: resultsText,
  },
];

function resultsText({ results }: ProviderState): string {
  return results.length === 0
    ? "none yet"
    : results.map(({ outcome, count }) => `${countText(count)} ${outcome.replaceAll("_", " ")}`).join(", ");
}

export function Providers({ snapshot: { roles } }: Props) {
  const rows = roles.flatMap(({ name, reading }) =>
    (knownOf(reading)?.providers ?? []).map((state) => ({ ...state, role: name })),
  );
  // What such a role would say of its providers is unknown, which is not "closed".
  const silent = roles.filter(({ name, reading }) => name.startsWith("payment") && knownOf(reading) === null);
  return (
    <section class="card" aria-labelledby="providers-title">
      <h2 id="providers-title">Providers</h2>
      {rows.length === 0 ? null : (
        <DataTable
          label="Providers"
          columns={COLUMNS}
          rows={rows}
          keyOf={({ provider, role }) => `${provider} ${role}`}
        />
      )}
      {silent.map(({ name, reading }) => (
        <p key={name}>
          {name}: <Unknown reading={reading} />
        </p>
      ))}
      {rows.length === 0 && silent.length === 0 ? (
        <p class="soft">
          Unknown: none of the roles that this console asks (OPS_URLS) is a payment role with a provider.
        </p>
      ) : null}
    </section>
  );
}
