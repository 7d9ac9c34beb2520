// Numbers of things in words. Pure.

/** `12,345`. */
export function countText(count: number): string {
  return count.toLocaleString("en-US");
}

/** `1 saga`, `2 sagas`; with a verb where one follows: `1 message waits`, `2 messages wait`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}
