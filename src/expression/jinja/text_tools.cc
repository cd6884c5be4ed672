#include "expression/jinja/text_tools.h"

#include <algorithm>

#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {
namespace {

// The code point that begins at `at`, and its bytes.
struct Character {
  char32_t code;
  size_t bytes;
};

Character CharacterAt(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {lead, 1};
  const size_t bytes = lead >> 5 == 6 ? 2 : (lead >> 4 == 14 ? 3 : 4);
  const std::u32string codes = Decode(text.substr(at, bytes));
  return codes.size() == 1 ? Character{codes[0], std::min(bytes, text.size() - at)} : Character{0xFFFD, 1};
}

size_t CharacterBefore(std::string_view text, size_t at) {
  --at;
  while (at > 0 && static_cast<unsigned char>(text[at]) >> 6 == 2) --at;
  return at;
}

std::vector<std::string_view> SplitAtSpace(std::string_view text, int64_t most) {
  std::vector<std::string_view> parts;
  size_t at = 0;
  const auto skip = [&](bool space) {
    while (at < text.size()) {
      const Character character = CharacterAt(text, at);
      if (IsWhitespace(character.code) != space) return;
      at += character.bytes;
    }
  };
  while (true) {
    skip(true);
    if (at >= text.size()) return parts;
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.push_back(text.substr(at));
      return parts;
    }
    const size_t begin = at;
    skip(false);
    parts.push_back(text.substr(begin, at - begin));
  }
}

std::vector<std::string_view> SplitAtSpaceFromRight(std::string_view text, int64_t most) {
  std::vector<std::string_view> parts;
  size_t end = text.size();
  const auto skip = [&](bool space) {
    while (end > 0) {
      const size_t before = CharacterBefore(text, end);
      if (IsWhitespace(CharacterAt(text, before).code) != space) return;
      end = before;
    }
  };
  while (true) {
    skip(true);
    if (end == 0) break;
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.push_back(text.substr(0, end));
      break;
    }
    const size_t stop = end;
    skip(false);
    parts.push_back(text.substr(end, stop - end));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

std::string StripText(std::string_view text, std::optional<std::string_view> characters, bool left, bool right) {
  const std::u32string set = characters ? Decode(*characters) : std::u32string();
  const auto strips = [&](char32_t code) {
    return characters ? set.find(code) != std::u32string::npos : IsWhitespace(code);
  };
  size_t begin = 0;
  size_t end = text.size();
  while (left && begin < end) {
    const Character character = CharacterAt(text, begin);
    if (!strips(character.code)) break;
    begin += character.bytes;
  }
  while (right && end > begin) {
    const size_t before = CharacterBefore(text, end);
    if (!strips(CharacterAt(text, before).code)) break;
    end = before;
  }
  return std::string(text.substr(begin, end - begin));
}

std::vector<std::string_view> SplitText(std::string_view text, std::optional<std::string_view> separator, int64_t most,
                                        bool from_right) {
  if (!separator) return from_right ? SplitAtSpaceFromRight(text, most) : SplitAtSpace(text, most);
  std::vector<std::string_view> parts;
  const auto more = [&] { return most < 0 || static_cast<int64_t>(parts.size()) < most; };
  if (!from_right) {
    size_t begin = 0;
    for (size_t at = text.find(*separator); at != std::string_view::npos && more(); at = text.find(*separator, begin)) {
      parts.push_back(text.substr(begin, at - begin));
      begin = at + separator->size();
    }
    parts.push_back(text.substr(begin));
    return parts;
  }
  std::string_view rest = text;
  for (size_t at = rest.rfind(*separator); at != std::string_view::npos && more(); at = rest.rfind(*separator)) {
    parts.push_back(rest.substr(at + separator->size()));
    rest = rest.substr(0, at);
  }
  parts.push_back(rest);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string> SplitLines(std::string_view text, bool keep_ends) {
  const std::u32string codes = Decode(text);
  std::vector<std::string> lines;
  const auto ends = [](char32_t code) {
    return (code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) || code == 0x85 || code == 0x2028 ||
           code == 0x2029;
  };
  for (size_t begin = 0; begin < codes.size();) {
    size_t end = begin;
    while (end < codes.size() && !ends(codes[end])) ++end;
    size_t next = end;
    if (end < codes.size())
      next = end + (codes[end] == '\r' && end + 1 < codes.size() && codes[end + 1] == '\n' ? 2 : 1);
    lines.push_back(Encode(std::u32string_view(codes).substr(begin, (keep_ends ? next : end) - begin)));
    begin = next;
  }
  return lines;
}

Result<Value> ReplaceText(const Call& call, std::string_view text, std::string_view from, std::string_view to,
                          int64_t most) {
  std::string out;
  const auto check = [&] { return call.run.Spend(call.node, out.size() / 16); };
  int64_t done = 0;
  size_t begin = 0;
  if (from.empty()) {
    // Between all characters, and at both ends.
    while (most < 0 || done < most) {
      out += to;
      ++done;
      if (begin >= text.size()) break;
      const size_t bytes = CharacterAt(text, begin).bytes;
      out += text.substr(begin, bytes);
      begin += bytes;
      ARROW_RETURN_NOT_OK(check());
      if (static_cast<int64_t>(out.size()) > (int64_t{64} << 20)) return call.ValueError("the result is too long");
    }
  } else {
    for (size_t at = text.find(from); at != std::string_view::npos && (most < 0 || done < most);
         at = text.find(from, begin)) {
      out += text.substr(begin, at - begin);
      out += to;
      begin = at + from.size();
      ++done;
      if (out.size() > (size_t{64} << 20)) return call.ValueError("the result is too long");
    }
  }
  out += text.substr(std::min(begin, text.size()));
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, out.size()));
  return MakeString(std::move(out));
}

std::string CapitalizeText(std::string_view text) {
  std::string out;
  const std::u32string codes = Decode(text);
  if (codes.empty()) return out;
  AppendTitle(codes[0], &out);
  return out + ToLower(Encode(std::u32string_view(codes).substr(1)));
}

bool IsLowerText(std::string_view text) {
  const std::u32string codes = Decode(text);
  return std::any_of(codes.begin(), codes.end(), IsLower) && std::none_of(codes.begin(), codes.end(), IsUpper);
}

bool IsUpperText(std::string_view text) {
  const std::u32string codes = Decode(text);
  return std::any_of(codes.begin(), codes.end(), IsUpper) && std::none_of(codes.begin(), codes.end(), IsLower);
}

}  // namespace firn::expression::jinja
