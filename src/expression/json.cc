// JSON text <-> Value. Small values only (cursors, parent rows, single records): the hot path is format/json.
#include <algorithm>
#include <array>
#include <optional>

#include "expression/decimal.h"
#include "expression/value.h"

namespace firn::expression {
namespace {

constexpr int kDepthMax = 128;

void AppendUtf8(uint32_t code, std::string* out) {
  const auto put = [&](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Value> Document() {
    ARROW_ASSIGN_OR_RAISE(Value value, Any(0));
    Space();
    if (at_ != text_.size()) return Error("text after the value");
    return value;
  }

 private:
  Status Error(const char* what) const {
    return MakeError(Fault::kBadData, "invalid JSON: " + std::string(what) + ", offset " + std::to_string(at_));
  }
  void Space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Result<Value> Any(int depth) {
    if (depth > kDepthMax) return Error("nested too deeply");
    Space();
    if (at_ >= text_.size()) return Error("a value is missing");
    switch (text_[at_]) {
      case '{':
        return Object(depth);
      case '[':
        return Array(depth);
      case '"': {
        ARROW_ASSIGN_OR_RAISE(std::string text, String());
        return Value::String(std::move(text));
      }
      case 't':
        if (TakeWord("true")) return Value::Bool(true);
        return Error("unknown word");
      case 'f':
        if (TakeWord("false")) return Value::Bool(false);
        return Error("unknown word");
      case 'n':
        if (TakeWord("null")) return Value::Null();
        return Error("unknown word");
      default:
        return NumberValue();
    }
  }

  Result<Value> NumberValue() {
    const size_t end = std::min(text_.find_first_not_of("0123456789+-.eE", at_), text_.size());
    const std::string_view number = text_.substr(at_, end - at_);
    if (!IsJsonNumber(number)) return Error("no number");
    at_ = end;
    return Value::NumberText(number);
  }

  Result<Value> Object(int depth) {
    ++at_;
    Map entries;
    Space();
    if (Take('}')) return Value::OfMap(std::move(entries));
    while (true) {
      Space();
      ARROW_ASSIGN_OR_RAISE(std::string key, String());
      Space();
      if (!Take(':')) return Error("':' is missing");
      ARROW_ASSIGN_OR_RAISE(Value value, Any(depth + 1));
      entries.emplace_back(std::move(key), std::move(value));
      Space();
      if (Take('}')) return Value::OfMap(std::move(entries));
      if (!Take(',')) return Error("',' or '}' is missing");
    }
  }

  Result<Value> Array(int depth) {
    ++at_;
    List items;
    Space();
    if (Take(']')) return Value::OfList(std::move(items));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(Value value, Any(depth + 1));
      items.push_back(std::move(value));
      Space();
      if (Take(']')) return Value::OfList(std::move(items));
      if (!Take(',')) return Error("',' or ']' is missing");
    }
  }

  Result<std::string> String() {
    if (!Take('"')) return Error("a string is missing");
    std::string out;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return out;
      if (static_cast<unsigned char>(c) < 0x20) return Error("control character in a string");
      if (c != '\\') {
        out.push_back(c);
      } else {
        ARROW_RETURN_NOT_OK(Escape(&out));
      }
    }
    return Error("the string does not end");
  }

  std::optional<uint32_t> Hex4() {
    if (text_.size() - at_ < 4) return std::nullopt;
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_ + static_cast<size_t>(i)];
      const uint32_t digit = c >= '0' && c <= '9'   ? static_cast<uint32_t>(c - '0')
                             : c >= 'a' && c <= 'f' ? static_cast<uint32_t>(c - 'a' + 10)
                             : c >= 'A' && c <= 'F' ? static_cast<uint32_t>(c - 'A' + 10)
                                                    : 16;
      if (digit > 15) return std::nullopt;
      code = code * 16 + digit;
    }
    at_ += 4;
    return code;
  }

  Status Escape(std::string* out) {
    if (at_ >= text_.size()) return Error("the string does not end");
    constexpr std::string_view kFrom = "\"\\/bfnrt";
    constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    const char c = text_[at_++];
    if (const size_t known = kFrom.find(c); known != std::string_view::npos) {
      out->push_back(kTo[known]);
      return Status::OK();
    }
    const auto high = c == 'u' ? Hex4() : std::nullopt;
    if (!high) return Error("invalid escape");
    uint32_t code = *high;
    if (code >= 0xDC00 && code < 0xE000) return Error("lone surrogate");
    if (code >= 0xD800 && code < 0xDC00) {
      const auto low = TakeWord("\\u") ? Hex4() : std::nullopt;
      if (!low || *low < 0xDC00 || *low > 0xDFFF) return Error("lone surrogate");
      code = 0x10000 + ((code - 0xD800) << 10) + (*low - 0xDC00);
    }
    AppendUtf8(code, out);
    return Status::OK();
  }

  std::string_view text_;
  size_t at_ = 0;
};

void AppendString(std::string_view text, std::string* out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (byte < 0x20) {
      *out += "\\u00";
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

std::string SecondsText(Duration duration) {
  if (duration.micros % 1'000'000 == 0) return std::to_string(duration.micros / 1'000'000);
  const auto micros = ComputeDecimals(DecimalOp::kMultiply, std::to_string(duration.micros), "0.000001");
  return micros.ok() ? *micros : "0";
}

void Append(const Value& value, bool sorted, std::string* out);

void AppendMap(const Value& map, bool sorted, std::string* out) {
  std::vector<const std::pair<std::string, Value>*> entries;
  for (const auto& entry : map.as_map()) entries.push_back(&entry);
  if (sorted) std::sort(entries.begin(), entries.end(), [](auto* a, auto* b) { return a->first < b->first; });
  out->push_back('{');
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendString(entries[i]->first, out);
    out->push_back(':');
    Append(entries[i]->second, sorted, out);
  }
  out->push_back('}');
}

void Append(const Value& value, bool sorted, std::string* out) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      *out += "null";
      return;
    case Value::Kind::kString:
    case Value::Kind::kDatetime:
      AppendString(ToText(value), out);
      return;
    case Value::Kind::kDuration:
      *out += SecondsText(value.as_duration());
      return;
    case Value::Kind::kList: {
      out->push_back('[');
      bool first = true;
      for (const Value& item : value.as_list()) {
        if (!first) out->push_back(',');
        first = false;
        Append(item, sorted, out);
      }
      out->push_back(']');
      return;
    }
    case Value::Kind::kMap:
      AppendMap(value, sorted, out);
      return;
    default:
      *out += ToText(value);
  }
}

}  // namespace

std::string ToJson(const Value& value) {
  std::string out;
  Append(value, /*sorted=*/false, &out);
  return out;
}

std::string ToCanonicalJson(const Value& value) {
  std::string out;
  Append(value, /*sorted=*/true, &out);
  return out;
}

Result<Value> ParseJson(std::string_view text) {
  return Parser(text).Document();
}

}  // namespace firn::expression
