// Scripts of browsers are imported as text (`with { type: "text" }`).
declare module "*/client/console.js" {
  const text: string;
  export default text;
}
declare module "*/client/graphs.js" {
  const text: string;
  export default text;
}
declare module "*/client/views.js" {
  const text: string;
  export default text;
}
declare module "uplot/dist/uPlot.iife.min.js" {
  const text: string;
  export default text;
}
