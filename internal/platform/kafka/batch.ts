// Parses the text of a poll into values. One JSON.parse for the whole batch, message by message only if that fails.

import type { RawMessage } from "../../kernel/ports.ts";
import type { BatchConsumer, Polled } from "./native/types.ts";

export interface Decoded {
  readonly values: readonly unknown[];
  /** The native index of each value. */
  readonly indexes: readonly number[] | undefined;
  readonly undecodable: readonly RawMessage[];
}

export function decode(native: BatchConsumer, polled: Polled): Decoded {
  const undecodable = Array.from({ length: polled.undecodable }, (_, i) =>
    native.message(polled.decodable + i),
  );
  const values = splitAtNonce(polled);
  // `indexes` undefined: value i is message i. The hot path always takes this branch.
  if (values !== undefined) return { values, indexes: undefined, undecodable };

  const parsed: unknown[] = [];
  const indexes: number[] = [];
  for (let i = 0; i < polled.decodable; i++) {
    try {
      parsed.push(JSON.parse(native.text(i)));
      indexes.push(i);
    } catch {
      undecodable.push(native.message(i));
    }
  }
  return { values: parsed, indexes, undecodable };
}

/**
 * The values, or undefined if the messages are not one JSON value each. With only commas between them, `1,2` would look like two
 * messages, and `[3` and `4]` like one. The nonce detects both: it is then at the wrong place.
 */
function splitAtNonce({ text, nonce, decodable }: Polled): unknown[] | undefined {
  if (decodable === 0) return [];
  let elements: unknown[];
  try {
    elements = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (elements.length !== 2 * decodable - 1) return undefined;
  for (let i = 1; i < elements.length; i += 2) if (elements[i] !== nonce) return undefined;
  for (let i = 1; i < decodable; i++) elements[i] = elements[2 * i];
  elements.length = decodable;
  return elements;
}
