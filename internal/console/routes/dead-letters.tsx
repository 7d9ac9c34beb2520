// Dead letters: the list with its causes, and one message.
import { Value } from "@sinclair/typebox/value";
import { Uuid } from "../../../schemas/fields.ts";
import { handlingsOf } from "../../operations/dead-letter-store.ts";
import {
  type DeadLetterFilter,
  type DeadLetters,
  describeHandling,
  findDeadLetters,
  isOpen,
  listDeadLetters,
} from "../../operations/dead-letters.ts";
import { masked } from "../../operations/mask.ts";
import { failedReplays } from "../../operations/plan-store.ts";
import { examine, type Examined } from "../../operations/replay-facts.ts";
import { decideReplay, describeReplay } from "../../operations/replay-plan.ts";
import { DeadLetterPage, type ShownDeadLetter } from "../pages/dead-letter.tsx";
import { deadLetterColumns, DeadLettersPage } from "../pages/dead-letters.tsx";
import { reasonOf } from "../acts.ts";
import { record as recordAct } from "../audit.ts";
import { instantOf } from "../../operations/saga-query.ts";
import { badRequest, notFound } from "../problem.ts";
import { exported, isExport, page } from "../respond.ts";
import type { SignedIn } from "../visit.ts";
import type { ConsoleRoute } from "./route.ts";

export const deadLetterRoutes: readonly ConsoleRoute[] = [
  { method: "GET", path: "/dead-letters", name: "dead_letters", needs: "viewer", handle: list },
  { method: "GET", path: "/dead-letters/:id", name: "dead_letter", needs: "viewer", handle: one },
  {
    method: "POST",
    path: "/dead-letters/:id/reveal",
    name: "dead_letter_reveal",
    needs: "operator",
    handle: revealed,
  },
];

/** Of causes with many alike: the list of causes above has them all. */
const SHOWN = 20;
/** With `more`. */
const MORE_SHOWN = 200;
const EXPORTED = 10_000;

async function list(visit: SignedIn): Promise<Response> {
  const { query, options, now } = visit;
  const filter = deadLetterFilterOf(query);
  const all = query.has("all");
  const { saga } = options.databases;
  const found = await listDeadLetters(options.bulk.readDeadLetters(), filter, {
    all,
    limit: isExport(visit) ? EXPORTED : query.has("more") ? MORE_SHOWN : SHOWN,
    handlings: (ids) => handlingsOf(saga, ids),
    replays: (ids) => failedReplays(saga, ids),
    withoutMessages: true,
    byFingerprint: true,
  });
  const cut =
    found.entries.length < found.total
      ? { why: `These are the newest ${found.entries.length} of ${found.total} dead letters.`, next: null }
      : null;
  const file = exported(visit, "dead-letters", deadLetterColumns(now), found.entries, cut);
  if (file !== null) return file;
  return page(
    visit,
    <DeadLettersPage frame={visit} found={found} filter={filter} all={all} more={moreOf(visit, found)} />,
  );
}

/** The same list with more rows; null if that would show no more. */
function moreOf({ query }: SignedIn, { entries, total }: DeadLetters): string | null {
  if (query.has("more") || entries.length >= total) return null;
  const fields = new URLSearchParams(query);
  fields.set("more", "1");
  return `/dead-letters?${fields}`;
}

/** From an address or a form; both name the fields alike. */
export function deadLetterFilterOf(given: URLSearchParams): DeadLetterFilter {
  const text = (name: string) => given.get(name)?.trim() || undefined;
  const saga_id = text("saga");
  if (saga_id !== undefined && !Value.Check(Uuid, saga_id))
    throw badRequest("saga must be the id of a saga.");
  const time = (name: "since" | "until") => {
    const value = text(name);
    const at = value === undefined ? undefined : instantOf(value);
    if (value !== undefined && at === undefined)
      throw badRequest(`${name} must be a time such as 2026-11-23T12:00:00Z.`);
    return at;
  };
  const times = { since: time("since"), until: time("until") };
  return {
    service: text("service"),
    type: text("type"),
    error_code: text("code"),
    error: text("error"),
    saga_id,
    ...times,
  };
}

async function one(visit: SignedIn): Promise<Response> {
  return page(visit, <DeadLetterPage frame={visit} shown={await shownAt(visit, false)} />);
}

/** Shows personal data, once it is in the audit trail that somebody looked. */
async function revealed(visit: SignedIn): Promise<Response> {
  const reason = reasonOf(visit);
  const shown = await shownAt(visit, true);
  const { dead_letter_id, saga_id } = shown.record;
  await recordAct(visit, {
    action: "dead-letter.reveal",
    subject: dead_letter_id,
    sagaId: saga_id,
    reason,
    outcome: "revealed",
  });
  const here = `/dead-letters/${dead_letter_id}`;
  return page(visit, <DeadLetterPage frame={{ ...visit, here }} shown={shown} />);
}

async function shownAt({ params, options, now }: SignedIn, reveal: boolean): Promise<ShownDeadLetter> {
  const id = params["id"] ?? "";
  const records = Value.Check(Uuid, id) ? await findDeadLetters(options.bulk.readDeadLetters(), [id]) : [];
  const [examined] = await examine(options.databases, records, now);
  if (examined === undefined)
    throw notFound(`There is no dead letter ${id.slice(0, 100)}. Kafka keeps them for 30 days.`);
  const messageId = examined.original.message_id;
  const replays = await failedReplays(options.databases.saga, messageId === undefined ? [] : [messageId]);
  const shown = shownOf(examined, replays.get(messageId ?? "") ?? 0, options.bulk.objection);
  return { ...shown, body: bodyOf(examined.record, reveal), isRevealed: reveal };
}

function shownOf(
  { record, original, facts }: Examined,
  replays: number,
  objection: Parameters<typeof decideReplay>[2],
): Omit<ShownDeadLetter, "body" | "isRevealed"> {
  return {
    record: { ...record, handling: describeHandling(facts.handling), replays },
    isOpen: isOpen(facts.handling),
    handled: facts.handling,
    verdict: describeReplay(decideReplay(original, facts, objection), replays),
    sagaStatus: facts.saga?.status ?? null,
  };
}

/** What was no JSON may hold anything, so its bytes are shown as they are, in base64, and only to those who may see personal data. */
function bodyOf({ original_command, original }: Examined["record"], reveal: boolean): string {
  if (original_command !== null) return JSON.stringify(masked(original_command, reveal), null, 2);
  const { value_base64: bytes } = original;
  if (bytes === null) return "not JSON: it has no value";
  return reveal
    ? `not JSON, or too long to read; in base64: ${bytes}`
    : "not JSON, or too long to read. Its bytes may hold personal data: (masked)";
}
