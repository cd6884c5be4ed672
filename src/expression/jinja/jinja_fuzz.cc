#include <cstddef>
#include <cstdint>
#include <string_view>

#include "expression/jinja/regex.h"
#include "expression/jinja/template.h"
#include "expression/jinja/times.h"
#include "expression/jinja/unicode.h"

// Any text parses or is an error, and evaluates or is an error, within its limits; ranges lie in the text; what a
// result prints reads back.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace firn::expression;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const firn::FakeClock clock;
  jinja::Scope scope(&clock);
  scope.Set("config",
            jinja::ParseJson(R"({"id":7,"tags":["x"],"total":1.5,"start":"2024-01-31T00:00:00Z"})").ValueOrDie());
  const Limits limits{.fuel = 5'000, .depth = 32, .output_bytes = 1 << 16};
  const auto parsed = jinja::Template::Parse(text, limits);
  if (parsed.ok()) {
    const auto value = parsed->Evaluate(scope);
    if (value.ok()) static_cast<void>(jinja::ToRepr(*value));
    if (!value.ok() && RangeOf(value.status()).end > size) __builtin_trap();
    static_cast<void>(parsed->EvaluateBoolean(scope));
  } else if (RangeOf(parsed.status()).end > size) {
    __builtin_trap();
  }
  if (const auto literal = jinja::ReadLiteral(text)) static_cast<void>(jinja::ToJson(*literal));
  const size_t half = size / 2;
  static_cast<void>(jinja::ParseDatetime(text.substr(0, half), text.substr(half)));
  static_cast<void>(jinja::FormatDatetime({}, text));
  static_cast<void>(jinja::ParseIsoTime(text));
  static_cast<void>(jinja::ParseIsoDuration(text));
  static_cast<void>(jinja::ParseJson(text));
  if (const auto regex = jinja::Regex::Compile(text.substr(0, half)); regex.ok()) {
    static_cast<void>(regex->Search(jinja::Decode(text.substr(half)), 0));
  }
  return 0;
}
