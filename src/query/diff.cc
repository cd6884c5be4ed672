#include "query/diff.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "query/duckdb_engine.h"
#include "query/sql_text.h"
#include "query/sql_tokens.h"
#include "query/table_view.h"
#include "query/temp_folder.h"
#include "table/scan/snapshot_diff.h"

namespace firn::query {
namespace {

// Names that no query of a person meets: the diff's statements are its own.
constexpr char kFrom[] = "firn_diff_from";
constexpr char kTo[] = "firn_diff_to";

class DiffRows : public QueryResult {
 public:
  explicit DiffRows(std::unique_ptr<EngineResult> rows) : rows_(std::move(rows)) {}
  const std::shared_ptr<arrow::Schema>& schema() const override { return rows_->schema(); }
  Result<std::shared_ptr<arrow::RecordBatch>> Next(std::stop_token stop) override {
    return rows_->Next(std::move(stop));
  }
  QueryStats stats() const override { return {}; }

 private:
  std::unique_ptr<EngineResult> rows_;
};

class DiffImpl : public Diff {
 public:
  Status Start(io::FileStore& files, const DiffRequest& request, const SessionOptions& options, std::stop_token stop) {
    ARROW_ASSIGN_OR_RAISE(
        engine_, DuckdbEngine::Open(
                     {.memory_bytes = options.memory_bytes,
                      .threads = options.threads,
                      .temp_folder = options.temp_folder.empty() ? NewTempFolder("firn-diff") : options.temp_folder}));
    ARROW_ASSIGN_OR_RAISE(auto diff, table::PlanDiff(files, *request.metadata, *request.from, *request.to));
    counts_.files_shared = diff.files_shared;
    counts_.files_read = static_cast<int64_t>(diff.from.files.size() + diff.to.files.size());
    std::vector<std::string> paths;
    ARROW_RETURN_NOT_OK(AddSide(files, request, *request.from, std::move(diff.from), kFrom, paths));
    ARROW_RETURN_NOT_OK(AddSide(files, request, *request.to, std::move(diff.to), kTo, paths));
    ARROW_RETURN_NOT_OK(engine_->Lock(paths));
    ARROW_RETURN_NOT_OK(ChooseKey(request.key));
    if (key_.empty()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const bool repeats, KeysRepeat(std::move(stop)));
    if (repeats) key_.clear();
    counts_.keyed = !key_.empty();
    return Status::OK();
  }

  Result<DiffCounts> Count(std::stop_token stop) override {
    if (counts_.files_read == 0) return counts_;
    ARROW_ASSIGN_OR_RAISE(counts_.added, Number("SELECT count(*) FROM (" + Only(kTo, kFrom, "added") + ")", stop));
    ARROW_ASSIGN_OR_RAISE(counts_.removed, Number("SELECT count(*) FROM (" + Only(kFrom, kTo, "removed") + ")", stop));
    if (key_.empty()) return counts_;
    ARROW_ASSIGN_OR_RAISE(counts_.changed, Number("SELECT count(*) FROM (" + Changed(kTo, "after") + ")", stop));
    return counts_;
  }

  Result<std::unique_ptr<QueryResult>> Rows(std::optional<int64_t> limit, std::stop_token stop) override {
    std::string sql = Only(kTo, kFrom, "added") + " UNION ALL " + Only(kFrom, kTo, "removed");
    if (!key_.empty()) sql += " UNION ALL " + Changed(kFrom, "before") + " UNION ALL " + Changed(kTo, "after");
    std::string order;
    for (const std::string& column : key_) order += QuoteName(column) + ", ";
    // "removed" and "before" come before "added" and "after" of the same row.
    order += "_change IN ('added', 'after')";
    if (key_.empty()) order = columns_ + ", _change";
    sql = "SELECT * FROM (" + sql + ") ORDER BY " + order;
    if (limit) sql += " LIMIT " + std::to_string(*limit);
    ARROW_ASSIGN_OR_RAISE(auto rows, engine_->Query(sql, std::move(stop)));
    return std::make_unique<DiffRows>(std::move(rows));
  }

 private:
  Status AddSide(io::FileStore& files, const DiffRequest& request, const table::Snapshot& snapshot,
                 table::ScanPlan plan, const char* name, std::vector<std::string>& paths) {
    TableState state{.metadata = request.metadata, .snapshot = &snapshot, .schema = request.schema};
    state.plan = std::move(plan);
    ARROW_ASSIGN_OR_RAISE(const TableView view, MakeView(*engine_, files, state));
    if (columns_.empty()) ChooseColumns(view.columns, request.ignored);
    paths.insert(paths.end(), view.paths.begin(), view.paths.end());
    return engine_->Execute(std::string("CREATE VIEW ") + name + " AS SELECT " + columns_ + " FROM (" + view.sql + ")");
  }

  void ChooseColumns(const std::vector<std::string>& names, const std::vector<std::string>& ignored) {
    for (const std::string& name : names) {
      if (std::ranges::find(ignored, name) != ignored.end()) continue;
      columns_ += (columns_.empty() ? "" : ", ") + QuoteName(name);
      names_.push_back(name);
    }
  }

  Status ChooseKey(const std::vector<std::string>& key) {
    for (const std::string& column : key) {
      if (std::ranges::find(names_, column) == names_.end()) {
        return MakeError(Fault::kConfig, "the table has no column " + column + " to compare rows by",
                         {.code = "E0705", .state = "nothing was changed", .next = "firn diff … --key COLUMN"});
      }
    }
    key_ = key;
    return Status::OK();
  }

  std::string KeyList() const {
    std::string list;
    for (const std::string& column : key_) list += (list.empty() ? "" : ", ") + QuoteName(column);
    return list;
  }

  Result<bool> KeysRepeat(std::stop_token stop) {
    for (const char* side : {kFrom, kTo}) {
      std::string null;
      for (const std::string& column : key_) null += " OR " + QuoteName(column) + " IS NULL";
      const std::string sql = std::string("SELECT count(*) FROM (SELECT 1 FROM ") + side + " GROUP BY " + KeyList() +
                              " HAVING count(*) > 1" + null + ")";
      ARROW_ASSIGN_OR_RAISE(const int64_t repeated, Number(sql, stop));
      if (repeated > 0) return true;
    }
    return false;
  }

  // Rows of one side that the other lacks: by key, else as a multiset.
  std::string Only(const std::string& side, const std::string& other, const std::string& change) const {
    const std::string select = "SELECT '" + change + "' AS _change, " + columns_ + " FROM ";
    if (key_.empty()) return select + "(SELECT * FROM " + side + " EXCEPT ALL SELECT * FROM " + other + ")";
    return select + side + " ANTI JOIN " + other + " USING (" + KeyList() + ")";
  }

  std::string Changed(const std::string& side, const std::string& change) const {
    std::string same, differs;
    for (const std::string& name : names_) {
      const std::string column = QuoteName(name);
      const std::string pair = std::string(kFrom) + "." + column + " IS DISTINCT FROM " + kTo + "." + column;
      if (std::ranges::find(key_, name) == key_.end()) differs += (differs.empty() ? "" : " OR ") + pair;
    }
    for (const std::string& name : key_) {
      const std::string column = QuoteName(name);
      same += (same.empty() ? "" : " AND ") + (std::string(kFrom) + "." + column) + " = " + kTo + "." + column;
    }
    if (differs.empty()) differs = "false";
    return "SELECT '" + change + "' AS _change, " + side + ".* FROM " + kFrom + " JOIN " + kTo + " ON " + same +
           " WHERE " + differs;
  }

  Result<int64_t> Number(const std::string& sql, const std::stop_token& stop) {
    if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped");
    ARROW_ASSIGN_OR_RAISE(const std::string text, engine_->Value(sql));
    return std::atoll(text.c_str());
  }

  std::unique_ptr<DuckdbEngine> engine_;
  std::string columns_;             // compared ones, quoted
  std::vector<std::string> names_;  // the same
  std::vector<std::string> key_;
  DiffCounts counts_;
};

}  // namespace

Result<std::unique_ptr<Diff>> Diff::Open(io::FileStore& files, const DiffRequest& request,
                                         const SessionOptions& options, std::stop_token stop) {
  auto diff = std::make_unique<DiffImpl>();
  ARROW_RETURN_NOT_OK(diff->Start(files, request, options, std::move(stop)));
  return diff;
}

}  // namespace firn::query
