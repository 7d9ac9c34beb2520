import { expect, test } from "bun:test";
import { ERASED } from "../../schemas/fields.ts";
import { addressText, maskedEmail, maskedShopper } from "./shopper-mask.ts";

const ADA = {
  saga_id: "1",
  email: "ada@example.com",
  name: "Ada (King)  Lovelace von Ockham Jr",
  city: "London",
};

test("a masked shopper has initials, the first letter and the domain of the e-mail, and the city", () => {
  expect(maskedShopper(ADA)).toEqual({
    saga_id: "1",
    email: "a•••@example.com",
    name: "A. L. v.",
    city: "London",
  });
});

test("an e-mail of one letter is hidden, too, and a letter outside the basic plane stays whole", () => {
  expect(["a@b.example", "😀x@b.example", "no-at", ""].map(maskedEmail)).toEqual([
    "a•••@b.example",
    "😀•••@b.example",
    "n•••",
    "•••",
  ]);
});

test("an address is one line of what it has, without the name", () => {
  const address = {
    name: "Ada",
    line1: "1 Road",
    line2: "",
    city: "Bath",
    postal_code: "BA1",
    country: "GB",
    x: 1,
  };
  expect(addressText(address)).toBe("1 Road, BA1, Bath, GB");
});

test("of an erased shopper only that is said", () => {
  expect(maskedShopper({ ...ADA, email: ERASED.email, name: ERASED.line, city: "" })).toEqual({
    saga_id: "1",
    email: "(erased)",
    name: "(erased)",
    city: "",
  });
});
