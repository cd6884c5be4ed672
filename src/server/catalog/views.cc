#include <cstdio>
#include <utility>

#include "base/backoff.h"
#include "base/failpoint.h"
#include "server/catalog/endpoints.h"
#include "server/catalog/json.h"
#include "server/catalog/names.h"
#include "server/catalog/purge.h"
#include "server/catalog/rest_error.h"
#include "server/catalog/view_metadata.h"
#include "table/metadata/schema_json.h"

namespace firn::server {
namespace {

using catalog::EntryKind;

constexpr int kRaceAttemptsMax = 50;

struct StoredView {
  ViewMetadata metadata;
  std::string metadata_location;
};

Answer ViewAnswer(const ViewMetadata& metadata, const std::string& metadata_location) {
  return JsonAnswer("{\"metadata-location\":" + Dump(metadata_location) +
                    ",\"metadata\":" + WriteViewMetadata(metadata) + ",\"config\":{}}");
}

Result<StoredView> RequireView(Backend& backend, const catalog::TableIdentifier& identifier) {
  ARROW_ASSIGN_OR_RAISE(const auto entry, backend.administration.Find(Stored(identifier)));
  if (!entry || entry->kind != EntryKind::kView) return NoSuchView(identifier);
  ARROW_ASSIGN_OR_RAISE(const std::string text, ReadMetadataFile(backend, entry->metadata_location));
  ARROW_ASSIGN_OR_RAISE(auto metadata, ParseViewMetadata(text));
  return StoredView{.metadata = std::move(metadata), .metadata_location = entry->metadata_location};
}

Status CheckLocations(Backend& backend, const ViewMetadata& metadata) {
  ARROW_RETURN_NOT_OK(backend.locations.Check(metadata.location));
  return backend.locations.CheckProperties(metadata.properties);
}

// "…/00042-<uuid>.metadata.json" → 43.
int NextVersion(const std::string& before) {
  int version = -1;
  const size_t slash = before.rfind('/');
  if (slash != std::string::npos) static_cast<void>(std::sscanf(before.c_str() + slash + 1, "%9d-", &version));
  return version + 1;
}

// Writes the metadata file, durable, and swaps the entry. The file of a swap that surely failed is removed.
Result<std::string> Store(Backend& backend, const catalog::TableIdentifier& identifier, const ViewMetadata& metadata,
                          const std::optional<std::string>& before) {
  char version[16];
  std::snprintf(version, sizeof version, "%05d", NextVersion(before.value_or("")));
  const auto custom = metadata.properties.find("write.metadata.path");
  std::string folder = custom == metadata.properties.end() ? metadata.location + "/metadata" : custom->second;
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  const std::string location = folder + "/" + version + "-" + table::NewUuid() + ".metadata.json";
  const std::string text = WriteViewMetadata(metadata);
  ARROW_ASSIGN_OR_RAISE(auto output, backend.files.OpenOutput(location, {}));
  ARROW_RETURN_NOT_OK(output->Write(text.data(), static_cast<int64_t>(text.size())));
  ARROW_RETURN_NOT_OK(output->Close());
  FIRN_FAILPOINT("catalog.view_written");
  const Status swapped = backend.administration.SwapView(Stored(identifier), before, location);
  if (!swapped.ok() && FaultOf(swapped) == Fault::kConflict) RemoveOwnFile(backend, location);
  ARROW_RETURN_NOT_OK(swapped);
  return location;
}

Status CheckViewRequirements(const Json& body, const ViewMetadata& metadata) {
  ARROW_ASSIGN_OR_RAISE(const Json* requirements, ArrayIn(body, "requirements"));
  for (const Json& requirement : requirements == nullptr ? Json::array() : *requirements) {
    ARROW_ASSIGN_OR_RAISE(const std::string type, RequiredText(requirement, "type"));
    if (type != "assert-view-uuid") return BadRequest("Cannot convert view requirement: unknown type " + type);
    ARROW_ASSIGN_OR_RAISE(const std::string uuid, RequiredText(requirement, "uuid"));
    if (uuid != metadata.uuid) {
      return CommitFailed("Requirement failed: view UUID does not match: expected " + metadata.uuid + " != " + uuid);
    }
  }
  return Status::OK();
}

Result<ViewMetadata> Replaced(Backend& backend, const Json& body, ViewMetadata base) {
  ARROW_RETURN_NOT_OK(CheckViewRequirements(body, base));
  ViewBuilder builder(std::move(base), backend.clock.Now().micros / 1000);
  ARROW_ASSIGN_OR_RAISE(const Json* updates, ArrayIn(body, "updates"));
  for (const Json& update : updates == nullptr ? Json::array() : *updates) ARROW_RETURN_NOT_OK(builder.Apply(update));
  ARROW_ASSIGN_OR_RAISE(auto metadata, builder.Finish());
  ARROW_RETURN_NOT_OK(CheckLocations(backend, metadata));
  return metadata;
}

}  // namespace

Answer ListViews(Backend& backend, const Call& call) {
  ARROW_RETURN_NOT_OK(CheckNamespaceExists(backend, call.ns));
  ARROW_ASSIGN_OR_RAISE(auto views, backend.administration.ListViews(Stored(call.ns)));
  return IdentifiersAnswer(call, std::move(views));
}

Answer CreateView(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Json body, ParseObject(call.request.body));
  ARROW_ASSIGN_OR_RAISE(const std::string name, RequiredText(body, "name"));
  ARROW_RETURN_NOT_OK(CheckName(name));
  const catalog::TableIdentifier identifier{.ns = call.ns, .name = name};
  ARROW_RETURN_NOT_OK(CheckNamespaceExists(backend, call.ns));
  ARROW_RETURN_NOT_OK(CheckNameIsFree(backend, identifier, EntryKind::kView));
  ARROW_ASSIGN_OR_RAISE(const Json* schema_json, Required(body, "schema"));
  ARROW_ASSIGN_OR_RAISE(auto schema, table::ParseSchema(Dump(*schema_json)));
  ARROW_ASSIGN_OR_RAISE(const Json* version_json, Required(body, "view-version"));
  ARROW_ASSIGN_OR_RAISE(auto version, ParseViewVersion(*version_json));
  version.schema_id = -1;
  ARROW_ASSIGN_OR_RAISE(const auto location, OptionalText(body, "location"));
  ViewBuilder builder({}, backend.clock.Now().micros / 1000);
  builder.metadata().uuid = table::NewUuid();
  builder.metadata().location = location.value_or(backend.catalog.DefaultLocation(Stored(identifier)));
  ARROW_ASSIGN_OR_RAISE(builder.metadata().properties, TextMap(body, "properties"));
  builder.AddSchema(std::move(schema));
  ARROW_RETURN_NOT_OK(builder.AddVersion(std::move(version)));
  ARROW_RETURN_NOT_OK(builder.SetCurrentVersion(-1));
  ARROW_ASSIGN_OR_RAISE(const auto metadata, builder.Finish());
  ARROW_RETURN_NOT_OK(CheckLocations(backend, metadata));
  const auto stored = Store(backend, identifier, metadata, std::nullopt);
  if (!stored.ok() && FaultOf(stored.status()) == Fault::kConflict) {
    return AlreadyExists("View already exists: " + identifier.ToString());
  }
  ARROW_RETURN_NOT_OK(stored.status());
  return ViewAnswer(metadata, *stored);
}

Answer LoadView(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const auto view, RequireView(backend, call.identifier()));
  return ViewAnswer(view.metadata, view.metadata_location);
}

Answer ViewExists(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const auto entry, backend.administration.Find(Stored(call.identifier())));
  if (!entry || entry->kind != EntryKind::kView) return NoSuchView(call.identifier());
  return NoContent();
}

// A lost race is tried again on what is there now, as with tables.
Answer ReplaceView(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Json body, ParseObject(call.request.body));
  Backoff backoff({.base_ms = 5, .delay_ms_max = 200, .total_ms = 30'000, .attempts_max = kRaceAttemptsMax},
                  backend.clock);
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto view, RequireView(backend, call.identifier()));
    ARROW_ASSIGN_OR_RAISE(const auto metadata, Replaced(backend, body, std::move(view.metadata)));
    const auto stored = Store(backend, call.identifier(), metadata, view.metadata_location);
    if (stored.ok()) return ViewAnswer(metadata, *stored);
    if (FaultOf(stored.status()) != Fault::kConflict) return stored.status();
    if (!backoff.Wait(call.stop).ok()) return CommitFailed(stored.status().message());
  }
}

Answer DropView(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const bool dropped, backend.administration.Drop(EntryKind::kView, Stored(call.identifier())));
  if (!dropped) return NoSuchView(call.identifier());
  return NoContent();
}

Answer RegisterView(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Json body, ParseObject(call.request.body));
  ARROW_ASSIGN_OR_RAISE(const std::string name, RequiredText(body, "name"));
  ARROW_RETURN_NOT_OK(CheckName(name));
  ARROW_ASSIGN_OR_RAISE(const std::string location, RequiredText(body, "metadata-location"));
  const catalog::TableIdentifier identifier{.ns = call.ns, .name = name};
  ARROW_RETURN_NOT_OK(CheckNamespaceExists(backend, call.ns));
  ARROW_RETURN_NOT_OK(CheckNameIsFree(backend, identifier, EntryKind::kView));
  ARROW_RETURN_NOT_OK(backend.locations.Check(location));  // before the file is opened
  ARROW_ASSIGN_OR_RAISE(const std::string text, ReadMetadataFile(backend, location));
  ARROW_ASSIGN_OR_RAISE(const auto metadata, ParseViewMetadata(text));
  ARROW_RETURN_NOT_OK(CheckLocations(backend, metadata));
  const Status swapped = backend.administration.SwapView(Stored(identifier), std::nullopt, location);
  if (!swapped.ok() && FaultOf(swapped) == Fault::kConflict) {
    return AlreadyExists("View already exists: " + identifier.ToString());
  }
  ARROW_RETURN_NOT_OK(swapped);
  return ViewAnswer(metadata, location);
}

}  // namespace firn::server
