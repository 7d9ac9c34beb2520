import { expect, test } from "bun:test";
import { idForms } from "./id-form.ts";

const ID = "01234567-89ab-7cde-8f01-23456789abcd";
const OTHER = "01234567-89ab-7cde-8f01-23456789abce";

test("a pasted text is an id of these forms", () => {
  const cases: readonly [string, string | null, string | null][] = [
    [ID, ID, ID],
    [` ${ID.toUpperCase()}\n`, ID, ID.toUpperCase()],
    [`https://shop.example/checkout/${ID}?k=1`, ID, `https://shop.example/checkout/${ID}?k=1`],
    [`charge_${ID}`, ID, `charge_${ID}`],
    [`${ID}/${ID}`, ID, `${ID}/${ID}`],
    [`${ID} ${OTHER}`, null, null],
    [`saga ${ID}`, ID, null],
    [`${ID}0`, null, `${ID}0`],
    ["pi_3Qx", null, "pi_3Qx"],
    ["tea-1", null, "tea-1"],
    ["a".repeat(200), null, "a".repeat(200)],
    ["a".repeat(201), null, null],
    ["té", null, null],
    ["", null, null],
  ];
  for (const [text, uuid, token] of cases) expect([text, idForms(text)]).toEqual([text, { uuid, token }]);
});
