#include <cstddef>
#include <cstdint>
#include <string_view>

#include "expression/javascript/expression.h"
#include "expression/javascript/regex.h"
#include "expression/javascript/utf16.h"

// Any text parses or is an error, and evaluates or is an error, within its limits; ranges lie in the text; what a
// result prints reads back.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace firn::expression;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const firn::FakeClock clock;
  const javascript::Value record =
      javascript::ParseJson(
          R"({"id":7,"tags":["x","y"],"total":1.5,"at":"2024-01-31T00:00:00Z","big":9007199254740993})")
          .ValueOrDie();
  const javascript::Scope scope{.names = {{"record", record}}, .clock = &clock};
  const Limits limits{.fuel = 20'000, .depth = 64, .output_bytes = 1 << 16};
  const auto parsed = javascript::Expression::Parse(text, limits);
  if (parsed.ok()) {
    const auto value = parsed->Evaluate(scope, limits);
    if (value.ok() && !javascript::ParseJson(javascript::ToJson(*value)).ok()) __builtin_trap();
    if (value.ok()) static_cast<void>(javascript::ToCore(*value));
    if (!value.ok() && RangeOf(value.status()).end > size) __builtin_trap();
  } else if (RangeOf(parsed.status()).end > size) {
    __builtin_trap();
  }
  static_cast<void>(javascript::ParseJson(text));
  const std::u16string units = javascript::ToUtf16(text);
  const size_t half = units.size() / 2;
  for (const char* flags : {"", "imsu"}) {
    const auto regex = javascript::Regex::Compile(std::u16string_view(units).substr(0, half), flags);
    int64_t steps = 20'000;
    if (regex.ok()) static_cast<void>(regex->Search(std::u16string_view(units).substr(half), {}, &steps));
  }
  return 0;
}
