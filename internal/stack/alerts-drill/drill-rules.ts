// The alert rules with short durations, so that a drill takes minutes instead of days: windows, offsets, `for`, `keep_firing_for`, and
// thresholds that are a time. Nothing else: the series, functions, counts and shares stay, which a test compares. Pure.

/** A scrape each second instead of each 15 s: 60 scrapes are a minute instead of the 15 min that ScrapeGaps counts. Longer stays longer. */
const WINDOWS: ReadonlyMap<string, string> = new Map([
  ["2m", "8s"],
  ["5m", "20s"],
  ["15m", "1m"],
  ["30m", "65s"],
  ["1h", "70s"],
  ["6h", "75s"],
  ["3d", "80s"],
]);

/** Thresholds that are a time, by the metric that they limit. In seconds, as the metrics are. */
const TIMES: readonly { readonly reads: string; readonly real: number; readonly drill: number }[] = [
  { reads: "checkout_outbox_oldest_unpublished_seconds", real: 30, drill: 8 },
  { reads: "checkout_payment_oldest_unknown_seconds", real: 900, drill: 10 },
  { reads: "checkout_payment_reconciled_until_timestamp_seconds", real: 1_800, drill: 40 },
  { reads: "checkout_revocations_read_timestamp_seconds", real: 60, drill: 12 },
  { reads: "checkout_token_keys_fetched_timestamp_seconds", real: 600, drill: 90 },
  { reads: "checkout_database_oldest_snapshot_seconds", real: 1_800, drill: 10 },
];

/** How long a rule waits before it fires and before it stops. */
const WAITS: ReadonlyMap<string, string> = new Map([
  ["0s", "0s"],
  ["1m", "2s"],
  ["2m", "3s"],
  ["5m", "4s"],
  ["10m", "5s"],
  ["15m", "6s"],
  ["30m", "7s"],
  ["1h", "8s"],
  ["2h", "20s"],
  ["3h", "25s"],
]);

/** The text of a rule file with short durations. Throws on a duration that it does not know. */
export function drillRules(rules: string): string {
  return rules
    .split("\n")
    .map((line) => {
      if (/^\s*(#|summary:|description:|runbook_url:|- record:|record:)/.test(line)) return line;
      const wait = /^(\s*(?:for|keep_firing_for): )(\w+)$/.exec(line);
      if (wait !== null) return `${wait[1]}${shortened(WAITS, wait[2] ?? "")}`;
      return withShortTimes(
        line.replaceAll(/(\[|offset )(\d+[smhd])/g, (_, before: string, window: string) => {
          return `${before}${shortened(WINDOWS, window)}`;
        }),
      );
    })
    .join("\n");
}

function withShortTimes(line: string): string {
  const time = TIMES.find(({ reads }) => line.includes(reads));
  return time === undefined
    ? line
    : line.replace(new RegExp(String.raw`> ${time.real}\b`), `> ${time.drill}`);
}

function shortened(table: ReadonlyMap<string, string>, duration: string): string {
  const found = table.get(duration);
  if (found === undefined) throw new Error(`no short duration for ${duration}: add it to drill-rules.ts`);
  return found;
}
