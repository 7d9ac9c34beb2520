// Checks that bytes are well-formed UTF-8 (RFC 3629). JavaScript's decoder would silently replace invalid bytes by U+FFFD,
// and the handled message would differ from the sent one.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

inline bool is_utf8(std::string_view text) {
  auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = at + text.size();
  auto continues = [&](int distance, unsigned char low = 0x80, unsigned char high = 0xBF) {
    return at + distance < end && at[distance] >= low && at[distance] <= high;
  };
  while (at < end) {
    // Eight ASCII bytes at a time: nearly all of every message.
    uint64_t eight;
    if (end - at >= 8 && (std::memcpy(&eight, at, 8), (eight & 0x8080808080808080ULL) == 0)) {
      at += 8;
    } else if (*at < 0x80) {
      at += 1;
    } else if (*at >= 0xC2 && *at <= 0xDF && continues(1)) {
      at += 2;
    } else if (*at >= 0xE0 && *at <= 0xEF && continues(2) &&
               continues(1, *at == 0xE0 ? 0xA0 : 0x80, *at == 0xED ? 0x9F : 0xBF)) {
      at += 3;
    } else if (*at >= 0xF0 && *at <= 0xF4 && continues(2) && continues(3) &&
               continues(1, *at == 0xF0 ? 0x90 : 0x80, *at == 0xF4 ? 0x8F : 0xBF)) {
      at += 4;
    } else {
      return false;
    }
  }
  return true;
}
