#include "catalog/rest/protocol.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/http_server.h"
#include "table/metadata/metadata_json.h"

namespace firn::catalog::rest {
namespace {

using Json = nlohmann::json;

// What a server has that sends no `endpoints` (rest-catalog-open-api.yaml, "CatalogConfig").
constexpr std::array<const char*, 14> kDefaultEndpoints = {
    "GET /v1/{prefix}/namespaces",
    "POST /v1/{prefix}/namespaces",
    "GET /v1/{prefix}/namespaces/{namespace}",
    "DELETE /v1/{prefix}/namespaces/{namespace}",
    "POST /v1/{prefix}/namespaces/{namespace}/properties",
    "GET /v1/{prefix}/namespaces/{namespace}/tables",
    "POST /v1/{prefix}/namespaces/{namespace}/tables",
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "POST /v1/{prefix}/namespaces/{namespace}/register",
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics",
    "POST /v1/{prefix}/tables/rename",
    "POST /v1/{prefix}/transactions/commit",
};

constexpr std::array<const char*, 4> kExpiryKeys = {"s3.session-token-expires-at-ms", "gcs.oauth2.token-expires-at",
                                                    "adls.sas-token-expires-at-ms", "expiration-time"};

Status NotProtocol(const char* what) {
  return MakeError(Fault::kBadData, std::string("the catalog's answer is not of the Iceberg REST protocol: ") + what,
                   {.next = "check lake.catalog.uri"});
}

Result<Json> ParseObject(std::string_view body, const char* what) {
  Json json = Json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return NotProtocol(what);
  return json;
}

std::string TextOf(const Json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::map<std::string, std::string> Texts(const Json& object, const char* key) {
  std::map<std::string, std::string> texts;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_object()) return texts;
  for (const auto& [name, value] : found->items()) {
    if (value.is_string()) texts[name] = value.get<std::string>();
  }
  return texts;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::vector<std::string>> Levels(const Json& json) {
  if (!json.is_array()) return NotProtocol("a namespace is no list");
  std::vector<std::string> levels;
  for (const Json& level : json) {
    if (!level.is_string()) return NotProtocol("a namespace is no list of texts");
    levels.push_back(level.get<std::string>());
  }
  return levels;
}

Json IdentifierJson(const TableIdentifier& identifier) {
  return {{"namespace", identifier.ns}, {"name", identifier.name}};
}

Result<std::vector<StorageCredential>> CredentialsIn(const Json& json) {
  std::vector<StorageCredential> credentials;
  const auto list = json.find("storage-credentials");
  if (list == json.end() || !list->is_array()) return credentials;
  for (const Json& entry : *list) {
    if (!entry.is_object()) return NotProtocol("a storage credential is no object");
    credentials.push_back({.prefix = TextOf(entry, "prefix"), .config = Texts(entry, "config")});
  }
  return credentials;
}

std::string CommitBody(const TableCommit& commit) {
  std::string body = "{\"identifier\":" + Dump(IdentifierJson(commit.identifier)) + ",\"requirements\":[";
  for (size_t i = 0; i < commit.requirements.size(); ++i) {
    body += (i > 0 ? "," : "") + table::WriteRequirement(commit.requirements[i]);
  }
  body += "],\"updates\":[";
  for (size_t i = 0; i < commit.updates.size(); ++i) body += (i > 0 ? "," : "") + table::WriteUpdate(commit.updates[i]);
  return body + "]}";
}

}  // namespace

Result<ServerConfig> ParseConfig(std::string_view body, const std::string& prefix) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(body, "GET /v1/config"));
  auto merged = Texts(json, "defaults");
  if (!prefix.empty()) merged["prefix"] = prefix;
  for (const auto& [key, value] : Texts(json, "overrides")) merged[key] = value;
  ServerConfig config{.prefix = merged["prefix"], .uri = merged["uri"]};
  const auto separator = merged.find("namespace-separator");
  if (separator != merged.end()) {
    config.namespace_separator = io::PercentDecode(separator->second, io::Decoding::kPath).value_or("\x1f");
  }
  const auto endpoints = json.find("endpoints");
  if (endpoints != json.end() && endpoints->is_array() && !endpoints->empty()) {
    for (const Json& endpoint : *endpoints) {
      if (endpoint.is_string()) config.endpoints.insert(endpoint.get<std::string>());
    }
  } else {
    config.endpoints.insert(kDefaultEndpoints.begin(), kDefaultEndpoints.end());
  }
  config.idempotency_keys =
      !TextOf(json, "idempotency-key-lifetime").empty() || merged.contains("idempotency-key-lifetime");
  return config;
}

ErrorBody ParseError(std::string_view body) {
  const Json json = Json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  const auto error = json.is_object() ? json.find("error") : json.end();
  if (!json.is_object() || error == json.end() || !error->is_object()) return {};
  return {.type = TextOf(*error, "type"), .message = TextOf(*error, "message")};
}

Status ErrorOf(const io::HttpResponse& response) {
  const ErrorBody error = ParseError(response.text());
  if (error.type.empty() && error.message.empty()) return io::HttpStatusError(response);
  const std::string message = "catalog: " + error.message + " (" + error.type + ")";
  switch (response.status) {
    case 401:
    case 403:
    case 419:
      return MakeError(Fault::kAuth, message, {.next = "check lake.catalog's token or credential"});
    case 409:
      return MakeError(Fault::kConflict, message);
    case 429:
    case 503:
      return MakeError(Fault::kThrottled, message);
    default:
      return MakeError(response.status >= 500 || response.status == 408 ? Fault::kTransient : Fault::kConfig, message);
  }
}

Result<ParsedTable> ParseTable(std::string_view body) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(body, "LoadTableResult"));
  const auto metadata = json.find("metadata");
  if (metadata == json.end() || !metadata->is_object()) return NotProtocol("a table without metadata");
  // Integers of any size that Iceberg knows fit into a tree; there are no other numbers in metadata.
  auto parsed = table::ParseMetadata(Dump(*metadata));
  if (!parsed.ok()) return Within("metadata from the catalog", parsed.status());
  ParsedTable table;
  table.table = {.metadata = std::make_shared<const table::TableMetadata>(*std::move(parsed)),
                 .metadata_location = TextOf(json, "metadata-location")};
  ARROW_ASSIGN_OR_RAISE(table.credentials, CredentialsIn(json));
  if (table.credentials.empty()) {  // older servers put them into the table's configuration only
    const auto config = Texts(json, "config");
    if (config.contains("s3.access-key-id")) table.credentials.push_back({.prefix = "", .config = config});
  }
  return table;
}

Result<std::vector<StorageCredential>> ParseCredentials(std::string_view body) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(body, "LoadCredentialsResponse"));
  return CredentialsIn(json);
}

std::optional<StoreCredentials> StoreCredentialsOf(const StorageCredential& credential) {
  const auto text = [&](const char* key) {
    const auto found = credential.config.find(key);
    return found == credential.config.end() ? std::string() : found->second;
  };
  StoreCredentials keys;
  keys.settings.access_key = text("s3.access-key-id");
  keys.settings.secret_key = text("s3.secret-access-key");
  if (keys.settings.access_key.empty() || keys.settings.secret_key.empty()) return std::nullopt;
  keys.settings.session_token = text("s3.session-token");
  keys.settings.endpoint = text("s3.endpoint");
  keys.settings.region = text("client.region");
  if (keys.settings.region.empty()) keys.settings.region = text("s3.region");
  if (text("s3.path-style-access") == "true") keys.settings.path_style = "always";
  keys.expires_ms = ExpiryOf({credential}).value_or(0);
  return keys;
}

std::optional<int64_t> ExpiryOf(const std::vector<StorageCredential>& credentials) {
  std::optional<int64_t> first;
  for (const StorageCredential& credential : credentials) {
    for (const char* key : kExpiryKeys) {
      const auto found = credential.config.find(key);
      if (found == credential.config.end()) continue;
      const int64_t at_ms = std::strtoll(found->second.c_str(), nullptr, 10);
      if (at_ms > 0 && (!first || at_ms < *first)) first = at_ms;
    }
  }
  return first;
}

Result<Page> ParsePage(std::string_view body) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(body, "a list"));
  Page page{.next = TextOf(json, "next-page-token")};
  if (const auto namespaces = json.find("namespaces"); namespaces != json.end() && namespaces->is_array()) {
    for (const Json& entry : *namespaces) {
      ARROW_ASSIGN_OR_RAISE(auto levels, Levels(entry));
      page.namespaces.push_back(std::move(levels));
    }
  }
  if (const auto identifiers = json.find("identifiers"); identifiers != json.end() && identifiers->is_array()) {
    for (const Json& entry : *identifiers) {
      if (!entry.is_object() || !entry.contains("namespace")) return NotProtocol("an identifier without namespace");
      ARROW_ASSIGN_OR_RAISE(auto levels, Levels(entry["namespace"]));
      page.identifiers.push_back({.ns = std::move(levels), .name = TextOf(entry, "name")});
    }
  }
  return page;
}

std::string WriteCommit(const TableCommit& commit) {
  return CommitBody(commit);
}

std::string WriteTransaction(std::span<const TableCommit> commits) {
  std::string body = "{\"table-changes\":[";
  for (size_t i = 0; i < commits.size(); ++i) body += (i > 0 ? "," : "") + CommitBody(commits[i]);
  return body + "]}";
}

std::string WriteNamespace(const std::vector<std::string>& ns) {
  return Dump({{"namespace", ns}, {"properties", Json::object()}});
}

std::string WriteRename(const TableIdentifier& from, const TableIdentifier& to) {
  return Dump({{"source", IdentifierJson(from)}, {"destination", IdentifierJson(to)}});
}

std::string WriteStageCreate(const std::string& name) {
  const Json field = {{"id", 1}, {"name", "id"}, {"required", false}, {"type", "long"}};
  return Dump({{"name", name},
               {"stage-create", true},
               {"schema", {{"type", "struct"}, {"schema-id", 0}, {"fields", Json::array({field})}}},
               {"properties", Json::object()}});
}

}  // namespace firn::catalog::rest
