#include "expression/javascript/string_patterns.h"

#include <cmath>

#include "expression/javascript/regex_methods.h"
#include "expression/javascript/regex_value.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript::text {
namespace {

bool IsRegex(const Value& value) {
  return value.kind() == Value::Kind::kRegex;
}

// The argument as a regular expression, which a string is made into.
Result<Value> AsRegex(const Call& call, std::string_view flags) {
  if (IsRegex(call.At(0))) return call.At(0);
  std::u16string pattern = u"(?:)";
  if (!call.At(0).is_undefined()) {
    ARROW_ASSIGN_OR_RAISE(const Value given, call.Text(0));
    pattern = given.as_string();
  }
  auto regex = MakeRegex(pattern, flags);
  return regex.ok() ? regex : call.TypeError(regex.status().message());
}

// Where matches lie: of a regular expression, or of a string (then there are no groups).
Result<std::vector<Regex::Groups>> Matches(const Call& call, bool all) {
  std::vector<Regex::Groups> matches;
  if (IsRegex(call.At(0))) {
    const RegexObject& regex = call.At(0).as_regex();
    if (regex.Has('g')) return AllMatches(call, regex, call.self);
    ARROW_ASSIGN_OR_RAISE(auto found, SearchRegex(call, regex, call.self, 0));
    if (found) matches.push_back(std::move(*found));
    return matches;
  }
  ARROW_ASSIGN_OR_RAISE(const Value needle, call.Text(0));
  const std::u16string& text = call.self.as_string();
  const std::u16string& wanted = needle.as_string();
  for (size_t at = text.find(wanted); at != std::u16string::npos;) {
    ARROW_RETURN_NOT_OK(call.run.Spend(call.range, sizeof(Regex::Groups)));
    matches.push_back({Regex::Span(at, at + wanted.size())});
    if (!all || at >= text.size()) break;
    at = text.find(wanted, at + std::max<size_t>(wanted.size(), 1));
  }
  return matches;
}

// One replacement text with its $ patterns (ECMAScript 2023 §22.1.3.19.1, GetSubstitution).
std::u16string Substitute(std::u16string_view pattern, const std::u16string& text, const Regex::Groups& groups,
                          const RegexObject* regex) {
  const auto [begin, end] = *groups[0];
  const auto group = [&](size_t number) {
    const auto& span = groups[number];
    return span ? text.substr(span->first, span->second - span->first) : std::u16string();
  };
  std::u16string out;
  for (size_t at = 0; at < pattern.size();) {
    const std::u16string_view rest = pattern.substr(at);
    if (rest.size() < 2 || rest[0] != '$') {
      out += rest[0];
      ++at;
      continue;
    }
    size_t length = 2;
    const auto digit = [&](size_t i) { return i < rest.size() && rest[i] >= '0' && rest[i] <= '9'; };
    if (rest[1] == '$') {
      out += u'$';
    } else if (rest[1] == '&') {
      out += group(0);
    } else if (rest[1] == '`') {
      out += text.substr(0, begin);
    } else if (rest[1] == '\'') {
      out += text.substr(end);
    } else if (digit(1)) {
      size_t number = static_cast<size_t>(rest[1] - '0');
      if (digit(2) && number * 10 + static_cast<size_t>(rest[2] - '0') < groups.size()) {
        number = number * 10 + static_cast<size_t>(rest[2] - '0');
        length = 3;
      }
      if (number == 0 || number >= groups.size()) {
        out += rest.substr(0, length);
      } else {
        out += group(number);
      }
    } else if (const size_t close = rest.find(u'>'); rest[1] == '<' && close != std::u16string_view::npos &&
                                                     regex != nullptr && !regex->regex.names().empty()) {
      for (const auto& [name, number] : regex->regex.names()) {
        if (name == rest.substr(2, close - 2)) out += group(number);
      }
      length = close + 1;
    } else {
      out += u'$';
      length = 1;
    }
    at += length;
  }
  return out;
}

Result<std::u16string> Replacement(const Call& call, const Value& pattern, const Regex::Groups& groups) {
  const RegexObject* regex = IsRegex(call.At(0)) ? &call.At(0).as_regex() : nullptr;
  if (!pattern.is_function()) return Substitute(pattern.as_string(), call.self.as_string(), groups, regex);
  List arguments = GroupTexts(call.self.as_string(), groups);
  arguments.push_back(Value::Number(static_cast<double>(groups[0]->first)));
  arguments.push_back(call.self);
  if (regex != nullptr && !regex->regex.names().empty()) arguments.push_back(NamedGroups(*regex, arguments));
  ARROW_ASSIGN_OR_RAISE(const Value value, call.run.CallFunction(pattern, arguments, call.range));
  ARROW_ASSIGN_OR_RAISE(const Value text, call.run.ToText(value, call.range));
  return text.as_string();
}

Result<Value> ReplaceMatches(const Call& call, bool all) {
  ARROW_ASSIGN_OR_RAISE(const auto matches, Matches(call, all));
  Value pattern = call.At(1);
  if (!pattern.is_function()) {
    ARROW_ASSIGN_OR_RAISE(pattern, call.Text(1));
  }
  const std::u16string& text = call.self.as_string();
  std::u16string out;
  size_t at = 0;
  for (const Regex::Groups& groups : matches) {
    const auto [begin, end] = *groups[0];
    ARROW_ASSIGN_OR_RAISE(const std::u16string piece, Replacement(call, pattern, groups));
    ARROW_RETURN_NOT_OK(call.run.Spend(call.range, (begin - at + piece.size()) * 2));
    out.append(text, at, begin - at);
    out += piece;
    at = end;
    if (static_cast<int64_t>(out.size()) > *call.run.fuel() * 16) return call.run.Spend(call.range, SIZE_MAX / 4);
  }
  out.append(text, at);
  return call.String(std::move(out));
}

}  // namespace

Result<Value> Match(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value value, AsRegex(call, ""));
  const RegexObject& regex = value.as_regex();
  if (!regex.Has('g')) {
    ARROW_ASSIGN_OR_RAISE(const auto found, SearchRegex(call, regex, call.self, 0));
    return found ? MatchValue(call, regex, call.self, *found) : Value::Null();
  }
  ARROW_ASSIGN_OR_RAISE(const auto matches, AllMatches(call, regex, call.self));
  if (matches.empty()) return Value::Null();
  List items;
  for (const Regex::Groups& groups : matches) {
    const auto [begin, end] = *groups[0];
    items.push_back(Value::String(call.self.as_string().substr(begin, end - begin)));
  }
  return call.Array(std::move(items));
}

Result<Value> MatchAll(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value value, AsRegex(call, "g"));
  const RegexObject& regex = value.as_regex();
  if (!regex.Has('g')) return call.TypeError("matchAll wants a regular expression with the flag g");
  ARROW_ASSIGN_OR_RAISE(const auto matches, AllMatches(call, regex, call.self));
  List items;
  for (const Regex::Groups& groups : matches) {
    ARROW_ASSIGN_OR_RAISE(Value match, MatchValue(call, regex, call.self, groups));
    items.push_back(std::move(match));
  }
  return call.Array(std::move(items));
}

Result<Value> Replace(const Call& call) {
  return ReplaceMatches(call, false);
}

Result<Value> ReplaceAll(const Call& call) {
  if (IsRegex(call.At(0)) && !call.At(0).as_regex().Has('g')) {
    return call.TypeError("replaceAll wants a regular expression with the flag g");
  }
  return ReplaceMatches(call, true);
}

Result<Value> Search(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value value, AsRegex(call, ""));
  ARROW_ASSIGN_OR_RAISE(const auto found, SearchRegex(call, value.as_regex(), call.self, 0));
  return Value::Number(found ? static_cast<double>((*found)[0]->first) : -1);
}

Result<Value> Split(const Call& call) {
  const std::u16string& text = call.self.as_string();
  size_t most = 0xFFFFFFFF;
  if (!call.At(1).is_undefined()) {
    ARROW_ASSIGN_OR_RAISE(const double limit, call.Number(1));
    most = std::isfinite(limit)
               ? static_cast<uint32_t>(static_cast<int64_t>(std::fmod(std::trunc(limit), 4294967296.0)))
               : 0;
  }
  if (most == 0) return call.Array({});
  if (call.At(0).is_undefined()) return call.Array({call.self});
  List items;
  const auto add = [&](Value item) {
    if (items.size() < most) items.push_back(std::move(item));
  };
  if (IsRegex(call.At(0))) {
    if (text.empty()) {
      ARROW_ASSIGN_OR_RAISE(const auto found, SearchRegex(call, call.At(0).as_regex(), call.self, 0));
      return call.Array(found ? List{} : List{call.self});
    }
    ARROW_ASSIGN_OR_RAISE(const auto matches, SplitMatches(call, call.At(0).as_regex(), call.self));
    size_t at = 0;
    for (const Regex::Groups& groups : matches) {
      add(Value::String(text.substr(at, groups[0]->first - at)));
      const List captured = GroupTexts(text, groups);
      for (size_t i = 1; i < captured.size(); ++i) add(captured[i]);
      at = groups[0]->second;
    }
    add(Value::String(text.substr(at)));
    return call.Array(std::move(items));
  }
  ARROW_ASSIGN_OR_RAISE(const Value separator, call.Text(0));
  const std::u16string& wanted = separator.as_string();
  ARROW_RETURN_NOT_OK(call.run.Spend(call.range, text.size() * 2));
  if (wanted.empty()) {
    ARROW_RETURN_NOT_OK(call.run.Spend(call.range, std::min(most, text.size()) * 2 * sizeof(Value)));
    for (const char16_t unit : text) add(Value::String(std::u16string(1, unit)));
    return call.Array(std::move(items));
  }
  size_t at = 0;
  for (size_t found = text.find(wanted); found != std::u16string::npos && items.size() < most;
       found = text.find(wanted, at)) {
    ARROW_RETURN_NOT_OK(call.run.Spend(call.range, sizeof(Value)));
    add(Value::String(text.substr(at, found - at)));
    at = found + wanted.size();
  }
  add(Value::String(text.substr(at)));
  return call.Array(std::move(items));
}

}  // namespace firn::expression::javascript::text
