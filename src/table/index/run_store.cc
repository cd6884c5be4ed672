#include "table/index/run_store.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/random.h"
#include "table/index/staged_entries.h"

namespace firn::table::index {

namespace {

constexpr size_t kStagedFanIn = 16;      // staged runs are merged later than accepted ones: a first load writes less
constexpr size_t kCursorBlocksMax = 64;  // 256 KiB a read
constexpr size_t kCursorBlockBytes = kBlockBytes + kEntriesPerBlock * sizeof(Entry);

uint64_t NewRunId() {
  uint64_t id = 0;
  FillRandom({reinterpret_cast<uint8_t*>(&id), sizeof id});
  return id;
}

class VectorSink : public EntrySink {
 public:
  Status Append(const Entry& entry) override {
    entries.push_back(entry);
    return Status::OK();
  }
  std::vector<Entry> entries;
};

// Passes the newest row of each hash on and reports the others. A merge gives the rows of a hash from new to old.
class CollapsingSink : public EntrySink {
 public:
  CollapsingSink(EntrySink& sink, const SupersededRows& superseded) : sink_(sink), superseded_(superseded) {}
  Status Append(const Entry& entry) override {
    if (any_ && entry.same_hash(last_)) {
      rows_.push_back(entry.row());
      return rows_.size() == kCandidatesMax ? Report() : Status::OK();
    }
    any_ = true;
    last_ = entry;
    return sink_.Append(entry);
  }
  Status Report() {
    if (!rows_.empty()) ARROW_RETURN_NOT_OK(superseded_(rows_));
    rows_.clear();
    return Status::OK();
  }

 private:
  EntrySink& sink_;
  const SupersededRows& superseded_;
  std::vector<RowAddress> rows_;
  Entry last_;
  bool any_ = false;
};

}  // namespace

RunStore::RunStore(io::FileStore& files, const KeyIndexOptions& options, const LiveFiles& accepted)
    : files_(files),
      options_(options),
      accepted_files_(accepted),
      staged_entries_max_(static_cast<size_t>(
          options.staged_entries_max > 0 ? options.staged_entries_max
                                         : options.memory_bytes / 8 * 3 / static_cast<int64_t>(sizeof(Entry)))),
      batch_max_(std::clamp<size_t>(static_cast<size_t>(options.memory_bytes) / 512, 2048, size_t{1} << 18)),
      fan_in_max_(std::clamp<size_t>(static_cast<size_t>(options.memory_bytes) / 16 / kCursorBlockBytes, 4, 64)),
      resources_(options.memory_bytes) {}

RunStore::~RunStore() {
  active_.reset();
  static_cast<void>(RunStore::Discard());  // files of a load that was not published; else the next opening removes them
}

template <typename Visit>
void RunStore::ForEachRun(Visit&& visit) const {
  for (const Run& run : accepted_) visit(run);
  for (const Run& run : staged_) visit(run);
}

Status RunStore::Load(std::span<const RunRecord> records) {
  std::vector<Run> runs(records.size());
  for (size_t i = records.size(); i-- > 0;) {  // the newest and smallest get filters first
    ARROW_ASSIGN_OR_RAISE(runs[i].disk,
                          DiskRun::Open(files_, options_.folder, records[i], options_.hash_bits, FilterRoom()));
    accepted_.push_back(runs[i]);  // so that FilterRoom counts it
  }
  accepted_ = std::move(runs);
  return Status::OK();
}

Status RunStore::Stage(const Entry& entry) {
  if (tail_.size() == tail_.capacity()) ARROW_RETURN_NOT_OK(GrowTail());
  tail_.push_back(entry);
  return Status::OK();
}

// The capacity of the tail never exceeds what memory is left for it.
Status RunStore::GrowTail() {
  if (static_cast<size_t>(MemoryEntries()) >= staged_entries_max_) ARROW_RETURN_NOT_OK(Overflow());
  const size_t room = staged_entries_max_ - (static_cast<size_t>(MemoryEntries()) - tail_.size());
  tail_.reserve(std::min(std::max<size_t>(2 * tail_.size(), 1024), room));
  return Status::OK();
}

void RunStore::SealTail() {
  if (tail_.empty()) return;
  MakeRun(&tail_);
  if (tail_.size() < tail_.capacity() / 4 * 3) tail_.shrink_to_fit();
  staged_.push_back({.memory = std::make_shared<const std::vector<Entry>>(std::move(tail_))});
  tail_ = {};
}

// Keeps the newest runs in memory few: each is at least twice as large as the next newer one.
Status RunStore::MergeMemoryRuns(Runs* runs) {
  while (runs->size() >= 2) {
    const Run& newer = runs->back();
    const Run& older = (*runs)[runs->size() - 2];
    if (newer.memory == nullptr || older.memory == nullptr) return Status::OK();
    if (older.num_entries() >= 2 * newer.num_entries()) return Status::OK();
    const auto sum = static_cast<size_t>(older.num_entries() + newer.num_entries());
    if (static_cast<size_t>(MemoryEntries()) + sum > staged_entries_max_) return Overflow();
    VectorSink sink;
    sink.entries.reserve(sum);
    const auto merge = MakeMerge(std::span(*runs).last(2), /*bottom=*/false, nullptr);
    ARROW_RETURN_NOT_OK(merge->Start());
    ARROW_RETURN_NOT_OK(merge->Step(INT64_MAX, sink).status());
    runs->pop_back();
    runs->back().memory = std::make_shared<const std::vector<Entry>>(std::move(sink.entries));
  }
  return Status::OK();
}

// Memory is full: everything in it becomes runs on disk.
Status RunStore::Overflow() {
  SealTail();
  ARROW_RETURN_NOT_OK(FlushRuns(&accepted_, /*oldest=*/true));
  ARROW_RETURN_NOT_OK(FlushRuns(&staged_, /*oldest=*/accepted_.empty()));
  ARROW_RETURN_NOT_OK(MergeStaged());
  return CheckBudget();
}

Status RunStore::Flush() {
  return FlushRuns(&accepted_, /*oldest=*/true);
}

// Replaces neighbouring runs in memory by one on disk. `oldest`: nothing is older than the first of `runs`.
Status RunStore::FlushRuns(Runs* runs, bool oldest) {
  for (size_t begin = 0; begin < runs->size(); ++begin) {
    size_t end = begin;
    while (end < runs->size() && (*runs)[end].memory != nullptr) ++end;
    if (end == begin) continue;
    ARROW_ASSIGN_OR_RAISE(Run written, WriteRun(std::span(*runs).subspan(begin, end - begin), oldest && begin == 0));
    (*runs)[begin] = std::move(written);
    runs->erase(runs->begin() + static_cast<ptrdiff_t>(begin) + 1, runs->begin() + static_cast<ptrdiff_t>(end));
  }
  return Status::OK();
}

Result<std::unique_ptr<RunWriter>> RunStore::OpenWriter(int64_t num_entries) {
  return RunWriter::Open(files_, {.folder = options_.folder,
                                  .run = NewRunId(),
                                  .hash_bits = options_.hash_bits,
                                  .num_entries_max = num_entries,
                                  .filter_bytes_max = FilterRoom()});
}

std::unique_ptr<RunMerge> RunStore::MakeMerge(std::span<const Run> inputs, bool bottom, const LiveFiles* live) const {
  const auto room = static_cast<size_t>(options_.memory_bytes) / 16 / inputs.size();
  const size_t blocks = std::clamp<size_t>(room / kCursorBlockBytes, 1, kCursorBlocksMax);
  std::vector<RunCursor> cursors;
  cursors.reserve(inputs.size());
  for (auto run = inputs.rbegin(); run != inputs.rend(); ++run) {
    if (run->memory != nullptr) {
      cursors.emplace_back(run->memory);
    } else {
      cursors.emplace_back(run->disk, blocks);
    }
  }
  return std::make_unique<RunMerge>(std::move(cursors), bottom, live);
}

Result<RunStore::Run> RunStore::WriteRun(std::span<const Run> inputs, bool bottom) {
  int64_t num_entries = 0;
  for (const Run& run : inputs) num_entries += run.num_entries();
  ARROW_ASSIGN_OR_RAISE(auto writer, OpenWriter(num_entries));
  const auto merge = MakeMerge(inputs, bottom, nullptr);
  ARROW_RETURN_NOT_OK(merge->Start());
  ARROW_RETURN_NOT_OK(merge->Step(INT64_MAX, *writer).status());
  ARROW_RETURN_NOT_OK(writer->Finish());
  ++runs_written_;
  Run written;
  ARROW_ASSIGN_OR_RAISE(written.disk, DiskRun::FromWriter(files_, options_.folder, *writer));
  return written;
}

Status RunStore::MergeStaged() {
  while (const auto choice = Choose(staged_, kStagedFanIn, 0)) ARROW_RETURN_NOT_OK(MergeStaged(*choice));
  return Status::OK();
}

Status RunStore::MergeStaged(const MergeChoice& choice) {
  const auto inputs = std::span(staged_).subspan(choice.begin, choice.end - choice.begin);
  for (const Run& run : inputs) entries_merged_ += run.num_entries();
  ARROW_ASSIGN_OR_RAISE(Run written, WriteRun(inputs, accepted_.empty() && choice.begin == 0));
  const Runs before(inputs.begin(), inputs.end());
  staged_[choice.begin] = std::move(written);
  staged_.erase(staged_.begin() + static_cast<ptrdiff_t>(choice.begin) + 1,
                staged_.begin() + static_cast<ptrdiff_t>(choice.end));
  return RemoveFiles(before);
}

// Of runs that nothing durable refers to.
Status RunStore::RemoveFiles(const Runs& runs) {
  Status first;
  for (const Run& run : runs) {
    if (run.disk == nullptr) continue;
    const Status removed = files_.Remove(RunLocation(options_.folder, run.disk->record().run));
    if (first.ok()) first = removed;
  }
  return first;
}

Result<std::vector<BatchProbe::Hit>> RunStore::Look(std::span<const KeyHash> hashes) {
  SealTail();
  ARROW_RETURN_NOT_OK(MergeMemoryRuns(&staged_));
  BatchProbe probe(hashes, resources_);
  for (const Runs* runs : {&staged_, &accepted_}) {
    for (auto run = runs->rbegin(); run != runs->rend(); ++run) {
      if (run->memory != nullptr) {
        probe.LookIn(*run->memory);
      } else {
        ARROW_RETURN_NOT_OK(probe.LookIn(*run->disk));
      }
    }
  }
  return probe.TakeHits();
}

Status RunStore::CollapseStaged(const LiveFiles& visible, const SupersededRows& superseded) {
  FIRN_CHECK(accepted_.empty());
  SealTail();
  if (staged_.empty()) return Status::OK();
  ARROW_RETURN_NOT_OK(FlushRuns(&staged_, /*oldest=*/true));
  while (staged_.size() > fan_in_max_) {
    ARROW_RETURN_NOT_OK(MergeStaged({.begin = staged_.size() - fan_in_max_, .end = staged_.size()}));
  }
  int64_t num_entries = 0;
  for (const Run& run : staged_) num_entries += run.num_entries();
  ARROW_ASSIGN_OR_RAISE(auto writer, OpenWriter(num_entries));
  CollapsingSink sink(*writer, superseded);
  const auto merge = MakeMerge(staged_, /*bottom=*/true, &visible);
  ARROW_RETURN_NOT_OK(merge->Start());
  ARROW_RETURN_NOT_OK(merge->Step(INT64_MAX, sink).status());
  ARROW_RETURN_NOT_OK(sink.Report());
  ARROW_RETURN_NOT_OK(writer->Finish());
  entries_merged_ += num_entries;
  ++runs_written_;
  Run collapsed;
  ARROW_ASSIGN_OR_RAISE(collapsed.disk, DiskRun::FromWriter(files_, options_.folder, *writer));
  const Runs before = std::exchange(staged_, {std::move(collapsed)});
  return RemoveFiles(before);
}

Status RunStore::Accept() {
  SealTail();
  for (Run& run : staged_) {
    num_accepted_ += run.num_entries();
    accepted_.push_back(std::move(run));
  }
  staged_.clear();
  return MergeMemoryRuns(&accepted_);
}

Status RunStore::Discard() {
  tail_ = {};
  return RemoveFiles(std::exchange(staged_, {}));
}

std::optional<MergeChoice> RunStore::Choose(const Runs& runs, size_t fan_in_min, int64_t num_dead) const {
  std::vector<int64_t> sizes;  // of the runs on disk up to the first in memory
  int64_t total = 0;
  for (const Run& run : runs) {
    if (run.disk == nullptr) break;
    sizes.push_back(run.num_entries());
    total += sizes.back();
  }
  const bool all = sizes.size() == runs.size() && sizes.size() <= fan_in_max_;
  if (all && total > 0 && num_dead > total / 2) return MergeChoice{0, sizes.size()};
  return ChooseMerge(sizes, {.fan_in_min = fan_in_min, .fan_in_max = fan_in_max_});
}

Result<bool> RunStore::Merge(int64_t entries_max, int64_t num_dead) {
  int64_t left = entries_max;
  while (left > 0) {
    if (!active_.has_value()) ARROW_RETURN_NOT_OK(StartMerge(num_dead));
    if (!active_.has_value()) return false;
    const int64_t before = active_->merge->num_read();
    const auto done = active_->merge->Step(left, *active_->writer);
    const int64_t read = active_->merge->num_read() - before;
    left -= read;
    entries_merged_ += read;
    Status status = done.status();
    if (status.ok() && *done) status = FinishMerge();
    if (!status.ok()) {
      active_.reset();  // its file goes with it, its inputs are as they were
      return status;
    }
  }
  return active_.has_value() || Choose(accepted_, MergePolicy{}.fan_in_min, num_dead - num_folded_).has_value();
}

Status RunStore::StartMerge(int64_t num_dead) {
  const int64_t dead = num_dead - num_folded_;
  const auto choice = Choose(accepted_, MergePolicy{}.fan_in_min, dead);
  if (!choice.has_value()) return Status::OK();
  const auto inputs = std::span(accepted_).subspan(choice->begin, choice->end - choice->begin);
  const bool whole = choice->begin == 0 && choice->end == accepted_.size();
  ActiveMerge active{.bottom = choice->begin == 0, .num_folding = whole ? dead : 0};
  int64_t num_entries = 0;
  for (const Run& run : inputs) {
    active.inputs.push_back(run.disk->record().run);
    num_entries += run.num_entries();
  }
  active.merge = MakeMerge(inputs, active.bottom, &accepted_files_);
  ARROW_ASSIGN_OR_RAISE(active.writer, OpenWriter(num_entries));
  ARROW_RETURN_NOT_OK(active.merge->Start());
  active_ = std::move(active);
  return Status::OK();
}

Status RunStore::FinishMerge() {
  ARROW_RETURN_NOT_OK(active_->writer->Finish());
  ++runs_written_;
  Run merged;
  ARROW_ASSIGN_OR_RAISE(merged.disk, DiskRun::FromWriter(files_, options_.folder, *active_->writer));
  FIRN_FAILPOINT("key_index.merge_finished");
  const auto is_first = [&](const Run& run) {
    return run.disk != nullptr && run.disk->record().run == active_->inputs.front();
  };
  const auto begin = std::find_if(accepted_.begin(), accepted_.end(), is_first);
  FIRN_CHECK(begin != accepted_.end());
  num_folded_ += active_->num_folding;
  *begin = std::move(merged);
  accepted_.erase(begin + 1, begin + static_cast<ptrdiff_t>(active_->inputs.size()));
  obsolete_.insert(obsolete_.end(), active_->inputs.begin(), active_->inputs.end());
  active_.reset();
  return Status::OK();
}

std::vector<RunRecord> RunStore::Records() const {
  std::vector<RunRecord> records;
  for (const Run& run : accepted_) {
    FIRN_CHECK(run.disk != nullptr);
    records.push_back(run.disk->record());
  }
  return records;
}

std::optional<uint64_t> RunStore::merging() const {
  return active_.has_value() ? std::optional(active_->writer->run()) : std::nullopt;
}

Status RunStore::RemoveObsolete() {
  while (!obsolete_.empty()) {
    ARROW_RETURN_NOT_OK(files_.Remove(RunLocation(options_.folder, obsolete_.back())));
    obsolete_.pop_back();
  }
  return Status::OK();
}

Status RunStore::Scrub() const {
  for (const Runs* runs : {&accepted_, &staged_}) {
    for (const Run& run : *runs) {
      if (run.disk == nullptr) continue;
      RunCursor cursor(run.disk, /*blocks_at_once=*/4);
      ARROW_RETURN_NOT_OK(cursor.Start());
      while (!cursor.done()) ARROW_RETURN_NOT_OK(cursor.Advance());
      ARROW_RETURN_NOT_OK(
          DiskRun::Open(files_, options_.folder, run.disk->record(), options_.hash_bits, INT64_MAX).status());
    }
  }
  return Status::OK();
}

int64_t RunStore::MemoryEntries() const {
  auto num_entries = static_cast<int64_t>(tail_.size());
  ForEachRun([&](const Run& run) { num_entries += run.memory != nullptr ? run.num_entries() : 0; });
  return num_entries;
}

int64_t RunStore::FenceBytes() const {
  int64_t bytes = 0;
  ForEachRun([&](const Run& run) { bytes += run.disk != nullptr ? run.disk->fence_bytes() : 0; });
  return bytes;
}

int64_t RunStore::FilterBytes() const {
  int64_t bytes = 0;
  ForEachRun([&](const Run& run) { bytes += run.disk != nullptr ? run.disk->filter().memory_bytes() : 0; });
  return bytes;
}

// A quarter of the budget is for filters, fences and paths; one filter takes half of what is free, so that the next
// runs find some too.
int64_t RunStore::FilterRoom() const {
  return std::max<int64_t>(0, options_.memory_bytes / 4 - FilterBytes() - FenceBytes() - other_bytes_) / 2;
}

Status RunStore::CheckBudget() const {
  const int64_t needed = 4 * (FenceBytes() + other_bytes_);
  if (needed <= options_.memory_bytes) return Status::OK();
  return MakeError(Fault::kConfig,
                   "the key index needs more memory than it may have: " + std::to_string(needed) + " > " +
                       std::to_string(options_.memory_bytes) + " bytes",
                   {.next = "raise --memory"});
}

void RunStore::AddStats(KeyIndexStats* stats) const {
  ForEachRun([&](const Run& run) {
    stats->num_entries += run.num_entries();
    if (run.disk == nullptr) return;
    ++stats->num_runs;
    stats->disk_bytes += run.disk->file_bytes();
  });
  stats->num_entries += static_cast<int64_t>(tail_.size());
  stats->num_staged += static_cast<int64_t>(tail_.size());
  for (const Run& run : staged_) stats->num_staged += run.num_entries();
  stats->blocks_read = resources_.blocks_read;
  stats->blocks_cached = resources_.blocks_cached;
  stats->entries_merged = entries_merged_;
  stats->runs_written = runs_written_;
}

int64_t RunStore::memory_bytes() const {
  int64_t bytes =
      static_cast<int64_t>(tail_.capacity() * sizeof(Entry)) + FenceBytes() + FilterBytes() + resources_.memory_bytes();
  ForEachRun([&](const Run& run) {
    bytes += run.memory != nullptr ? static_cast<int64_t>(run.memory->capacity() * sizeof(Entry)) : 0;
  });
  if (active_.has_value()) bytes += active_->merge->memory_bytes() + active_->writer->memory_bytes();
  return bytes;
}

}  // namespace firn::table::index
