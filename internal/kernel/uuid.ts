// Whether a text from outside is an id as ours are written. The auditor has a function of its own (audit/uuid.ts).

/** In lower case, as our columns, messages and addresses have them; of any version. */
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
