/** The media type of a request's body in lower case, without its parameters; undefined if the request does not say. */
export function mediaTypeOf({ headers }: Request): string | undefined {
  return headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
}
