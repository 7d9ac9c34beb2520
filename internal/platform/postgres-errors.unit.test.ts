// Who lacks a right, and where, from the URL of the connection.
import { expect, test } from "bun:test";
import { permissionHint } from "./postgres-errors.ts";

test.each([
  [
    "postgres://saga_app:secret@10.0.0.1:5432/saga?sslmode=require",
    "saga_app may not do this in the database saga; ",
  ],
  ["postgres://saga_app@a:1,b:2/saga", "saga_app may not do this in the database saga; "],
  ["postgres://a%40b:p@h/x%20y", "a@b may not do this in the database x y; "],
  ["postgres://h:5432/saga", "this user of the database may not do this in the database saga; "],
  ["postgres://saga_app@h", "saga_app may not do this; "],
])("%s", (url, begin) => {
  expect(permissionHint(url)).toStartWith(begin);
  expect(permissionHint(url)).not.toContain("secret");
});
