// Who gets to see a checkout by its link, and for how long.
import { expect, test } from "bun:test";
import { GUEST_LINK_DAYS, guestLinks } from "./guest-links.ts";

const SAGA = "01890000-0000-7000-9000-000000000001";
const OTHER = "01890000-0000-7000-9000-000000000002";
const USER = "01890000-0000-7000-8000-00000000000a";
const NOW = Date.parse("2026-11-29T12:00:00Z");
const DAY_MS = 86_400_000;
const links = guestLinks("a secret of more than thirty-two characters");

test("a link shows its own checkout, for 30 days", () => {
  const token = links.tokenFor(SAGA, USER, NOW);
  expect(links.userOf(SAGA, token, NOW)).toBe(USER);
  expect(links.userOf(SAGA, token, NOW + GUEST_LINK_DAYS * DAY_MS - 1_000)).toBe(USER);
  expect(links.userOf(SAGA, token, NOW + GUEST_LINK_DAYS * DAY_MS)).toBeNull();
});

test("a link shows no other checkout, and no other secret makes one", () => {
  const token = links.tokenFor(SAGA, USER, NOW);
  expect(links.userOf(OTHER, token, NOW)).toBeNull();
  expect(guestLinks("another secret of more than thirty-two letters").userOf(SAGA, token, NOW)).toBeNull();
});

test("no changed or foreign text is a valid token", () => {
  const token = links.tokenFor(SAGA, USER, NOW);
  for (const at of [0, 5, 31, 34, token.length - 10]) {
    const letter = token[at] === "0" ? "1" : "0";
    expect(links.userOf(SAGA, token.slice(0, at) + letter + token.slice(at + 1), NOW)).toBeNull();
  }
  for (const text of ["", "guest", `${token}x`, token.slice(1), token.replace(".", "")])
    expect(links.userOf(SAGA, text, NOW)).toBeNull();
});

test("during a rotation the links of both secrets count, and new ones are signed with the first", () => {
  const [older, newer] = [
    "an old secret of more than thirty-two letters",
    "a new secret of more than thirty-two letters",
  ];
  const both = guestLinks(`${newer},${older}`);
  expect(both.userOf(SAGA, guestLinks(older).tokenFor(SAGA, USER, NOW), NOW)).toBe(USER);
  const fresh = both.tokenFor(SAGA, USER, NOW);
  expect(fresh).toBe(guestLinks(newer).tokenFor(SAGA, USER, NOW));
  // A gateway that has both already knows the links of a notification that has only one of them.
  expect(guestLinks(`${older},${newer}`).userOf(SAGA, fresh, NOW)).toBe(USER);
  expect(guestLinks(older).userOf(SAGA, fresh, NOW)).toBeNull();
});
