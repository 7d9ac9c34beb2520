// Hides personal data in messages and rows before a person sees them. Pure. `reveal` shows it, which is audited by whoever calls.

/** What a shopper is called and where they live. The country stays: it explains decisions, and identifies nobody. */
const ADDRESSES = new Set(["shipping_address", "billing_address"]);
/** Objects that identify somebody in each of their parts. */
const WHOLE = new Set(["tracking", "card"]);
const MASKED = "(masked)";
const SEALED = "(sealed)";

/**
 * The same value with masked e-mail addresses, addresses, tracking numbers and cards (brand and last four digits), and without the bytes of
 * messages (`*_base64`), which hold all of that again. A payment token that can be read is shown as sealed, always.
 */
export function masked(value: unknown, reveal: boolean): unknown {
  return walk(value, reveal, "");
}

/** A text of another server, such as a mail server's reply, without e-mail addresses. */
export function maskedText(text: string): string {
  return text.replaceAll(/[^\s<>()[\]:;,"']+@[^\s<>()[\]:;,"']+/g, MASKED);
}

function walk(value: unknown, reveal: boolean, key: string): unknown {
  if (key === "payment_method" && typeof value === "string") return SEALED;
  if (!reveal && /email|phone/i.test(key) && typeof value === "string") return MASKED;
  if (!reveal && key.endsWith("_base64") && typeof value === "string") return MASKED;
  if (!reveal && WHOLE.has(key) && value !== null) return MASKED;
  if (Array.isArray(value)) return value.map((one: unknown) => walk(one, reveal, key));
  if (typeof value !== "object" || value === null) return value;
  const hidesAll = !reveal && ADDRESSES.has(key);
  return Object.fromEntries(
    Object.entries(value).map(([name, content]) => [
      name,
      hidesAll && name !== "country" && typeof content === "string" ? MASKED : walk(content, reveal, name),
    ]),
  );
}
