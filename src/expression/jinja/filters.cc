// Filters on single values and texts, among them the runtime's own.
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/hash.h"
#include "expression/jinja/builtins.h"
#include "expression/jinja/filters.h"
#include "expression/jinja/number.h"
#include "expression/jinja/regex.h"
#include "expression/jinja/text_tools.h"
#include "expression/jinja/unicode.h"
#include "expression/jinja/url.h"

namespace firn::expression::jinja {
namespace {

Result<Value> Abs(const Call& call) {
  const Value& value = call.self;
  if (value.is_undefined()) return call.TypeError("bad operand type for abs()");
  if (value.kind() == Value::Kind::kTimedelta) return Value::Timedelta(std::abs(value.as_micros()));
  if (!IsNumeric(value)) return call.TypeError("bad operand type for abs()");
  if (value.kind() == Value::Kind::kFloat) return Value::Float(std::fabs(value.as_float()));
  ARROW_ASSIGN_OR_RAISE(const int order, Order(value, Value::Int(0)));
  return order < 0 ? Negate(value) : (value.kind() == Value::Kind::kBool ? Value::Int(value.as_int()) : value);
}

Result<Value> Default(const Call& call) {
  const Value otherwise = call.Has(0) ? call.At(0) : Value::String("");
  return call.self.is_undefined() || (call.True(1) && !Truthy(call.self)) ? otherwise : call.self;
}

// int(): what neither reads as an integer nor as a float gives the default.
Result<Value> ToInt(const Call& call) {
  const Value otherwise = call.Has(0) ? call.At(0) : Value::Int(0);
  ARROW_ASSIGN_OR_RAISE(const int64_t base, call.Integer(1, 10));
  if (call.self.is_undefined()) return call.run.UndefinedError(call.self, call.node.range);
  if (call.self.is_string()) {
    const auto whole = ReadInteger(call.self.as_string(), static_cast<int>(base));
    if (whole.ok()) return whole;
    const auto real = ReadFloat(call.self.as_string());
    if (!real.ok()) return otherwise;
    const auto truncated = Truncate(Value::Float(*real));
    return truncated.ok() ? *truncated : otherwise;
  }
  if (!IsNumeric(call.self)) return otherwise;
  if (call.self.kind() == Value::Kind::kFloat && std::isinf(call.self.as_float())) {
    return call.ValueError("cannot convert float infinity to integer");
  }
  const auto truncated = Truncate(call.self);
  return truncated.ok() ? *truncated : otherwise;
}

Result<Value> ToFloat(const Call& call) {
  const Value otherwise = call.Has(0) ? call.At(0) : Value::Float(0);
  if (call.self.is_undefined()) return call.run.UndefinedError(call.self, call.node.range);
  if (call.self.is_string()) {
    const auto real = ReadFloat(call.self.as_string());
    return real.ok() ? Value::Float(*real) : otherwise;
  }
  if (!IsNumeric(call.self)) return otherwise;
  const auto real = ToDouble(call.self);
  return real.ok() ? Value::Float(*real) : Result<Value>(call.Failed(real.status()));
}

Result<Value> RoundFilter(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const int64_t precision, call.Integer(0, 0));
  ARROW_ASSIGN_OR_RAISE(const std::string_view method, call.Text(1, "common"));
  if (method != "common" && method != "ceil" && method != "floor")
    return call.ValueError("method must be common, ceil or floor");
  if (!IsNumeric(call.self)) return call.TypeError("a number is wanted");
  if (method == "common") return Round(call.self, precision);
  const Value unit = Value::Float(std::pow(10.0, static_cast<double>(precision)));
  const Value whole_unit = precision >= 0 && precision < 19 ? Value::Int(static_cast<int64_t>(unit.as_float())) : unit;
  auto scaled = Compute(Arithmetic::kMultiply, call.self, whole_unit);
  if (!scaled.ok()) return call.Failed(scaled.status());
  if (scaled->kind() == Value::Kind::kFloat) {
    const double value = scaled->as_float();
    scaled = Truncate(Value::Float(method == "ceil" ? std::ceil(value) : std::floor(value)));
    if (!scaled.ok()) return call.Failed(scaled.status());
  }
  auto result = Compute(Arithmetic::kDivide, *scaled, whole_unit);
  return result.ok() ? result : Result<Value>(call.Failed(result.status()));
}

// Text filters take str() of what they get.

Result<Value> Lower(const Call& call) {
  return MakeString(ToLower(ToText(call.self)));
}
Result<Value> Upper(const Call& call) {
  return MakeString(ToUpper(ToText(call.self)));
}
Result<Value> Capitalize(const Call& call) {
  return MakeString(CapitalizeText(ToText(call.self)));
}

Result<Value> Title(const Call& call) {
  std::string out;
  bool start = true;
  for (const char32_t code : Decode(ToText(call.self))) {
    const bool separator =
        code == '-' || code == '(' || code == '{' || code == '[' || code == '<' || IsWhitespace(code);
    if (start && !separator) {
      AppendUpper(code, &out);
    } else {
      AppendLower(code, &out);
    }
    start = separator;
  }
  return MakeString(std::move(out));
}

Result<Value> Trim(const Call& call) {
  const bool given = call.Has(0) && !call.At(0).is_null();
  ARROW_ASSIGN_OR_RAISE(const std::string_view characters, given ? call.Text(0, "") : std::string_view());
  return MakeString(StripText(ToText(call.self), given ? std::optional(characters) : std::nullopt, true, true));
}

Result<Value> ReplaceFilter(const Call& call) {
  int64_t most = -1;
  if (call.Has(2) && !call.At(2).is_null()) {
    ARROW_ASSIGN_OR_RAISE(most, call.Integer(2, -1));
  }
  return ReplaceText(call, ToText(call.self), ToText(call.At(0)), ToText(call.At(1)), most);
}

Result<Value> Center(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const int64_t width, call.Integer(0, 80));
  const std::string text = ToText(call.self);
  const int64_t pad = std::max<int64_t>(0, width - static_cast<int64_t>(CountCodePoints(text)));
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, static_cast<size_t>(pad)));
  const int64_t left = pad / 2 + (pad & width & 1);
  return MakeString(std::string(static_cast<size_t>(left), ' ') + text +
                    std::string(static_cast<size_t>(pad - left), ' '));
}

Result<Value> FormatFilter(const Call& call) {
  if (!call.arguments.rest.empty() && !call.arguments.named.empty()) {
    return call.ValueError("positional and named arguments at the same time");
  }
  Value arguments = Value::OfTuple(call.arguments.rest);
  if (!call.arguments.named.empty()) {
    Entries entries;
    for (const auto& [name, value] : call.arguments.named) entries.emplace_back(Value::String(name), value);
    arguments = Value::OfMap(std::move(entries));
  }
  return FormatPercent(call.run, call.node, MakeString(ToText(call.self)), arguments);
}

Result<Value> Truncated(const Call& call) {
  if (!call.self.is_string()) return call.TypeError("text is wanted");
  ARROW_ASSIGN_OR_RAISE(const int64_t length, call.Integer(0, 255));
  ARROW_ASSIGN_OR_RAISE(const std::string_view end, call.Text(2, "..."));
  int64_t leeway = 5;
  if (call.Has(3) && !call.At(3).is_null()) {
    ARROW_ASSIGN_OR_RAISE(leeway, call.Integer(3, 5));
  }
  const std::u32string codes = Decode(call.self.as_string());
  const auto room = length - static_cast<int64_t>(CountCodePoints(end));
  if (room < 0 || leeway < 0) return call.ValueError("the length is shorter than the end mark");
  if (static_cast<int64_t>(codes.size()) <= length + leeway) return call.self;
  std::string kept = Encode(codes.substr(0, static_cast<size_t>(room)));
  if (!call.True(1)) kept = kept.substr(0, kept.rfind(' '));
  return MakeString(kept + std::string(end));
}

Result<Value> Wordcount(const Call& call) {
  int64_t words = 0;
  bool inside = false;
  for (const char32_t code : Decode(ToText(call.self))) {
    const bool word = IsAlphanumeric(code) || code == '_';
    words += word && !inside ? 1 : 0;
    inside = word;
  }
  return Value::Int(words);
}

Result<Value> Indent(const Call& call) {
  if (!call.self.is_string()) return call.TypeError("text is wanted");
  std::string indention = "    ";
  if (call.Has(0) && call.At(0).is_string()) {
    indention = call.At(0).as_string();
  } else {
    ARROW_ASSIGN_OR_RAISE(const int64_t width, call.Integer(0, 4));
    indention = std::string(static_cast<size_t>(std::clamp<int64_t>(width, 0, 10'000)), ' ');
  }
  const std::vector<std::string> lines = SplitLines(std::string(call.self.as_string()) + "\n", false);
  std::string out = call.True(1) ? indention : "";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += "\n" + (lines[i].empty() && !call.True(2) ? "" : indention);
    out += lines[i];
    ARROW_RETURN_NOT_OK(call.run.Spend(call.node, out.size() / 64));
  }
  return MakeString(std::move(out));
}

Result<Value> ToMarkup(const Call& call) {
  return MakeMarkup(ToText(call.self));
}

Result<Value> Escape(const Call& call) {
  if (IsMarkup(call.self)) return call.self;
  std::string out;
  for (const char c : ToText(call.self)) {
    constexpr std::string_view kFrom = "&<>\"'";
    constexpr std::array<std::string_view, 5> kTo = {"&amp;", "&lt;", "&gt;", "&#34;", "&#39;"};
    const size_t at = kFrom.find(c);
    if (at == std::string_view::npos) {
      out.push_back(c);
    } else {
      out += kTo[at];
    }
  }
  return MakeMarkup(std::move(out));
}

Result<Value> Filesizeformat(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value real, ToFloat(call));
  const bool binary = call.True(0);
  const double base = binary ? 1024 : 1000;
  const double bytes = real.as_float();
  if (bytes == 1) return Value::String("1 Byte");
  if (bytes < base) return MakeString(std::to_string(static_cast<int64_t>(bytes)) + " Bytes");
  constexpr std::string_view kLetters = "kMGTPEZY";
  double unit = base;
  size_t i = 0;
  for (; i < kLetters.size(); ++i) {
    unit *= base;
    if (bytes < unit) break;
  }
  i = std::min(i, kLetters.size() - 1);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.1f ", base * bytes / unit);
  const std::string letter(1, binary && i == 0 ? 'K' : kLetters[i]);
  return MakeString(text.data() + letter + (binary ? "iB" : "B"));
}

Result<Value> Urlencode(const Call& call) {
  const Value& value = call.self;
  const bool single =
      value.is_string() || (!value.is_map() && !IsSequence(value) && value.kind() != Value::Kind::kSet &&
                            value.kind() != Value::Kind::kInternal && !value.is_undefined());
  if (single) return MakeString(QuoteUrl(ToText(value), "/", false));
  std::string out;
  const auto add = [&](const Value& key, const Value& item) {
    if (!out.empty()) out += "&";
    out += QuoteUrl(ToText(key), "", true) + "=" + QuoteUrl(ToText(item), "", true);
  };
  if (value.is_map()) {
    for (const auto& [key, item] : value.as_map()) add(key, item);
    return MakeString(std::move(out));
  }
  ARROW_RETURN_NOT_OK(call.run.ForEach(value, call.node, [&](const Value& pair) -> Result<bool> {
    ARROW_ASSIGN_OR_RAISE(const List both, call.run.ToList(pair, call.node));
    if (both.size() != 2) return call.ValueError("pairs are wanted");
    add(both[0], both[1]);
    return true;
  }));
  return MakeString(std::move(out));
}

Result<Value> Tojson(const Call& call) {
  int64_t indent = -1;
  if (call.Has(0) && !call.At(0).is_null()) {
    ARROW_ASSIGN_OR_RAISE(indent, call.Integer(0, -1));
  }
  const auto text = JsonDumps(call.self, /*sort_keys=*/true, static_cast<int>(std::clamp<int64_t>(indent, -1, 100)));
  if (!text.ok()) return call.TypeError(text.status().message());
  std::string out;
  for (const char c : *text) {
    switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      case '\'':
        out += "\\u0027";
        break;
      default:
        out.push_back(c);
    }
  }
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, out.size()));
  return MakeMarkup(std::move(out));
}

// The runtime's own.

// What is no text becomes JSON in triple quotes, so that it stays text when the result is read as a literal.
Result<Value> ToStringFilter(const Call& call) {
  if (call.self.is_string()) return call.self;
  const auto text = JsonDumps(call.self, /*sort_keys=*/false, -1);
  if (!text.ok()) return call.TypeError(text.status().message());
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, text->size()));
  return MakeString("\"\"\"" + *text + "\"\"\"");
}

const EVP_MD* DigestOf(std::string_view name) {
  struct Named {
    std::string_view name;
    const EVP_MD* (*digest)();
  };
  constexpr Named kDigests[] = {{"md5", EVP_md5},           {"sha1", EVP_sha1},          {"sha224", EVP_sha224},
                                {"sha256", EVP_sha256},     {"sha384", EVP_sha384},      {"sha512", EVP_sha512},
                                {"sha3_224", EVP_sha3_224}, {"sha3_256", EVP_sha3_256},  {"sha3_384", EVP_sha3_384},
                                {"sha3_512", EVP_sha3_512}, {"blake2b", EVP_blake2b512}, {"blake2s", EVP_blake2s256}};
  for (const Named& named : kDigests) {
    if (named.name == name) return named.digest();
  }
  return nullptr;
}

Result<Value> HashFilter(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view name, call.Text(0, "md5"));
  const EVP_MD* digest = DigestOf(name);
  if (digest == nullptr) return call.ValueError("no hash function named '" + std::string(name) + "'");
  std::string text = ToText(call.self);
  if (call.True(1)) text += ToText(call.At(1));
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), bytes.data(), &size, digest, nullptr) != 1)
    return call.ValueError("hashing failed");
  return MakeString(HexOf(bytes.data(), size));
}

Result<Value> HmacFilter(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view name, call.Text(1, "sha256"));
  if (name != "sha256") return call.ValueError("hash type '" + std::string(name) + "' is not allowed, only sha256");
  return MakeString(HmacSha256Hex(ToText(call.At(0)), ToText(call.self)));
}

Result<std::string_view> TextSelf(const Call& call) {
  if (call.self.is_undefined()) return call.run.UndefinedError(call.self, call.node.range);
  if (!call.self.is_string())
    return call.ValueError("'" + std::string(TypeName(call.self)) + "' object has no attribute 'encode'");
  return call.self.as_string();
}

Result<Value> Base64Encode(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view text, TextSelf(call));
  return MakeString(EncodeBase64(text));
}

Result<Value> Base64Decode(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view text, TextSelf(call));
  auto bytes = DecodeBase64(text);
  if (!bytes) return call.ValueError("invalid base64");
  return IsUtf8(*bytes) ? MakeString(std::move(*bytes)) : Result<Value>(call.ValueError("the bytes are no UTF-8"));
}

// In spite of its name it encodes.
Result<Value> Base64Binascii(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view text, TextSelf(call));
  if (!IsAscii(text)) return call.ValueError("the text is not ASCII");
  return MakeString(EncodeBase64(text));
}

Result<Regex> PatternOf(const Call& call) {
  if (!call.self.is_string() || !call.At(0).is_string()) return call.TypeError("expected string or bytes-like object");
  auto regex = Regex::Compile(call.At(0).as_string());
  if (!regex.ok()) return call.Failed(regex.status());
  return regex;
}

// The first group of the first match, else "".
Result<Value> RegexSearch(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Regex regex, PatternOf(call));
  const std::u32string text = Decode(call.self.as_string());
  const auto groups = regex.Search(text, 0);
  if (!groups.ok()) return call.Failed(groups.status());
  if (!groups->has_value() || regex.num_groups() == 0) return Value::String("");
  const auto& first = (**groups)[1];
  if (!first) return Value::Null();
  return MakeString(Encode(std::u32string_view(text).substr(first->first, first->second - first->first)));
}

Result<Value> RegexReplace(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Regex regex, PatternOf(call));
  ARROW_ASSIGN_OR_RAISE(const std::string_view replacement, call.Text(1, ""));
  const std::u32string text = Decode(call.self.as_string());
  const std::u32string_view view = text;
  std::string out;
  size_t copied = 0;
  size_t at = 0;
  while (at <= text.size()) {
    const auto groups = regex.Search(text, at);
    if (!groups.ok()) return call.Failed(groups.status());
    if (!groups->has_value()) break;
    const auto [begin, end] = *(**groups)[0];
    out += Encode(view.substr(copied, begin - copied));
    const auto expanded = ExpandReplacement(regex, replacement, text, **groups);
    if (!expanded.ok()) return call.Failed(expanded.status());
    out += *expanded;
    ARROW_RETURN_NOT_OK(call.run.Spend(call.node, out.size() / 16));
    copied = end;
    // After an empty match go on one character later, which stays.
    at = begin == end ? end + 1 : end;
  }
  out += Encode(view.substr(std::min(copied, text.size())));
  return MakeString(std::move(out));
}

constexpr Filter kFilters[] = {
    {"abs", Takes(), Abs},
    {"attr", Takes("name", 1), AttrFilter},
    {"base64binascii_decode", Takes(), Base64Binascii},
    {"base64decode", Takes(), Base64Decode},
    {"base64encode", Takes(), Base64Encode},
    {"batch", Takes("linecount fill_with", 1), BatchFilter},
    {"capitalize", Takes(), Capitalize},
    {"center", Takes("width"), Center},
    {"count", Takes(), LengthFilter},
    {"d", Takes("default_value boolean"), Default},
    {"default", Takes("default_value boolean"), Default},
    {"dictsort", Takes("case_sensitive by reverse"), DictsortFilter},
    {"e", Takes(), Escape},
    {"escape", Takes(), Escape},
    {"filesizeformat", Takes("binary"), Filesizeformat},
    {"first", Takes(), FirstFilter},
    {"float", Takes("default"), ToFloat},
    {"forceescape", Takes(), Escape},
    {"format", TakesAny(), FormatFilter},
    {"groupby", Takes("attribute default case_sensitive", 1), GroupbyFilter},
    {"hash", Takes("hash_type salt"), HashFilter},
    {"hmac", Takes("key hash_type", 1), HmacFilter},
    {"indent", Takes("width first blank"), Indent},
    {"int", Takes("default base"), ToInt},
    {"items", Takes(), ItemsFilter},
    {"join", Takes("d attribute"), JoinFilter},
    {"last", Takes(), LastFilter},
    {"length", Takes(), LengthFilter},
    {"list", Takes(), ListFilter},
    {"lower", Takes(), Lower},
    {"map", TakesAny(), MapFilter},
    {"max", Takes("case_sensitive attribute"), MaxFilter},
    {"min", Takes("case_sensitive attribute"), MinFilter},
    {"regex_replace", Takes("regex replacement", 2), RegexReplace},
    {"regex_search", Takes("regex", 1), RegexSearch},
    {"reject", TakesAny(), RejectFilter},
    {"rejectattr", TakesAny(), RejectattrFilter},
    {"replace", Takes("old new count", 2), ReplaceFilter},
    {"reverse", Takes(), ReverseFilter},
    {"round", Takes("precision method"), RoundFilter},
    {"safe", Takes(), ToMarkup},
    {"select", TakesAny(), SelectFilter},
    {"selectattr", TakesAny(), SelectattrFilter},
    {"slice", Takes("slices fill_with", 1), SliceFilter},
    {"sort", Takes("reverse case_sensitive attribute"), SortFilter},
    {"string", Takes(), ToStringFilter},
    {"sum", Takes("attribute start"), SumFilter},
    {"title", Takes(), Title},
    {"tojson", Takes("indent"), Tojson},
    {"trim", Takes("chars"), Trim},
    {"truncate", Takes("length killwords end leeway"), Truncated},
    {"unique", Takes("case_sensitive attribute"), UniqueFilter},
    {"upper", Takes(), Upper},
    {"urlencode", Takes(), Urlencode},
    {"wordcount", Takes(), Wordcount},
};

}  // namespace

const Filter* FindFilter(std::string_view name) {
  return FindSorted(kFilters, name);
}

}  // namespace firn::expression::jinja
