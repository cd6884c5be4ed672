#include <cstddef>
#include <cstdint>
#include <string_view>

#include "expression/datetime.h"
#include "expression/expression.h"

// Any text parses or is an error, and evaluates or is an error, within its limits.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace firn::expression;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const firn::FakeClock clock;
  const Scope scope{.names = {{"parent", ParseJson(R"({"id":7,"tags":["x"],"total":1.5})").ValueOrDie()}},
                    .clock = &clock};
  const Limits limits{.fuel = 2'000, .depth = 32, .output_bytes = 1 << 16};
  for (const auto& parsed : {Template::Parse(text, limits), Template::ParseExpression(text, limits)}) {
    if (!parsed.ok()) {
      const Range range = RangeOf(parsed.status());
      if (range.begin > size || range.end > size) __builtin_trap();
      continue;
    }
    const auto value = parsed->Evaluate(scope);
    if (value.ok()) static_cast<void>(ToCanonicalJson(*value));
    static_cast<void>(parsed->PathsBelow("parent"));
  }
  if (const auto value = ParseJson(text); value.ok()) {
    if (!ParseJson(ToJson(*value)).ok()) __builtin_trap();
  }
  const size_t half = size / 2;
  static_cast<void>(ParseByPattern(text.substr(0, half), text.substr(half), "UTC"));
  static_cast<void>(ParseIso(text, "UTC"));
  static_cast<void>(ParseDurationMicros(text));
  return 0;
}
