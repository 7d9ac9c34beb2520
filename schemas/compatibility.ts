// Finds breaking changes between two versions of a JSON Schema: services are upgraded one after the other, messages wait in topics,
// and shoppers' apps are never upgraded. The rule: new fields are optional, nothing is removed, nothing is narrowed. Called by the
// compatibility test and by write-snapshot.ts. Pure.
//
// Widening is allowed, but every reader must be upgraded before the first writer uses it.

export interface Break {
  /** For example `ReserveInventory.items[].quantity`. */
  readonly path: string;
  readonly reason: string;
}

/** The part of JSON Schema that TypeBox produces and this check supports. */
export interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly [keyword: string]: unknown;
}

const NOW_OPTIONAL = "was always there and is now optional";
/** Bodies that only we read: a field that clients no longer need to send breaks nobody. */
const REQUESTS: ReadonlySet<string> = new Set([
  "http CancelOrderRequest",
  "http CancelSaga",
  "http CheckoutRequest",
  "http DeliverOrder",
  "http RestockRequest",
  "http ShipOrder",
]);

/** Keywords whose new value must be absent or not stricter, each with its comparison. */
const LIMITS: Readonly<Record<string, (before: number | undefined, after: number) => boolean>> = {
  minimum: isRaised,
  exclusiveMinimum: isRaised,
  minLength: isRaised,
  minItems: isRaised,
  maximum: isLowered,
  exclusiveMaximum: isLowered,
  maxLength: isLowered,
  maxItems: isLowered,
};
const HANDLED = new Set([
  "type",
  "const",
  "anyOf",
  "pattern",
  "items",
  "properties",
  "required",
  "additionalProperties",
  ...Object.keys(LIMITS),
]);
/** Keywords for people that do not affect validation. */
const REMARKS = new Set(["description", "title", "examples", "default", "$id"]);

/** All breaking changes between two versions of one schema; empty if the change is safe. `path` names the schema. */
export function breakingChanges(before: Schema, after: Schema, path: string): Break[] {
  // Everything the old union accepted must still be accepted, by any alternative.
  if (before.anyOf) return before.anyOf.flatMap((alternative) => breakingChanges(alternative, after, path));
  if (after.anyOf) {
    const isCovered = after.anyOf.some(
      (alternative) => breakingChanges(before, alternative, path).length === 0,
    );
    return isCovered ? [] : [{ path, reason: `${nameOf(before)} is no longer accepted` }];
  }
  const narrowed = typeBreaks(before, after, path);
  // If the type changed, limits and fields cannot be compared.
  if (narrowed.length > 0) return narrowed;
  return [
    ...limitBreaks(before, after, path),
    ...otherKeywordBreaks(before, after, path),
    ...itemBreaks(before, after, path),
    ...fieldBreaks(before, after, path),
  ];
}

/** The same for a set of named schemas: a removed schema is a break, a new one is not. */
export function breakingChangesOfAll(
  before: Readonly<Record<string, Schema>>,
  after: Readonly<Record<string, Schema>>,
): Break[] {
  return Object.entries(before).flatMap(([name, schema]) => {
    const now = after[name];
    if (now === undefined) return [{ path: name, reason: "was removed" }];
    const breaks = breakingChanges(schema, now, name);
    return REQUESTS.has(name) ? breaks.filter(({ reason }) => reason !== NOW_OPTIONAL) : breaks;
  });
}

function typeBreaks(before: Schema, after: Schema, path: string): Break[] {
  if ("const" in after && after.const !== before.const) {
    return [{ path, reason: `only ${JSON.stringify(after.const)} is accepted, not ${nameOf(before)}` }];
  }
  if (after.type === undefined || after.type === before.type) return [];
  if (after.type === "number" && before.type === "integer") return [];
  return [{ path, reason: `its type changed from ${before.type ?? "anything"} to ${after.type}` }];
}

function limitBreaks(before: Schema, after: Schema, path: string): Break[] {
  return Object.entries(LIMITS).flatMap(([keyword, isStricter]) => {
    const was = numberOf(before[keyword]);
    const is = numberOf(after[keyword]);
    if (is === undefined || !isStricter(was, is)) return [];
    return [{ path, reason: `${keyword} was ${was ?? "not limited"} and is ${is}` }];
  });
}

/** Patterns and unknown keywords cannot be compared, so any change of them is a break. */
function otherKeywordBreaks(before: Schema, after: Schema, path: string): Break[] {
  return Object.keys(after)
    .filter((keyword) => keyword === "pattern" || !(HANDLED.has(keyword) || REMARKS.has(keyword)))
    .filter((keyword) => JSON.stringify(before[keyword]) !== JSON.stringify(after[keyword]))
    .map((keyword) => ({ path, reason: `${keyword} was added or changed` }));
}

function itemBreaks(before: Schema, after: Schema, path: string): Break[] {
  return after.items === undefined ? [] : breakingChanges(before.items ?? {}, after.items, `${path}[]`);
}

function fieldBreaks(before: Schema, after: Schema, path: string): Break[] {
  const requiredBefore = new Set(before.required);
  const requiredNow = new Set(after.required);
  const breaks: Break[] = [];
  for (const [name, schema] of Object.entries(before.properties ?? {})) {
    const field = `${path}.${name}`;
    const now = after.properties?.[name];
    if (now === undefined) {
      breaks.push({ path: field, reason: "was removed" });
      continue;
    }
    if (requiredBefore.has(name) && !requiredNow.has(name)) {
      breaks.push({ path: field, reason: NOW_OPTIONAL });
    }
    breaks.push(...breakingChanges(schema, now, field));
  }
  for (const name of requiredNow) {
    if (!requiredBefore.has(name)) breaks.push({ path: `${path}.${name}`, reason: "is newly required" });
  }
  if (after.additionalProperties === false && before.additionalProperties !== false) {
    breaks.push({ path, reason: "unknown fields are no longer accepted" });
  }
  return breaks;
}

function isRaised(before: number | undefined, after: number): boolean {
  return before === undefined || after > before;
}

function isLowered(before: number | undefined, after: number): boolean {
  return before === undefined || after < before;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function nameOf(schema: Schema): string {
  return "const" in schema ? JSON.stringify(schema.const) : (schema.type ?? "anything");
}
