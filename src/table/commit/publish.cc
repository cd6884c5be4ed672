#include "table/commit/publish.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace firn::table {
namespace {

using Json = nlohmann::json;
using catalog::TableIdentifier;

// What other programs wrote there names no further table.
std::vector<TableIdentifier> ParseTableList(const std::string& text) {
  std::vector<TableIdentifier> tables;
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return tables;
  for (const Json& entry : json) {
    if (!entry.is_array() || entry.size() < 2) continue;
    TableIdentifier table;
    for (const Json& part : entry) {
      if (part.is_string()) table.ns.push_back(part.get<std::string>());
    }
    if (table.ns.size() != entry.size()) continue;
    table.name = std::move(table.ns.back());
    table.ns.pop_back();
    tables.push_back(std::move(table));
  }
  return tables;
}

Result<std::vector<catalog::LoadedTable>> Change(const RefContext& context, std::span<const TableIdentifier> tables,
                                                 Result<RefChange> (*plan)(const TableMetadata&),
                                                 std::stop_token stop) {
  return CommitRefs(
      context, tables,
      [&](const TableIdentifier&, const catalog::LoadedTable& table) -> Result<std::optional<RefChange>> {
        if (!table.metadata->refs.contains(kAuditBranch)) return std::nullopt;
        ARROW_ASSIGN_OR_RAISE(auto change, plan(*table.metadata));
        return std::optional(std::move(change));
      },
      std::move(stop));
}

}  // namespace

std::string WriteTableList(std::span<const TableIdentifier> tables) {
  Json list = Json::array();
  for (const TableIdentifier& table : tables) {
    Json parts = table.ns;
    parts.push_back(table.name);
    list.push_back(std::move(parts));
  }
  return list.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::vector<TableIdentifier>> UnpublishedWith(catalog::Catalog& catalog, const TableIdentifier& identifier) {
  ARROW_ASSIGN_OR_RAISE(const auto loaded, catalog.LoadTable(identifier));
  const Snapshot* head = loaded ? loaded->metadata->FindRef(kAuditBranch) : nullptr;
  if (head == nullptr) {
    return MakeError(Fault::kConfig, "nothing of " + identifier.ToString() + " waits to be published",
                     {.code = "E0907",
                      .why = std::string("it has no branch ") + kAuditBranch,
                      .state = "nothing was changed",
                      .next = "firn table branch " + identifier.ToString()});
  }
  std::vector<TableIdentifier> tables = {identifier};
  const auto list = head->summary.find(kAuditTablesKey);
  if (list == head->summary.end()) return tables;
  for (TableIdentifier& other : ParseTableList(list->second)) {
    if (std::ranges::find(tables, other) != tables.end()) continue;
    ARROW_ASSIGN_OR_RAISE(const auto sibling, catalog.LoadTable(other));
    if (sibling && sibling->metadata->refs.contains(kAuditBranch)) tables.push_back(std::move(other));
  }
  return tables;
}

Result<std::vector<catalog::LoadedTable>> PublishBranches(const RefContext& context,
                                                          std::span<const TableIdentifier> tables,
                                                          std::stop_token stop) {
  return Change(
      context, tables, [](const TableMetadata& metadata) { return PlanPublish(metadata, kAuditBranch); },
      std::move(stop));
}

Result<std::vector<catalog::LoadedTable>> DiscardBranches(const RefContext& context,
                                                          std::span<const TableIdentifier> tables,
                                                          std::stop_token stop) {
  return Change(
      context, tables,
      [](const TableMetadata& metadata) { return PlanDropRef(metadata, kAuditBranch, SnapshotRef::Type::kBranch); },
      std::move(stop));
}

}  // namespace firn::table
