// MAIL_FROM is one sender, read once at the start; anything else is an error that names the setting.
import { expect, test } from "bun:test";
import { senderOf } from "./smtp.ts";

test.each([
  ["shop@example.com", "Larkfield", "shop@example.com"],
  ["<shop@example.com>", "Larkfield", "shop@example.com"],
  ["Shop <shop@example.com>", "Shop", "shop@example.com"],
  ["Tea, Cups & Co <shop@example.com>", "Tea, Cups & Co", "shop@example.com"],
  ['"Tea, Cups" <shop@example.com>', "Tea, Cups", "shop@example.com"],
  ["Größe <root@localhost>", "Größe", "root@localhost"],
])("%s is one sender", (from, name, address) => {
  expect(senderOf(from, "Larkfield")).toEqual({ name, address });
});

test.each([
  "",
  "shop",
  "a@example.com, b@example.com",
  "<>",
  "Shop <a,b@example.com>",
  "A <a@example.com> B <b@example.com>",
])("%p is not one sender", (from) => {
  expect(() => senderOf(from, "Larkfield")).toThrow("MAIL_FROM");
});
