#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/failpoint.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/thread_annotations.h"
#include "io/conditional_store.h"
#include "io/file_store.h"
#include "state/documents.h"
#include "state/leases.h"
#include "state/no_run.h"
#include "state/run_history.h"
#include "state/run_index.h"

namespace firn::state {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFoldsMax = 8;
constexpr std::chrono::milliseconds kFoldWait{50};
constexpr int64_t kOpenFilesMax = 100'000;
constexpr size_t kOpenRunsRead = 64;    // of runs that begun and did not end, the newest
constexpr size_t kRunsOfRebuild = 256;  // as many as a page
constexpr size_t kLogsKept = 200;       // of the newest runs, as on a disk
constexpr int64_t kRunsDroppedAtOnce = 16;
constexpr int64_t kFilesOfRebuildMax = 10'000'000;

/// The index as it is, with what its version was, and what else has been seen.
struct View {
  RunIndex index;
  std::optional<std::string> version;  // of the document; nullopt: there is none
  std::vector<StoredRun> open;         // begun elsewhere and not in the index, as they are now

  RunIndex Folded() const {
    RunIndex all = index;
    for (const StoredRun& run : open) all.Fold(run);
    return all;
  }
};

class StoredHistory : public RunHistory {
 public:
  StoredHistory(const Clock& clock, StoredHistoryOptions options) : clock_(clock), options_(std::move(options)) {}

  Status Begin(RunRecord run) override;
  Status RecordTable(const std::string& run_id, const TableRecord& table) override;
  Status Finish(const std::string& run_id, RunState state, int32_t exit_code) override;
  Result<std::vector<RunRecord>> Runs(const RunFilter& filter) override;
  Result<RunRecord> FindRun(std::string_view run_id) override;
  Result<std::vector<TableRecord>> RecentTables(const std::string& lake, const TableRecord& key,
                                                int64_t limit) override;
  Result<std::vector<TableStatus>> LatestTables(const std::string& lake) override;
  Status PutCursor(const std::string& stream, const Cursor& cursor) override;
  Result<std::optional<Cursor>> GetCursor(const std::string& stream) override;
  Status DropCursor(const std::string& stream) override { return options_.files.Remove(CursorOf(stream)); }
  Status KeepFile(const std::string& run_id, const std::string& name, std::string_view bytes) override {
    return options_.files.WriteAtomic(RunFolder(run_id) + name, bytes);
  }
  Result<std::optional<std::string>> ReadFile(const std::string& run_id, const std::string& name) override {
    return ReadDocument(RunFolder(run_id) + name);
  }
  std::vector<std::string> TakeWarnings() override FIRN_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return std::exchange(warnings_, {});
  }

 private:
  std::string At(const std::string& name) const { return options_.location + "/" + name; }
  std::string RunFolder(const std::string& run_id) const { return At("runs/" + run_id + "/"); }
  std::string OpenFolder(const std::string& run_id) const { return At("open/" + run_id + "/"); }
  std::string CursorOf(const std::string& stream) const { return At("cursors/" + DocumentName(stream) + ".json"); }
  Result<std::optional<std::string>> ReadDocument(const std::string& location) {
    ARROW_ASSIGN_OR_RAISE(auto found, options_.documents.Read(location));
    if (!found) return std::nullopt;
    return std::move(found->bytes);
  }

  Result<View> Look();
  Result<View> LookAtIndex();
  Result<RunIndex> Rebuild();
  Status PutAside(const std::string& bytes, const Status& cause) FIRN_EXCLUDES(mutex_);
  Status ReadOpenRuns(View* view);
  Result<std::optional<StoredRun>> ReadOpenRun(const std::string& run_id, const std::vector<std::string>& tables);
  Result<StoredRun> ReadRun(const std::string& run_id);
  Result<std::vector<IndexedRun>> ReadPage(const IndexPage& page) FIRN_EXCLUDES(mutex_);
  Result<std::vector<IndexedRun>> Candidates(const View& view, const std::string& beginning);
  Status FoldIntoIndex(const StoredRun& run, std::vector<std::string>* settled) FIRN_EXCLUDES(mutex_);
  Status PutIndex(View* view);
  Status CutPages(RunIndex* index);
  std::vector<std::string> TakeOldRuns(RunIndex* index);
  void Clear(const RunIndex& index, const std::vector<std::string>& settled);
  void Warn(std::string text) FIRN_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    warnings_.push_back(std::move(text));
  }

  const Clock& clock_;
  const StoredHistoryOptions options_;
  Mutex mutex_;
  std::map<std::string, StoredRun> own_ FIRN_GUARDED_BY(mutex_);  // runs that were begun here and have not ended
  std::shared_ptr<const View> seen_ FIRN_GUARDED_BY(mutex_);      // by the runs that were begun here; null: not yet
  std::vector<std::string> warnings_ FIRN_GUARDED_BY(mutex_);
};

Status StoredHistory::Begin(RunRecord run) {
  run.process_id = ::getpid();
  run.tables.clear();
  if (run.started.micros == 0) run.started = clock_.Now();
  const StoredRun stored{.run = run, .tables = {}};
  {
    const MutexLock lock(mutex_);
    own_[run.run_id] = stored;
  }
  FIRN_FAILPOINT("state.run.begin");
  return options_.files.WriteAtomic(OpenFolder(run.run_id) + "begin.json", StoredRunJson(stored).dump(1) + "\n");
}

Status StoredHistory::RecordTable(const std::string& run_id, const TableRecord& table) {
  FIRN_FAILPOINT("state.run.table");
  const StoredTable stored{.record = table, .recorded = clock_.Now()};
  {
    const MutexLock lock(mutex_);
    const auto own = own_.find(run_id);
    if (own == own_.end()) return Status::OK();  // as in a database: nothing of a run that has not begun
    own->second.Put(stored);
  }
  Json json = TableJson(stored);
  json["version"] = kDocumentVersion;
  const std::string name = Sha256Hex(table.pipeline + "\n" + table.table).substr(0, 24);
  return options_.files.WriteAtomic(OpenFolder(run_id) + "tables/" + name + ".json",
                                    json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

Status StoredHistory::Finish(const std::string& run_id, RunState state, int32_t exit_code) {
  FIRN_FAILPOINT("state.run.finish");
  StoredRun run;
  {
    const MutexLock lock(mutex_);
    const auto own = own_.find(run_id);
    if (own == own_.end()) return Status::OK();
    run = std::move(own->second);
    own_.erase(own);
  }
  run.run.state = state;
  run.run.exit_code = exit_code;
  run.run.finished = clock_.Now();
  ARROW_RETURN_NOT_OK(options_.files.WriteAtomic(
      RunFolder(run_id) + "run.json", StoredRunJson(run).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"));
  FIRN_FAILPOINT("state.run.written");
  std::vector<std::string> settled;
  return FoldIntoIndex(run, &settled);
}

// Folds a run, and those that died, until nobody else was first.
Status StoredHistory::FoldIntoIndex(const StoredRun& run, std::vector<std::string>* settled) {
  std::optional<View> view;
  {
    const MutexLock lock(mutex_);
    if (seen_ != nullptr) view = *std::exchange(seen_, nullptr);
  }
  for (int tries = 1;; ++tries) {
    if (!view) {
      ARROW_ASSIGN_OR_RAISE(view, Look());
    }
    settled->assign({run.run.run_id});
    for (const StoredRun& other : view->open) {
      if (other.run.state == RunState::kRunning) continue;
      view->index.Fold(other);
      settled->push_back(other.run.run_id);
    }
    view->index.Fold(run);
    const Status put = PutIndex(&*view);
    if (put.ok()) break;
    if (FaultOf(put) != Fault::kConflict || tries == kFoldsMax) return put;
    ARROW_RETURN_NOT_OK(clock_.Sleep(kFoldWait * tries, {}));
    view.reset();
  }
  Clear(view->index, *settled);
  return Status::OK();
}

Status StoredHistory::PutIndex(View* view) {
  ARROW_RETURN_NOT_OK(CutPages(&view->index));
  const std::vector<std::string> old = TakeOldRuns(&view->index);
  FIRN_FAILPOINT("state.index.before_put");
  ARROW_RETURN_NOT_OK(options_.documents.Put(At("index.json"), WriteIndex(view->index), view->version).status());
  FIRN_FAILPOINT("state.index.put");
  for (const std::string& run : old) {
    for (const char* name : {"run.json", "log.jsonl", "result.json"}) {
      const Status removed = options_.files.Remove(RunFolder(run) + name);
      if (!removed.ok()) log::Warn("old run not removed", {{"run", run}, {"reason", removed.message()}});
    }
  }
  return Status::OK();
}

// The page first: an index never names what is not there. A page of an index that was not put is not named.
Status StoredHistory::CutPages(RunIndex* index) {
  while (true) {
    const std::vector<IndexedRun> runs = index->CutPage();
    if (runs.empty()) return Status::OK();
    const std::string bytes = WritePage(runs);
    IndexPage page{.name = runs.back().run.run_id + "-" + Sha256Hex(bytes).substr(0, 12) + ".json",
                   .first = runs.back().run.run_id,
                   .last = runs.front().run.run_id,
                   .runs = static_cast<int64_t>(runs.size())};
    ARROW_RETURN_NOT_OK(options_.files.WriteAtomic(At("pages/" + page.name), bytes));
    index->pages.insert(index->pages.begin(), std::move(page));
  }
}

// Takes some of the oldest runs out of the index if there are too many, and returns them.
std::vector<std::string> StoredHistory::TakeOldRuns(RunIndex* index) {
  std::vector<std::string> old;
  if (index->pages.empty() || index->CountRuns() < options_.runs_kept_max + kRunsDroppedAtOnce) return old;
  IndexPage& page = index->pages.back();
  const auto runs = ReadPage(page);
  const auto drop = std::min(kRunsDroppedAtOnce, page.runs);
  page.runs -= drop;
  if (runs.ok()) {
    for (int64_t at = page.runs; at < page.runs + drop && at < static_cast<int64_t>(runs->size()); ++at) {
      old.push_back((*runs)[static_cast<size_t>(at)].run.run_id);
    }
  }
  if (page.runs == 0) index->pages.pop_back();
  return old;
}

// Nothing that is left over here is read as something else.
void StoredHistory::Clear(const RunIndex& index, const std::vector<std::string>& settled) {
  Status cleared;
  const auto remove = [&](const std::string& location) {
    const Status removed = options_.files.Remove(location);
    if (!removed.ok()) cleared = removed;
  };
  for (const std::string& run : settled) {
    const auto files = options_.files.List(At("open/" + run), kOpenFilesMax);
    if (!files.ok()) cleared = files.status();
    if (!files.ok()) continue;
    for (const io::FileInfo& file : *files) {
      if (!file.location.ends_with("/begin.json")) remove(file.location);
    }
    remove(OpenFolder(run) + "begin.json");  // last: without it the others would be nobody's
  }
  if (index.runs.size() > kLogsKept) remove(RunFolder(index.runs[kLogsKept].run.run_id) + "log.jsonl");
  if (!cleared.ok()) log::Warn("state not cleared", {{"reason", cleared.message()}});
}

Result<View> StoredHistory::LookAtIndex() {
  ARROW_ASSIGN_OR_RAISE(const auto found, options_.documents.Read(At("index.json")));
  View view;
  if (found) {
    view.version = found->version;
    auto index = ParseIndex(At("index.json"), found->bytes);
    if (index.ok()) {
      view.index = *std::move(index);
      return view;
    }
    if (FaultOf(index.status()) != Fault::kBadData) return index.status();
    ARROW_RETURN_NOT_OK(PutAside(found->bytes, index.status()));
  }
  ARROW_ASSIGN_OR_RAISE(view.index, Rebuild());
  return view;
}

Status StoredHistory::PutAside(const std::string& bytes, const Status& cause) {
  const std::string aside = At("damaged/index-" + Sha256Hex(bytes).substr(0, 16) + ".json");
  ARROW_RETURN_NOT_OK(options_.files.WriteAtomic(aside, bytes));
  Warn("the run history " + At("index.json") +
       " was damaged and is built again from the newest runs; a copy is kept as " + aside +
       "; no table is affected: the lake holds all that matters");
  log::Warn("state index damaged", {{"kept_as", aside}, {"reason", cause.message()}});
  return Status::OK();
}

// Without an index: what the newest runs left.
Result<RunIndex> StoredHistory::Rebuild() {
  RunIndex index;
  ARROW_ASSIGN_OR_RAISE(const auto files, options_.files.List(At("runs"), kFilesOfRebuildMax));
  std::vector<std::string> runs;
  for (const io::FileInfo& file : files) {
    if (!file.location.ends_with("/run.json")) continue;
    const std::string folder = io::FolderOf(file.location);
    runs.push_back(folder.substr(folder.rfind('/') + 1));
  }
  std::ranges::sort(runs);
  if (runs.size() > kRunsOfRebuild) runs.erase(runs.begin(), runs.end() - static_cast<std::ptrdiff_t>(kRunsOfRebuild));
  for (const std::string& run_id : runs) {
    const auto run = ReadRun(run_id);
    if (run.ok()) {
      index.Fold(*run);
    } else if (FaultOf(run.status()) != Fault::kBadData) {
      return run.status();
    }
  }
  return index;
}

Result<View> StoredHistory::Look() {
  ARROW_ASSIGN_OR_RAISE(View view, LookAtIndex());
  ARROW_RETURN_NOT_OK(ReadOpenRuns(&view));
  return view;
}

Status StoredHistory::ReadOpenRuns(View* view) {
  ARROW_ASSIGN_OR_RAISE(const auto files, options_.files.List(At("open"), kOpenFilesMax));
  const size_t prefix = At("open/").size();
  std::map<std::string, std::vector<std::string>> tables;  // by run
  for (const io::FileInfo& file : files) {
    const size_t end = file.location.find('/', prefix);
    if (end == std::string::npos || !file.location.ends_with(".json")) continue;
    auto& own = tables[file.location.substr(prefix, end - prefix)];
    if (!file.location.ends_with("/begin.json")) own.push_back(file.location);
  }
  {
    const MutexLock lock(mutex_);
    for (const auto& [run_id, run] : own_) tables.erase(run_id);
  }
  while (tables.size() > kOpenRunsRead) tables.erase(tables.begin());
  std::optional<std::vector<std::string>> alive;
  if (!tables.empty()) {
    ARROW_ASSIGN_OR_RAISE(alive, options_.leases.RunsAtWork());
  }
  for (const auto& [run_id, locations] : tables) {
    ARROW_ASSIGN_OR_RAISE(auto run, ReadOpenRun(run_id, locations));
    if (!run) continue;
    const bool is_alive = alive && std::ranges::find(*alive, run_id) != alive->end();
    if (run->run.state == RunState::kRunning && !is_alive) run->run.state = RunState::kInterrupted;
    view->open.push_back(*std::move(run));
  }
  return Status::OK();
}

// What is known of a run that is not cleared away: its record if it wrote that, else its beginning and its tables.
Result<std::optional<StoredRun>> StoredHistory::ReadOpenRun(const std::string& run_id,
                                                            const std::vector<std::string>& tables) {
  auto ended = ReadRun(run_id);
  if (ended.ok()) return *std::move(ended);
  if (FaultOf(ended.status()) != Fault::kBadData) return ended.status();
  ARROW_ASSIGN_OR_RAISE(const auto begun, ReadDocument(OpenFolder(run_id) + "begin.json"));
  if (!begun) return std::nullopt;
  auto run = ParseStoredRun(run_id, *begun);
  if (!run.ok() && FaultOf(run.status()) == Fault::kBadData) return std::nullopt;
  ARROW_RETURN_NOT_OK(run.status());
  for (const std::string& location : tables) {
    ARROW_ASSIGN_OR_RAISE(const auto text, ReadDocument(location));
    const Json json = Json::parse(text.value_or(""), nullptr, /*allow_exceptions=*/false);
    if (CheckDocument(location, json).ok()) run->Put(ParseTable(json));
  }
  return *std::move(run);
}

// kBadData also for one that is missing.
Result<StoredRun> StoredHistory::ReadRun(const std::string& run_id) {
  const std::string location = RunFolder(run_id) + "run.json";
  ARROW_ASSIGN_OR_RAISE(const auto text, ReadDocument(location));
  return ParseStoredRun(location, text.value_or(""));
}

Result<std::vector<IndexedRun>> StoredHistory::ReadPage(const IndexPage& page) {
  const std::string location = At("pages/" + page.name);
  ARROW_ASSIGN_OR_RAISE(const auto text, ReadDocument(location));
  auto runs = ParsePage(location, text.value_or(""));
  if (!runs.ok() && FaultOf(runs.status()) == Fault::kBadData) {
    Warn("a part of the run history is damaged or missing, its runs are not shown: " + location);
    return std::vector<IndexedRun>();
  }
  ARROW_RETURN_NOT_OK(runs.status());
  if (static_cast<int64_t>(runs->size()) > page.runs) runs->resize(static_cast<size_t>(page.runs));
  return runs;
}

bool Touches(const IndexedRun& run, const RunFilter& filter) {
  const bool of_pipeline =
      filter.pipeline.empty() || run.run.pipeline == filter.pipeline ||
      std::ranges::any_of(run.tables, [&](const auto& table) { return table.pipeline == filter.pipeline; });
  const bool of_table = filter.table.empty() || std::ranges::any_of(run.tables, [&](const auto& table) {
                          return table.table == filter.table || table.identifier == filter.table;
                        });
  return of_pipeline && of_table && (!filter.state || *filter.state == run.run.state);
}

Result<std::vector<RunRecord>> StoredHistory::Runs(const RunFilter& filter) {
  ARROW_ASSIGN_OR_RAISE(View view, Look());
  view.index = view.Folded();
  std::vector<RunRecord> found;
  const auto take = [&](const std::vector<IndexedRun>& runs) {
    for (const IndexedRun& run : runs) {
      if (static_cast<int64_t>(found.size()) < filter.limit && Touches(run, filter)) found.push_back(run.run);
    }
  };
  take(view.index.runs);
  for (const IndexPage& page : view.index.pages) {
    if (static_cast<int64_t>(found.size()) >= filter.limit) break;
    ARROW_ASSIGN_OR_RAISE(const auto runs, ReadPage(page));
    take(runs);
  }
  return found;
}

// Runs whose ids begin so, newest first. `view`: with open runs folded in.
Result<std::vector<IndexedRun>> StoredHistory::Candidates(const View& view, const std::string& beginning) {
  std::vector<IndexedRun> found;
  const auto take = [&](const std::vector<IndexedRun>& runs) {
    std::ranges::copy_if(runs, std::back_inserter(found),
                         [&](const IndexedRun& run) { return run.run.run_id.starts_with(beginning); });
  };
  take(view.index.runs);
  for (const IndexPage& page : view.index.pages) {
    const std::string low = page.first.substr(0, beginning.size());
    const std::string high = page.last.substr(0, beginning.size());
    if (beginning < low || beginning > high || found.size() > 1) continue;
    ARROW_ASSIGN_OR_RAISE(const auto runs, ReadPage(page));
    take(runs);
  }
  return found;
}

Result<RunRecord> StoredHistory::FindRun(std::string_view run_id) {
  ARROW_ASSIGN_OR_RAISE(View view, Look());
  view.index = view.Folded();
  std::vector<IndexedRun> found;
  if (run_id == "last") {
    if (!view.index.runs.empty()) found.push_back(view.index.runs.front());
  } else if (run_id.size() >= kIdBeginningMin) {
    ARROW_ASSIGN_OR_RAISE(found, Candidates(view, std::string(run_id)));
  }
  if (found.size() != 1) {
    std::string newest;
    for (size_t i = 0; i < std::min<size_t>(5, view.index.runs.size()); ++i) {
      newest += (i == 0 ? "the newest are: " : ", ") + view.index.runs[i].run.run_id;
    }
    if (newest.empty()) newest = "nothing has been run here yet";
    return NoRun(run_id, found.size() > 1 ? "more than one run begins with this" : newest);
  }
  RunRecord run = found[0].run;
  std::vector<StoredTable> tables;
  const auto open = std::ranges::find_if(view.open, [&](const auto& other) { return other.run.run_id == run.run_id; });
  if (open != view.open.end()) {
    tables = open->tables;
  } else if (auto stored = ReadRun(run.run_id); stored.ok()) {
    tables = std::move(stored->tables);
  } else if (FaultOf(stored.status()) != Fault::kBadData) {
    return stored.status();
  }
  for (StoredTable& table : tables) run.tables.push_back(std::move(table.record));
  return run;
}

Result<std::vector<TableRecord>> StoredHistory::RecentTables(const std::string& lake, const TableRecord& key,
                                                             int64_t limit) {
  std::shared_ptr<const View> view;
  {
    const MutexLock lock(mutex_);
    view = seen_;
  }
  if (view == nullptr) {
    ARROW_ASSIGN_OR_RAISE(View looked, Look());
    view = std::make_shared<const View>(std::move(looked));
    const MutexLock lock(mutex_);
    seen_ = view;
  }
  const RunIndex folded = view->open.empty() ? RunIndex() : view->Folded();
  std::vector<TableRecord> records;
  for (const IndexedTable& table : (view->open.empty() ? view->index : folded).tables) {
    if (table.lake != lake || !IsSameTable(table.seen.front().table.record, key)) continue;
    for (const auto& seen : table.seen) {
      const bool ended = seen.table.record.state != TableState::kRunning;
      if (ended && static_cast<int64_t>(records.size()) < limit) records.push_back(seen.table.record);
    }
  }
  return records;
}

Result<std::vector<TableStatus>> StoredHistory::LatestTables(const std::string& lake) {
  ARROW_ASSIGN_OR_RAISE(const View view, Look());
  return view.Folded().Statuses(lake);
}

Status StoredHistory::PutCursor(const std::string& stream, const Cursor& cursor) {
  Json json = {{"version", kDocumentVersion},
               {"stream", stream},
               {"position", cursor.position_json},
               {"updated_micros", cursor.updated.micros}};
  if (cursor.snapshot_id) json["snapshot_id"] = *cursor.snapshot_id;
  return options_.files.WriteAtomic(CursorOf(stream), json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

Result<std::optional<RunHistory::Cursor>> StoredHistory::GetCursor(const std::string& stream) {
  ARROW_ASSIGN_OR_RAISE(const auto text, ReadDocument(CursorOf(stream)));
  const Json json = Json::parse(text.value_or(""), nullptr, /*allow_exceptions=*/false);
  if (!CheckDocument(CursorOf(stream), json).ok()) return std::nullopt;
  Cursor cursor{.position_json = TextOf(json, "position"), .updated = {.micros = NumberOf(json, "updated_micros")}};
  if (json.contains("snapshot_id")) cursor.snapshot_id = NumberOf(json, "snapshot_id");
  return cursor;
}

}  // namespace

std::unique_ptr<RunHistory> RunHistory::MakeStored(const Clock& clock, StoredHistoryOptions options) {
  return std::make_unique<StoredHistory>(clock, std::move(options));
}

}  // namespace firn::state
