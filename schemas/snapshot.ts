// All contracts as plain JSON Schema, by name, for the comparison with the checked-in snapshot.json.
import { KindGuard } from "@sinclair/typebox";
import type { Schema } from "./compatibility.ts";
import { DeadLetter } from "./dead-letter.ts";
import * as http from "./http.ts";
import { MESSAGES } from "./registry.ts";

export const SNAPSHOT_FILE = `${import.meta.dirname}/snapshot.json`;

export type Snapshot = Readonly<Record<string, Schema>>;

/** Messages by type, then the dead-letter record, then HTTP bodies. */
export function currentSnapshot(): Snapshot {
  const messages = Object.entries(MESSAGES).map(([type, { schema }]) => [`message ${type}`, schema] as const);
  const bodies = Object.entries(http)
    .filter(([, exported]) => KindGuard.IsSchema(exported))
    .map(([name, schema]) => [`http ${name}`, schema] as const);
  const all = [...messages, ["record DeadLetter", DeadLetter] as const, ...bodies];
  // To JSON and back: this removes TypeBox's symbols.
  const plain: Snapshot = JSON.parse(JSON.stringify(Object.fromEntries(all)));
  return plain;
}
