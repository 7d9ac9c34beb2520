// How long what people type may be, in characters: the fields of the pages and the routes that read them hold the same.

/** Of the reason for an act. What starts a run asks for more. The longest is `Reason` of schemas/fields.ts. */
export const MIN_REASON_LENGTH = 3;
/** Of a filter or a search: longer than any id, key or address in it. */
export const MAX_FIELD_LENGTH = 300;
export const MAX_TOKEN_LENGTH = 4_000;
