#include "format/json/structural_walker.h"

#include <bitset>

#include "format/json/number_parse.h"
#include "format/json/string_parse.h"

namespace firn::format::json {
namespace {

// Passes over brackets alone: enough to find where a value ends.
const uint32_t* SkipBrackets(const uint8_t* body, const uint32_t* at, const uint32_t* end, SyntaxFault& fault) {
  std::bitset<kDepthMax> is_object;
  int depth = 0;
  for (; at != end; ++at) {
    const uint8_t c = body[*at];
    if (c == '{' || c == '[') {
      if (depth == kDepthMax) {
        fault = {"nested deeper than 1024 levels", *at};
        return nullptr;
      }
      is_object[static_cast<size_t>(depth++)] = c == '{';
    } else if (c == '}' || c == ']') {
      if (depth == 0 || is_object[static_cast<size_t>(depth - 1)] != (c == '}')) {
        fault = {"bracket without its partner", *at};
        return nullptr;
      }
      --depth;
    } else if (depth == 0 && (c == ',' || c == ':')) {
      fault = {"value expected", *at};
      return nullptr;
    }
    if (depth == 0) return at + 1;
  }
  fault = {"unexpected end", *end};
  return nullptr;
}

// The grammar as a loop, because a hostile record must not use up the call stack.
class FullSkip {
 public:
  FullSkip(const uint8_t* body, const uint32_t* end, SyntaxFault& fault) : body_(body), end_(end), fault_(fault) {}

  const uint32_t* Run(const uint32_t* at) {
    at = Value(at);
    while (at && depth_ > 0) at = is_object_[static_cast<size_t>(depth_ - 1)] ? Member(at) : Element(at);
    return at;
  }

 private:
  const uint32_t* Fail(const char* reason, const uint32_t* at) {
    fault_ = {at == end_ ? "unexpected end" : reason, *at};
    return nullptr;
  }

  // A scalar is passed, a bracket is opened.
  const uint32_t* Value(const uint32_t* at) {
    if (at == end_) return Fail("value expected", at);
    const uint8_t c = body_[*at];
    if (c == '{' || c == '[') {
      if (depth_ == kDepthMax) return Fail("nested deeper than 1024 levels", at);
      is_object_[static_cast<size_t>(depth_)] = c == '{';
      fresh_[static_cast<size_t>(depth_++)] = true;
      return at + 1;
    }
    const char* reason = CheckScalar(TokenText(body_, at));
    return reason ? Fail(reason, at) : at + 1;
  }

  // Stands behind a value or an opening bracket of an object.
  const uint32_t* Member(const uint32_t* at) {
    if (at == end_) return Fail("", at);
    const bool fresh = TakeFresh();
    if (body_[*at] == '}') {
      --depth_;
      return at + 1;
    }
    if (!fresh && body_[*at] != ',') return Fail("comma or } expected", at);
    if (!fresh && ++at == end_) return Fail("", at);
    if (body_[*at] != '"') return Fail("key expected", at);
    if (const char* reason = CheckScalar(TokenText(body_, at))) return Fail(reason, at);
    if (++at == end_ || body_[*at] != ':') return Fail("colon expected", at);
    return Value(at + 1);
  }

  const uint32_t* Element(const uint32_t* at) {
    if (at == end_) return Fail("", at);
    const bool fresh = TakeFresh();
    if (body_[*at] == ']') {
      --depth_;
      return at + 1;
    }
    if (fresh) return Value(at);
    if (body_[*at] != ',') return Fail("comma or ] expected", at);
    return Value(at + 1);
  }

  bool TakeFresh() {
    const size_t level = static_cast<size_t>(depth_ - 1);
    const bool fresh = fresh_[level];
    fresh_[level] = false;
    return fresh;
  }

  const uint8_t* body_;
  const uint32_t* end_;
  SyntaxFault& fault_;
  std::bitset<kDepthMax> is_object_;
  std::bitset<kDepthMax> fresh_;
  int depth_ = 0;
};

}  // namespace

const uint32_t* SkipValue(const uint8_t* body, const uint32_t* at, const uint32_t* end, Depth depth,
                          SyntaxFault& fault) {
  if (depth == Depth::kBracketsOnly) return SkipBrackets(body, at, end, fault);
  if (at != end && body[*at] != '{' && body[*at] != '[') {  // by far the most common, without the stack
    const char* reason = CheckScalar(TokenText(body, at));
    if (!reason) return at + 1;
    fault = {reason, *at};
    return nullptr;
  }
  return FullSkip(body, end, fault).Run(at);
}

const char* CheckScalar(std::string_view text) {
  switch (text.empty() ? 0 : text[0]) {
    case '"':
      return CheckString(text);
    case 't':
      return text == "true" ? nullptr : "literal true expected";
    case 'f':
      return text == "false" ? nullptr : "literal false expected";
    case 'n':
      return text == "null" ? nullptr : "literal null expected";
    case '{':
    case '}':
    case '[':
    case ']':
    case ',':
    case ':':
      return "value expected";
    default:
      break;
  }
  Number number;
  return ParseNumber(text, number) ? nullptr : "no valid number or literal";
}

}  // namespace firn::format::json
