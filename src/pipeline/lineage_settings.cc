#include "pipeline/lineage_settings.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/redactor.h"
#include "io/url.h"

namespace firn::pipeline {
namespace {

using Environment = std::map<std::string, std::string>;

constexpr char kTransport[] = "OPENLINEAGE__TRANSPORT__";
constexpr char kEndpointDefault[] = "api/v1/lineage";
// Of its clients, without a meaning for firn: what they log, and which variables they would collect.
constexpr std::array<std::string_view, 2> kOfOthers = {"OPENLINEAGE_CLIENT_LOGGING", "OPENLINEAGE__FACETS"};
constexpr std::array<std::string_view, 6> kSimple = {"OPENLINEAGE_URL",      "OPENLINEAGE_ENDPOINT",
                                                     "OPENLINEAGE_API_KEY",  "OPENLINEAGE_NAMESPACE",
                                                     "OPENLINEAGE_DISABLED", "OPENLINEAGE_PARENT_ID"};
constexpr std::array<std::string_view, 6> kOfTransport = {"TYPE", "URL", "ENDPOINT", "AUTH", "LOG_FILE_PATH", "APPEND"};

Status Refuse(const std::string& name, const std::string& why) {
  return MakeError(
      Fault::kConfig, name + " is not understood: " + why,
      {.code = "E0980", .state = "nothing was read", .next = "unset " + name + ", or OPENLINEAGE_DISABLED=true"});
}

bool IsOf(const auto& names, std::string_view name) {
  return std::ranges::any_of(names, [&](std::string_view one) { return name == one; });
}

Status CheckNames(const Environment& environment) {
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("OPENLINEAGE_") || IsOf(kSimple, name)) continue;
    if (std::ranges::any_of(kOfOthers, [&](std::string_view other) { return name.starts_with(other); })) continue;
    if (name.starts_with(kTransport) && IsOf(kOfTransport, std::string_view(name).substr(sizeof kTransport - 1)))
      continue;
    return Refuse(name, "firn sends events by OPENLINEAGE_URL or by a transport of type http or file");
  }
  return Status::OK();
}

class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  Result<LineageSettings> Read() {
    const std::string disabled = Lower(Value("OPENLINEAGE_DISABLED"));
    if (disabled == "true" || disabled == "1") return LineageSettings{};
    ARROW_RETURN_NOT_OK(CheckNames(environment_));
    if (const std::string name = Value("OPENLINEAGE_NAMESPACE"); !name.empty()) out_.job_namespace = name;
    ARROW_RETURN_NOT_OK(ReadTransport());
    ARROW_RETURN_NOT_OK(ReadParent());
    if (!out_.api_key.empty()) ProcessRedactor().AddSecret(out_.api_key);
    return out_;
  }

 private:
  static std::string Lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
  }
  std::string Value(const std::string& name) const {
    const auto found = environment_.find(name);
    return found == environment_.end() ? "" : found->second;
  }
  std::string Transport(const std::string& name) const { return Value(kTransport + name); }

  Status ReadTransport() {
    const std::string type = Lower(Transport("TYPE"));
    if (type == "file") return ReadFile();
    if (type.empty()) {
      out_.api_key = Value("OPENLINEAGE_API_KEY");
      return ReadServer("OPENLINEAGE_URL", Value("OPENLINEAGE_URL"), Value("OPENLINEAGE_ENDPOINT"));
    }
    if (type != "http") return Refuse("OPENLINEAGE__TRANSPORT__TYPE", "it is `" + type + "`, not http or file");
    ARROW_RETURN_NOT_OK(ReadAuth());
    const std::string own = Transport("URL");
    if (own.empty() && Value("OPENLINEAGE_URL").empty())
      return Refuse("OPENLINEAGE__TRANSPORT__TYPE", "there is no URL");
    return own.empty() ? ReadServer("OPENLINEAGE_URL", Value("OPENLINEAGE_URL"), Value("OPENLINEAGE_ENDPOINT"))
                       : ReadServer("OPENLINEAGE__TRANSPORT__URL", own, Transport("ENDPOINT"));
  }

  Status ReadServer(const std::string& name, std::string url, std::string endpoint) {
    if (url.empty()) return Status::OK();
    if (!io::ParseUrl(url).ok()) return Refuse(name, "it is no http or https URL");
    while (url.ends_with('/')) url.pop_back();
    if (endpoint.empty()) endpoint = kEndpointDefault;
    while (endpoint.starts_with('/')) endpoint.erase(0, 1);
    out_.url = url + "/" + endpoint;
    return Status::OK();
  }

  Status ReadFile() {
    out_.file = Transport("LOG_FILE_PATH");
    if (out_.file.empty())
      return Refuse("OPENLINEAGE__TRANSPORT__TYPE", "a file needs OPENLINEAGE__TRANSPORT__LOG_FILE_PATH");
    if (Lower(Transport("APPEND")) == "false") {
      return Refuse("OPENLINEAGE__TRANSPORT__APPEND", "firn appends all events to one file");
    }
    return Status::OK();
  }

  Status ReadAuth() {
    out_.api_key = Value("OPENLINEAGE_API_KEY");
    const std::string text = Transport("AUTH");
    if (text.empty()) return Status::OK();
    const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    const char* wanted = R"(it has to be {"type": "api_key", "apiKey": "…"})";
    if (!json.is_object() || json.value("type", "") != "api_key") return Refuse("OPENLINEAGE__TRANSPORT__AUTH", wanted);
    for (const char* key : {"apiKey", "api_key"}) {
      if (json.contains(key) && json[key].is_string()) out_.api_key = json[key].get<std::string>();
    }
    return out_.api_key.empty() ? Refuse("OPENLINEAGE__TRANSPORT__AUTH", wanted) : Status::OK();
  }

  // The names of jobs may hold slashes, so the outer parts are cut off first.
  Status ReadParent() {
    const std::string text = Value("OPENLINEAGE_PARENT_ID");
    if (text.empty()) return Status::OK();
    const size_t first = text.find('/'), last = text.rfind('/');
    if (first == std::string::npos || first == last || first == 0 || last + 1 == text.size()) {
      return Refuse("OPENLINEAGE_PARENT_ID", "it has to be namespace/job/run");
    }
    out_.parent = {.job_namespace = text.substr(0, first),
                   .job_name = text.substr(first + 1, last - first - 1),
                   .run_id = text.substr(last + 1)};
    return Status::OK();
  }

  const Environment& environment_;
  LineageSettings out_;
};

}  // namespace

Result<LineageSettings> ReadLineageSettings(const std::map<std::string, std::string>& environment) {
  return Reader(environment).Read();
}

}  // namespace firn::pipeline
