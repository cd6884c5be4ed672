// `text % arguments` and str.format.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "expression/jinja/big_integer.h"
#include "expression/jinja/builtins.h"
#include "expression/jinja/number.h"
#include "expression/jinja/times.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {
namespace {

constexpr int kWidthMax = 10'000;

// One conversion, of either kind.
struct Spec {
  std::u32string fill = U" ";
  char align = 0;  // '<' '>' '^' '='
  char sign = 0;   // '+' ' '
  bool alternate = false;
  bool zero = false;
  int width = 0;
  char group = 0;  // ',' or '_'
  int precision = -1;
  char type = 0;
};

std::string Padded(const std::string& sign, const std::string& digits, const Spec& spec, char usual) {
  const auto size = static_cast<int>(CountCodePoints(sign) + CountCodePoints(digits));
  const int pad = std::max(0, spec.width - size);
  const char align = spec.align != 0 ? spec.align : (spec.zero ? '=' : usual);
  const std::string fill = spec.zero && spec.align == 0 ? "0" : Encode(spec.fill);
  const auto times = [&](int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += fill;
    return out;
  };
  switch (align) {
    case '<':
      return sign + digits + times(pad);
    case '^':
      return times(pad / 2) + sign + digits + times(pad - pad / 2);
    case '=':
      return sign + times(pad) + digits;
    default:
      return times(pad) + sign + digits;
  }
}

std::string Grouped(std::string digits, char separator, size_t every) {
  if (separator == 0) return digits;
  const size_t end = std::min(digits.find_first_not_of("0123456789"), digits.size());
  for (size_t at = end; at > every; at -= every) digits.insert(at - every, 1, separator);
  return digits;
}

std::string SignOf(bool negative, const Spec& spec) {
  if (negative) return "-";
  return spec.sign == 0 ? "" : std::string(1, spec.sign);
}

std::string FormatInteger(const Value& value, const Spec& spec) {
  std::string digits = ToText(value.kind() == Value::Kind::kBool ? Value::Int(value.as_int()) : value);
  const bool negative = digits[0] == '-';
  if (negative) digits.erase(0, 1);
  std::string prefix;
  if (spec.type == 'x' || spec.type == 'X' || spec.type == 'o' || spec.type == 'b') {
    const int base = spec.type == 'o' ? 8 : (spec.type == 'b' ? 2 : 16);
    std::string converted;
    BigInteger rest = BigInteger::FromText(digits);
    const BigInteger radix = BigInteger::FromText(std::to_string(base));
    while (!rest.is_zero()) {
      BigInteger digit = rest;
      rest = rest.FloorDivide(radix, &digit);
      converted.push_back("0123456789abcdef"[digit.ToValue().as_int()]);
    }
    if (converted.empty()) converted = "0";
    std::reverse(converted.begin(), converted.end());
    digits = spec.type == 'X' ? ToUpper(converted) : converted;
    if (spec.alternate) prefix = std::string("0") + spec.type;
  }
  if (spec.precision > static_cast<int>(digits.size())) {
    digits.insert(0, static_cast<size_t>(spec.precision) - digits.size(), '0');
  }
  return Padded(SignOf(negative, spec) + prefix, Grouped(digits, spec.group, 3), spec, '>');
}

std::string FormatFloat(double value, const Spec& spec) {
  const bool negative = std::signbit(value) && !std::isnan(value);
  const double size = std::fabs(value);
  std::string digits;
  if (!std::isfinite(value)) {
    digits = std::isnan(value) ? "nan" : "inf";
    if (spec.type == 'F' || spec.type == 'E' || spec.type == 'G') digits = ToUpper(digits);
  } else if (spec.type == 0 && spec.precision < 0) {
    digits = FloatRepr(size);
  } else {
    const bool percent = spec.type == '%';
    std::string format = spec.alternate ? "%#.*" : "%.*";
    format.push_back(percent ? 'f' : (spec.type == 0 || spec.type == 'n' ? 'g' : spec.type));
    std::array<char, 1200> text{};
    const int precision = std::min(spec.precision < 0 ? 6 : spec.precision, 600);
    std::snprintf(text.data(), text.size(), format.c_str(), precision, percent ? size * 100 : size);
    digits = text.data();
    if (percent) digits += '%';
    if (spec.type == 0 && digits.find_first_of(".en") == std::string::npos) digits += ".0";
  }
  return Padded(SignOf(negative, spec), Grouped(digits, spec.group, 3), spec, '>');
}

std::string FormatText(std::string text, const Spec& spec) {
  if (spec.precision >= 0) text = Encode(Decode(text).substr(0, static_cast<size_t>(spec.precision)));
  return Padded("", text, spec, '<');
}

class Percent {
 public:
  Percent(Evaluator& run, const Node& node, std::string_view text, const Value& arguments)
      : run_(run), node_(node), text_(text), arguments_(arguments) {}

  Result<Value> Run() {
    std::string out;
    while (at_ < text_.size()) {
      const size_t percent = std::min(text_.find('%', at_), text_.size());
      out += text_.substr(at_, percent - at_);
      at_ = percent;
      if (at_ < text_.size()) ARROW_RETURN_NOT_OK(One(&out));
      ARROW_RETURN_NOT_OK(run_.Spend(node_, out.size() / 16));
    }
    const bool tuple = arguments_.kind() == Value::Kind::kTuple;
    const bool mapping = arguments_.is_map() || arguments_.is_list() || arguments_.is_undefined();
    if (tuple ? used_ < arguments_.as_list().size() : used_ == 0 && !mapping && !named_) {
      return TypeError("not all arguments converted during string formatting");
    }
    return MakeString(std::move(out));
  }

 private:
  Status TypeError(std::string message) { return run_.Raise(Raised::kType, node_.range, std::move(message)); }
  Status ValueError(std::string message) { return run_.Raise(Raised::kOther, node_.range, std::move(message)); }

  Result<Value> NextArgument() {
    if (arguments_.kind() == Value::Kind::kTuple) {
      if (used_ >= arguments_.as_list().size()) return TypeError("not enough arguments for format string");
      return arguments_.as_list()[used_++];
    }
    if (used_++ > 0) return TypeError("not enough arguments for format string");
    return arguments_;
  }

  Result<int> Number() {
    if (at_ < text_.size() && text_[at_] == '*') {
      ++at_;
      ARROW_ASSIGN_OR_RAISE(const Value value, NextArgument());
      if (!IsIntegral(value) || value.kind() == Value::Kind::kBigInt) return TypeError("* wants int");
      if (std::abs(value.as_int()) > kWidthMax) return ValueError("width is too large");
      return static_cast<int>(value.as_int());
    }
    int number = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      number = number * 10 + (text_[at_++] - '0');
      if (number > kWidthMax) return ValueError("width is too large");
    }
    return number;
  }

  Status One(std::string* out) {
    ++at_;
    std::optional<Value> named;
    if (at_ < text_.size() && text_[at_] == '(') {
      const size_t close = text_.find(')', at_);
      if (close == std::string_view::npos) return ValueError("incomplete format key");
      if (!arguments_.is_map()) return TypeError("format requires a mapping");
      named = arguments_.Find(text_.substr(at_ + 1, close - at_ - 1));
      if (!named) return ValueError("there is no such format key");
      named_ = true;
      at_ = close + 1;
    }
    Spec spec;
    bool left = false;
    for (; at_ < text_.size() && std::string_view("-+ #0").find(text_[at_]) != std::string_view::npos; ++at_) {
      const char flag = text_[at_];
      left = left || flag == '-';
      spec.zero = spec.zero || flag == '0';
      spec.alternate = spec.alternate || flag == '#';
      if (flag == '+' || (flag == ' ' && spec.sign == 0)) spec.sign = flag;
    }
    ARROW_ASSIGN_OR_RAISE(spec.width, Number());
    left = left || spec.width < 0;
    spec.width = std::abs(spec.width);
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      ARROW_ASSIGN_OR_RAISE(spec.precision, Number());
    }
    while (at_ < text_.size() && (text_[at_] == 'l' || text_[at_] == 'h' || text_[at_] == 'L')) ++at_;
    if (at_ >= text_.size()) return ValueError("incomplete format");
    spec.type = text_[at_++];
    if (spec.type == '%') {
      out->push_back('%');
      return Status::OK();
    }
    if (left) spec.align = '<';
    Value value;
    if (named) {
      value = *named;
    } else {
      ARROW_ASSIGN_OR_RAISE(value, NextArgument());
    }
    return Convert(value, spec, out);
  }

  Status Convert(const Value& value, Spec spec, std::string* out) {
    switch (spec.type) {
      case 's':
      case 'r':
      case 'a':
        spec.zero = false;
        if (spec.align == 0) spec.align = '>';
        *out += FormatText(spec.type == 's' ? ToText(value) : ToRepr(value), spec);
        return Status::OK();
      case 'c':
        if (!value.is_string() || CountCodePoints(value.as_string()) != 1) return TypeError("%c requires int or char");
        *out += FormatText(std::string(value.as_string()), spec);
        return Status::OK();
      case 'd':
      case 'i':
      case 'u': {
        if (!IsNumeric(value))
          return TypeError("%d format: a real number is required, not " + std::string(TypeName(value)));
        const auto whole = Truncate(value);
        if (!whole.ok()) return ValueError(whole.status().message());
        spec.type = 'd';
        *out += FormatInteger(*whole, spec);
        return Status::OK();
      }
      case 'x':
      case 'X':
      case 'o':
        if (!IsIntegral(value)) return TypeError("an integer is required, not " + std::string(TypeName(value)));
        *out += FormatInteger(value, spec);
        return Status::OK();
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': {
        if (!IsNumeric(value)) return TypeError("must be real number, not " + std::string(TypeName(value)));
        const auto real = ToDouble(value);
        if (!real.ok()) return ValueError(real.status().message());
        *out += FormatFloat(*real, spec);
        return Status::OK();
      }
      default:
        return ValueError("unsupported format character");
    }
  }

  Evaluator& run_;
  const Node& node_;
  std::string_view text_;
  const Value& arguments_;
  size_t at_ = 0;
  size_t used_ = 0;
  bool named_ = false;
};

class Braces {
 public:
  explicit Braces(const Call& call) : call_(call), text_(call.self.as_string()) {}

  Result<Value> Run() {
    std::string out;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c != '{' && c != '}') {
        out.push_back(c);
      } else if (at_ < text_.size() && text_[at_] == c) {
        out.push_back(c);
        ++at_;
      } else if (c == '}') {
        return call_.ValueError("Single '}' encountered in format string");
      } else {
        ARROW_RETURN_NOT_OK(Field(&out));
        ARROW_RETURN_NOT_OK(call_.run.Spend(call_.node, out.size() / 16));
      }
    }
    return MakeString(std::move(out));
  }

 private:
  Status Field(std::string* out) {
    const size_t close = text_.find('}', at_);
    if (close == std::string_view::npos) return call_.ValueError("expected '}' before end of string");
    std::string_view field = text_.substr(at_, close - at_);
    if (field.find('{') != std::string_view::npos) return call_.ValueError("nested format fields are not supported");
    at_ = close + 1;
    const size_t colon = field.find(':');
    const std::string_view spec_text = colon == std::string_view::npos ? std::string_view() : field.substr(colon + 1);
    field = field.substr(0, colon);
    char conversion = 0;
    if (const size_t mark = field.find('!'); mark != std::string_view::npos) {
      conversion = mark + 2 == field.size() ? field[mark + 1] : '?';
      if (conversion != 's' && conversion != 'r') return call_.ValueError("unknown conversion specifier");
      field = field.substr(0, mark);
    }
    ARROW_ASSIGN_OR_RAISE(Value value, Argument(field));
    if (conversion != 0) value = MakeString(conversion == 's' ? ToText(value) : ToRepr(value));
    ARROW_ASSIGN_OR_RAISE(const std::string formatted, Formatted(value, spec_text));
    *out += formatted;
    return Status::OK();
  }

  // "0", "name", "", followed by .attribute and [item].
  Result<Value> Argument(std::string_view field) {
    const size_t end = std::min(field.find_first_of(".["), field.size());
    const std::string_view name = field.substr(0, end);
    Value value;
    if (name.find_first_not_of("0123456789") == std::string_view::npos) {
      size_t at = next_;
      if (name.empty()) {
        ++next_;
      } else {
        at = name.size() < 6 ? static_cast<size_t>(std::stoi(std::string(name))) : SIZE_MAX;
      }
      if (at >= call_.arguments.rest.size()) return call_.ValueError("replacement index is out of range");
      value = call_.arguments.rest[at];
    } else {
      const auto& named = call_.arguments.named;
      const auto found =
          std::find_if(named.begin(), named.end(), [&](const auto& entry) { return entry.first == name; });
      if (found == named.end()) return call_.ValueError("there is no argument '" + std::string(name) + "'");
      value = found->second;
    }
    return Path(value, field.substr(end));
  }

  Result<Value> Path(Value value, std::string_view path) {
    while (!path.empty()) {
      if (path[0] == '.') {
        const size_t end = std::min(path.find_first_of(".[", 1), path.size());
        ARROW_ASSIGN_OR_RAISE(value, call_.run.GetAttribute(value, path.substr(1, end - 1), call_.node));
        path.remove_prefix(end);
      } else {
        const size_t close = path.find(']');
        if (close == std::string_view::npos) return call_.ValueError("Missing ']' in format string");
        const std::string_view key = path.substr(1, close - 1);
        const bool number =
            !key.empty() && key.size() < 10 && key.find_first_not_of("0123456789") == std::string_view::npos;
        const Value wanted = number ? Value::Int(std::stoll(std::string(key))) : Value::String(key);
        ARROW_ASSIGN_OR_RAISE(value, call_.run.GetItem(value, wanted, call_.node));
        path.remove_prefix(close + 1);
      }
    }
    return value;
  }

  Result<Spec> Parse(std::string_view text) {
    const std::u32string codes = Decode(text);
    Spec spec;
    size_t at = 0;
    const auto is_align = [](char32_t code) { return code == '<' || code == '>' || code == '^' || code == '='; };
    if (codes.size() > 1 && is_align(codes[1])) {
      spec.fill = codes.substr(0, 1);
      spec.align = static_cast<char>(codes[1]);
      at = 2;
    } else if (!codes.empty() && is_align(codes[0])) {
      spec.align = static_cast<char>(codes[0]);
      at = 1;
    }
    const auto take = [&](char32_t code) { return at < codes.size() && codes[at] == code ? (++at, true) : false; };
    const auto number = [&] {
      int value = 0;
      while (at < codes.size() && codes[at] >= '0' && codes[at] <= '9') {
        value = std::min(kWidthMax + 1, value * 10 + static_cast<int>(codes[at++] - '0'));
      }
      return value;
    };
    if (take('+')) spec.sign = '+';
    if (take(' ')) spec.sign = ' ';
    static_cast<void>(take('-'));
    spec.alternate = take('#');
    spec.zero = take('0');
    spec.width = number();
    if (take(',')) spec.group = ',';
    if (take('_')) spec.group = '_';
    if (take('.')) spec.precision = number();
    if (at < codes.size()) spec.type = static_cast<char>(codes[at++]);
    if (at != codes.size() || spec.width > kWidthMax || spec.precision > kWidthMax)
      return call_.ValueError("Invalid format specifier");
    return spec;
  }

  Result<std::string> Formatted(const Value& value, std::string_view text) {
    if (value.kind() == Value::Kind::kDatetime && !text.empty()) {
      return FormatTime(value.as_wall(), value.offset_seconds(), text);
    }
    if (value.kind() == Value::Kind::kDate && !text.empty()) {
      return FormatTime({.micros = value.as_days() * kMicrosPerDay}, std::nullopt, text);
    }
    if (text.empty()) return ToText(value);
    ARROW_ASSIGN_OR_RAISE(Spec spec, Parse(text));
    if (value.is_string()) {
      if (spec.type != 0 && spec.type != 's') return call_.ValueError("unknown format code for a text");
      if (spec.zero && spec.align == 0) spec.align = '<', spec.fill.assign(1, U'0'), spec.zero = false;
      return FormatText(std::string(value.as_string()), spec);
    }
    if (!IsNumeric(value))
      return call_.TypeError("unsupported format string passed to " + std::string(TypeName(value)));
    const bool real = value.kind() == Value::Kind::kFloat;
    if (!real && std::string_view("dxXobn").find(spec.type == 0 ? 'd' : spec.type) != std::string_view::npos) {
      return FormatInteger(value, spec);
    }
    if (spec.type != 0 && std::string_view("eEfFgGn%").find(spec.type) == std::string_view::npos) {
      return call_.ValueError("unknown format code for a number");
    }
    const auto number = ToDouble(value);
    if (!number.ok()) return call_.ValueError(number.status().message());
    return FormatFloat(*number, spec);
  }

  const Call& call_;
  std::string_view text_;
  size_t at_ = 0;
  size_t next_ = 0;
};

}  // namespace

Result<Value> FormatPercent(Evaluator& run, const Node& node, const Value& text, const Value& arguments) {
  return Percent(run, node, text.as_string(), arguments).Run();
}

Result<Value> FormatBraces(const Call& call) {
  return Braces(call).Run();
}

}  // namespace firn::expression::jinja
