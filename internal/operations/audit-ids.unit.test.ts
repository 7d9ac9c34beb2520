// How a text is cut into ids, and how often the dead letters are read for several.
import { expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { orderNumberOf } from "../kernel/order-number.ts";
import { chargePayment } from "../testkit/commands.ts";
import { sagaId } from "../testkit/console.ts";
import { deadLetterOf } from "../testkit/dead-letters.ts";
import { auditIds, MAX_AUDIT_IDS, splitIds } from "./audit-ids.ts";
import { shortId } from "./short-id.ts";

test("ids are separated by commas or blanks, and each is taken once", () => {
  const number = orderNumberOf(sagaId(7));
  expect(splitIds(`${sagaId(1)}, ${number}\n${sagaId(2)} ;${sagaId(1)},`)).toEqual([
    sagaId(1),
    number,
    sagaId(2),
  ]);
  expect(splitIds(" ")).toEqual([]);
});

test("an order number that was read out with blanks is one id", () => {
  const spaced = orderNumberOf(sagaId(7)).replaceAll("-", " ");
  expect(splitIds(` ${spaced} `)).toEqual([spaced]);
  expect(splitIds(`${spaced}, ${sagaId(1)} ${sagaId(2)}`)).toEqual([spaced, sagaId(1), sagaId(2)]);
});

test("the dead letters are read once for all short ids that no database has", async () => {
  const messages = [Bun.randomUUIDv7(), Bun.randomUUIDv7()].map((id) => chargePayment(id));
  const letters = messages.map((message) => deadLetterOf(message, { service: "payment" }));
  let reads = 0;
  const topic = async function* () {
    reads += 1;
    for (const letter of letters) yield { values: [letter], undecodable: [] };
  };
  const [first, second] = [letters[0]?.dead_letter_id ?? "", letters[1]?.dead_letter_id ?? ""];
  const strangers = Array.from({ length: MAX_AUDIT_IDS - 3 }, () => shortId(crypto.randomUUID()));
  const shorts = [shortId(first), shortId(messages[1]?.message_id ?? "")];
  const whole = crypto.randomUUID();
  const away = () => Promise.reject(new AppError("DATABASE_UNAVAILABLE", "it is away"));
  const databases = { saga: away, inventory: away, payment: away, order: away };
  const found = await auditIds(databases, [...shorts, ...strangers, whole], topic);
  expect(found.subjects).toEqual([...shorts, ...strangers, whole, first, second]);
  expect(found.unknown).toEqual([...strangers, whole]);
  expect(reads).toBe(1);
  await auditIds(databases, [whole], topic);
  expect(reads).toBe(1);
});
