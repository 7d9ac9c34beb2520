// Reads the provider's ledger and the client's journal: JSON lines that another process may still append to. An incomplete last line
// is not written yet and is ignored.
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Uuid } from "../../schemas/fields.ts";
import { PayPalLedgerEntry } from "../../schemas/paypal-ledger.ts";
import { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import { AppError, describeError } from "../kernel/errors.ts";
import { payPalEntries } from "./paypal-entries.ts";

/** One line per checkout that was answered with 202; other fields belong to the client. */
const JournalLine = Type.Object({ saga_id: Uuid });

/** `origin` is a file's path, or an http URL that returns the file. */
export function readLedger(origin: string): AsyncIterable<ProviderLedgerEntry> {
  return readLines(origin, ProviderLedgerEntry, "an entry of the provider's ledger");
}

/** The ledger of the simulated PayPal, in the form of the other. A file that is not there yet is an empty ledger. */
export async function* readPayPalLedger(file: string): AsyncIterable<ProviderLedgerEntry> {
  if (!(await Bun.file(file).exists())) return;
  yield* payPalEntries(readLines(file, PayPalLedgerEntry, "an entry of PayPal's ledger"));
}

/** All of several ledgers, one after the other. */
export async function* joined<Entry>(...streams: readonly AsyncIterable<Entry>[]): AsyncIterable<Entry> {
  for (const stream of streams) yield* stream;
}

/** The saga ids in it. */
export async function* readJournal(file: string): AsyncIterable<string> {
  for await (const { saga_id } of readLines(file, JournalLine, '{"saga_id": ...}')) yield saga_id;
}

async function* readLines<Schema extends TSchema>(
  origin: string,
  schema: Schema,
  what: string,
): AsyncIterable<Static<Schema>> {
  const line = TypeCompiler.Compile(schema);
  let number = 0;
  for await (const text of completeLines(await open(origin))) {
    number += 1;
    const value = parse(text);
    if (!line.Check(value))
      throw new AppError("MESSAGE_INVALID", `line ${number} of ${origin} is not ${what}`);
    yield value;
  }
}

async function open(origin: string): Promise<ReadableStream<Uint8Array>> {
  if (!/^https?:/.test(origin)) {
    const file = Bun.file(origin);
    if (await file.exists()) return file.stream();
    throw new AppError("CONFIG_INVALID", `there is no file ${origin}`);
  }
  const response = await fetch(origin).catch((error: unknown) => {
    throw new AppError("PROVIDER_UNAVAILABLE", `${origin} does not answer: ${describeError(error)}`);
  });
  if (response.ok && response.body !== null) return response.body;
  throw new AppError("PROVIDER_UNAVAILABLE", `${origin} answered with HTTP ${response.status}`);
}

async function* completeLines(stream: ReadableStream<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let begun = "";
  for await (const chunk of stream) {
    const lines = (begun + decoder.decode(chunk, { stream: true })).split("\n");
    begun = lines.pop() ?? "";
    yield* lines;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
