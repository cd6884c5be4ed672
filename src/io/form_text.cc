#include "io/form_text.h"

#include "io/url.h"

namespace firn::io {

std::string FormText(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out += (out.empty() ? "" : "&") + UrlEncode(name) + "=" + UrlEncode(value);
  }
  return out;
}

}  // namespace firn::io
