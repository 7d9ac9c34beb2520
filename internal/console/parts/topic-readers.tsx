// Who reads a topic: the members of each group with their partitions and what they have not read, and each partition with its member. It shows a
// member that stands still while others go on. Used by the page of a topic.
import type { GroupMember, GroupState, Known, TopicReading } from "../../../schemas/overview.ts";
import { memberName, type ReaderRow, readerRows, STANDS_MS } from "../../operations/topic-readers.ts";
import { countText } from "../../kernel/counted.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import { Status } from "./bits.tsx";
import { type Column, DataTable, Exports } from "./table.tsx";
import { durationText } from "./words.ts";

interface MemberRow {
  readonly state: GroupState;
  /** Null: nobody has these partitions, or it is not known who. */
  readonly member: GroupMember | null;
  readonly places: readonly ReaderRow[];
}

export const readerColumns: readonly Column<ReaderRow>[] = [
  { name: "group", head: "Group", value: ({ group }) => group },
  { name: "partition", head: "Partition", isRight: true, value: ({ partition }) => partition },
  {
    name: "committed",
    head: "Committed",
    isRight: true,
    show: ({ committed }) => (committed === null ? "nothing yet" : countText(committed)),
    value: ({ committed }) => committed,
  },
  { name: "end", head: "End", isRight: true, show: ({ end }) => countText(end), value: ({ end }) => end },
  { name: "lag", head: "Lag", isRight: true, show: ({ lag }) => countText(lag), value: ({ lag }) => lag },
  { name: "member", head: "Member", value: ({ member }) => (member === null ? null : memberName(member)) },
  { name: "host", head: "Host", value: ({ member }) => member?.host ?? null },
  {
    name: "unmoved_since",
    head: "Nothing committed since",
    show: ({ unmoved_since: since }) => (since === null ? "" : timestampOf(since).slice(11, 19)),
    value: ({ unmoved_since: since }) => (since === null ? null : timestampOf(since)),
  },
];

export function TopicReaders({
  topic,
  reading,
}: {
  readonly topic: string;
  readonly reading: Known<TopicReading>;
}) {
  const { value, at } = reading;
  if (value.groups.length === 0) return <p>No group reads it.</p>;
  const rows = memberRows(value);
  return (
    <>
      <DataTable
        label="Members"
        columns={memberColumns(at)}
        rows={rows}
        keyOf={({ state, member }) => `${state.group} ${member?.id ?? ""}`}
      />
      {value.groups.map(({ group, unknown }) =>
        unknown === null ? null : (
          <p key={group} class="small soft">
            Who reads for {group} is not known: {unknown}
          </p>
        ),
      )}
      <details>
        <summary>each partition with its member</summary>
        <DataTable
          label="Partitions and members"
          columns={readerColumns}
          rows={readerRows(value)}
          keyOf={({ group, partition }) => `${group} ${partition}`}
        />
        <div class="table-foot small">
          <Exports here={`/topics/${topic}?table=readers`} />
        </div>
      </details>
    </>
  );
}

/** By group, those that are furthest behind first. */
function memberRows(reading: TopicReading): readonly MemberRow[] {
  const rows = readerRows(reading);
  return reading.groups.flatMap((state) => {
    const own = Map.groupBy(
      rows.filter(({ group }) => group === state.group),
      ({ member }) => member?.id ?? "",
    );
    return [...own.values()]
      .map((places) => ({ state, member: places[0]?.member ?? null, places }))
      .toSorted((a, b) => lagOf(b) - lagOf(a));
  });
}

function memberColumns(now: number): readonly Column<MemberRow>[] {
  return [
    { name: "group", head: "Group", value: ({ state }) => state.group },
    {
      name: "member",
      head: "Member",
      show: (row) => <Member row={row} />,
      value: ({ member }) => (member === null ? null : memberName(member)),
    },
    { name: "host", head: "Host", value: ({ member }) => member?.host ?? "" },
    {
      name: "partitions",
      head: "Partitions",
      show: ({ places }) => rangesOf(places.map(({ partition }) => partition)),
      value: ({ places }) => places.length,
    },
    { name: "lag", head: "Lag", isRight: true, show: (row) => countText(lagOf(row)), value: lagOf },
    {
      name: "stuck",
      head: "Progress",
      show: ({ places }) => <Progress places={places} now={now} />,
      value: ({ places }) => unmoved(places, now).length,
    },
  ];
}

function Member({ row: { state, member, places } }: { readonly row: MemberRow }) {
  if (member !== null) return <span class="id">{memberName(member)}</span>;
  if (state.unknown !== null) return <span class="soft">not known</span>;
  const waits = places.some(({ lag }) => lag > 0);
  return <Status tone={waits ? "bad" : "warn"}>nobody ({state.state})</Status>;
}

function Progress({ places, now }: { readonly places: readonly ReaderRow[]; readonly now: number }) {
  if (places.every(({ lag }) => lag === 0)) return "has read everything";
  const stuck = unmoved(places, now);
  // It may have been looked at for the first time.
  if (stuck.length === 0) return `no stop of ${durationText(STANDS_MS)} was seen`;
  const longest = Math.max(...stuck.map(({ unmoved_since: since }) => now - (since ?? now)));
  const numbers = stuck.map(({ partition }) => partition);
  return (
    <Status tone="bad">
      stuck for {durationText(longest)} at {numbers.length === 1 ? "partition" : "partitions"}{" "}
      {rangesOf(numbers)}
    </Status>
  );
}

function unmoved(places: readonly ReaderRow[], now: number): readonly ReaderRow[] {
  return places.filter(({ unmoved_since: since }) => since !== null && now - since >= STANDS_MS);
}

function lagOf({ places }: MemberRow): number {
  return places.reduce((sum, { lag }) => sum + lag, 0);
}

/** `0-3, 7`. */
function rangesOf(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
}
