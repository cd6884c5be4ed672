// JSON text and the values of the expression core, from and to values of this dialect.
#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "expression/decimal.h"
#include "expression/jinja/number.h"
#include "expression/jinja/object.h"
#include "expression/jinja/times.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {
namespace {

constexpr int kDepthMax = 256;

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

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
  bool Word(std::string_view word) {
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
        return MakeString(std::move(text));
      }
      default:
        return Scalar();
    }
  }

  Result<Value> Scalar() {
    if (Word("true")) return Value::Bool(true);
    if (Word("false")) return Value::Bool(false);
    if (Word("null")) return Value::Null();
    if (Word("NaN")) return Value::Float(std::strtod("nan", nullptr));
    if (Word("Infinity")) return Value::Float(std::strtod("inf", nullptr));
    if (Word("-Infinity")) return Value::Float(std::strtod("-inf", nullptr));
    const size_t end = std::min(text_.find_first_not_of("0123456789+-.eE", at_), text_.size());
    const std::string_view number = text_.substr(at_, end - at_);
    if (!IsJsonNumber(number)) return Error("no number");
    at_ = end;
    if (number.find_first_of(".eE") == std::string_view::npos) return ReadInteger(number);
    return Value::Float(std::strtod(std::string(number).c_str(), nullptr));
  }

  Result<Value> Object(int depth) {
    ++at_;
    Entries entries;
    Space();
    if (Take('}')) return Value::OfMap({});
    while (true) {
      Space();
      ARROW_ASSIGN_OR_RAISE(std::string key, String());
      Space();
      if (!Take(':')) return Error("':' is missing");
      ARROW_ASSIGN_OR_RAISE(Value value, Any(depth + 1));
      entries.emplace_back(MakeString(std::move(key)), std::move(value));
      Space();
      if (Take('}')) return Value::OfMap(std::move(entries));
      if (!Take(',')) return Error("',' or '}' is missing");
    }
  }

  Result<Value> Array(int depth) {
    ++at_;
    List items;
    Space();
    if (Take(']')) return Value::OfList({});
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
      const size_t plain = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20) {
        ++at_;
      }
      out += text_.substr(plain, at_ - plain);
      if (Take('"')) return out;
      if (!Take('\\')) return Error("control character in a string");
      ARROW_RETURN_NOT_OK(Escape(&out));
    }
    return Error("the string does not end");
  }

  std::optional<char32_t> Unit() {
    uint32_t code = 0;
    const std::string_view digits = text_.substr(std::min(at_, text_.size()), 4);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc() || digits.size() != 4 || end != digits.data() + 4) return std::nullopt;
    at_ += 4;
    return code;
  }

  Status Escape(std::string* out) {
    constexpr std::string_view kFrom = "\"\\/bfnrt";
    constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    if (const size_t known = kFrom.find(c); c != '\0' && known != std::string_view::npos) {
      out->push_back(kTo[known]);
      return Status::OK();
    }
    const auto high = c == 'u' ? Unit() : std::nullopt;
    if (!high) return Error("invalid escape");
    char32_t code = *high;
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      const size_t back = at_;
      at_ += 2;
      const auto low = Unit();
      if (low && *low >= 0xDC00 && *low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (*low - 0xDC00);
      } else {
        at_ = back;
      }
    }
    // A lone surrogate has no UTF-8.
    AppendCodePoint(code >= 0xD800 && code < 0xE000 ? 0xFFFD : code, out);
    return Status::OK();
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<Value> ParseJson(std::string_view text) {
  return JsonReader(text).Document();
}

Value FromCore(const expression::Value& value) {
  using Core = expression::Value::Kind;
  Value result = Value::Null();
  switch (value.kind()) {
    case Core::kNull:
      break;
    case Core::kBool:
      result = Value::Bool(value.as_bool());
      break;
    case Core::kInt:
      result = Value::Int(value.as_int());
      break;
    case Core::kNumber: {
      const std::string& text = value.as_number();
      const bool whole = text.find_first_of(".eE") == std::string::npos;
      result = whole ? Value::IntegerText(text) : Value::Float(std::strtod(text.c_str(), nullptr));
      break;
    }
    case Core::kString:
      result = Value::String(value.as_string());
      break;
    case Core::kDatetime:
      result = Value::Datetime(value.as_datetime(), 0);
      break;
    case Core::kDuration:
      result = Value::Timedelta(value.as_duration().micros);
      break;
    case Core::kList: {
      List items;
      items.reserve(value.as_list().size());
      for (const auto& item : value.as_list()) items.push_back(FromCore(item));
      result = Value::OfList(std::move(items));
      break;
    }
    case Core::kMap: {
      Entries entries;
      entries.reserve(value.as_map().size());
      for (const auto& [key, item] : value.as_map()) entries.emplace_back(Value::String(key), FromCore(item));
      result = Value::OfMap(std::move(entries));
      break;
    }
  }
  return result.WithSecret(value.secret());
}

namespace {

expression::Value Scalar(const Value& value) {
  using Core = expression::Value;
  switch (value.kind()) {
    case Value::Kind::kBool:
      return Core::Bool(value.as_bool());
    case Value::Kind::kInt:
      return Core::Int(value.as_int());
    case Value::Kind::kBigInt:
      return Core::NumberText(value.as_string());
    case Value::Kind::kFloat: {
      // "inf" and "nan" are no JSON numbers.
      const std::string text = FloatRepr(value.as_float());
      return IsJsonNumber(text) ? Core::NumberText(text) : Core::Null();
    }
    case Value::Kind::kDatetime:
      return Core::Datetime(ZonedTime{.wall = value.as_wall(), .offset_seconds = value.offset_seconds()}.Instant());
    case Value::Kind::kTimedelta:
      return Core::OfDuration({.micros = value.as_micros()});
    case Value::Kind::kString:
    case Value::Kind::kBytes:
      return Core::String(std::string(value.as_string()));
    case Value::Kind::kNull:
    case Value::Kind::kUndefined:
      return Core::Null();
    default:
      return Core::String(ToText(value));
  }
}

}  // namespace

expression::Value ToCore(const Value& value) {
  using Core = expression::Value;
  Core result;
  if (IsSequence(value) || value.kind() == Value::Kind::kSet) {
    expression::List items;
    for (const Value& item : value.as_list()) items.push_back(ToCore(item));
    result = Core::OfList(std::move(items));
  } else if (value.is_map()) {
    expression::Map entries;
    for (const auto& [key, item] : value.as_map()) entries.emplace_back(ToText(key), ToCore(item));
    result = Core::OfMap(std::move(entries));
  } else {
    result = Scalar(value);
  }
  return result.WithSecret(value.secret());
}

}  // namespace firn::expression::jinja
