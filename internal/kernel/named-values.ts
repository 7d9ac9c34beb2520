// Reads a setting that is a list of names with values: `saga=postgres://host/saga,order=postgres://host/order`. Called by the relay's
// settings, role-state.ts and lifecycle.ts.

export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

/** `name=value`, separated by commas. A value may have a `=` of its own. The setting's format has checked them; a part without `=` is left out. */
export function namedValues(text: string): readonly NamedValue[] {
  return partsOfList(text).flatMap((part) => {
    const pair = part.trim();
    const at = pair.indexOf("=");
    return at < 0 ? [] : [{ name: pair.slice(0, at), value: pair.slice(at + 1) }];
  });
}

/** Split at its commas, but not between the hosts of one address: `saga=postgres://db1,db2/saga,order=..` has two parts. */
export function partsOfList(text: string): readonly string[] {
  return text.split(/,(?!(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d+)?[,/])/);
}
