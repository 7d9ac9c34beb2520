import { expect, test } from "bun:test";
import { MIGRATED_DATABASES, migrations } from "./migrations.ts";

test.each(MIGRATED_DATABASES.map((database) => ({ database })))(
  "the migrations of $database are applied in the order of their numbers",
  ({ database }) => {
    const names = migrations[database].map(({ name }) => name);
    expect(names).toEqual([...new Set(names)].toSorted());
    for (const name of names) expect(name).toMatch(/^\d{4}_[a-z_]+$/);
  },
);
