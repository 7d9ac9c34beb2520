// The overview: what needs a person, where the sagas are, how fast they go, which money is not where it belongs, and how the parts are. Each
// part stands for itself, so that the stream sends only those that changed, and a database that is away takes nothing else with it.
import { countText, plural } from "../../kernel/counted.ts";
import { IN_PROGRESS } from "../../operations/saga-search.ts";
import { LEAVES_OUT_BANK } from "../charts.ts";
import type { Snapshot } from "../collector.ts";
import { attentionTo } from "../parts/attention.ts";
import { Facts, Notice, Status, Unknown } from "../parts/bits.tsx";
import { SagaDiagram } from "../parts/diagram.tsx";
import { barsOf, HourChart } from "../parts/hour-chart.tsx";
import { Page } from "../parts/layout.tsx";
import { holderOf, type LiveParts } from "../parts/live-parts.tsx";
import { When } from "../parts/when.tsx";
import { durationText } from "../parts/words.ts";
import { knownOf } from "../source.ts";
import type { Frame } from "../visit.ts";
import { Card, type OverviewProps } from "../parts/overview-card.tsx";
import { MoneyPart } from "../parts/overview-money.tsx";
import { OutboxesPart, RolesPart, TopicsPart } from "../parts/overview-servers.tsx";

export const OVERVIEW_PARTS: LiveParts<OverviewProps> = {
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

function AttentionPart({ snapshot, now }: OverviewProps) {
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
function AlertsPart({ snapshot: { firing }, now }: OverviewProps) {
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

function SagasPart({ snapshot: { sagas, flow, hour } }: OverviewProps) {
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

function HourPart({ snapshot: { hour } }: OverviewProps) {
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
  const noneText = ended === 0 ? "none ended" : "all waited";
  const facts = [
    ["Started in the last whole minute", countText(lastWhole?.started ?? 0)],
    ["Completed", ended === 0 ? "none ended" : `${((known.completed / ended) * 100).toFixed(1)} %`],
    ["p50", known.p50_ms === null ? noneText : durationText(known.p50_ms)],
    ["p99", known.p99_ms === null ? noneText : durationText(known.p99_ms)],
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
      <p class="small soft">{LEAVES_OUT_BANK}.</p>
      <HourChart minutes={known.minutes} at={hour.at ?? 0} />
    </Card>
  );
}
