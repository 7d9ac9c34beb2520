// All exchanges of a drill, in their order: what the later ones need of the stack as it began, comes first.
import { certificateExchanges } from "./certificate-exchanges.ts";
import type { Exchange } from "./exchange.ts";
import { keyExchanges } from "./key-exchanges.ts";
import { passwordExchanges } from "./password-exchanges.ts";
import { sharedExchanges } from "./shared-exchanges.ts";

export const EXCHANGES: readonly Exchange[] = [
  ...certificateExchanges,
  ...keyExchanges,
  ...sharedExchanges,
  ...passwordExchanges,
];
