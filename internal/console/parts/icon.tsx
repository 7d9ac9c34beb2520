// The console's icons. A status is always an icon and a word, never a colour alone.
const PATHS = {
  good: "M4 12l5 5L20 6",
  bad: "M6 6l12 12M18 6L6 18",
  warn: "M12 3l9.5 17h-19zM12 10v4M12 17.2v.1",
  running: "M12 3a9 9 0 1 0 9 9M12 7v5l3 2",
  undo: "M9 5L4 10l5 5M4 10h10a6 6 0 0 1 0 12h-3",
  question: "M9 9a3 3 0 1 1 4.2 2.8c-.8.4-1.2 1-1.2 2M12 17.2v.1M12 2.5a9.5 9.5 0 1 0 .01 0z",
  copy: "M9 9h10v11H9zM5 15V4h10",
  message: "M4 6h16v12H4zM4 7l8 6 8-6",
  person: "M12 12a4 4 0 1 0-.01 0zM4.5 21c.6-4 3.6-6 7.5-6s6.9 2 7.5 6",
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
