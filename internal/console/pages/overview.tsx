// The overview: what needs a person, where the sagas are, how fast they go, which money is not where it belongs, and how the parts are. Each
// part stands for itself, so that the stream sends only those that changed, and a database that is away takes nothing else with it.
import type { ComponentChildren } from "preact";
import { moneyText } from "../../kernel/money.ts";
import { IN_PROGRESS } from "../../operations/saga-search.ts";
import type { RoleState } from "../../../schemas/overview.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { INCLUDES_BANK } from "../charts.ts";
import type { Snapshot } from "../collector.ts";
import { attentionTo, stuckUndoHref } from "../parts/attention.ts";
import { Facts, Notice, Status, Unknown } from "../parts/bits.tsx";
import { SagaDiagram } from "../parts/diagram.tsx";
import { barsOf, HourChart } from "../parts/hour-chart.tsx";
import { Page } from "../parts/layout.tsx";
import { holderOf, type LiveParts } from "../parts/live-parts.tsx";
import { When } from "../parts/when.tsx";
import { countText, durationText, plural } from "../parts/words.ts";
import { knownOf, type Reading } from "../source.ts";
import type { Frame } from "../visit.ts";

interface PartProps {
  readonly snapshot: Snapshot;
  /** Epoch ms. */
  readonly now: number;
}

export const OVERVIEW_PARTS: LiveParts<PartProps> = {
  "o-attention": AttentionPart,
  "o-alerts": AlertsPart,
  "o-sagas": SagasPart,
  "o-hour": HourPart,
  "o-money": MoneyPart,
  "o-topics": TopicsPart,
  "o-outboxes": OutboxesPart,
  "o-roles": RolesPart,
};

export function Overview({ frame, snapshot }: { readonly frame: Frame; readonly snapshot: Snapshot }) {
  const holder = holderOf(OVERVIEW_PARTS, { snapshot, now: frame.now });
  return (
    <Page frame={frame} title="Overview" current="overview" live="/events">
      <div class="page-head">
        <h1>Overview</h1>
      </div>
      {holder("o-attention")}
      {holder("o-sagas")}
      {holder("o-alerts")}
      <div class="columns">
        {holder("o-hour")}
        {holder("o-money")}
      </div>
      <div class="columns">
        {holder("o-topics")}
        {holder("o-outboxes")}
      </div>
      {holder("o-roles")}
    </Page>
  );
}

function Card({
  id,
  title,
  aside,
  children,
}: {
  readonly id: string;
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  return (
    <section class="card" aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {aside === undefined ? null : <p class="small soft">{aside}</p>}
      </div>
      {children}
    </section>
  );
}

function AttentionPart({ snapshot, now }: PartProps) {
  const found = attentionTo(snapshot, now);
  if (found.length === 0)
    return (
      <p class="calm">
        <Status tone="good">Nothing needs a person now.</Status>
      </p>
    );
  return (
    <Notice tone={found.some(({ tone }) => tone === "bad") ? "bad" : "warn"}>
      <ul>
        {found.map(({ text, href }) => (
          <li key={text}>
            <a href={href}>{text}</a>
          </li>
        ))}
      </ul>
    </Notice>
  );
}

/** Nothing is shown without an Alertmanager, nor while none fires: the list above says that all is well. */
function AlertsPart({ snapshot: { firing }, now }: PartProps) {
  if (firing === null) return <></>;
  const known = knownOf(firing);
  if (known?.length === 0) return <></>;
  return (
    <Card id="alerts-title" title="Firing alerts">
      {known === null ? (
        <p>
          <Unknown reading={firing} />
        </p>
      ) : (
        <table>
          <thead>
            <tr>
              {["Alert", "Severity", "What", "Since"].map((head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {known.map(({ name, severity, summary, since }) => (
              <tr key={`${name}${summary}`}>
                <th scope="row">
                  <span class="wraps">
                    <Status tone="bad">{name}</Status>
                  </span>
                </th>
                <td>{severity}</td>
                <td>{summary}</td>
                <td class="nowrap">
                  <When at={since} show="ago" now={now} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

function SagasPart({ snapshot: { sagas, flow, hour } }: PartProps) {
  const known = knownOf(sagas);
  const total = known?.in_progress.reduce((sum, { count }) => sum + count, 0);
  return (
    <Card
      id="sagas-title"
      title="Sagas"
      aside={
        total === undefined ? (
          <Unknown reading={sagas} />
        ) : (
          <>
            <a href={`/sagas?status=${[...IN_PROGRESS].join(",")}`}>{plural(total, "saga")} in progress</a>;
            arrows: {knownOf(flow) === null ? <Unknown reading={flow} /> : "in the last minute"}
          </>
        )
      }
    >
      <SagaDiagram open={known?.in_progress ?? null} flow={knownOf(flow)} hour={knownOf(hour)} />
    </Card>
  );
}

function HourPart({ snapshot: { hour } }: PartProps) {
  const known = knownOf(hour);
  if (known === null)
    return (
      <Card id="hour-title" title="The last hour">
        <p>
          <Unknown reading={hour} />
        </p>
      </Card>
    );
  const ended = known.completed + known.compensated;
  // The minute in progress is not whole yet. A minute without checkouts is no row of the answer, but a bar: it is 0, not the one before it.
  const lastWhole = barsOf(known.minutes, hour.at ?? 0).at(-2);
  const facts = [
    ["Started in the last whole minute", countText(lastWhole?.started ?? 0)],
    ["Completed", ended === 0 ? "none ended" : `${((known.completed / ended) * 100).toFixed(1)} %`],
    ["p50", known.p50_ms === null ? "none ended" : durationText(known.p50_ms)],
    ["p99", known.p99_ms === null ? "none ended" : durationText(known.p99_ms)],
  ] as const;
  return (
    <Card
      id="hour-title"
      title="The last hour"
      aside={
        <>
          <a href="/graphs">graphs</a>, <a href="/sagas">all sagas</a>
        </>
      }
    >
      <Facts facts={facts} look="figures" />
      <p class="small soft">{INCLUDES_BANK}.</p>
      <HourChart minutes={known.minutes} at={hour.at ?? 0} />
    </Card>
  );
}

interface Risk {
  readonly what: string;
  readonly href: string;
  readonly currency: string | null;
  readonly count: number;
  readonly amount_cents: number;
  readonly oldest_at: number;
}

/** What is known of it: payments in progress are no risk, those without a definite answer are. */
function risksOf({ sagas, money, alerts }: Snapshot): readonly Risk[] {
  const known = knownOf(money);
  const flow = knownOf(sagas);
  return [
    ...(flow?.charged_undo_stuck ?? []).map((one) => ({
      ...one,
      what: "checkouts charged, their undo is stuck",
      href: stuckUndoHref(one),
    })),
    ...(flow?.refund_of_cancelled_stuck ?? []).map((one) => ({
      ...one,
      what: "cancelled orders without their refund",
      href: "/cancellations",
    })),
    ...(known?.payments ?? [])
      .filter(({ status }) => status === "UNKNOWN")
      .map((one) => ({ ...one, what: "UNKNOWN payments", href: "/payments" })),
    ...(known?.refunds_pending ?? []).map((one) => ({
      ...one,
      what: "open refunds",
      href: "/payments?show=refunds",
    })),
    ...(knownOf(alerts) ?? []).map((one) => ({
      ...one,
      what: "open payment alerts",
      href: "/payments/alerts",
    })),
  ];
}

function MoneyPart({ snapshot, now }: PartProps) {
  const risks = risksOf(snapshot);
  const silent = [snapshot.sagas, snapshot.money, snapshot.alerts].find(
    ({ unknownSince, value }) => unknownSince !== null || value === null,
  );
  return (
    <Card id="money-title" title="Money at risk">
      {silent === undefined ? null : (
        <p>
          <Unknown reading={silent} />
        </p>
      )}
      {risks.length > 0 ? (
        <>
          <RiskTable risks={risks} now={now} />
          {knownOf(snapshot.money)?.at_least === true ? (
            <p class="soft">At least: more is open than is counted.</p>
          ) : null}
        </>
      ) : silent === undefined ? (
        <p>
          <Status tone="good">All money is where it belongs.</Status>
        </p>
      ) : null}
    </Card>
  );
}

function RiskTable({ risks, now }: { readonly risks: readonly Risk[]; readonly now: number }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col" class="right">
            Count
          </th>
          <th scope="col" class="right">
            Amount
          </th>
          <th scope="col" class="right">
            Oldest
          </th>
        </tr>
      </thead>
      <tbody>
        {risks.map(({ what, href, currency, count, amount_cents, oldest_at }) => (
          <tr key={`${what}${currency}`}>
            <th scope="row">
              <a href={href}>{what}</a>
            </th>
            <td class="right">{countText(count)}</td>
            <td class="right nowrap">
              {currency === null ? (
                <span class="soft">no payment of ours</span>
              ) : (
                moneyText(amount_cents, currency)
              )}
            </td>
            <td class="right nowrap">
              <When at={oldest_at} show="ago" now={now} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function TopicsPart({ snapshot: { topics, deadLetters } }: PartProps) {
  const known = knownOf(topics);
  return (
    <Card
      id="topics-title"
      title="Topics"
      aside={<a href="/topics">messages that a group has not committed</a>}
    >
      {known === null ? (
        <p>
          <Unknown reading={topics} />
        </p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Topic</th>
              <th scope="col">Group</th>
              <th scope="col" class="right">
                Lag
              </th>
            </tr>
          </thead>
          <tbody>
            {known.flatMap(({ topic, groups }) =>
              groups.map(({ group, lag }, index) => (
                <tr key={`${topic}${group}`}>
                  <th scope="row">{index === 0 ? topic : <span class="visually-hidden">{topic}</span>}</th>
                  <td>{group}</td>
                  <td class="right">{countText(lag)}</td>
                </tr>
              )),
            )}
            <tr>
              <th scope="row">{TOPICS.deadLetters}</th>
              <td class="soft">operators</td>
              <td class="right">
                <DeadLetters reading={deadLetters} />
              </td>
            </tr>
          </tbody>
        </table>
      )}
    </Card>
  );
}

function DeadLetters({ reading }: { readonly reading: Snapshot["deadLetters"] }) {
  const known = knownOf(reading);
  if (known === null) return <Unknown reading={reading} />;
  return <a href="/dead-letters">{countText(known.reduce((sum, { count }) => sum + count, 0))} open</a>;
}

function OutboxesPart({ snapshot: { outboxes, mails }, now }: PartProps) {
  return (
    <Card
      id="outboxes-title"
      title="Outboxes"
      aside={<a href="/outboxes">events that are not published, messages that are tried again</a>}
    >
      <table>
        <thead>
          <tr>
            <th scope="col">Database</th>
            <th scope="col" class="right">
              Events
            </th>
            <th scope="col" class="right">
              Oldest
            </th>
            <th scope="col" class="right">
              Retries
            </th>
          </tr>
        </thead>
        <tbody>
          {outboxes.map(({ database, reading }) => {
            const known = knownOf(reading);
            return (
              <tr key={database}>
                <th scope="row">{database}</th>
                {known === null ? (
                  <td class="right" colSpan={3}>
                    <Unknown reading={reading} />
                  </td>
                ) : (
                  <>
                    <td class="right">{countText(known.unpublished)}</td>
                    <td class="right nowrap">
                      <Oldest at={known.oldest_at} now={now} />
                    </td>
                    <td class="right">{countText(known.retries)}</td>
                  </>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
      <Mails reading={mails} now={now} />
    </Card>
  );
}

function Oldest({ at, now }: { readonly at: number | null; readonly now: number }) {
  return at === null ? <span class="soft">none</span> : <When at={at} show="ago" now={now} />;
}

function Mails({ reading, now }: { readonly reading: Snapshot["mails"]; readonly now: number }) {
  const known = knownOf(reading);
  if (known === null)
    return (
      <p class="small after-table">
        Mails that wait: <Unknown reading={reading} />
      </p>
    );
  return known.waiting === 0 ? null : (
    <p class="small after-table">
      {plural(known.waiting, "mail waits", "mails wait")}, the oldest since{" "}
      <Oldest at={known.oldest_at} now={now} />
    </p>
  );
}

function RolesPart({ snapshot: { roles }, now }: PartProps) {
  if (roles.length === 0)
    return (
      <Card id="roles-title" title="Roles">
        <p class="soft">OPS_URLS names no role, so nothing is known about their health.</p>
      </Card>
    );
  return (
    <Card id="roles-title" title="Roles">
      <table class="stacks" role="table" aria-labelledby="roles-title">
        <thead role="rowgroup">
          <tr role="row">
            {["Role", "Readiness", "Up for", "Version"].map((head) => (
              <th key={head} scope="col" role="columnheader">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {roles.map(({ name, reading }) => (
            <RoleRow key={name} name={name} reading={reading} now={now} />
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function RoleRow({
  name,
  reading,
  now,
}: {
  readonly name: string;
  readonly reading: Reading<RoleState>;
  readonly now: number;
}) {
  const known = knownOf(reading);
  return (
    <tr role="row">
      <th scope="row" role="rowheader" data-head="Role">
        {name}
      </th>
      <td role="cell" data-head="Readiness">
        {known === null ? (
          <Unknown reading={reading} />
        ) : (
          <span>
            <Status tone={known.is_ready ? (known.reasons.length === 0 ? "good" : "warn") : "bad"}>
              {known.is_ready
                ? known.reasons.length === 0
                  ? "ready"
                  : "ready, and works without:"
                : "not ready"}
            </Status>
            {known.reasons.map((reason) => (
              <span key={reason} class="reason small">
                {reason}
              </span>
            ))}
          </span>
        )}
      </td>
      <td role="cell" data-head="Up for">
        {known?.started_at == null ? null : <When at={known.started_at} show="for" now={now} />}
      </td>
      <td role="cell" data-head="Version" class="mono">
        {known?.version ?? null}
      </td>
    </tr>
  );
}
