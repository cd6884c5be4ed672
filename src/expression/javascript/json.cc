#include "expression/javascript/json.h"

#include <cmath>

#include "expression/javascript/builtins.h"
#include "expression/javascript/number_text.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

using Kind = Value::Kind;

class Reader {
 public:
  explicit Reader(std::u16string_view text) : text_(text) {}

  Result<Value> Run() {
    ARROW_ASSIGN_OR_RAISE(Value value, One(0));
    Skip();
    if (at_ < text_.size()) return Wrong("something follows the value");
    return value;
  }

 private:
  Status Wrong(const std::string& what) const {
    return MakeError(Fault::kBadData, "not JSON at character " + std::to_string(at_) + ": " + what);
  }
  void Skip() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }
  bool Take(std::u16string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Result<Value> One(uint32_t depth) {
    if (depth >= kValueDepthMax) return Wrong("it is nested too deeply");
    Skip();
    if (at_ >= text_.size()) return Wrong("it ends too early");
    if (Take(u"null")) return Value::Null();
    if (Take(u"true")) return Value::Bool(true);
    if (Take(u"false")) return Value::Bool(false);
    if (Take(u"[")) return Items(depth);
    if (Take(u"{")) return Properties(depth);
    if (text_[at_] == '"') {
      ARROW_ASSIGN_OR_RAISE(std::u16string text, String());
      return Value::String(std::move(text));
    }
    return Number();
  }

  Result<Value> Items(uint32_t depth) {
    List items;
    Skip();
    if (Take(u"]")) return Value::OfArray(std::move(items));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(Value item, One(depth + 1));
      items.push_back(std::move(item));
      Skip();
      if (Take(u"]")) return Value::OfArray(std::move(items));
      if (!Take(u",")) return Wrong("',' or ']' is wanted");
    }
  }

  Result<Value> Properties(uint32_t depth) {
    Object object;
    Skip();
    if (Take(u"}")) return Value::OfObject(std::move(object));
    while (true) {
      Skip();
      if (at_ >= text_.size() || text_[at_] != '"') return Wrong("a key is wanted");
      ARROW_ASSIGN_OR_RAISE(std::u16string key, String());
      Skip();
      if (!Take(u":")) return Wrong("':' is wanted");
      ARROW_ASSIGN_OR_RAISE(Value value, One(depth + 1));
      object.Put(std::move(key), std::move(value));
      Skip();
      if (Take(u"}")) return Value::OfObject(std::move(object));
      if (!Take(u",")) return Wrong("',' or '}' is wanted");
    }
  }

  Result<std::u16string> String() {
    std::u16string out;
    for (++at_; at_ < text_.size(); ++at_) {
      const char16_t unit = text_[at_];
      if (unit == '"') {
        ++at_;
        return out;
      }
      if (unit < ' ') return Wrong("a control character in a string");
      if (unit != '\\') {
        out += unit;
        continue;
      }
      ++at_;
      const std::u16string_view kLetters = u"\"\\/bfnrt";
      const std::u16string_view kMeanings = u"\"\\/\b\f\n\r\t";
      const size_t letter = at_ < text_.size() ? kLetters.find(text_[at_]) : std::u16string_view::npos;
      if (letter != std::u16string_view::npos) {
        out += kMeanings[letter];
      } else if (at_ < text_.size() && text_[at_] == 'u' && at_ + 4 < text_.size()) {
        const double code = ParseInt(u"0x" + std::u16string(text_.substr(at_ + 1, 4)), 16);
        for (const char16_t digit : text_.substr(at_ + 1, 4)) {
          if (std::isnan(ParseInt(std::u16string(1, digit), 16))) return Wrong("an invalid escape");
        }
        out += static_cast<char16_t>(code);
        at_ += 4;
      } else {
        return Wrong("an invalid escape");
      }
    }
    return Wrong("a string is not closed");
  }

  Result<Value> Number() {
    const size_t begin = at_;
    const auto digits = [&] {
      const size_t first = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      return at_ > first;
    };
    Take(u"-");
    if (!Take(u"0") && !digits()) return Wrong("a value is wanted");
    if (Take(u".") && !digits()) return Wrong("a digit is wanted");
    if (Take(u"e") || Take(u"E")) {
      if (!Take(u"-")) Take(u"+");
      if (!digits()) return Wrong("a digit is wanted");
    }
    return Value::NumberText(ToUtf8(text_.substr(begin, at_ - begin)));
  }

  std::u16string_view text_;
  size_t at_ = 0;
};

void WriteString(std::u16string_view text, std::u16string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto escape = [&](char16_t unit) {
    *out += u"\\u";
    for (int shift = 12; shift >= 0; shift -= 4) *out += static_cast<char16_t>(kHex[(unit >> shift) & 15]);
  };
  *out += u'"';
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t code = NextCodePoint(text, &at);
    const std::u16string_view kEscaped = u"\"\\\b\f\n\r\t";
    const std::u16string_view kLetters = u"\"\\bfnrt";
    const size_t letter = code < 128 ? kEscaped.find(static_cast<char16_t>(code)) : std::u16string_view::npos;
    if (letter != std::u16string_view::npos) {
      *out += u'\\';
      *out += kLetters[letter];
    } else if (code < ' ' || (code >= 0xD800 && code < 0xE000)) {
      escape(static_cast<char16_t>(code));
    } else {
      *out += text.substr(begin, at - begin);
    }
  }
  *out += u'"';
}

class Writer {
 public:
  Writer(const JsonStyle& style, std::u16string* out) : style_(style), out_(*out) {}

  Status One(const Value& value) {
    if (out_.size() > style_.units_max) return MakeError(Fault::kBadData, "the JSON becomes too large");
    switch (value.kind()) {
      case Kind::kUndefined:
      case Kind::kFunction:
        break;
      case Kind::kNull:
        out_ += u"null";
        break;
      case Kind::kBool:
        out_ += value.as_bool() ? u"true" : u"false";
        break;
      case Kind::kNumber:
        out_ += std::isfinite(value.as_number()) ? NumberToText(value.as_number()) : u"null";
        break;
      case Kind::kExact:
        out_ += Widen(value.as_exact());
        break;
      case Kind::kString:
        WriteString(value.as_string(), &out_);
        break;
      case Kind::kDate:
        out_ += std::isfinite(value.as_date()) ? u'"' + DateIso(value.as_date()) + u'"' : u"null";
        break;
      case Kind::kArray:
        return Items(value.items());
      case Kind::kObject:
        return Properties(value.as_object());
      default:
        out_ += u"{}";
    }
    return Status::OK();
  }

 private:
  void Line() {
    if (style_.indent.empty()) return;
    out_ += u'\n';
    for (int i = 0; i < depth_; ++i) out_ += style_.indent;
  }

  Status Items(const List& items) {
    out_ += u'[';
    ++depth_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += u',';
      Line();
      if (items[i].is_undefined() || items[i].is_function()) {
        out_ += u"null";
      } else {
        ARROW_RETURN_NOT_OK(One(items[i]));
      }
    }
    --depth_;
    if (!items.empty()) Line();
    out_ += u']';
    return Status::OK();
  }

  Status Property(std::u16string_view key, const Value& value, bool* first) {
    if (value.is_undefined() || value.is_function()) return Status::OK();
    if (!*first) out_ += u',';
    *first = false;
    Line();
    WriteString(key, &out_);
    out_ += style_.indent.empty() ? u":" : u": ";
    return One(value);
  }

  Status Properties(const Object& object) {
    out_ += u'{';
    ++depth_;
    bool first = true;
    if (style_.keys == nullptr) {
      for (const auto& [key, value] : object.entries()) ARROW_RETURN_NOT_OK(Property(key, value, &first));
    } else {
      for (const Value& key : *style_.keys) {
        const Value* value = object.Find(key.as_string());
        if (value != nullptr) ARROW_RETURN_NOT_OK(Property(key.as_string(), *value, &first));
      }
    }
    --depth_;
    if (!first) Line();
    out_ += u'}';
    return Status::OK();
  }

  const JsonStyle& style_;
  std::u16string& out_;
  int depth_ = 0;
};

Result<Value> Parse(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Value text, call.Text(0));
  if (call.count() > 1) return Refused(call.range, "JSON.parse takes no function here; map the result");
  ARROW_RETURN_NOT_OK(call.run.Spend(call.range, text.as_string().size() * 2));
  auto value = ReadJson(text.as_string());
  if (!value.ok()) return Thrown(call.range, value.status().message());
  return value;
}

Result<Value> Stringify(const Call& call) {
  JsonStyle style{.units_max = static_cast<size_t>(std::max<int64_t>(*call.run.fuel(), 0)) * 8};
  List keys;
  if (call.At(1).is_function()) return Refused(call.range, "JSON.stringify takes a list of keys, no function");
  if (call.At(1).is_array()) {
    Collection seen;
    for (const Value& item : call.At(1).items()) {
      if (!item.is_string() && !item.is_number()) continue;
      ARROW_ASSIGN_OR_RAISE(const Value key, call.run.ToText(item, call.range));
      if (seen.Find(key) == nullptr) keys.push_back(key);
      seen.Put(key, Value());
    }
    style.keys = &keys;
  }
  if (call.At(2).is_string()) style.indent = call.At(2).as_string().substr(0, 10);
  if (call.At(2).is_number()) {
    const double width = std::min(10.0, call.At(2).as_number());
    if (width >= 1) style.indent.assign(static_cast<size_t>(width), u' ');
  }
  const Value& value = call.At(0);
  if (value.is_undefined() || value.is_function()) return Value();
  std::u16string out;
  const Status written = WriteJson(value, style, &out);
  if (!written.ok()) return LimitReached(call.range, written.message());
  return call.String(std::move(out));
}

constexpr Builtin kFunctions[] = {{"parse", Parse}, {"stringify", Stringify}};

}  // namespace

Builtins JsonFunctions() {
  return kFunctions;
}

Result<Value> ReadJson(std::u16string_view text) {
  return Reader(text).Run();
}

Status WriteJson(const Value& value, const JsonStyle& style, std::u16string* out) {
  return Writer(style, out).One(value);
}

Result<Value> ParseJson(std::string_view text) {
  return ReadJson(ToUtf16(text));
}

std::string ToJson(const Value& value) {
  std::u16string out;
  static_cast<void>(WriteJson(value, {}, &out));  // without a limit it cannot fail
  return out.empty() ? "null" : ToUtf8(out);
}

}  // namespace firn::expression::javascript
