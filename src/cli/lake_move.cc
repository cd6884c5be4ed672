#include "cli/lake_move.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "catalog/registry.h"
#include "cli/app.h"
#include "table/metadata/metadata_json.h"

namespace firn::cli {
namespace {

// The longest end of the location that is a file below `to`.
Result<std::optional<table::Relocation>> MoveOf(io::FileStore& files, const std::string& location,
                                                const std::string& to) {
  const size_t scheme = location.find("://");
  size_t slash = location.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  for (; slash != std::string::npos; slash = location.find('/', slash + 1)) {
    if (slash == 0) continue;
    ARROW_ASSIGN_OR_RAISE(const bool there, files.Exists(to + location.substr(slash)));
    if (there) return table::Relocation{.from = location.substr(0, slash), .to = to};
  }
  return std::nullopt;
}

// Of a copy whose original is still there.
Result<bool> IsOutside(io::FileStore& files, const std::string& location, const std::optional<LakePlace>& place) {
  if (!place) return false;
  ARROW_ASSIGN_OR_RAISE(const std::string text, files.ReadText(location, table::kMetadataBytesMax));
  const auto metadata = table::ParseMetadata(text);
  if (!metadata.ok()) return Within(location, metadata.status());
  return place->IsOutside(*metadata);
}

}  // namespace

Result<std::vector<LakeTable>> ListEntries(catalog::Catalog& catalog, catalog::Administration& administration) {
  std::vector<LakeTable> tables;
  ARROW_ASSIGN_OR_RAISE(const auto namespaces, catalog.ListNamespaces());
  for (const auto& ns : namespaces) {
    ARROW_ASSIGN_OR_RAISE(const auto names, catalog.ListTables(ns));
    for (const catalog::TableIdentifier& identifier : names) {
      ARROW_ASSIGN_OR_RAISE(const auto entry, administration.Find(identifier));
      if (entry) tables.push_back({.identifier = identifier, .metadata_location = entry->metadata_location});
    }
  }
  std::ranges::sort(tables, {}, &LakeTable::identifier);
  return tables;
}

Result<std::optional<table::Relocation>> FindMove(io::FileStore& files, const std::vector<LakeTable>& tables,
                                                  const std::string& to, const std::optional<LakePlace>& place) {
  for (const LakeTable& table : tables) {
    const auto there = files.Exists(table.metadata_location);
    if (there.ok() && *there) {
      ARROW_ASSIGN_OR_RAISE(const bool copied, IsOutside(files, table.metadata_location, place));
      if (!copied) continue;
    }
    ARROW_ASSIGN_OR_RAISE(auto move, MoveOf(files, table.metadata_location, to));
    if (move) return move;
  }
  return std::nullopt;
}

void WarnOfOutside(App& app, const config::LakeConfig& lake) {
  const auto place = LakePlace::Of(lake);
  if (!place || !std::filesystem::exists(lake.catalog.path)) return;
  catalog::CatalogRegistry registry;
  if (!catalog::RegisterBuiltinCatalogs(registry).ok()) return;
  const auto catalog = app.Catalog(/*create=*/false);
  const auto administration = registry.OpenAdministration(lake, {.files = app.files(), .clock = app.clock()});
  if (!catalog.ok() || !administration.ok()) return;
  const auto entries = ListEntries(**catalog, **administration);
  if (!entries.ok()) return;
  for (const LakeTable& table : *entries) {
    table::TableMetadata where;
    where.location = table.metadata_location;
    if (place->IsOutside(where)) static_cast<void>((*catalog)->LoadTable(table.identifier));
  }
}

}  // namespace firn::cli
