// Erases a shopper in tests, as an operator does with checkoutctl.
import { type Erased, type EraseOptions, eraseShopper } from "../operations/erase.ts";

type Databases = Pick<EraseOptions, "saga" | "inventory" | "payment" | "order" | "notification">;

export function eraseAsAda(databases: Databases, userId: string): Promise<Erased> {
  const who = { newId: () => Bun.randomUUIDv7(), now: Date.now(), actor: "ada", reason: "asked" };
  return eraseShopper({ ...databases, ...who }, userId);
}
