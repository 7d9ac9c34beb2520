// CSV files are imported as text (`with { type: "text" }`).
declare module "*.csv" {
  const text: string;
  export default text;
}
