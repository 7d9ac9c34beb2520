/** Prints lines with the seconds since this call in front. Used by the drills. */
export function sayElapsed(): (line: string) => void {
  const begun = performance.now();
  return (line) => console.log(`${((performance.now() - begun) / 1_000).toFixed(0).padStart(4)} s  ${line}`);
}
