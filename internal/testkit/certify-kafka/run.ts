// What a part of the certification is given by main.ts.

export interface Run {
  readonly brokers: string;
  /** For files of the run. */
  readonly directory: string;
  /** How many to send through. */
  readonly messages: number;
  /** Kill -9, and a new start. Resolves when the broker is ready again. */
  readonly killBroker: () => Promise<void>;
}
