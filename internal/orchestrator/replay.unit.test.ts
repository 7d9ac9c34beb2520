import { describe, expect, test } from "bun:test";
import { objectionToReplay, type CurrentSaga } from "./replay.ts";
import { statusDuring, TABLES } from "./steps.ts";

const settled = (table_version: number) =>
  (["COMPLETED", "COMPENSATED", "FAILED"] as const).map((status): CurrentSaga => ({
    table_version,
    status,
    current_step: "order",
    compensation_step: null,
  }));

describe.each([...TABLES])("table %d", (table_version, table) => {
  const forward = table.map(({ step }): CurrentSaga => ({
    table_version,
    status: statusDuring(table, step),
    current_step: step,
    compensation_step: null,
  }));
  const compensating = table
    .filter(({ undo }) => undo !== null)
    .map(({ step }): CurrentSaga => ({
      table_version,
      status: "COMPENSATING",
      current_step: "order",
      compensation_step: step,
    }));
  test("a forward command may be sent again only while its saga waits for its reply", () => {
    for (const { command, step } of table) {
      const welcome = [...forward, ...compensating, ...settled(table_version)].filter(
        (current) => objectionToReplay(command, current) === null,
      );
      expect(welcome).toEqual(forward.filter(({ current_step }) => current_step === step));
    }
  });

  test("an undo may be sent again only while it is in progress", () => {
    for (const { undo, step } of table) {
      for (const command of [undo?.command, undo?.commandOncePaid]) {
        if (command === undefined) continue;
        const welcome = [...forward, ...compensating, ...settled(table_version)].filter(
          (current) => objectionToReplay(command, current) === null,
        );
        expect(welcome).toEqual(compensating.filter(({ compensation_step }) => compensation_step === step));
      }
    }
  });
});

test("the objection says where the saga stands", () => {
  const at = (
    status: CurrentSaga["status"],
    current_step = "charge",
    compensation_step: string | null = null,
  ) => ({
    table_version: 1,
    status,
    current_step,
    compensation_step,
  });
  expect(objectionToReplay("ChargePayment", at("COMPENSATED"))).toBe("its saga is finished: COMPENSATED");
  expect(objectionToReplay("ChargePayment", at("COMPENSATING", "charge", "charge"))).toContain(
    "is compensating",
  );
  expect(objectionToReplay("ReserveInventory", at("INVENTORY_RESERVED"))).toContain("waits for charge");
  expect(objectionToReplay("ReleaseInventory", at("COMPENSATING", "charge", "charge"))).toContain(
    "undoing charge",
  );
  expect(objectionToReplay("ReleaseInventory", at("STARTED", "reserve"))).toContain("undoes nothing");
});

test("events and mails may always be sent again", () => {
  for (const type of ["PaymentSucceeded", "CommandDeadLettered", "SendNotification", "never heard of"]) {
    for (const current of settled(1)) expect(objectionToReplay(type, current)).toBeNull();
  }
});
