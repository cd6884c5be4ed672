#include "expression/jinja/regex.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {
namespace {

Status Wrong(const std::string& what) {
  return MakeError(Fault::kBadData, "regular expression: " + what);
}

}  // namespace

Result<std::string> ExpandReplacement(const Regex& regex, std::string_view replacement, std::u32string_view text,
                                      const Regex::Groups& groups) {
  std::string out;
  const auto group = [&](size_t number) -> Status {
    if (number > regex.num_groups()) return Wrong("invalid group reference in the replacement");
    if (groups[number])
      out += Encode(text.substr(groups[number]->first, groups[number]->second - groups[number]->first));
    return Status::OK();
  };
  for (size_t i = 0; i < replacement.size(); ++i) {
    if (replacement[i] != '\\') {
      out.push_back(replacement[i]);
      continue;
    }
    if (++i >= replacement.size()) return Wrong("bad escape at the end of the replacement");
    const char c = replacement[i];
    constexpr std::string_view kFrom = "nrtfvab\\";
    constexpr std::string_view kTo = "\n\r\t\f\v\a\b\\";
    if (const size_t known = kFrom.find(c); known != std::string_view::npos) {
      out.push_back(kTo[known]);
    } else if (c >= '1' && c <= '9') {
      size_t number = static_cast<size_t>(c - '0');
      if (i + 1 < replacement.size() && replacement[i + 1] >= '0' && replacement[i + 1] <= '9') {
        number = number * 10 + static_cast<size_t>(replacement[++i] - '0');
      }
      ARROW_RETURN_NOT_OK(group(number));
    } else if (c == 'g' && i + 1 < replacement.size() && replacement[i + 1] == '<') {
      const size_t close = replacement.find('>', i);
      if (close == std::string_view::npos) return Wrong("missing > in the replacement");
      const std::string name(replacement.substr(i + 2, close - i - 2));
      const bool number = !name.empty() && name.size() < 4 && name.find_first_not_of("0123456789") == std::string::npos;
      const size_t found = number ? static_cast<size_t>(std::stoi(name)) : regex.GroupOf(name);
      if (!number && found == 0) return Wrong("unknown group name in the replacement");
      ARROW_RETURN_NOT_OK(group(found));
      i = close;
    } else if (IsAlphanumeric(static_cast<unsigned char>(c))) {
      return Wrong("bad escape in the replacement");
    } else {
      out.push_back('\\');
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace firn::expression::jinja
