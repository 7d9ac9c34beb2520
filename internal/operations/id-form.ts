// What a pasted text can be an id of, by its form. Pure. Called by find-anything.ts.

export interface IdForms {
  /** A UUID in the text, in lower case: also within an address, or in `charge_UUID`. Null if there is none, or several. */
  readonly uuid: string | null;
  /** The text itself, where it can be a key, a SKU or a provider's id. */
  readonly token: string | null;
}

const UUIDS = /(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])/gi;
/** The form of an Idempotency-Key, the widest of all. */
const TOKEN = /^[\x21-\x7e]{1,200}$/;

export function idForms(text: string): IdForms {
  const trimmed = text.trim();
  const uuids = new Set((trimmed.match(UUIDS) ?? []).map((uuid) => uuid.toLowerCase()));
  const [uuid] = uuids;
  return {
    uuid: uuid !== undefined && uuids.size === 1 ? uuid : null,
    token: TOKEN.test(trimmed) ? trimmed : null,
  };
}
