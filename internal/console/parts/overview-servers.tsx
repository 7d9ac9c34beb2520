// The overview: how topics, outboxes and roles are.
import type { RoleState } from "../../../schemas/overview.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { countText, plural } from "../../kernel/counted.ts";
import type { Snapshot } from "../collector.ts";
import { startCommandOf } from "../../operations/doctor-work.ts";
import { CommandLine, Status, Unknown } from "./bits.tsx";
import { When } from "./when.tsx";
import { knownOf, type Reading } from "../source.ts";
import { Card, type OverviewProps } from "./overview-card.tsx";

export function TopicsPart({ snapshot: { topics, deadLetters } }: OverviewProps) {
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

export function OutboxesPart({ snapshot: { outboxes, mails }, now }: OverviewProps) {
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

export function RolesPart({ snapshot: { roles }, now }: OverviewProps) {
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
          <span>
            <Unknown reading={reading} />
            {reading.unknownSince === null ? null : (
              <span class="reason small">
                If it is down: <CommandLine>{startCommandOf(name)}</CommandLine>
              </span>
            )}
          </span>
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
