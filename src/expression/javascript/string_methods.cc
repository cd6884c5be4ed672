#include <algorithm>
#include <cmath>

#include "expression/javascript/string_patterns.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

const std::u16string& Self(const Call& call) {
  return call.self.as_string();
}
Value Count(size_t number) {
  return Value::Number(static_cast<double>(number));
}

// A position as indexOf() takes it: within 0 and the length, from the front.
Result<size_t> Clamped(const Call& call, size_t i, size_t otherwise) {
  ARROW_ASSIGN_OR_RAISE(const double given, call.Integer(i, static_cast<double>(otherwise)));
  return static_cast<size_t>(std::clamp(given, 0.0, static_cast<double>(Self(call).size())));
}

// The unit at a position, or nullopt outside of the text.
Result<std::optional<size_t>> UnitAt(const Call& call, bool from_end) {
  ARROW_ASSIGN_OR_RAISE(double index, call.Integer(0));
  if (from_end && index < 0) index += static_cast<double>(Self(call).size());
  if (index < 0 || index >= static_cast<double>(Self(call).size())) return std::nullopt;
  return std::optional(static_cast<size_t>(index));
}

Result<Value> At(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const auto index, UnitAt(call, true));
  return index ? Value::String(Self(call).substr(*index, 1)) : Value();
}
Result<Value> CharAt(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const auto index, UnitAt(call, false));
  return Value::String(index ? Self(call).substr(*index, 1) : u"");
}
Result<Value> CharCodeAt(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const auto index, UnitAt(call, false));
  return Value::Number(index ? Self(call)[*index] : std::nan(""));
}
Result<Value> CodePointAt(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(auto index, UnitAt(call, false));
  return index ? Value::Number(NextCodePoint(Self(call), &*index)) : Value();
}

Result<Value> Concat(const Call& call) {
  std::u16string text = Self(call);
  for (size_t i = 0; i < call.count(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const Value piece, call.Text(i));
    ARROW_RETURN_NOT_OK(call.run.Spend(call.range, piece.as_string().size() * 2));
    text += piece.as_string();
  }
  return call.String(std::move(text));
}

// The argument of includes, startsWith and endsWith, which may be no regular expression.
Result<Value> Needle(const Call& call) {
  if (call.At(0).kind() == Value::Kind::kRegex) return call.TypeError("a string is wanted, not a regular expression");
  return call.Text(0);
}

Result<Value> EndsWith(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value needle, Needle(call));
  ARROW_ASSIGN_OR_RAISE(const size_t end, Clamped(call, 1, Self(call).size()));
  return Value::Bool(std::u16string_view(Self(call)).substr(0, end).ends_with(needle.as_string()));
}
Result<Value> StartsWith(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value needle, Needle(call));
  ARROW_ASSIGN_OR_RAISE(const size_t begin, Clamped(call, 1, 0));
  return Value::Bool(std::u16string_view(Self(call)).substr(begin).starts_with(needle.as_string()));
}
Result<Value> Includes(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value needle, Needle(call));
  ARROW_ASSIGN_OR_RAISE(const size_t begin, Clamped(call, 1, 0));
  return Value::Bool(Self(call).find(needle.as_string(), begin) != std::u16string::npos);
}

Result<Value> IndexOf(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value needle, call.Text(0));
  ARROW_ASSIGN_OR_RAISE(const size_t begin, Clamped(call, 1, 0));
  const size_t found = Self(call).find(needle.as_string(), begin);
  return found == std::u16string::npos ? Value::Number(-1) : Count(found);
}
Result<Value> LastIndexOf(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value needle, call.Text(0));
  ARROW_ASSIGN_OR_RAISE(const double given, call.Number(1));
  const double from = std::isnan(given) ? static_cast<double>(Self(call).size()) : given;
  const double most = std::clamp(std::trunc(from), 0.0, static_cast<double>(Self(call).size()));
  const size_t found = Self(call).rfind(needle.as_string(), static_cast<size_t>(most));
  return found == std::u16string::npos ? Value::Number(-1) : Count(found);
}

// By letters without case first, small letters before capitals; no rules of a language.
Result<Value> LocaleCompare(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value other, call.Text(0));
  const int letters = ToLower(Self(call)).compare(ToLower(other.as_string()));
  const int order = letters != 0 ? letters : other.as_string().compare(Self(call));
  return Value::Number(order < 0 ? -1 : order > 0 ? 1 : 0);
}

// ASCII text is in every form already; other text would need tables that are not built in.
Result<Value> Normalize(const Call& call) {
  if (!call.At(0).is_undefined()) {
    ARROW_ASSIGN_OR_RAISE(const Value form, call.Text(0));
    const std::u16string& name = form.as_string();
    if (name != u"NFC" && name != u"NFD" && name != u"NFKC" && name != u"NFKD") {
      return call.TypeError("normalize wants NFC, NFD, NFKC or NFKD");
    }
  }
  const bool ascii = std::all_of(Self(call).begin(), Self(call).end(), [](char16_t unit) { return unit < 128; });
  if (!ascii) return Refused(call.range, "normalize is not supported for text beyond ASCII");
  return call.self;
}

Result<Value> Pad(const Call& call, bool at_start) {
  ARROW_ASSIGN_OR_RAISE(const double length, call.Integer(0));
  std::u16string filler = u" ";
  if (!call.At(1).is_undefined()) {
    ARROW_ASSIGN_OR_RAISE(const Value given, call.Text(1));
    filler = given.as_string();
  }
  if (length <= static_cast<double>(Self(call).size()) || filler.empty()) return call.self;
  const auto missing = static_cast<size_t>(std::min(length, kSafeIntegerMax)) - Self(call).size();
  ARROW_RETURN_NOT_OK(call.run.Spend(call.range, missing * 2));
  std::u16string padding;
  padding.reserve(missing);
  for (size_t i = 0; i < missing; ++i) padding += filler[i % filler.size()];
  return call.String(at_start ? padding + Self(call) : Self(call) + padding);
}
Result<Value> PadEnd(const Call& call) {
  return Pad(call, false);
}
Result<Value> PadStart(const Call& call) {
  return Pad(call, true);
}

Result<Value> Repeat(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const double count, call.Integer(0));
  if (count < 0 || std::isinf(count)) return call.TypeError("repeat wants a count of 0 or more");
  if (Self(call).empty()) return call.self;
  const double units = count * static_cast<double>(Self(call).size());
  ARROW_RETURN_NOT_OK(call.run.Spend(call.range, static_cast<size_t>(std::min(units, kSafeIntegerMax)) * 2));
  std::u16string text;
  text.reserve(static_cast<size_t>(units));
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) text += Self(call);
  return Value::String(std::move(text));
}

Result<Value> Slice(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const size_t begin, call.Position(0, Self(call).size(), 0));
  ARROW_ASSIGN_OR_RAISE(const size_t end, call.Position(1, Self(call).size(), Self(call).size()));
  return call.String(begin < end ? Self(call).substr(begin, end - begin) : u"");
}
Result<Value> Substr(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const size_t begin, call.Position(0, Self(call).size(), 0));
  ARROW_ASSIGN_OR_RAISE(const double length, call.Integer(1, static_cast<double>(Self(call).size())));
  return call.String(length <= 0 ? u"" : Self(call).substr(begin, static_cast<size_t>(std::min(length, 1e15))));
}
Result<Value> Substring(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const size_t a, Clamped(call, 0, 0));
  ARROW_ASSIGN_OR_RAISE(const size_t b, Clamped(call, 1, Self(call).size()));
  return call.String(Self(call).substr(std::min(a, b), std::max(a, b) - std::min(a, b)));
}

Result<Value> ToLowerCase(const Call& call) {
  return call.String(ToLower(Self(call)));
}
Result<Value> ToUpperCase(const Call& call) {
  return call.String(ToUpper(Self(call)));
}
Result<Value> Itself(const Call& call) {
  return call.self;
}
Result<Value> Trim(const Call& call) {
  return call.String(std::u16string(TrimSpace(Self(call), true, true)));
}
Result<Value> TrimEnd(const Call& call) {
  return call.String(std::u16string(TrimSpace(Self(call), false, true)));
}
Result<Value> TrimStart(const Call& call) {
  return call.String(std::u16string(TrimSpace(Self(call), true, false)));
}

constexpr Builtin kMethods[] = {
    {"at", At},
    {"charAt", CharAt},
    {"charCodeAt", CharCodeAt},
    {"codePointAt", CodePointAt},
    {"concat", Concat},
    {"endsWith", EndsWith},
    {"includes", Includes},
    {"indexOf", IndexOf},
    {"lastIndexOf", LastIndexOf},
    {"localeCompare", LocaleCompare},
    {"match", text::Match},
    {"matchAll", text::MatchAll},
    {"normalize", Normalize},
    {"padEnd", PadEnd},
    {"padStart", PadStart},
    {"repeat", Repeat},
    {"replace", text::Replace},
    {"replaceAll", text::ReplaceAll},
    {"search", text::Search},
    {"slice", Slice},
    {"split", text::Split},
    {"startsWith", StartsWith},
    {"substr", Substr},
    {"substring", Substring},
    {"toLowerCase", ToLowerCase},
    {"toString", Itself},
    {"toUpperCase", ToUpperCase},
    {"trim", Trim},
    {"trimEnd", TrimEnd},
    {"trimStart", TrimStart},
    {"valueOf", Itself},
};

}  // namespace

Builtins StringMethods() {
  return kMethods;
}

}  // namespace firn::expression::javascript
