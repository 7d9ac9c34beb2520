// Checks values by a schema like TypeCompiler, but compiles at the first check: a tool compiles nothing for what it is not asked. For
// internal/operations/ and checkoutctl; the services compile when they start, so that no shopper waits.
import type { Static, TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler, type ValueErrorIterator } from "@sinclair/typebox/compiler";

export class LateCheck<Schema extends TSchema> {
  readonly #schema: Schema;
  #compiled: TypeCheck<Schema> | undefined;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  Check(value: unknown): value is Static<Schema> {
    return this.#check.Check(value);
  }

  Errors(value: unknown): ValueErrorIterator {
    return this.#check.Errors(value);
  }

  get #check(): TypeCheck<Schema> {
    return (this.#compiled ??= TypeCompiler.Compile(this.#schema));
  }
}
