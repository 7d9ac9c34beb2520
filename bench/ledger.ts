// The payment simulator's ledger, which says what the provider took and returned. Read by the chaos run and by the comparison of designs,
// after nothing moves any more.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { ProviderLedgerEntry } from "../schemas/provider-ledger.ts";

const entry = TypeCompiler.Compile(ProviderLedgerEntry);

/** `paysim`: the simulator's address. Throws if it does not answer, or with something else. */
export async function readLedger(paysim: string): Promise<readonly ProviderLedgerEntry[]> {
  const answer = await fetch(`${paysim}/_sim/ledger`);
  if (!answer.ok) throw new Error(`the provider simulator's ledger: ${answer.status}`);
  const lines = (await answer.text()).split("\n").filter((line) => line !== "");
  return lines.map((line) => entry.Decode(JSON.parse(line)));
}
