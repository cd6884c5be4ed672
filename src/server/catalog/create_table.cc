#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "server/catalog/endpoints.h"
#include "server/catalog/json.h"
#include "server/catalog/names.h"
#include "server/catalog/rest_error.h"
#include "table/commit/schema_update.h"
#include "table/metadata/metadata_json.h"
#include "table/metadata/schema_json.h"

namespace firn::server {
namespace {

namespace update = table::update;

// Facts about a table that clients may not set as properties (Java's TableProperties.RESERVED_PROPERTIES).
constexpr std::array<const char*, 9> kReservedProperties = {"format-version",      "uuid",
                                                            "snapshot-count",      "current-snapshot-summary",
                                                            "current-snapshot-id", "current-snapshot-timestamp-ms",
                                                            "current-schema",      "default-partition-spec",
                                                            "default-sort-order"};

void MapIds(const std::vector<schema::Field>& before, const std::vector<schema::Field>& after,
            std::map<int32_t, int32_t>& ids) {
  for (size_t i = 0; i < before.size() && i < after.size(); ++i) {
    ids[before[i].id] = after[i].id;
    MapIds(before[i].type->children, after[i].type->children, ids);
  }
}

// The client's column ids are its own: the table numbers columns anew, and what refers to them follows.
template <typename Fields>
Status Renumber(Fields& fields, const std::map<int32_t, int32_t>& ids, const char* what) {
  for (auto& field : fields) {
    const auto found = ids.find(field.source_id);
    if (found == ids.end()) {
      return BadRequest(std::string("Invalid ") + what + ": no column has id " + std::to_string(field.source_id));
    }
    field.source_id = found->second;
  }
  return Status::OK();
}

Result<int32_t> FormatVersion(const std::map<std::string, std::string>& properties) {
  const auto found = properties.find("format-version");
  if (found == properties.end()) return 2;
  int32_t version = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size() || version < 1 || version > 3) {
    return BadRequest("Unsupported format version: " + text + " (supported: 1, 2, 3)");
  }
  return version;
}

// The location asked for, else the namespace's, else the catalog's default.
Result<std::string> LocationOf(Backend& backend, const Json& body, const catalog::TableIdentifier& identifier) {
  ARROW_ASSIGN_OR_RAISE(const auto asked, OptionalText(body, "location"));
  std::string location = asked.value_or("");
  if (location.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto properties, backend.administration.LoadNamespace(Stored(identifier.ns)));
    location = backend.catalog.DefaultLocation(Stored(identifier));
    const auto base = properties ? properties->find("location") : catalog::Properties::const_iterator();
    if (properties && base != properties->end() && !base->second.empty()) {
      location = base->second + location.substr(location.rfind('/'));
    }
  }
  while (location.size() > 1 && location.back() == '/') location.pop_back();
  return location;
}

Status AddLayout(const Json& body, const schema::Schema& asked, const schema::Schema& schema,
                 std::vector<table::TableUpdate>& updates) {
  std::map<int32_t, int32_t> ids;
  MapIds(asked.fields, schema.fields, ids);
  table::PartitionSpec spec;
  if (const Json* json = FindIn(body, "partition-spec")) {
    ARROW_ASSIGN_OR_RAISE(spec, table::ParsePartitionSpec(Dump(*json), 0));
    ARROW_RETURN_NOT_OK(Renumber(spec.fields, ids, "partition spec"));
    for (auto& field : spec.fields) field.field_id = 0;
  }
  table::SortOrder order;
  if (const Json* json = FindIn(body, "write-order")) {
    ARROW_ASSIGN_OR_RAISE(order, table::ParseSortOrder(Dump(*json)));
    ARROW_RETURN_NOT_OK(Renumber(order.fields, ids, "sort order"));
  }
  updates.push_back(update::AddSpec{std::move(spec)});
  updates.push_back(update::SetDefaultSpec{});
  updates.push_back(update::AddSortOrder{std::move(order)});
  updates.push_back(update::SetDefaultSortOrder{});
  return Status::OK();
}

Result<std::vector<table::TableUpdate>> CreationUpdates(Backend& backend, const Json& body,
                                                        const catalog::TableIdentifier& identifier) {
  ARROW_ASSIGN_OR_RAISE(const Json* json, Required(body, "schema"));
  ARROW_ASSIGN_OR_RAISE(const schema::Schema asked, table::ParseSchema(Dump(*json)));
  ARROW_ASSIGN_OR_RAISE(auto properties, TextMap(body, "properties"));
  ARROW_ASSIGN_OR_RAISE(const int32_t format_version, FormatVersion(properties));
  ARROW_ASSIGN_OR_RAISE(std::string location, LocationOf(backend, body, identifier));
  schema::Schema schema = table::AssignFreshIds(asked);
  schema.schema_id = 0;
  std::vector<table::TableUpdate> updates = {
      update::AssignUuid{table::NewUuid()}, update::UpgradeFormatVersion{format_version},
      update::AddSchema{std::make_shared<const schema::Schema>(schema)}, update::SetCurrentSchema{}};
  ARROW_RETURN_NOT_OK(AddLayout(body, asked, schema, updates));
  updates.push_back(update::SetLocation{std::move(location)});
  for (const char* reserved : kReservedProperties) properties.erase(reserved);
  if (!properties.empty()) updates.push_back(update::SetProperties{std::move(properties)});
  return updates;
}

}  // namespace

Answer CreateTable(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Json body, ParseObject(call.request.body));
  ARROW_ASSIGN_OR_RAISE(const std::string name, RequiredText(body, "name"));
  ARROW_RETURN_NOT_OK(CheckName(name));
  const catalog::TableIdentifier identifier{.ns = call.ns, .name = name};
  ARROW_RETURN_NOT_OK(CheckNamespaceExists(backend, call.ns));
  ARROW_RETURN_NOT_OK(CheckNameIsFree(backend, identifier, catalog::EntryKind::kTable));
  ARROW_ASSIGN_OR_RAISE(const bool staged, OptionalFlag(body, "stage-create", false));
  ARROW_ASSIGN_OR_RAISE(auto updates, CreationUpdates(backend, body, identifier));
  ARROW_RETURN_NOT_OK(backend.locations.CheckUpdates(updates));
  if (staged) {  // nothing is kept: the client sends all of it again with its commit
    ARROW_ASSIGN_OR_RAISE(auto metadata,
                          table::ApplyUpdates(nullptr, updates, {.now_ms = backend.clock.Now().micros / 1000}));
    return TableAnswer(
        backend, call,
        {.metadata = std::make_shared<const table::TableMetadata>(std::move(metadata)), .metadata_location = ""});
  }
  catalog::TableCommit commit{.identifier = identifier, .requirements = {table::requirement::AssertCreate{}}};
  commit.updates = std::move(updates);
  const auto created = CommitAll(backend, {std::move(commit)}, call.stop);
  if (!created.ok() && HttpStatusOf(created.status()) == 409) {
    return AlreadyExists("Table already exists: " + identifier.ToString());
  }
  ARROW_RETURN_NOT_OK(created.status());
  return TableAnswer(backend, call, created->front());
}

Answer RegisterTable(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Json body, ParseObject(call.request.body));
  ARROW_ASSIGN_OR_RAISE(const std::string name, RequiredText(body, "name"));
  ARROW_RETURN_NOT_OK(CheckName(name));
  ARROW_ASSIGN_OR_RAISE(const std::string location, RequiredText(body, "metadata-location"));
  ARROW_ASSIGN_OR_RAISE(const bool overwrite, OptionalFlag(body, "overwrite", false));
  const catalog::TableIdentifier identifier{.ns = call.ns, .name = name};
  ARROW_RETURN_NOT_OK(CheckNamespaceExists(backend, call.ns));
  ARROW_ASSIGN_OR_RAISE(const auto found, backend.administration.Find(Stored(identifier)));
  const bool replaces = found && found->kind == catalog::EntryKind::kTable && overwrite;
  if (!replaces) ARROW_RETURN_NOT_OK(CheckNameIsFree(backend, identifier, catalog::EntryKind::kTable));
  ARROW_RETURN_NOT_OK(backend.locations.Check(location));  // before the file is opened
  ARROW_ASSIGN_OR_RAISE(const std::string text, ReadMetadataFile(backend, location));
  ARROW_ASSIGN_OR_RAISE(auto metadata, table::ParseMetadata(text));
  ARROW_RETURN_NOT_OK(backend.locations.CheckMetadata(metadata));
  const Status registered = backend.administration.RegisterTable(
      Stored(identifier), location, replaces ? std::optional(found->metadata_location) : std::nullopt);
  if (!registered.ok() && FaultOf(registered) == Fault::kConflict) {
    return AlreadyExists("Table already exists: " + identifier.ToString());
  }
  ARROW_RETURN_NOT_OK(registered);
  return TableAnswer(
      backend, call,
      {.metadata = std::make_shared<const table::TableMetadata>(std::move(metadata)), .metadata_location = location});
}

}  // namespace firn::server
