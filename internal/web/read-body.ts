// Reads what a browser posts, up to a limit. The server around it may have a higher one, which it shares with an API. Called by the apps of the
// storefront and the console.
import { mediaTypeOf } from "../../schemas/media-type.ts";
import { limitedText } from "../kernel/limited-text.ts";

/** A cart of 50 lines with an address is below 8 KB. */
const MAX_FORM_BYTES = 64 * 1_024;
const FORM = "application/x-www-form-urlencoded";

export class TooLarge extends Error {}

/** The fields of a posted form. Throws TooLarge. */
export async function formOf(request: Request): Promise<URLSearchParams> {
  // A form without fields is sent without a type by some clients.
  return new URLSearchParams(mediaTypeOf(request) === FORM ? await textOf(request, MAX_FORM_BYTES) : "");
}

/** Stops reading at the limit, also where the length is not said beforehand. Throws TooLarge. */
export async function textOf({ headers, body }: Request, maxBytes: number): Promise<string> {
  if (Number(headers.get("content-length")) > maxBytes) throw new TooLarge();
  const text = await limitedText(body, maxBytes);
  if (text === null) throw new TooLarge();
  return text;
}
