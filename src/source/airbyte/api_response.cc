#include "source/airbyte/api_response.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "io/http_headers.h"
#include "source/airbyte/lazy_json.h"

namespace firn::source::airbyte {
namespace {

constexpr const char* kErrorKeys[] = {"message", "messages", "error",         "errors", "failures", "failure",
                                      "detail",  "err",      "error_message", "msg",    "reason",   "status_message"};

std::optional<std::string> MessageIn(const Value& value, int depth) {
  if (depth > 30) return std::nullopt;
  if (value.is_string()) return std::string(value.as_string());
  if (value.is_list()) {
    std::string joined;
    bool first = true;
    for (const Value& item : value.as_list()) {
      const auto message = MessageIn(item, depth + 1);
      if (!message) continue;
      joined += (first ? "" : ", ") + *message;
      first = false;
    }
    return joined;
  }
  if (!value.is_map()) return std::nullopt;
  for (const char* key : kErrorKeys) {
    const auto found = value.Find(key);
    if (found && jinja::Truthy(*found)) return MessageIn(*found, depth + 1);
  }
  return std::nullopt;
}

/// A map of headers whose keys are found whatever their case.
class HeaderLookup : public jinja::LazyMap {
 public:
  explicit HeaderLookup(Entries entries) : entries_(std::move(entries)) {}
  std::optional<Value> Find(std::string_view key) const override {
    for (const auto& [name, value] : entries_) {
      if (io::EqualsIgnoringCase(name.as_string(), key)) return value;
    }
    return std::nullopt;
  }
  Entries All() const override { return entries_; }

 private:
  Entries entries_;
};

std::string_view Stripped(std::string_view text, std::string_view characters) {
  const size_t begin = std::min(text.find_first_not_of(characters), text.size());
  const size_t end = text.find_last_not_of(characters);
  return begin == text.size() ? "" : text.substr(begin, end - begin + 1);
}

// The links of one header field, by relation (by URL where there is none), each with all its parameters.
std::vector<std::pair<std::string, Value>> LinksIn(std::string_view field) {
  std::vector<std::pair<std::string, Value>> links;
  for (size_t at = field.find('<'); at != std::string_view::npos; at = field.find('<', at)) {
    const size_t close = std::min(field.find('>', at), field.size());
    const std::string url(field.substr(at + 1, close - at - 1));
    size_t next = field.find(", <", close);
    if (next == std::string_view::npos) next = std::min(field.find(",<", close), field.size());
    std::string_view rest = field.substr(std::min(close + 1, field.size()), next - std::min(close + 1, next));
    Entries link = {{Value::String("url"), Value::String(url)}};
    std::string name = url;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view parameter = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const size_t equals = parameter.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view key = Stripped(parameter.substr(0, equals), " \"'");
      const std::string_view value = Stripped(parameter.substr(equals + 1), " \"'");
      Put(link, key, Value::String(value));
      if (key == "rel") name = value;
    }
    links.emplace_back(std::move(name), Value::OfMap(std::move(link)));
    at = next;
  }
  return links;
}

}  // namespace

const Value& ApiResponse::Json() const {
  if (!json_) {
    auto parsed = response_.body == nullptr ? jinja::ParseJson("") : ParseLazily(response_.body);
    json_ = parsed.ok() ? parsed.MoveValueUnsafe() : Value();
  }
  return *json_;
}

Value ApiResponse::HeaderMap() const {
  Entries entries;
  for (const auto& field : headers()) {
    bool known = false;
    for (auto& [name, value] : entries) {
      if (!io::EqualsIgnoringCase(name.as_string(), field.name)) continue;
      value = Value::String(std::string(value.as_string()) + ", " + field.value);
      known = true;
    }
    if (!known) entries.emplace_back(Value::String(field.name), Value::String(field.value));
  }
  return Value::OfLazyMap(std::make_shared<HeaderLookup>(std::move(entries)));
}

Value ApiResponse::Links() const {
  Entries links;
  for (const std::string_view field : headers().GetAll("link")) {
    for (const auto& [name, link] : LinksIn(field)) Put(links, name, link);
  }
  return Value::OfMap(std::move(links));
}

std::optional<std::string> ErrorMessageOf(const ApiResponse& response) {
  if (!response.is_json()) return std::string(response.text());
  return MessageIn(response.Json(), 0);
}

}  // namespace firn::source::airbyte
