#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/hash.h"
#include "server/catalog/endpoints.h"
#include "server/catalog/json.h"
#include "server/catalog/names.h"
#include "server/catalog/rest_error.h"
#include "table/metadata/metadata_json.h"

namespace firn::server {
namespace {

constexpr int64_t kPageSizeMax = 10'000;

Status MissingFile(const std::string& location) {
  return RestError(404, "NotFoundException", "Failed to open input stream for file: " + location);
}

// `snapshots=refs`: only those that a branch or tag points at; the client loads the rest when it needs history.
table::TableMetadata OnlyReferenced(table::TableMetadata metadata) {
  std::set<int64_t> kept;
  for (const auto& [name, ref] : metadata.refs) kept.insert(ref.snapshot_id.value);
  metadata.snapshots.EraseIf(
      [&](const table::Snapshot& snapshot) { return !kept.contains(snapshot.snapshot_id.value); });
  return metadata;
}

// "vended-credentials,remote-signing": what the client can use, as it prefers. Requests are not signed for others here.
bool WantsCredentials(const Call& call) {
  for (const std::string_view value : call.request.headers.GetAll("X-Iceberg-Access-Delegation")) {
    if (value.find("vended-credentials") != std::string_view::npos) return true;
  }
  return false;
}

bool Matches(const Call& call, const std::string& etag) {
  for (const std::string_view value : call.request.headers.GetAll("If-None-Match")) {
    if (value.find(etag) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

io::ServedResponse JsonAnswer(std::string body, int status) {
  return {.status = status, .body = std::move(body), .headers = {{"Content-Type", "application/json"}}};
}

io::ServedResponse NoContent() {
  return {.status = 204};
}

Result<std::string> CredentialsJson(Backend& backend, const Call& call, const std::string& location,
                                    std::string* config) {
  // Vended last, and only for a place that would be accepted now.
  if (!backend.locations.Check(location).ok()) return std::string("[]");
  ARROW_ASSIGN_OR_RAISE(const auto vended, backend.vendor.Vend(location, call.may_write));
  Json list = Json::array();
  for (const VendedCredential& credential : vended) {
    list.push_back({{"prefix", credential.prefix}, {"config", credential.config}});
    if (config != nullptr) *config = Dump(credential.config);
  }
  return Dump(list);
}

Answer TableAnswer(Backend& backend, const Call& call, const catalog::LoadedTable& table) {
  const bool refs_only = call.request.Query("snapshots") == "refs";
  const std::string etag = "\"" + Sha256Hex(table.metadata_location + (refs_only ? "#refs" : "")).substr(0, 32) + "\"";
  const bool stored = !table.metadata_location.empty();
  if (stored && call.request.method == "GET" && Matches(call, etag)) {
    return io::ServedResponse{.status = 304, .headers = {{"ETag", etag}}};
  }
  ARROW_ASSIGN_OR_RAISE(const std::string metadata,
                        table::WriteMetadata(refs_only ? OnlyReferenced(*table.metadata) : *table.metadata));
  std::string body = "{";
  if (stored) body += "\"metadata-location\":" + Dump(table.metadata_location) + ",";
  std::string config = "{}";
  std::string credentials = "[]";
  if (WantsCredentials(call)) {
    ARROW_ASSIGN_OR_RAISE(credentials, CredentialsJson(backend, call, table.metadata->location, &config));
  }
  body += "\"metadata\":" + metadata + ",\"config\":" + config + ",\"storage-credentials\":" + credentials + "}";
  io::ServedResponse answer = JsonAnswer(std::move(body));
  if (stored) answer.headers.Add("ETag", etag);
  return answer;
}

Answer PageAnswer(const Call& call, const char* key, std::vector<ListItem> items) {
  std::sort(items.begin(), items.end(), [](const ListItem& a, const ListItem& b) { return a.key < b.key; });
  const auto token = call.request.Query("pageToken");
  const auto size_text = call.request.Query("pageSize");
  size_t begin = 0;
  size_t end = items.size();
  if (size_text) {
    int64_t size = 0;
    const auto [last, error] = std::from_chars(size_text->data(), size_text->data() + size_text->size(), size);
    if (error != std::errc() || last != size_text->data() + size_text->size() || size < 1) {
      return BadRequest("Invalid pageSize: " + *size_text);
    }
    if (token && !token->empty()) {
      const auto after =
          std::upper_bound(items.begin(), items.end(), *token,
                           [](const std::string& name, const ListItem& item) { return name < item.key; });
      begin = static_cast<size_t>(after - items.begin());
    }
    end = std::min(end, begin + static_cast<size_t>(std::min(size, kPageSizeMax)));
  }
  std::string body = "{\"next-page-token\":";
  body += end < items.size() ? Dump(items[end - 1].key) : std::string("null");
  body += ",\"" + std::string(key) + "\":[";
  for (size_t i = begin; i < end; ++i) body += (i > begin ? "," : "") + items[i].json;
  return JsonAnswer(body + "]}");
}

Answer IdentifiersAnswer(const Call& call, std::vector<catalog::TableIdentifier> identifiers) {
  std::vector<ListItem> items;
  for (const auto& identifier : identifiers) {
    items.push_back(
        {.key = identifier.name, .json = Dump({{"namespace", Shown(identifier.ns)}, {"name", identifier.name}})});
  }
  return PageAnswer(call, "identifiers", std::move(items));
}

Status CheckNamespaceExists(Backend& backend, const catalog::Namespace& ns) {
  ARROW_ASSIGN_OR_RAISE(const auto found, backend.administration.LoadNamespace(Stored(ns)));
  return found ? Status::OK() : NoSuchNamespace(ns);
}

Status CheckNameIsFree(Backend& backend, const catalog::TableIdentifier& identifier, catalog::EntryKind what) {
  ARROW_ASSIGN_OR_RAISE(const auto found, backend.administration.Find(Stored(identifier)));
  if (!found) return Status::OK();
  const char* kind = found->kind == catalog::EntryKind::kTable ? "Table" : "View";
  const char* which = found->kind == what ? " already exists: " : " with same name already exists: ";
  return AlreadyExists(kind + (which + identifier.ToString()));
}

Result<std::string> ReadMetadataFile(Backend& backend, const std::string& location) {
  auto text = backend.files.ReadText(location, table::kMetadataBytesMax);
  if (!text.ok() && io::IsNotFound(text.status())) return MissingFile(location);
  return text;
}

Result<catalog::LoadedTable> RequireTable(Backend& backend, const catalog::TableIdentifier& identifier) {
  auto loaded = backend.catalog.LoadTable(Stored(identifier));
  if (!loaded.ok() && io::IsNotFound(loaded.status())) {
    ARROW_ASSIGN_OR_RAISE(const auto entry, backend.administration.Find(Stored(identifier)));
    if (entry) return MissingFile(entry->metadata_location);
  }
  ARROW_RETURN_NOT_OK(loaded.status());
  if (!*loaded) return NoSuchTable(identifier);
  return **std::move(loaded);
}

}  // namespace firn::server
