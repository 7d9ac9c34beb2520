// What an upgrade from the last release rests on: its messages are understood, it understands ours, and its binaries can work on our schema.
// The drill (`bun run upgrade:drill`) shows the same with the binaries.
import { describe, expect, test } from "bun:test";
import { breakingChangesOfAll } from "./compatibility.ts";
import { contractions } from "./contractions.ts";
import { isReleased, LAST_RELEASE, RELEASED_CONTRACTS } from "./last-release.ts";
import { MIGRATED_DATABASES, migrations } from "./migrations.ts";
import { currentSnapshot, type Snapshot } from "./snapshot.ts";

const released: Snapshot = await Bun.file(RELEASED_CONTRACTS).json();

describe("contracts", () => {
  // snapshot.json is rewritten with each change, by force if need be, so it does not prove this.
  test("what the last release sends is accepted", () => {
    expect(breakingChangesOfAll(released, currentSnapshot())).toEqual([]);
  });

  /** Messages that the last release does not accept as they may be now, each with what makes that harmless. */
  const NOT_READ_BY_OLDER: Readonly<Record<string, string>> = {
    "message SendNotification.template":
      "new mails; notification is replaced before the orchestrator that asks for them",
  };

  test("an older reader accepts the messages that are sent now", () => {
    const refused = breakingChangesOfAll(currentSnapshot(), released).filter(
      // A new message has no older reader, and an older reader ignores a new field; messages are open (the next test).
      ({ path, reason }) => path.startsWith("message ") && reason !== "was removed",
    );
    expect([...new Set(refused.map(({ path }) => path))]).toEqual(Object.keys(NOT_READ_BY_OLDER));
  });

  test("messages are open for fields of later versions", () => {
    const closed = Object.entries({ ...released, ...currentSnapshot() }).filter(
      ([name, schema]) =>
        name.startsWith("message ") && JSON.stringify(schema).includes('"additionalProperties":false'),
    );
    expect(closed.map(([name]) => name)).toEqual([]);
  });
});

describe("migrations", () => {
  test("those of the last release are as it had them; a database that has them refuses others", () => {
    const hash = new Bun.CryptoHasher("sha256");
    for (const database of MIGRATED_DATABASES)
      for (const { name, sql } of migrations[database])
        if (isReleased(name)) hash.update(`${database} ${name} ${sql}`);
    expect(hash.digest("hex")).toBe(LAST_RELEASE.migrationsSha256);
  });

  /** Statements that look like a contraction, by migration, each with the reason why the last release survives it. */
  const HARMLESS: Readonly<Record<string, readonly [pattern: RegExp, reason: string]>> = {
    "0022_providers": [/^alter table reconciliation /, "0.1.0 only updates and reads the row, by no key"],
    "0024_action_required": [
      /add constraint payments_action /,
      "0.1.0 writes neither of its columns, which are null then",
    ],
    "0037_charged_card": [
      /add constraint \w+_card_check /,
      "0.1.0 does not write the column, which is null then",
    ],
    "0042_authorize": [
      /add constraint payments_(?:capture|status|due_status|held_charge) /,
      "0.1.0 writes none of the new columns, and only statuses that the old checks allowed",
    ],
    "0043_refunds_that_fail": [
      /add constraint payment_alerts_(?:kind|opened_by)_check /,
      "each takes the place of a check that allowed fewer values",
    ],
    "0038_least_privilege": [
      /^alter function .* rename /,
      "the next statement makes it again under the old name",
    ],
    "0041_authorize_first": [
      /add constraint saga_state_(?:current|compensation)_step_check check \(\w+ in \('/,
      "each takes the place of a check that allowed fewer steps",
    ],
  };

  test("a new one only adds: the older version reads and writes while both run", () => {
    const found = MIGRATED_DATABASES.flatMap((database) =>
      migrations[database]
        .filter(({ name }) => !isReleased(name))
        .flatMap(({ name, sql }) =>
          contractions(sql).flatMap((fault) =>
            HARMLESS[name]?.[0].test(fault) === true ? [] : [`${database} ${name}: ${fault}`],
          ),
        ),
    );
    expect(found).toEqual([]);
  });

  test.each([
    ["drop table a", "is gone"],
    ["alter table a drop column b", "is gone"],
    ["alter table a rename column b to c", "has another name"],
    ["alter table a alter column b type bigint", "has another type"],
    ["alter table a alter b set not null", "is not filled"],
    ["alter table a add column b text not null", "is not filled"],
    ["alter table a add constraint c check (b > 0)", "may refuse"],
    ["create unique index c on a (b)", "may refuse"],
    ["alter table a drop constraint a_pkey", "on conflict"],
  ])("a contraction is found: %s", (sql, harm) => {
    const [found] = contractions(`-- first drop the rest\ncreate index i on a (b);\n${sql.toUpperCase()};`);
    expect(found).toContain(harm);
  });

  test.each([
    "alter table a add column b text",
    "alter table a add column b text not null default ''",
    "create table a (b int primary key); create unique index c on a (b); alter table a add check (b > 0)",
    "drop index concurrently if exists i; create index concurrently i on a (b)",
    "alter table a drop constraint a_check, alter column b set statistics 0",
    "create or replace function f() returns void language plpgsql as $$ begin drop table a; end $$",
  ])("an expansion is not: %s", (sql) => {
    expect(contractions(sql)).toEqual([]);
  });
});
