export const DEMO_HELP: string;

export type DemoOptions =
  | { readonly kind: "run"; readonly orders: number; readonly keep: boolean }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly why: string };

/** Takes the arguments without the program. Never throws. */
export function demoOptions(args: readonly string[]): DemoOptions;
