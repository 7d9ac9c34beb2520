// "Paste any id": looks for it in every place where it may live, at the same time. Called by `checkoutctl find` and the console.
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import { AppError } from "../kernel/errors.ts";
import { type OrderNumber, readOrderNumber } from "../kernel/order-number.ts";
import { within } from "./ask.ts";
import { type DeadLetterBatches, typeOf } from "./dead-letters.ts";
import { isDeadLetter } from "../messaging/read-dead-letter.ts";
import {
  chargeAtProvider,
  type Hit,
  messageIn,
  product,
  sagasOfKey,
  uuidInInventory,
  uuidInOrder,
  uuidInPayment,
  shortInOrder,
  shortInPayment,
  shortInSaga,
  uuidInSaga,
} from "./find-anything-store.ts";
import { idForms } from "./id-form.ts";
import { ordersNumbered } from "./order-store.ts";
import {
  eachOnce,
  type Missing,
  missingOf,
  type OpenDatabases,
  reach,
  type Reached,
  reached,
} from "./reach.ts";
import { readOriginal } from "./replay-plan.ts";
import { fewSagas } from "./saga-search-store.ts";
import { isShortOf, readShortId, type ShortId } from "./short-id.ts";
import { FIRST_ID, LAST_ID } from "../kernel/time-of-id.ts";

const MAX_KEYS = 20;

export interface Anything {
  readonly hits: readonly Hit[];
  /** Places that did not answer: what is missing may be there. */
  readonly missing: readonly Missing[];
}

export interface DeadLetterSearch {
  /** If reading them takes longer, they are missing. Default: no limit. */
  readonly withinMs?: number;
  /** They are read after everything else, and only if nothing else was found: their topic has no index. */
  readonly onlyOnMiss?: boolean;
}

/**
 * `deadLetters` reads the whole topic of the dead letters, for those with this id or of a message with it, so a caller may leave it out.
 * Also takes the order number that shoppers see, and the short form in which pages show ids. Empty for text that cannot be any id.
 */
export async function findAnything(
  databases: OpenDatabases,
  text: string,
  deadLetters?: () => DeadLetterBatches,
  { withinMs = Infinity, onlyOnMiss = false }: DeadLetterSearch = {},
): Promise<Anything> {
  const short = readShortId(text);
  if (short !== null) return findShort(databases, short, deadLetters, withinMs);
  const { uuid, token } = idForms(text);
  const ask = (database: DatabaseName, find: (sql: Sql) => Promise<readonly Hit[]>) =>
    reach(databases, database, find);
  const questions: Promise<Reached<readonly Hit[]>>[] = [];
  if (uuid !== null) {
    questions.push(
      ask("saga", (sql) => uuidInSaga(sql, uuid)),
      ask("inventory", (sql) => uuidInInventory(sql, uuid)),
      ask("payment", (sql) => uuidInPayment(sql, uuid)),
      ask("order", (sql) => uuidInOrder(sql, uuid)),
      ...(["saga", "inventory", "payment", "order"] as const).map((database) =>
        ask(database, (sql) => messageIn(sql, uuid)),
      ),
    );
  }
  const askDeadLetters =
    uuid === null || deadLetters === undefined
      ? null
      : () => lettersOf((id) => id === uuid, deadLetters, withinMs);
  if (askDeadLetters !== null && !onlyOnMiss) questions.push(askDeadLetters());
  const number = readOrderNumber(text);
  if (number !== null) questions.push(ask("order", (sql) => byNumber(sql, number)));
  if (token !== null)
    questions.push(
      ask("saga", (sql) => byKey(sql, token)),
      ask("inventory", (sql) => product(sql, token)),
      ask("payment", (sql) => chargeAtProvider(sql, token)),
    );
  const answers = await Promise.all(questions);
  const isMiss = answers.every((one) => "missing" in one || one.answer.length === 0);
  if (askDeadLetters !== null && onlyOnMiss && isMiss) answers.push(await askDeadLetters());
  return {
    hits: distinct(answers.flatMap((one) => ("answer" in one ? one.answer : []))),
    missing: missingOf(answers),
  };
}

/** Everything whose id has this short form: nearly always one thing. Dead letters are read if nothing else has it. */
async function findShort(
  databases: OpenDatabases,
  short: ShortId,
  deadLetters: (() => DeadLetterBatches) | undefined,
  withinMs: number,
): Promise<Anything> {
  const answers = await Promise.all([
    reach(databases, "saga", (sql) => shortInSaga(sql, short)),
    reach(databases, "payment", (sql) => shortInPayment(sql, short)),
    reach(databases, "order", (sql) => shortInOrder(sql, short)),
  ]);
  const ids = new Set(answers.flatMap((one) => ("answer" in one ? one.answer : [])));
  const found = await Promise.all([...ids].map((id) => findAnything(databases, id)));
  const missing = [...missingOf(answers), ...found.flatMap((one) => one.missing)];
  const hits = found.flatMap((one) => one.hits);
  if (hits.length > 0 || deadLetters === undefined)
    return { hits: distinct(hits), missing: eachOnce(missing) };
  const dead = await lettersOf((id) => isShortOf(short, id), deadLetters, withinMs);
  return {
    hits: "answer" in dead ? distinct(dead.answer) : [],
    missing: eachOnce([...missing, ...missingOf([dead])]),
  };
}

type IsWanted = (id: string) => boolean;

async function lettersOf(
  isWanted: IsWanted,
  deadLetters: () => DeadLetterBatches,
  withinMs: number,
): Promise<Reached<readonly Hit[]>> {
  const found = await lettersOfEach([isWanted], deadLetters, withinMs);
  return "answer" in found ? { answer: found.answer.flat() } : found;
}

/** The dead letters with each of these short ids, or of a message with it; the topic is read once for all of them. */
export function shortDeadLetters(
  shorts: readonly ShortId[],
  deadLetters: () => DeadLetterBatches,
  withinMs: number,
): Promise<Reached<readonly (readonly Hit[])[]>> {
  const wanted = shorts.map((short) => (id: string) => isShortOf(short, id));
  return lettersOfEach(wanted, deadLetters, withinMs);
}

/** Also those that nobody has handled, which no database knows. It ends in time even if Kafka is silent. */
function lettersOfEach(
  wanted: readonly IsWanted[],
  deadLetters: () => DeadLetterBatches,
  timeoutMs: number,
): Promise<Reached<readonly (readonly Hit[])[]>> {
  const read = () => readDeadLetterHits(deadLetters(), wanted, timeoutMs);
  return reached("dead letters", () => (Number.isFinite(timeoutMs) ? within(timeoutMs, read) : read()));
}

async function readDeadLetterHits(
  batches: DeadLetterBatches,
  wanted: readonly IsWanted[],
  timeoutMs: number,
): Promise<readonly (readonly Hit[])[]> {
  const deadline = performance.now() + timeoutMs;
  const found = wanted.map((isWanted) => ({ isWanted, hits: [] as Hit[] }));
  for await (const { values } of batches) {
    if (performance.now() > deadline)
      throw new AppError(
        "SERVICE_UNAVAILABLE",
        `the dead letters were not read to their end within ${timeoutMs} ms`,
      );
    for (const value of values) {
      if (!isDeadLetter(value)) continue;
      const messageId = readOriginal(value).message_id ?? "";
      const hit: Hit = {
        kind: "dead_letter",
        id: value.dead_letter_id,
        saga_id: value.saga_id,
        what: `${typeOf(value)} of ${value.service}, ${value.error_code}`,
      };
      for (const { isWanted, hits } of found) if (isWanted(hit.id) || isWanted(messageId)) hits.push(hit);
    }
  }
  return found.map(({ hits }) => hits);
}

async function byNumber(sql: Sql, number: OrderNumber): Promise<readonly Hit[]> {
  const ids = await ordersNumbered(sql, number);
  return (await Promise.all(ids.map((id) => uuidInOrder(sql, id)))).flat();
}

async function byKey(sql: Sql, key: string): Promise<readonly Hit[]> {
  const ids = await fewSagas(sql, { client_key: key }, { from: FIRST_ID, below: LAST_ID }, MAX_KEYS);
  return ids === null || ids.length === 0 ? [] : sagasOfKey(sql, ids, key);
}

/** A message may be in an outbox and in the history; the first says enough. */
function distinct(hits: readonly Hit[]): readonly Hit[] {
  const byId = new Map<string, Hit>();
  for (const hit of hits) {
    const key = `${hit.kind} ${hit.id} ${hit.saga_id}`;
    if (!byId.has(key)) byId.set(key, hit);
  }
  return [...byId.values()];
}
