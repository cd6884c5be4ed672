// The methods of str. Positions count code points.
#include <algorithm>

#include "expression/jinja/builtins.h"
#include "expression/jinja/text_tools.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {
namespace {

using Codes = std::u32string;

Value Made(const Codes& codes) {
  return MakeString(Encode(codes));
}
Value MadeText(std::string_view text) {
  return Value::String(text);
}

Codes Self(const Call& call) {
  return Decode(call.self.as_string());
}

// Bounds as of str.find(x, start, end).
struct Span {
  size_t begin = 0;
  size_t end = 0;
  bool valid = true;
};

Result<Span> SpanOf(const Call& call, size_t first, size_t size) {
  Span span{.begin = 0, .end = size};
  const auto clip = [&](int64_t at) {
    if (at < 0) at = std::max<int64_t>(0, at + static_cast<int64_t>(size));
    return static_cast<size_t>(at);
  };
  if (call.Has(first) && !call.At(first).is_null()) {
    ARROW_ASSIGN_OR_RAISE(const int64_t at, call.Integer(first, 0));
    span.begin = clip(at);
  }
  if (call.Has(first + 1) && !call.At(first + 1).is_null()) {
    ARROW_ASSIGN_OR_RAISE(const int64_t at, call.Integer(first + 1, 0));
    span.end = std::min(clip(at), size);
  }
  span.valid = span.begin <= span.end;
  return span;
}

Result<int64_t> FindIn(const Call& call, bool last) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view needle, call.Text(0, ""));
  const Codes text = Self(call);
  ARROW_ASSIGN_OR_RAISE(const Span span, SpanOf(call, 1, text.size()));
  if (!span.valid) return -1;
  const Codes part = text.substr(span.begin, span.end - span.begin);
  const size_t at = last ? part.rfind(Decode(needle)) : part.find(Decode(needle));
  return at == Codes::npos ? -1 : static_cast<int64_t>(at + span.begin);
}

Result<Value> Find(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const int64_t at, FindIn(call, false));
  return Value::Int(at);
}
Result<Value> Rfind(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const int64_t at, FindIn(call, true));
  return Value::Int(at);
}
Result<Value> Index(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const int64_t at, FindIn(call, false));
  return at < 0 ? Result<Value>(call.ValueError("substring not found")) : Value::Int(at);
}
Result<Value> Rindex(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const int64_t at, FindIn(call, true));
  return at < 0 ? Result<Value>(call.ValueError("substring not found")) : Value::Int(at);
}

Result<Value> Count(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view needle, call.Text(0, ""));
  const Codes text = Self(call);
  ARROW_ASSIGN_OR_RAISE(const Span span, SpanOf(call, 1, text.size()));
  if (!span.valid) return Value::Int(0);
  const Codes part = text.substr(span.begin, span.end - span.begin);
  const Codes wanted = Decode(needle);
  if (wanted.empty()) return Value::Int(static_cast<int64_t>(part.size()) + 1);
  int64_t count = 0;
  for (size_t at = part.find(wanted); at != Codes::npos; at = part.find(wanted, at + wanted.size())) ++count;
  return Value::Int(count);
}

Result<Value> Edge(const Call& call, bool end) {
  const Codes text = Self(call);
  ARROW_ASSIGN_OR_RAISE(const Span span, SpanOf(call, 1, text.size()));
  std::vector<Value> wanted = {call.At(0)};
  if (call.At(0).kind() == Value::Kind::kTuple) wanted = call.At(0).as_list();
  for (const Value& one : wanted) {
    if (!one.is_string()) return call.TypeError("a string or a tuple of strings is wanted");
    const Codes affix = Decode(one.as_string());
    if (!span.valid || affix.size() > span.end - span.begin) continue;
    const size_t at = end ? span.end - affix.size() : span.begin;
    if (text.compare(at, affix.size(), affix) == 0) return Value::Bool(true);
  }
  return Value::Bool(false);
}
Result<Value> Startswith(const Call& call) {
  return Edge(call, false);
}
Result<Value> Endswith(const Call& call) {
  return Edge(call, true);
}

Result<Value> Strips(const Call& call, bool left, bool right) {
  if (call.Has(0) && !call.At(0).is_null()) {
    ARROW_ASSIGN_OR_RAISE(const std::string_view characters, call.Text(0, ""));
    return MakeString(StripText(call.self.as_string(), characters, left, right));
  }
  return MakeString(StripText(call.self.as_string(), std::nullopt, left, right));
}
Result<Value> Strip(const Call& call) {
  return Strips(call, true, true);
}
Result<Value> Lstrip(const Call& call) {
  return Strips(call, true, false);
}
Result<Value> Rstrip(const Call& call) {
  return Strips(call, false, true);
}

Result<Value> Splits(const Call& call, bool from_right) {
  int64_t most = -1;
  if (call.Has(1)) {
    ARROW_ASSIGN_OR_RAISE(most, call.Integer(1, -1));
  }
  std::optional<std::string_view> separator;
  if (call.Has(0) && !call.At(0).is_null()) {
    ARROW_ASSIGN_OR_RAISE(separator, call.Text(0, ""));
    if (separator->empty()) return call.ValueError("empty separator");
  }
  List items;
  for (const std::string_view part : SplitText(call.self.as_string(), separator, most, from_right)) {
    items.push_back(Value::String(part));
  }
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, 16 * items.size()));
  return NewList(std::move(items));
}
Result<Value> Split(const Call& call) {
  return Splits(call, false);
}
Result<Value> Rsplit(const Call& call) {
  return Splits(call, true);
}

Result<Value> Splitlines(const Call& call) {
  List items;
  for (const std::string& line : SplitLines(call.self.as_string(), call.True(0))) items.push_back(Value::String(line));
  return NewList(std::move(items));
}

Result<Value> Replace(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view from, call.Text(0, ""));
  ARROW_ASSIGN_OR_RAISE(const std::string_view to, call.Text(1, ""));
  ARROW_ASSIGN_OR_RAISE(const int64_t most, call.Integer(2, -1));
  return ReplaceText(call, call.self.as_string(), from, to, most);
}

Result<Value> Join(const Call& call) {
  std::string out;
  bool first = true;
  ARROW_RETURN_NOT_OK(call.run.ForEach(call.At(0), call.node, [&](const Value& item) -> Result<bool> {
    if (!item.is_string()) return call.TypeError("str instance expected, " + std::string(TypeName(item)) + " found");
    if (!first) out += call.self.as_string();
    first = false;
    out += item.as_string();
    ARROW_RETURN_NOT_OK(call.run.Spend(call.node, out.size() / 64));
    return true;
  }));
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, out.size()));
  return MakeString(std::move(out));
}

Result<Value> Partitions(const Call& call, bool last) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view separator, call.Text(0, ""));
  if (separator.empty()) return call.ValueError("empty separator");
  const std::string_view text = call.self.as_string();
  const size_t at = last ? text.rfind(separator) : text.find(separator);
  if (at == std::string_view::npos) {
    if (last) return Value::OfTuple({MadeText(""), MadeText(""), MadeText(text)});
    return Value::OfTuple({MadeText(text), MadeText(""), MadeText("")});
  }
  return Value::OfTuple(
      {MadeText(text.substr(0, at)), MadeText(separator), MadeText(text.substr(at + separator.size()))});
}
Result<Value> Partition(const Call& call) {
  return Partitions(call, false);
}
Result<Value> Rpartition(const Call& call) {
  return Partitions(call, true);
}

Result<Value> Upper(const Call& call) {
  return MakeString(ToUpper(call.self.as_string()));
}
Result<Value> Lower(const Call& call) {
  return MakeString(ToLower(call.self.as_string()));
}
Result<Value> Capitalize(const Call& call) {
  return MakeString(CapitalizeText(call.self.as_string()));
}
Result<Value> Title(const Call& call) {
  std::string out;
  bool inside = false;
  for (const char32_t code : Self(call)) {
    if (inside) {
      AppendLower(code, &out);
    } else {
      AppendTitle(code, &out);
    }
    inside = IsUpper(code) || IsLower(code);
  }
  return MakeString(std::move(out));
}
Result<Value> Swapcase(const Call& call) {
  std::string out;
  for (const char32_t code : Self(call)) {
    if (IsUpper(code)) {
      AppendLower(code, &out);
    } else {
      AppendUpper(code, &out);
    }
  }
  return MakeString(std::move(out));
}

// How a text is filled up to a width.
enum class Side { kLeft, kRight, kBoth };
Result<Value> Pads(const Call& call, Side side) {
  ARROW_ASSIGN_OR_RAISE(const int64_t width, call.Integer(0, 0));
  ARROW_ASSIGN_OR_RAISE(const std::string_view fill, call.Text(1, " "));
  if (CountCodePoints(fill) != 1) return call.TypeError("the fill character must be exactly one character long");
  const auto size = static_cast<int64_t>(CountCodePoints(call.self.as_string()));
  const int64_t pad = std::max<int64_t>(0, width - size);
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, static_cast<size_t>(pad) * fill.size() + call.self.as_string().size()));
  const int64_t left = side == Side::kLeft ? pad : (side == Side::kRight ? 0 : pad / 2 + (pad & width & 1));
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += call.self.as_string();
  for (int64_t i = left; i < pad; ++i) out += fill;
  return MakeString(std::move(out));
}
Result<Value> Ljust(const Call& call) {
  return Pads(call, Side::kRight);
}
Result<Value> Rjust(const Call& call) {
  return Pads(call, Side::kLeft);
}
Result<Value> Center(const Call& call) {
  return Pads(call, Side::kBoth);
}

Result<Value> Zfill(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const int64_t width, call.Integer(0, 0));
  std::string text(call.self.as_string());
  const int64_t pad = std::max<int64_t>(0, width - static_cast<int64_t>(CountCodePoints(text)));
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, static_cast<size_t>(pad)));
  const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  text.insert(sign, static_cast<size_t>(pad), '0');
  return MakeString(std::move(text));
}

Result<Value> Removeprefix(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view prefix, call.Text(0, ""));
  const std::string_view text = call.self.as_string();
  return MadeText(text.substr(0, prefix.size()) == prefix ? text.substr(prefix.size()) : text);
}
Result<Value> Removesuffix(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view suffix, call.Text(0, ""));
  const std::string_view text = call.self.as_string();
  const bool has =
      !suffix.empty() && text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
  return MadeText(has ? text.substr(0, text.size() - suffix.size()) : text);
}

Result<Value> Expandtabs(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const int64_t width, call.Integer(0, 8));
  Codes out;
  int64_t column = 0;
  for (const char32_t code : Self(call)) {
    if (code != '\t') {
      out.push_back(code);
      column = code == '\n' || code == '\r' ? 0 : column + 1;
    } else if (width > 0 && width < 1000) {
      const int64_t pad = width - column % width;
      out.append(static_cast<size_t>(pad), ' ');
      column += pad;
    }
  }
  return Made(out);
}

Result<Value> EncodeBytes(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view encoding, call.Text(0, "utf-8"));
  const std::string name = ToLower(encoding);
  if (name != "utf-8" && name != "utf8" && name != "ascii")
    return call.ValueError("only UTF-8 and ASCII are supported");
  if (name == "ascii" && !IsAscii(call.self.as_string())) return call.ValueError("the text is not ASCII");
  return Value::Bytes(call.self.as_string());
}

// isalpha and its like: true for texts of one or more such characters.
template <bool (*kIs)(char32_t)>
Result<Value> All(const Call& call) {
  const Codes codes = Self(call);
  return Value::Bool(!codes.empty() && std::all_of(codes.begin(), codes.end(), kIs));
}
Result<Value> Isalnum(const Call& call) {
  return All<IsAlphanumeric>(call);
}
Result<Value> Isprintable(const Call& call) {
  const Codes codes = Self(call);
  return Value::Bool(std::all_of(codes.begin(), codes.end(), IsPrintable));
}
Result<Value> Isascii(const Call& call) {
  return Value::Bool(IsAscii(call.self.as_string()));
}
Result<Value> Islower(const Call& call) {
  return Value::Bool(IsLowerText(call.self.as_string()));
}
Result<Value> Isupper(const Call& call) {
  return Value::Bool(IsUpperText(call.self.as_string()));
}
Result<Value> Istitle(const Call& call) {
  bool inside = false;
  bool any = false;
  for (const char32_t code : Self(call)) {
    if (IsUpper(code) && inside) return Value::Bool(false);
    if (IsLower(code) && !inside) return Value::Bool(false);
    inside = IsUpper(code) || IsLower(code);
    any = any || inside;
  }
  return Value::Bool(any);
}
Result<Value> Isidentifier(const Call& call) {
  const Codes codes = Self(call);
  if (codes.empty() || (codes[0] != '_' && !IsAlphabetic(codes[0]))) return Value::Bool(false);
  return Value::Bool(
      std::all_of(codes.begin(), codes.end(), [](char32_t code) { return code == '_' || IsAlphanumeric(code); }));
}

constexpr Method kMethods[] = {
    {"capitalize", TakesPositional(0, 0), Capitalize},
    {"casefold", TakesPositional(0, 0), Lower},
    {"center", TakesPositional(1, 2), Center},
    {"count", TakesPositional(1, 3), Count},
    {"encode", Takes("encoding errors"), EncodeBytes},
    {"endswith", TakesPositional(1, 3), Endswith},
    {"expandtabs", Takes("tabsize"), Expandtabs},
    {"find", TakesPositional(1, 3), Find},
    {"format", TakesAny(), FormatBraces},
    {"format_map", TakesAny(), nullptr},
    {"index", TakesPositional(1, 3), Index},
    {"isalnum", TakesPositional(0, 0), Isalnum},
    {"isalpha", TakesPositional(0, 0), All<IsAlphabetic>},
    {"isascii", TakesPositional(0, 0), Isascii},
    {"isdecimal", TakesPositional(0, 0), All<IsDecimal>},
    {"isdigit", TakesPositional(0, 0), All<IsDigit>},
    {"isidentifier", TakesPositional(0, 0), Isidentifier},
    {"islower", TakesPositional(0, 0), Islower},
    {"isnumeric", TakesPositional(0, 0), All<IsNumeric>},
    {"isprintable", TakesPositional(0, 0), Isprintable},
    {"isspace", TakesPositional(0, 0), All<IsWhitespace>},
    {"istitle", TakesPositional(0, 0), Istitle},
    {"isupper", TakesPositional(0, 0), Isupper},
    {"join", TakesPositional(1, 1), Join},
    {"ljust", TakesPositional(1, 2), Ljust},
    {"lower", TakesPositional(0, 0), Lower},
    {"lstrip", TakesPositional(0, 1), Lstrip},
    {"maketrans", TakesAny(), nullptr},
    {"partition", TakesPositional(1, 1), Partition},
    {"removeprefix", TakesPositional(1, 1), Removeprefix},
    {"removesuffix", TakesPositional(1, 1), Removesuffix},
    {"replace", TakesPositional(2, 3), Replace},
    {"rfind", TakesPositional(1, 3), Rfind},
    {"rindex", TakesPositional(1, 3), Rindex},
    {"rjust", TakesPositional(1, 2), Rjust},
    {"rpartition", TakesPositional(1, 1), Rpartition},
    {"rsplit", Takes("sep maxsplit"), Rsplit},
    {"rstrip", TakesPositional(0, 1), Rstrip},
    {"split", Takes("sep maxsplit"), Split},
    {"splitlines", Takes("keepends"), Splitlines},
    {"startswith", TakesPositional(1, 3), Startswith},
    {"strip", TakesPositional(0, 1), Strip},
    {"swapcase", TakesPositional(0, 0), Swapcase},
    {"title", TakesPositional(0, 0), Title},
    {"translate", TakesAny(), nullptr},
    {"upper", TakesPositional(0, 0), Upper},
    {"zfill", TakesPositional(1, 1), Zfill},
};

}  // namespace

const Method* FindStringMethod(std::string_view name) {
  return FindSorted(kMethods, name);
}

}  // namespace firn::expression::jinja
