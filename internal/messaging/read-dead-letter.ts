// Reads a record of the dead-letter topic: whether it is one, and which message it holds. Called by what lists and replays dead letters,
// and by what watches mails (platform/kafka/mail-watch.ts).
import { DeadLetter } from "../../schemas/dead-letter.ts";
import { LateCheck } from "../../schemas/late-check.ts";
import { UUID } from "../kernel/uuid.ts";

const deadLetter = new LateCheck(DeadLetter);

/** False for what a stranger wrote to the topic. */
export function isDeadLetter(value: unknown): value is DeadLetter {
  return deadLetter.Check(value);
}

/**
 * The id of the failed message; null if it cannot be read. A message that is too large, or that Postgres cannot store as JSON, has no
 * readable copy, so its bytes tell.
 */
export function messageIdOf({ original_command, original }: DeadLetter): string | null {
  const id = textIn(original_command ?? jsonOf(original.value_base64), "message_id");
  return id !== undefined && UUID.test(id) ? id : null;
}

/** Undefined if it is not JSON. */
function jsonOf(base64: string | null): unknown {
  try {
    return JSON.parse(Buffer.from(base64 ?? "", "base64").toString());
  } catch {
    return undefined;
  }
}

/** The field of a message that may be anything; undefined if it has no such text. */
export function textIn(message: unknown, name: string): string | undefined {
  const value: unknown =
    typeof message === "object" && message !== null ? Reflect.get(message, name) : undefined;
  return typeof value === "string" ? value : undefined;
}
