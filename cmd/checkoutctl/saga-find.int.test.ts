// `saga find` as a process against real databases.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { seeded } from "../../internal/kernel/random.ts";
import type { SagaPage } from "../../internal/operations/saga-search.ts";
import { Checkoutctl, type Environment } from "../../internal/testkit/checkoutctl.ts";
import { ConsistentFixture } from "../../internal/testkit/consistent-fixture.ts";
import { type FoundSagaRow, randomSaga, writeSagas } from "../../internal/testkit/found-sagas.ts";

const NOW = Date.now();
const HOUR_MS = 3_600_000;
const USER = crypto.randomUUID();

let tool: Checkoutctl;
let fixture: ConsistentFixture;
let env: Environment;
let rows: readonly FoundSagaRow[];
beforeAll(async () => {
  [tool, fixture] = await Promise.all([Checkoutctl.open(), ConsistentFixture.open()]);
  const random = seeded(3);
  rows = Array.from({ length: 5 }, (_, hours) => ({
    ...randomSaga(random, NOW - (hours + 1) * HOUR_MS, [USER]),
    status: "COMPENSATED",
    compensation_step: null,
    failure_code: "CARD_DECLINED",
    completed_at: NOW,
    currency: "EUR",
    total_cents: (hours + 1) * 1_000,
    skus: ["rare"],
  }));
  await writeSagas(fixture.databases, rows);
  env = fixture.databaseUrls;
});
afterAll(async () => {
  await tool[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});

const idsOf = ({ sagas }: SagaPage) => sagas.map(({ saga_id }) => saga_id);

test("finds the order of a shopper who knows only a product and a time, in pages", async () => {
  const [first, second, third] = rows.map(({ saga_id }) => saga_id);
  const find = ["saga", "find", "--sku", "rare", "--since", "210m", "--limit", "2"];
  const page = await tool.json<SagaPage>(find, env);
  expect(page).toMatchObject({ total: { count: 3, at_least: false }, searched_to: null, missing: [] });
  expect(idsOf(page)).toEqual([first ?? "", second ?? ""]);
  const next = await tool.json<SagaPage>([...find, "--after", page.next ?? ""], env);
  expect([idsOf(next), next.next, next.total]).toEqual([[third ?? ""], null, null]);

  const { stdout, code } = await tool.run(find, env);
  const [head = "", line = ""] = stdout.split("\n");
  expect(head).toMatch(/^SAGA +STATUS +STEP +FAILURE +TOTAL +ITEMS +CREATED +UPDATED$/);
  expect(line).toMatch(
    new RegExp(`^${first} +COMPENSATED +[a-z]+ +CARD_DECLINED +10\\.00 EUR +1 x tea +\\d{4}-`),
  );
  expect(stdout).toEndWith(`\n\n3 sagas\n\nmore: --after ${second}\n`);
  expect(code).toBe(0);
});

test("says which products a name was taken for", async () => {
  const newest = rows[0]?.saga_id ?? "";
  const find = ["saga", "find", "--limit", "1", "--product"];
  // The fixture's product `rare` is called "rare, the thing", and "Rarität" in German.
  const { stdout, code } = await tool.run([...find, "RARITÄT"], env);
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(new RegExp(`^products: rare \\(Rarität\\)\n\nSAGA .*\n${newest} .*\n\n5 sagas\n`)),
  ]);
  const none = await tool.run([...find, "kettle"], env);
  expect([none.code, none.stdout]).toEqual([
    0,
    "products: none of the catalogue has such a name\n\nno saga found\n",
  ]);
  await fixture.databases
    .inventory`insert into inventory (sku_id, name, unit_price_cents, currency, stocked_count, available_count)
    select 'cup-' || n, 'Cup ' || n, 1, 'EUR', 9, 9 from generate_series(1, 21) n`;
  const many = await tool.run([...find, "cup"], env);
  expect([many.code, many.stdout]).toEqual([2, ""]);
  expect(many.stderr).toContain("--product names more than 20 products, so no saga was looked for");
});

test("takes every criterion", async () => {
  const third = rows[2];
  if (third === undefined) throw new Error("there are too few sagas");
  const all = [
    `--user ${USER} --payment ${third.payment_id} --reservation ${third.reservation_id}`,
    `--provider-id ${third.provider_id} --sku rare --product thing --key ${third.client_key} --status failed,compensated`,
    `--step ${third.current_step} --table ${third.table_version} --failure CARD_DECLINED --currency EUR --min-cents 3000 --max-cents 3000`,
    "--since 200m --until 170m --updated-since 200m --updated-until 1s",
  ].flatMap((some) => some.split(" "));
  expect(idsOf(await tool.json<SagaPage>(["saga", "find", ...all], env))).toEqual([third.saga_id]);
  for (const [option, value] of [
    ["--order", crypto.randomUUID()],
    ["--refund", crypto.randomUUID()],
    ["--stuck", "5m"],
    ["--needs-operator"],
    ["--resent", "100"],
    ["--table", "3"],
  ]) {
    const { stdout, code } = await tool.run(
      ["saga", "find", ...all, option ?? "", ...(value === undefined ? [] : [value])],
      env,
    );
    expect([option, stdout.endsWith("no saga found\n"), code]).toEqual([option, true, 0]);
  }
});

test.each<[string[], number, string, boolean?]>([
  [["--user", "1"], 2, "It must be a UUID in lower case."],
  [["--status", "DONE"], 2, "It must be one or more of STARTED,"],
  [["--step", "pay"], 2, "Allowed choices are reserve, charge, authorize, confirm, capture, order."],
  [["--table", "0"], 2, "It must be a version of the saga table"],
  [["--currency", "euro"], 2, "It must be a currency such as EUR."],
  [["--min-cents", "1.5"], 2, "It must be a whole number of cents"],
  [["--since", "yesterday"], 2, "It must be a time such as"],
  [["--since", "1h", "--until", "2h"], 2, "no saga can match: --until is not later than --since"],
  [["--min-cents", "2", "--max-cents", "1"], 2, "no saga can match: --min-cents is above --max-cents"],
  [["--limit", "1001"], 2, "--limit must be at most 1000"],
  [["--after", "x"], 2, "It must be a UUID"],
  [["--sku", "rare"], 4, "the inventory database does not answer at 127.0.0.1:9/inventory", true],
  [["--user", USER], 0, "", true],
])(
  "%p exits with %d: wrong values are refused, and a database that does not answer is named",
  async (args, expected, text, isAway = false) => {
    const away = { INVENTORY_DATABASE_URL: "postgres://127.0.0.1:9/inventory" };
    const { code, stdout, stderr } = await tool.run(
      ["saga", "find", ...args],
      isAway ? { ...env, ...away } : env,
    );
    expect([code, stdout === ""]).toEqual([expected, expected !== 0]);
    expect(stderr).toContain(text);
  },
);
