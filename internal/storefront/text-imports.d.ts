// The browser's scripts are imported as text (`with { type: "text" }`).
declare module "*/client/shop.js" {
  const text: string;
  export default text;
}
declare module "*/client/card-fields.js" {
  const text: string;
  export default text;
}
