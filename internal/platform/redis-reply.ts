// Reads answers of Redis and of Sentinels to commands that the `redis` package has no types for.

/** The fields of an answer that is a map, or a list of names and values. */
export function fieldsOf(reply: unknown): Readonly<Record<string, string>> {
  const pairs: (readonly [unknown, unknown])[] = [];
  if (reply instanceof Map) pairs.push(...reply);
  else if (Array.isArray(reply))
    for (let index = 0; index + 1 < reply.length; index += 2) pairs.push([reply[index], reply[index + 1]]);
  else if (typeof reply === "object" && reply !== null) pairs.push(...Object.entries(reply));
  return Object.fromEntries(pairs.map(([name, value]) => [String(name), String(value)]));
}
