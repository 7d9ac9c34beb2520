// How a list shows a shopper to operators: enough to tell apart who is on the phone, too little to write to them. Pure.
import { ERASED } from "../../schemas/fields.ts";

/** What the saga knows of its shopper. */
export interface Shopper {
  readonly saga_id: string;
  readonly email: string;
  readonly name: string;
  /** Empty if the country has none, and after erasure. */
  readonly city: string;
  /** The whole postal address in one line; absent while it is hidden. */
  readonly address?: string;
}

const DOTS = "•••";
const MAX_INITIALS = 3;

/** `a•••@example.com`, `A. L.`, and the city as it is. Of an erased shopper nothing is left to hide. */
export function maskedShopper(shopper: Shopper): Shopper {
  const { saga_id, email, name, city } = shopper;
  if (email === ERASED.email) return { saga_id, email: ERASED.line, name: ERASED.line, city: "" };
  return { saga_id, email: maskedEmail(email), name: initialsOf(name), city };
}

const ADDRESS_PARTS = [
  "company",
  "line1",
  "line2",
  "line3",
  "district",
  "postal_code",
  "city",
  "region",
  "sorting_code",
  "country",
  "phone",
] as const;

/** A stored address in one line, without the name. */
export function addressText(address: Readonly<Record<string, unknown>>): string {
  return ADDRESS_PARTS.map((part) => address[part])
    .filter((text) => typeof text === "string" && text !== "")
    .join(", ");
}

/** The first letter and the domain. */
export function maskedEmail(email: string): string {
  const at = email.lastIndexOf("@");
  return `${Array.from(email)[0] ?? ""}${DOTS}${at < 0 ? "" : email.slice(at)}`;
}

function initialsOf(name: string): string {
  return name
    .split(/\s+/)
    .filter((word) => /^[\p{L}\p{N}]/u.test(word))
    .slice(0, MAX_INITIALS)
    .map((word) => `${Array.from(word)[0] ?? ""}.`)
    .join(" ");
}
