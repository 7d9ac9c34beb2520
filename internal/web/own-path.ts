// Where a form may lead back to. Pure. Used by the storefront and the console.

/**
 * A path of this site to go back to; anything else becomes `otherwise`. `//evil.example` is not a path, and `/.//evil.example` becomes that
 * as soon as an address is made of it: so a path must be written as browsers write it, without `.` and `..`.
 */
export function ownPath(text: string | null, otherwise: string): string {
  if (text === null || !/^\/(?![/\\])[\x21-\x7e]*$/.test(text)) return otherwise;
  const [path] = text.split(/[?#]/, 1);
  return URL.parse(text, "http://site.invalid")?.pathname === path ? text : otherwise;
}
