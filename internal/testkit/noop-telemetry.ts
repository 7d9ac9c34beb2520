// No-op metrics and logs for tests.

export const noMeter = {
  counter: () => ({ inc: ignore }),
  gauge: () => ({ set: ignore }),
  histogram: () => ({ observe: ignore }),
};

export const noLog = { info: ignore, warn: ignore, error: ignore };

export function ignore(): void {}
