// Header values come from strangers. Input: the first byte chooses the parser, the rest is the value.
#include <cstddef>
#include <cstdint>
#include <string>

#include "io/http_headers.h"
#include "io/url.h"

namespace firn::io {
namespace {

void Parse(uint8_t which, const std::string& text) {
  constexpr Timestamp kNow{.micros = 1'767'225'600'000'000};
  switch (which % 8) {
    case 0:
      for (const HttpLink& link : ParseLinks({{"Link", text}})) FIRN_CHECK(!link.relations.empty());
      break;
    case 1: {
      const auto delay = ParseRetryAfter(text, kNow);
      FIRN_CHECK(!delay || (delay->count() >= 0 && *delay <= kRetryAfterMax));
      break;
    }
    case 2: {
      const auto state = ParseRateLimit({{"RateLimit", text}, {"X-RateLimit-Reset", text}}, kNow);
      FIRN_CHECK(!state.reset || (state.reset->count() >= 0 && *state.reset <= kRetryAfterMax));
      break;
    }
    case 3: {
      const auto range = ParseContentRange(text);
      FIRN_CHECK(!range || (range->first >= 0 && range->first <= range->last));
      break;
    }
    case 4:
      static_cast<void>(ParseHttpDate(text));
      break;
    case 5: {
      const auto url = ResolveUrl("http://a/b/c?d", text);
      FIRN_CHECK(!url.ok() || ParseUrl(*url).ok());
      break;
    }
    case 6:
      static_cast<void>(RedactUrl(text));
      break;
    default:
      static_cast<void>(WithQueryReplaced(text, "page", "2"));
      break;
  }
}

}  // namespace
}  // namespace firn::io

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) firn::io::Parse(data[0], std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  return 0;
}
