#pragma once

#include <string>
#include <string_view>

/// Case of ASCII letters, whatever the locale. Other bytes stay, so that UTF-8 comes through whole.
namespace firn {

constexpr char AsciiLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string AsciiLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = AsciiLower(c);
  return lower;
}

}  // namespace firn
