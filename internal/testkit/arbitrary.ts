// Generates any value that a schema allows, including its limits: code behind a contract must be able to store, return and forward
// all of them. For property tests.
import { type Static, type TSchema, type TString, TypeGuard } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import * as fc from "fast-check";

/** Longer texts are not generated; they test nothing more. */
const LONGEST_TEXT = 300;

export function arbitraryOf<Schema extends TSchema>(schema: Schema): fc.Arbitrary<Static<Schema>> {
  // Use a generated value only if the schema accepts it.
  return anyOf(schema).filter((value): value is Static<Schema> => Value.Check(schema, value));
}

function anyOf(schema: TSchema): fc.Arbitrary<unknown> {
  if (TypeGuard.IsLiteral(schema)) return fc.constant(schema.const);
  if (TypeGuard.IsNull(schema)) return fc.constant(null);
  if (TypeGuard.IsBoolean(schema)) return fc.boolean();
  if (TypeGuard.IsUnion(schema)) return fc.oneof(...schema.anyOf.map(anyOf));
  if (TypeGuard.IsInteger(schema)) {
    const { minimum: min = 0, maximum: max = Number.MAX_SAFE_INTEGER } = schema;
    return fc.oneof(fc.constantFrom(min, max), fc.integer({ min, max }));
  }
  if (TypeGuard.IsString(schema)) return textOf(schema);
  if (TypeGuard.IsArray(schema)) {
    const { minItems = 0, maxItems = 10, items } = schema;
    const some = fc.array(anyOf(items), { minLength: minItems, maxLength: maxItems });
    return fc.oneof(some, fc.array(anyOf(items), { minLength: maxItems, maxLength: maxItems }));
  }
  if (TypeGuard.IsObject(schema)) {
    const fields = Object.entries(schema.properties).map(([name, field]) => [name, anyOf(field)] as const);
    return fc.record(Object.fromEntries(fields), { requiredKeys: [...(schema.required ?? [])] });
  }
  throw new Error(`cannot generate values for ${JSON.stringify(schema)}: add this kind of schema here`);
}

function textOf({ pattern, minLength = 0, maxLength = LONGEST_TEXT }: TString): fc.Arbitrary<string> {
  const lengths = { minLength, maxLength: Math.min(maxLength, LONGEST_TEXT) };
  const plain = fc.string(lengths);
  if (pattern === undefined) return plain;
  // fast-check cannot generate from the pattern's surrogate classes. Printable text matches the pattern as well.
  if (pattern.includes("\\ud800")) return pattern.includes("@") ? fc.emailAddress() : plain;
  return fc.stringMatching(new RegExp(pattern));
}
