// What `checkoutctl cost` asks a real database.
import { expect, test } from "bun:test";
import { ConsistentFixture } from "../testkit/consistent-fixture.ts";
import { checkoutsKept } from "./cost-store.ts";

test("few checkouts are counted, many are estimated without reading them all", async () => {
  await using fixture = await ConsistentFixture.open();
  await fixture.reset();
  const { saga } = fixture.asConsole;
  expect(await checkoutsKept(saga)).toEqual({ count: 3, isEstimate: false });
  expect(await checkoutsKept(saga, 3)).toEqual({ count: 3, isEstimate: false });
  await fixture.databases.saga`analyze saga_state`;
  expect(await checkoutsKept(saga, 2)).toEqual({ count: 3, isEstimate: true });
  // Never analyzed: at least so many.
  await fixture.reset();
  expect(await checkoutsKept(saga, 2)).toEqual({ count: 3, isEstimate: true });
});
