// What a drill does, in order: upgrades, has the money held first and takes that back, rolls back, and upgrades again in another order. Pure.
import type { Role } from "../role-env.ts";
import type { Release } from "./release.ts";

export interface Pass {
  readonly name: string;
  readonly to: Release["name"];
  /** The role that is replaced first comes first. */
  readonly order: readonly Role[];
  /** The heads of its two columns in the report: while a role has processes of both releases, and when all are replaced. */
  readonly heads: readonly [string, string];
  /** The values that AUTHORIZE_FIRST gets when all are replaced, one after the other. */
  readonly holding: readonly string[];
}

/** Values of AUTHORIZE_FIRST. It comes last, and goes first: so a rollback finds no saga that the older release does not know. */
export const CARDS = "stripe";
const ALL = "stripe,paypal";
const NONE = "";

/** The order of docs/upgrading.md: the orchestrator, which sends the commands, before the services, which get them. */
export const RECOMMENDED: readonly Role[] = [
  "relay",
  "notification",
  "orchestrator",
  "inventory",
  "payment",
  "order",
  "gateway",
  "console",
];
/** Who gets commands and sends events comes before who sends commands. The gateway is last in any order: it offers what the others must know. */
const SERVICES_FIRST: readonly Role[] = [
  "order",
  "payment",
  "inventory",
  "orchestrator",
  "notification",
  "relay",
  "gateway",
  "console",
];

export const PASSES: readonly Pass[] = [
  {
    name: "upgrade",
    to: "new",
    order: RECOMMENDED,
    heads: ["old beside new", "upgraded"],
    holding: [CARDS, NONE],
  },
  {
    name: "rollback",
    to: "old",
    order: RECOMMENDED.toReversed(),
    heads: ["new beside old", "rolled back"],
    holding: [],
  },
  {
    name: "upgrade, services first",
    to: "new",
    order: SERVICES_FIRST,
    heads: ["services first: beside", "services first: upgraded"],
    holding: [ALL],
  },
];
