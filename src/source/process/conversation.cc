#include "source/process/conversation.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/redactor.h"

namespace firn::source::process {
namespace {

using Json = nlohmann::ordered_json;
using Protocol = config::ProcessProtocol;

constexpr size_t kStreamsNamed = 40;

// What a program needs to run at all. Nothing else of firn's own environment reaches it: secrets of other pipelines are
// none of its business.
constexpr const char* kPassedOn[] = {"PATH",     "HOME",          "LANG",         "LC_ALL",     "TZ",
                                     "TMPDIR",   "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY",
                                     "NO_PROXY", "http_proxy",    "https_proxy",  "no_proxy",   "LD_LIBRARY_PATH"};

io::ChildStreamOptions Options(const config::ProcessSourceConfig& config) {
  io::ChildStreamOptions options{.argv = config.command,
                                 .folder = config.folder,
                                 .line_bytes_max = config.line_bytes_max,
                                 .idle = std::chrono::milliseconds(config.idle_ms),
                                 .total = std::chrono::milliseconds(config.total_ms)};
  for (const char* name : kPassedOn) {
    const auto own = [&](const auto& variable) { return variable.first == name; };
    if (std::ranges::any_of(config.environment, own)) continue;
    if (const char* value = std::getenv(name)) options.environment.push_back(std::string(name) + "=" + value);
  }
  for (const auto& [name, value] : config.environment) options.environment.push_back(name + "=" + value);
  options.on_error_line = [program = config.command.front()](std::string_view line) {
    log::Info("program said", {{"program", program}, {"text", ProcessRedactor().Redact(line)}});
  };
  return options;
}

bool NamesFiles(const std::vector<std::string>& command) {
  return std::ranges::any_of(command, [](const std::string& word) {
    return word.find("{config}") != std::string::npos || word.find("{catalog}") != std::string::npos ||
           word.find("{state}") != std::string::npos;
  });
}

void Append(std::vector<std::string>* argv, std::initializer_list<const char*> words) {
  argv->insert(argv->end(), words.begin(), words.end());
}

// Airbyte reads a list of state messages, or the bare state of old.
std::string StateFile(Protocol protocol, const std::string& state) {
  if (protocol != Protocol::kAirbyte) return state;
  const Json told = Json::parse(state, nullptr, /*allow_exceptions=*/false);
  if (!told.is_object() || told.contains("type")) return "[" + state + "]";
  return told.contains("data") ? told["data"].dump() : state;
}

Result<Json> CatalogIn(Protocol protocol, const std::string& discovered) {
  if (protocol == Protocol::kSinger) {
    const size_t begin = discovered.find('{');
    Json catalog = Json::parse(begin == std::string::npos ? "" : discovered.substr(begin), nullptr, false);
    if (catalog.is_object() && catalog.contains("streams") && catalog["streams"].is_array()) return catalog;
  } else {
    for (std::string_view rest = discovered; !rest.empty();) {
      const size_t size = std::min(rest.find('\n'), rest.size());
      const Json message = Json::parse(rest.substr(0, size), nullptr, false);
      rest.remove_prefix(std::min(size + 1, rest.size()));
      if (!message.is_object() || message.value("type", Json()) != "CATALOG") continue;
      const Json catalog = message.value("catalog", Json());
      if (catalog.is_object() && catalog.contains("streams") && catalog["streams"].is_array()) return catalog;
    }
  }
  return MakeError(Fault::kBadData, "the program did not print a catalog when asked for its streams",
                   {.code = "E0650", .state = "nothing was read"});
}

std::string NameOf(Protocol protocol, const Json& stream) {
  for (const char* key : {"tap_stream_id", "stream", "name"}) {
    if (protocol == Protocol::kAirbyte && std::string_view(key) != "name") continue;
    if (stream.is_object() && stream.contains(key) && stream[key].is_string()) return stream[key].get<std::string>();
  }
  return "";
}

// Of a Singer stream the id and the name that its rows carry may differ.
std::string RecordName(Protocol protocol, const Json& stream) {
  const char* const key = protocol == Protocol::kSinger && stream.contains("stream") ? "stream" : "tap_stream_id";
  return stream.contains(key) && stream[key].is_string() ? stream[key].get<std::string>() : NameOf(protocol, stream);
}

Json Selected(Protocol protocol, Json stream, bool incremental) {
  if (protocol == Protocol::kSinger) {
    // Both ways in which taps are told, by metadata and by the schema.
    stream["selected"] = true;
    if (stream.contains("schema") && stream["schema"].is_object()) stream["schema"]["selected"] = true;
    Json& metadata = stream["metadata"];
    if (!metadata.is_array()) metadata = Json::array();
    bool found = false;
    for (Json& entry : metadata) {
      if (!entry.is_object() || entry.value("breadcrumb", Json()) != Json::array()) continue;
      entry["metadata"]["selected"] = true;
      found = true;
    }
    if (!found) metadata.push_back({{"breadcrumb", Json::array()}, {"metadata", {{"selected", true}}}});
    return Json{{"streams", Json::array({stream})}};
  }
  const Json modes = stream.value("supported_sync_modes", Json::array());
  const bool can = std::ranges::find(modes, Json("incremental")) != modes.end();
  Json configured = {{"stream", stream},
                     {"sync_mode", incremental && can ? "incremental" : "full_refresh"},
                     {"destination_sync_mode", "append"},
                     {"cursor_field", stream.value("default_cursor_field", Json::array())}};
  configured["primary_key"] = stream.value("source_defined_primary_key", Json::array());
  return Json{{"streams", Json::array({configured})}};
}

}  // namespace

io::ChildStreamOptions ReadCommand(const config::ProcessSourceConfig& config, const Wish& wish) {
  io::ChildStreamOptions options = Options(config);
  const bool as_it_is = NamesFiles(config.command);
  if (!as_it_is && config.protocol != Protocol::kNdjson) {
    if (config.protocol == Protocol::kAirbyte) Append(&options.argv, {"read"});
    Append(&options.argv, {"--config", "{config}", "--catalog", "{catalog}"});
    if (wish.state) Append(&options.argv, {"--state", "{state}"});
  }
  if (as_it_is || config.protocol != Protocol::kNdjson) {
    options.files = {{"{config}", wish.config},
                     {"{catalog}", wish.catalog.value_or("{}")},
                     {"{state}", wish.state ? StateFile(config.protocol, *wish.state) : "{}"}};
  }
  if (config.protocol == Protocol::kNdjson) {
    options.input = "{\"stream\": " + Json(wish.stream).dump() + ", \"config\": " + wish.config +
                    ", \"state\": " + wish.state.value_or("null") + "}\n";
  }
  return options;
}

io::ChildStreamOptions DiscoverCommand(const config::ProcessSourceConfig& config, const std::string& config_json) {
  io::ChildStreamOptions options = Options(config);
  options.files = {{"{config}", config_json}};
  if (config.protocol == Protocol::kAirbyte) {
    Append(&options.argv, {"discover", "--config", "{config}"});
  } else {
    Append(&options.argv, {"--config", "{config}", "--discover"});
  }
  return options;
}

Result<Selection> SelectStream(Protocol protocol, const std::string& discovered, const std::string& stream,
                               bool incremental) {
  ARROW_ASSIGN_OR_RAISE(const Json catalog, CatalogIn(protocol, discovered));
  std::string names;
  size_t count = 0;
  for (const Json& found : catalog["streams"]) {
    const std::string name = NameOf(protocol, found);
    if (name == stream) {
      return Selection{.catalog = Selected(protocol, found, incremental).dump(), .stream = RecordName(protocol, found)};
    }
    if (++count <= kStreamsNamed) names += (names.empty() ? "" : ", ") + name;
  }
  return MakeError(Fault::kConfig, "the program has no stream `" + stream + "`",
                   {.code = "E0654",
                    .why = names.empty() ? "it has none at all" : "it has " + names,
                    .state = "nothing was read",
                    .next = "write `stream: <one of them>` in the table"});
}

}  // namespace firn::source::process
