#include "state/run_index.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "state/documents.h"

namespace firn::state {
namespace {

using Json = nlohmann::ordered_json;
using Seen = IndexedTable::Seen;

TableRecord NamesOf(const TableRecord& record) {
  TableRecord names;
  names.pipeline = record.pipeline;
  names.table = record.table;
  names.identifier = record.identifier;
  return names;
}

// What `status` shows is told of the newest record alone.
void Shorten(TableRecord& record) {
  for (std::string* text :
       {&record.reason, &record.reason_code, &record.next, &record.cursor_before, &record.cursor_after}) {
    text->clear();
  }
  record.schema_changes.clear();
  record.warnings.clear();
  record.findings.clear();
}

// What is counted over all records, also over those that are no longer kept.
void Count(const StoredTable& table, IndexedTable* out) {
  const TableRecord& record = table.record;
  if (record.state == TableState::kCompleted) {
    out->last_success = std::max(out->last_success.value_or(Timestamp{}), table.recorded);
    out->failures_in_a_row = 0;
  }
  if (record.state == TableState::kFailed) ++out->failures_in_a_row;
  if (record.snapshot_id) out->last_snapshot_id = record.snapshot_id;
}

void FoldTable(const RunRecord& run, const StoredTable& table, IndexedTable* out) {
  const auto at = std::ranges::find_if(out->seen, [&](const Seen& seen) { return seen.run_id <= run.run_id; });
  Seen seen{.run_id = run.run_id, .run_started = run.started, .run_state = run.state, .table = table};
  if (at != out->seen.end() && at->run_id == run.run_id) {
    const bool is_newest = at == out->seen.begin();
    if (!is_newest) Shorten(seen.table.record);
    *at = std::move(seen);
    return;
  }
  const bool is_newest = at == out->seen.begin();
  if (is_newest) {
    Count(table, out);
    if (!out->seen.empty()) Shorten(out->seen.front().table.record);
  } else {
    Shorten(seen.table.record);
    if (table.record.state == TableState::kCompleted) {
      out->last_success = std::max(out->last_success.value_or(Timestamp{}), table.recorded);
    }
  }
  out->seen.insert(at, std::move(seen));
  if (out->seen.size() > RunIndex::kRecordsKept) out->seen.pop_back();
}

/// Names of tables are written once for a document and numbered.
class Names {
 public:
  int64_t NumberOf(const TableRecord& names) {
    const auto [at, fresh] = numbers_.emplace(std::tuple(names.pipeline, names.table, names.identifier),
                                              static_cast<int64_t>(numbers_.size()));
    if (fresh) json_.push_back({names.pipeline, names.table, names.identifier});
    return at->second;
  }
  const Json& json() const { return json_; }

 private:
  std::map<std::tuple<std::string, std::string, std::string>, int64_t> numbers_;
  Json json_ = Json::array();
};

const Json& ArrayOf(const Json& json, const char* name) {
  static const Json none = Json::array();
  const auto found = json.find(name);
  return found != json.end() && found->is_array() ? *found : none;
}

Json RunsJson(const std::vector<IndexedRun>& runs, Names* names) {
  Json json = Json::array();
  for (const IndexedRun& run : runs) {
    Json one = RunJson(run.run);
    Json tables = Json::array();
    for (const TableRecord& table : run.tables) tables.push_back(names->NumberOf(table));
    one["tables"] = std::move(tables);
    json.push_back(std::move(one));
  }
  return json;
}

Result<std::vector<IndexedRun>> ParseRuns(const Json& json) {
  std::vector<TableRecord> names;
  for (const Json& name : ArrayOf(json, "names")) {
    TableRecord& table = names.emplace_back();
    if (!name.is_array() || name.size() != 3) continue;
    std::string* const texts[] = {&table.pipeline, &table.table, &table.identifier};
    for (size_t i = 0; i < 3; ++i) {
      if (name[i].is_string()) *texts[i] = name[i].get<std::string>();
    }
  }
  std::vector<IndexedRun> runs;
  for (const Json& one : ArrayOf(json, "runs")) {
    IndexedRun run;
    ARROW_ASSIGN_OR_RAISE(run.run, ParseRun(one));
    for (const Json& number : ArrayOf(one, "tables")) {
      const bool known = number.is_number_unsigned() && number.get<uint64_t>() < names.size();
      if (!known) return MakeError(Fault::kBadData, "a run of an index names a table that it does not have");
      run.tables.push_back(names[number.get<uint64_t>()]);
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

Json IndexedTableJson(const IndexedTable& table) {
  Json json = {{"lake", table.lake}, {"failures_in_a_row", table.failures_in_a_row}, {"seen", Json::array()}};
  if (table.last_success) json["last_success_micros"] = table.last_success->micros;
  if (table.last_snapshot_id) json["last_snapshot_id"] = *table.last_snapshot_id;
  for (const Seen& seen : table.seen) {
    json["seen"].push_back({{"run_id", seen.run_id},
                            {"run_started_micros", seen.run_started.micros},
                            {"run_state", Name(seen.run_state)},
                            {"table", TableJson(seen.table)}});
  }
  return json;
}

Result<IndexedTable> ParseIndexedTable(const Json& json) {
  IndexedTable table{.lake = TextOf(json, "lake"), .failures_in_a_row = NumberOf(json, "failures_in_a_row")};
  if (json.contains("last_success_micros")) {
    table.last_success = Timestamp{.micros = NumberOf(json, "last_success_micros")};
  }
  if (json.contains("last_snapshot_id")) table.last_snapshot_id = NumberOf(json, "last_snapshot_id");
  for (const Json& one : ArrayOf(json, "seen")) {
    if (!one.is_object() || !one.contains("table")) continue;
    ARROW_ASSIGN_OR_RAISE(const RunRecord run,
                          ParseRun({{"run_id", TextOf(one, "run_id")}, {"state", TextOf(one, "run_state")}}));
    table.seen.push_back({.run_id = run.run_id,
                          .run_started = {.micros = NumberOf(one, "run_started_micros")},
                          .run_state = run.state,
                          .table = ParseTable(one["table"])});
  }
  if (table.seen.empty()) return MakeError(Fault::kBadData, "a table of an index has no record");
  return table;
}

}  // namespace

void RunIndex::Fold(const StoredRun& stored) {
  IndexedRun run{.run = stored.run, .tables = {}};
  run.run.tables.clear();
  for (const StoredTable& table : stored.tables) run.tables.push_back(NamesOf(table.record));
  const auto at = std::ranges::find_if(runs, [&](const IndexedRun& old) { return old.run.run_id <= run.run.run_id; });
  if (at != runs.end() && at->run.run_id == run.run.run_id) {
    *at = run;
  } else {
    runs.insert(at, run);
  }
  if (run.run.command == kBackfillCommand) return;
  for (const StoredTable& table : stored.tables) {
    auto own = std::ranges::find_if(tables, [&](const IndexedTable& other) {
      return other.lake == run.run.lake && IsSameTable(other.seen.front().table.record, table.record);
    });
    if (own == tables.end()) own = tables.insert(own, IndexedTable{.lake = run.run.lake});
    FoldTable(run.run, table, &*own);
  }
}

std::vector<IndexedRun> RunIndex::CutPage() {
  if (runs.size() <= kRunsMax) return {};
  const auto from = runs.end() - static_cast<std::ptrdiff_t>(kPageRuns);
  std::vector<IndexedRun> page(from, runs.end());
  runs.erase(from, runs.end());
  return page;
}

bool RunIndex::Knows(std::string_view run_id) const {
  return std::ranges::any_of(runs, [&](const IndexedRun& run) { return run.run.run_id == run_id; });
}

std::vector<TableStatus> RunIndex::Statuses(const std::string& lake) const {
  std::vector<const IndexedTable*> chosen;
  for (const IndexedTable& table : tables) {
    if (lake.empty() || table.lake == lake) chosen.push_back(&table);
  }
  std::ranges::sort(chosen, {}, [](const IndexedTable* table) {
    const TableRecord& names = table->seen.front().table.record;
    return std::tie(names.pipeline, names.table, names.identifier, table->lake);
  });
  std::vector<TableStatus> statuses;
  for (const IndexedTable* table : chosen) {
    const Seen& newest = table->seen.front();
    statuses.push_back({.run_id = newest.run_id,
                        .run_started = newest.run_started,
                        .run_state = newest.run_state,
                        .last = newest.table.record,
                        .last_success = table->last_success,
                        .last_snapshot_id = table->last_snapshot_id,
                        .failures_in_a_row = table->failures_in_a_row});
  }
  return statuses;
}

int64_t RunIndex::CountRuns() const {
  auto count = static_cast<int64_t>(runs.size());
  for (const IndexPage& page : pages) count += page.runs;
  return count;
}

std::string WriteIndex(const RunIndex& index) {
  Names names;
  Json json = {{"version", kDocumentVersion}, {"runs", RunsJson(index.runs, &names)}};
  json["names"] = names.json();
  json["tables"] = Json::array();
  for (const IndexedTable& table : index.tables) json["tables"].push_back(IndexedTableJson(table));
  json["pages"] = Json::array();
  for (const IndexPage& page : index.pages) {
    json["pages"].push_back({{"name", page.name}, {"first", page.first}, {"last", page.last}, {"runs", page.runs}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string WritePage(const std::vector<IndexedRun>& runs) {
  Names names;
  Json json = {{"version", kDocumentVersion}, {"runs", RunsJson(runs, &names)}};
  json["names"] = names.json();
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<RunIndex> ParseIndex(std::string_view location, std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  ARROW_RETURN_NOT_OK(CheckDocument(location, json));
  RunIndex index;
  ARROW_ASSIGN_OR_RAISE(index.runs, ParseRuns(json));
  for (const Json& table : ArrayOf(json, "tables")) {
    ARROW_ASSIGN_OR_RAISE(index.tables.emplace_back(), ParseIndexedTable(table));
  }
  for (const Json& page : ArrayOf(json, "pages")) {
    index.pages.push_back({.name = TextOf(page, "name"),
                           .first = TextOf(page, "first"),
                           .last = TextOf(page, "last"),
                           .runs = NumberOf(page, "runs")});
  }
  return index;
}

Result<std::vector<IndexedRun>> ParsePage(std::string_view location, std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  ARROW_RETURN_NOT_OK(CheckDocument(location, json));
  return ParseRuns(json);
}

}  // namespace firn::state
