// Any value that a schema allows, its limits included: what a contract takes, whoever is behind it must be able to hold, answer
// and send on. For property tests.
import { type Static, type TSchema, type TString, TypeGuard } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import * as fc from "fast-check";

/** Lengths that say nothing more than shorter ones are not drawn. */
const LONGEST_TEXT = 300;

export function arbitraryOf<Schema extends TSchema>(schema: Schema): fc.Arbitrary<Static<Schema>> {
  // Whatever was drawn is what the schema says, or it is not used.
  return anyOf(schema).filter((value): value is Static<Schema> => Value.Check(schema, value));
}

function anyOf(schema: TSchema): fc.Arbitrary<unknown> {
  if (TypeGuard.IsLiteral(schema)) return fc.constant(schema.const);
  if (TypeGuard.IsNull(schema)) return fc.constant(null);
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
  throw new Error(`no way to draw from ${JSON.stringify(schema)}`);
}

function textOf({ pattern, minLength = 0, maxLength = LONGEST_TEXT }: TString): fc.Arbitrary<string> {
  const lengths = { minLength, maxLength: Math.min(maxLength, LONGEST_TEXT) };
  const plain = fc.string(lengths);
  if (pattern === undefined) return plain;
  // Its classes of half characters are nothing that fast-check could draw from; printable text is inside of them.
  if (pattern.includes("\\ud800")) return pattern.includes("@") ? fc.emailAddress() : plain;
  return fc.stringMatching(new RegExp(pattern));
}
