#include "query/tables.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "base/edit_distance.h"
#include "query/sql_tokens.h"
#include "table/metadata/live_rows.h"

namespace firn::query {
namespace {

constexpr size_t kNamesShown = 20;

std::optional<int64_t> Number(const std::map<std::string, std::string>& summary, const char* key) {
  const auto found = summary.find(key);
  if (found == summary.end()) return std::nullopt;
  int64_t value = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [at, error] = std::from_chars(found->second.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

using ListNames =
    Result<std::vector<catalog::TableIdentifier>> (catalog::Catalog::*)(const std::vector<std::string>& ns);

Result<std::vector<catalog::TableIdentifier>> AllOf(catalog::Catalog& catalog, ListNames list) {
  ARROW_ASSIGN_OR_RAISE(const auto namespaces, catalog.ListNamespaces());
  std::set<catalog::TableIdentifier> all;
  for (const auto& ns : namespaces) {
    ARROW_ASSIGN_OR_RAISE(auto names, (catalog.*list)(ns));
    all.insert(names.begin(), names.end());
  }
  return std::vector<catalog::TableIdentifier>(all.begin(), all.end());
}

Result<std::vector<catalog::TableIdentifier>> AllTables(catalog::Catalog& catalog) {
  return AllOf(catalog, &catalog::Catalog::ListTables);
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string joined;
  for (const auto& part : parts) joined += (joined.empty() ? "" : ".") + part;
  return joined;
}

std::string NamesOf(const std::vector<std::string>& names) {
  if (names.empty()) return "the lake has no tables yet";
  std::string text = "the lake has: ";
  for (size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kNamesShown) text += " and " + std::to_string(names.size() - kNamesShown) + " more";
  return text;
}

Status Unknown(const std::string& name, const std::vector<catalog::TableIdentifier>& tables) {
  std::vector<std::string> names;
  for (const auto& table : tables) names.push_back(table.ToString());
  auto near = Nearest(name, names);
  if (!near) {
    // "order" for "shop.orders": compare without the namespace too.
    std::vector<std::string> last;
    for (const auto& table : tables) last.push_back(table.name);
    if (const auto match = Nearest(name.substr(name.rfind('.') + 1), last)) {
      near = names[static_cast<size_t>(std::find(last.begin(), last.end(), *match) - last.begin())];
    }
  }
  const std::string next = near ? "did you mean " + *near + "?" : "firn tables";
  return MakeError(Fault::kConfig, "there is no table " + name,
                   {.code = "E0704", .why = NamesOf(names), .state = "nothing was changed", .next = next});
}

bool Matches(const catalog::TableIdentifier& table, const std::vector<std::string>& parts, bool ignore_case) {
  const auto same = [&](const std::string& a, const std::string& b) {
    return ignore_case ? LowerName(a) == LowerName(b) : a == b;
  };
  if (!same(table.name, parts.back())) return false;
  if (parts.size() == 1) return true;
  return same(Joined(table.ns), Joined(std::vector<std::string>(parts.begin(), parts.end() - 1)));
}

// An error if the name is that of a view.
Status RefuseView(catalog::Catalog& catalog, const std::vector<std::string>& parts) {
  ARROW_ASSIGN_OR_RAISE(const auto views, ListViews(catalog));
  for (const auto& view : views) {
    if (!Matches(view, parts, /*ignore_case=*/true)) continue;
    return MakeError(Fault::kConfig, view.ToString() + " is a view",
                     {.code = "E0709",
                      .why = "a view is a query in the SQL of the engine that made it; firn reads tables",
                      .state = "nothing was changed",
                      .next = "query the tables it is made of, or the view with its own engine"});
  }
  return Status::OK();
}

Status NoSnapshot(std::string what, std::string why) {
  return MakeError(
      Fault::kConfig, std::move(what),
      {.code = "E0706", .why = std::move(why), .state = "nothing was changed", .next = "firn history <table>"});
}

std::set<int64_t> AncestorsOf(const table::TableMetadata& metadata) {
  std::map<int64_t, const table::Snapshot*> by_id;
  for (const auto& snapshot : metadata.snapshots) by_id[snapshot.snapshot_id.value] = &snapshot;
  std::set<int64_t> ids;
  std::optional<table::SnapshotId> at = metadata.current_snapshot_id;
  while (at && by_id.contains(at->value) && ids.insert(at->value).second) at = by_id[at->value]->parent_snapshot_id;
  return ids;
}

// The tokens name runs, too, but most of them are only carried on from earlier commits.
std::string RunOf(const std::map<std::string, std::string>& summary) {
  const auto run = summary.find("firn.run");
  return run == summary.end() ? "" : run->second;
}

TableInfo InfoOf(const catalog::TableIdentifier& identifier, const catalog::LoadedTable& loaded) {
  TableInfo info{.identifier = identifier};
  info.metadata_location = loaded.metadata_location;
  info.num_columns = static_cast<int64_t>(loaded.metadata->schema().fields.size());
  info.format_version = loaded.metadata->format_version;
  info.num_snapshots = static_cast<int64_t>(loaded.metadata->snapshots.size());
  const table::Snapshot* current = loaded.metadata->CurrentSnapshot();
  if (current == nullptr) {
    info.num_rows = info.data_bytes = info.data_files = 0;
    return info;
  }
  info.last_snapshot = Timestamp{.micros = current->timestamp_ms * 1000};
  info.num_rows = table::LiveRows(*current);
  info.data_bytes = Number(current->summary, "total-files-size");
  info.data_files = Number(current->summary, "total-data-files");
  return info;
}

}  // namespace

Result<std::vector<TableInfo>> ListTables(catalog::Catalog& catalog) {
  ARROW_ASSIGN_OR_RAISE(const auto tables, AllTables(catalog));
  std::vector<TableInfo> infos;
  for (const auto& identifier : tables) {
    const auto loaded = catalog.LoadTable(identifier);
    if (loaded.ok() && !*loaded) continue;  // dropped meanwhile
    infos.push_back(loaded.ok() ? InfoOf(identifier, **loaded) : TableInfo{.identifier = identifier});
    infos.back().error = loaded.status();
  }
  return infos;
}

Result<std::vector<catalog::TableIdentifier>> ListViews(catalog::Catalog& catalog) {
  return AllOf(catalog, &catalog::Catalog::ListViews);
}

std::vector<SnapshotInfo> History(const table::TableMetadata& metadata) {
  const std::set<int64_t> ancestors = AncestorsOf(metadata);
  std::vector<SnapshotInfo> infos;
  for (const auto& snapshot : metadata.snapshots) {
    const auto operation = snapshot.summary.find("operation");
    SnapshotInfo info{.snapshot_id = snapshot.snapshot_id,
                      .parent_snapshot_id = snapshot.parent_snapshot_id,
                      .time = {.micros = snapshot.timestamp_ms * 1000},
                      .operation = operation == snapshot.summary.end() ? "" : operation->second,
                      .added_rows = Number(snapshot.summary, "added-records"),
                      .deleted_rows = Number(snapshot.summary, "deleted-records"),
                      .total_rows = table::LiveRows(snapshot),
                      .added_files = Number(snapshot.summary, "added-data-files"),
                      .schema_id = snapshot.schema_id.value_or(metadata.current_schema_id)};
    for (const auto& [name, ref] : metadata.refs) {
      if (ref.snapshot_id == snapshot.snapshot_id) info.refs.push_back(name);
    }
    info.is_current = metadata.current_snapshot_id == snapshot.snapshot_id;
    info.on_main = ancestors.contains(snapshot.snapshot_id.value);
    info.run_id = RunOf(snapshot.summary);
    infos.push_back(std::move(info));
  }
  std::stable_sort(infos.begin(), infos.end(), [](const auto& a, const auto& b) { return a.time > b.time; });
  return infos;
}

Result<std::vector<std::string>> SplitName(std::string_view name) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == '"' && quoted && i + 1 < name.size() && name[i + 1] == '"') {
      parts.back() += name[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == '.' && !quoted) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  const bool empty = std::any_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); });
  if (empty || quoted) {
    return MakeError(Fault::kConfig, "this is not a table's name: " + std::string(name),
                     {.code = "E0704", .next = "write <namespace>.<table>; quote parts that hold dots: \"a.b\".t"});
  }
  return parts;
}

Result<catalog::TableIdentifier> ResolveParts(catalog::Catalog& catalog, const std::vector<std::string>& parts) {
  ARROW_ASSIGN_OR_RAISE(const auto tables, AllTables(catalog));
  for (const bool ignore_case : {false, true}) {
    std::vector<catalog::TableIdentifier> found;
    std::copy_if(tables.begin(), tables.end(), std::back_inserter(found),
                 [&](const auto& table) { return Matches(table, parts, ignore_case); });
    if (found.size() == 1) return found[0];
    if (found.size() < 2) continue;
    std::vector<std::string> names;
    for (const auto& table : found) names.push_back(table.ToString());
    return MakeError(Fault::kConfig, "more than one table is called " + Joined(parts),
                     {.code = "E0704",
                      .why = NamesOf(names),
                      .state = "nothing was changed",
                      .next = "write the whole name: " + names[0]});
  }
  ARROW_RETURN_NOT_OK(RefuseView(catalog, parts));
  return Unknown(Joined(parts), tables);
}

Result<catalog::TableIdentifier> ResolveTable(catalog::Catalog& catalog, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(const auto parts, SplitName(name));
  return ResolveParts(catalog, parts);
}

Result<catalog::LoadedTable> LoadNamedTable(catalog::Catalog& catalog, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(const auto identifier, ResolveTable(catalog, name));
  ARROW_ASSIGN_OR_RAISE(auto loaded, catalog.LoadTable(identifier));
  if (!loaded) return Unknown(identifier.ToString(), {});
  return *std::move(loaded);
}

const table::Snapshot* SnapshotAsOf(const table::TableMetadata& metadata, Timestamp time) {
  const table::Snapshot* found = nullptr;
  // The log says what was current when, also after a rollback; entries are in order of time.
  for (const auto& entry : metadata.snapshot_log) {
    if (entry.timestamp_ms * 1000 > time.micros) continue;
    if (const auto* snapshot = metadata.FindSnapshot(entry.snapshot_id)) found = snapshot;
  }
  if (found != nullptr || !metadata.snapshot_log.empty()) return found;
  const std::set<int64_t> ancestors = AncestorsOf(metadata);
  for (const auto& snapshot : metadata.snapshots) {
    const bool in_time = snapshot.timestamp_ms * 1000 <= time.micros && ancestors.contains(snapshot.snapshot_id.value);
    if (in_time && (found == nullptr || snapshot.timestamp_ms >= found->timestamp_ms)) found = &snapshot;
  }
  return found;
}

Result<const table::Snapshot*> FindSnapshotByText(const table::TableMetadata& metadata, std::string_view text) {
  if (const auto* by_ref = metadata.FindRef(text)) return by_ref;
  int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error == std::errc() && end == text.data() + text.size()) {
    if (const auto* snapshot = metadata.FindSnapshot({.value = id})) return snapshot;
    return NoSnapshot("the table has no snapshot " + std::string(text),
                      "it keeps " + std::to_string(metadata.snapshots.size()) + " snapshots; older ones expire");
  }
  const auto time = ParseTime(text);
  if (!time.ok()) return NoSnapshot("the table has no branch or tag " + std::string(text), "it is no time either");
  return FindSnapshotByTime(metadata, text);
}

Result<Timestamp> ParseTime(std::string_view text) {
  const auto time = ParseTimestamp(text.size() == 10 ? std::string(text) + "T00:00:00Z" : std::string(text));
  if (time.ok()) return time;
  return NoSnapshot("not a time: " + std::string(text), "times are like 2026-11-21T10:00:00Z or 2026-11-21");
}

Result<const table::Snapshot*> FindSnapshotByTime(const table::TableMetadata& metadata, std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const Timestamp time, ParseTime(text));
  if (const auto* snapshot = SnapshotAsOf(metadata, time)) return snapshot;
  int64_t first = INT64_MAX;
  for (const auto& snapshot : metadata.snapshots) first = std::min(first, snapshot.timestamp_ms);
  return NoSnapshot("the table had no snapshot at " + FormatTimestamp(time),
                    metadata.snapshots.empty() ? "it has none at all"
                                               : "its oldest is of " + FormatTimestamp({.micros = first * 1000}));
}

}  // namespace firn::query
