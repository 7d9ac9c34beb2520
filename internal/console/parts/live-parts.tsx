// The parts of a page that its stream replaces one by one.
import type { VNode } from "preact";

/** By the id of the element that holds it. */
export type LiveParts<Props> = Readonly<Record<string, (props: Props) => VNode>>;

/** Puts one of the parts into the page, in the element that holds it. */
export function holderOf<Props>(parts: LiveParts<Props>, props: Props): (id: string) => VNode {
  return (id) => <div id={id}>{parts[id]?.(props) ?? null}</div>;
}

/** All of them, for the stream. */
export function allOf<Props>(parts: LiveParts<Props>, props: Props): Readonly<Record<string, VNode>> {
  return Object.fromEntries(Object.entries(parts).map(([id, part]) => [id, part(props)]));
}
