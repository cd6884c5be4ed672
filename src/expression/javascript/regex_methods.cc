#include "expression/javascript/regex_methods.h"

#include "expression/javascript/regex_value.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

constexpr int64_t kStepsPerFuel = 8;  // a step of the matcher is much less work than a node

Result<std::optional<Regex::Groups>> SearchAt(const Call& call, const RegexObject& regex, const Value& text,
                                              Regex::Options options) {
  int64_t steps = *call.run.fuel() * kStepsPerFuel;
  auto found = regex.regex.Search(text.as_string(), options, &steps);
  *call.run.fuel() = steps / kStepsPerFuel;
  if (!found.ok()) return LimitReached(call.range, found.status().message());
  ARROW_RETURN_NOT_OK(call.run.Spend(call.range, sizeof(Regex::Groups)));
  return found;
}

// Behind an empty match the next search begins one character later.
size_t Behind(const RegexObject& regex, std::u16string_view text, const Regex::Span& match) {
  if (match.second > match.first) return match.second;
  size_t at = match.second;
  if (regex.regex.unicode() && at < text.size()) {
    NextCodePoint(text, &at);
    return at;
  }
  return at + 1;
}

Result<Value> Exec(const Call& call) {
  const RegexObject& regex = call.self.as_regex();
  ARROW_ASSIGN_OR_RAISE(const Value text, call.Text(0));
  ARROW_ASSIGN_OR_RAISE(const auto found, SearchRegex(call, regex, text, 0));
  return found ? MatchValue(call, regex, text, *found) : Value::Null();
}

Result<Value> Test(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value text, call.Text(0));
  ARROW_ASSIGN_OR_RAISE(const auto found, SearchRegex(call, call.self.as_regex(), text, 0));
  return Value::Bool(found.has_value());
}

Result<Value> ToString(const Call& call) {
  return call.run.ToText(call.self, call.range);
}

constexpr Builtin kMethods[] = {{"exec", Exec}, {"test", Test}, {"toString", ToString}};

// A pattern as the property `source` shows it.
std::u16string SourceText(std::u16string_view pattern) {
  if (pattern.empty()) return u"(?:)";
  std::u16string text;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      text += pattern[i++];
    } else if (pattern[i] == '[') {
      in_class = true;
    } else if (pattern[i] == ']') {
      in_class = false;
    } else if (pattern[i] == '/' && !in_class) {
      text += u'\\';
    }
    text += pattern[i] == '\n' ? u"\\n" : std::u16string(1, pattern[i]);
  }
  return text;
}

}  // namespace

Builtins RegexMethods() {
  return kMethods;
}

Result<Value> MakeRegex(std::u16string_view pattern, std::string_view flags) {
  const std::string_view kFlags = "gimsuy";
  std::string ordered;
  for (const char flag : kFlags) {
    if (flags.find(flag) != std::string_view::npos) ordered += flag;
  }
  if (ordered.size() != flags.size()) {
    return MakeError(Fault::kBadData, "regular expression: the flags g, i, m, s, u and y may be given, each once");
  }
  ARROW_ASSIGN_OR_RAISE(Regex regex, Regex::Compile(pattern, ordered));
  return Value::OfRegex({.regex = std::move(regex), .source = SourceText(pattern), .flags = std::move(ordered)});
}

Result<Value> ConstructRegex(const Call& call) {
  std::u16string pattern;
  std::string flags;
  if (call.At(0).kind() == Value::Kind::kRegex) {
    pattern = call.At(0).as_regex().source;
    flags = call.At(0).as_regex().flags;
  } else if (!call.At(0).is_undefined()) {
    ARROW_ASSIGN_OR_RAISE(const Value text, call.Text(0));
    pattern = text.as_string();
  }
  if (!call.At(1).is_undefined()) {
    ARROW_ASSIGN_OR_RAISE(const Value text, call.Text(1));
    flags = ToUtf8(text.as_string());
  }
  ARROW_RETURN_NOT_OK(call.run.Spend(call.range, pattern.size() * 64));
  auto regex = MakeRegex(pattern, flags);
  return regex.ok() ? regex : call.TypeError(regex.status().message());
}

Result<std::optional<Regex::Groups>> SearchRegex(const Call& call, const RegexObject& regex, const Value& text,
                                                 size_t from) {
  return SearchAt(call, regex, text, {.from = from, .sticky = regex.Has('y')});
}

Result<std::vector<Regex::Groups>> AllMatches(const Call& call, const RegexObject& regex, const Value& text) {
  std::vector<Regex::Groups> matches;
  for (size_t at = 0; at <= text.as_string().size();) {
    ARROW_ASSIGN_OR_RAISE(auto found, SearchRegex(call, regex, text, at));
    if (!found) break;
    at = Behind(regex, text.as_string(), *(*found)[0]);
    matches.push_back(std::move(*found));
  }
  return matches;
}

// A cut is never empty at the end of the piece before it, nor at the end of the text (ECMAScript 2023 §22.2.6.14).
Result<std::vector<Regex::Groups>> SplitMatches(const Call& call, const RegexObject& regex, const Value& text) {
  const std::u16string& units = text.as_string();
  std::vector<Regex::Groups> matches;
  size_t piece = 0;
  for (size_t at = 0; at < units.size();) {
    ARROW_ASSIGN_OR_RAISE(auto found, SearchAt(call, regex, text, {.from = at}));
    if (!found || (*found)[0]->first >= units.size()) break;
    const Regex::Span match = *(*found)[0];
    if (match.second == piece) {
      at = Behind(regex, units, {match.first, match.first});
      continue;
    }
    piece = match.second;
    at = match.second;
    matches.push_back(std::move(*found));
  }
  return matches;
}

List GroupTexts(const std::u16string& text, const Regex::Groups& groups) {
  List texts;
  for (const auto& span : groups) {
    texts.push_back(span ? Value::String(text.substr(span->first, span->second - span->first)) : Value());
  }
  return texts;
}

Value NamedGroups(const RegexObject& regex, const List& texts) {
  if (regex.regex.names().empty()) return Value();
  Object groups;
  for (const auto& [name, number] : regex.regex.names()) groups.Put(name, texts[number]);
  return Value::OfObject(std::move(groups));
}

Result<Value> MatchValue(const Call& call, const RegexObject& regex, const Value& text, const Regex::Groups& groups) {
  Array array;
  array.items = GroupTexts(text.as_string(), groups);
  Object extra;
  extra.Put(u"index", Value::Number(static_cast<double>(groups[0]->first)));
  extra.Put(u"input", text);
  extra.Put(u"groups", NamedGroups(regex, array.items));
  array.extra = Value::OfObject(std::move(extra));
  ARROW_RETURN_NOT_OK(call.run.Spend(call.range, array.items.size() * sizeof(Value)));
  return Value::OfArray(std::move(array));
}

}  // namespace firn::expression::javascript
