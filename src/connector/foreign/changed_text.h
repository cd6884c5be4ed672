#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace firn::connector::foreign {

/// For tests: a text with three pieces of it exchanged, taken out or doubled, the same for each seed.
inline std::string ChangedText(std::string text, uint32_t seed) {
  constexpr std::string_view kBytes = "{}[]()'\"\\,:.=\nf #x0$*-";
  std::mt19937 random(seed);
  for (int i = 0; i < 3 && !text.empty(); ++i) {
    const size_t at = random() % text.size();
    if (random() % 3 == 0) {
      text.erase(at, random() % 40);
    } else if (random() % 2 == 0) {
      text[at] = kBytes[random() % kBytes.size()];
    } else {
      text.insert(at, text.substr(random() % text.size(), 30));
    }
  }
  return text;
}

}  // namespace firn::connector::foreign
