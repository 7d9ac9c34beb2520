// The browser's script is imported as text (`with { type: "text" }`).
declare module "*/client/console.js" {
  const text: string;
  export default text;
}
