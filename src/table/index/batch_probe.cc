#include "table/index/batch_probe.h"

#include <algorithm>

namespace firn::table::index {

namespace {

constexpr uint64_t kGapBlocks = 3;      // fewer blocks between two are read along: cheaper than another call
constexpr size_t kChunkBlocksMax = 64;  // 256 KiB
constexpr size_t kChunksMax = 64;       // announced together
constexpr size_t kTasksMax = 8192;

// The first index at or after `from` whose value is not before `wanted`, near `from` as a rule.
template <typename Before>
size_t Gallop(size_t from, size_t size, Before&& before) {
  size_t step = 1;
  size_t low = from;
  while (low + step <= size && before(low + step - 1)) {
    low += step;
    step *= 2;
  }
  size_t high = std::min(low + step - 1, size);
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (before(middle)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

ProbeResources::ProbeResources(int64_t memory_bytes)
    : cache(memory_bytes / 16),
      buffer(std::clamp<size_t>(static_cast<size_t>(memory_bytes) / 32 / kBlockBytes, 1, kChunkBlocksMax)) {}

BatchProbe::BatchProbe(std::span<const KeyHash> hashes, ProbeResources& resources)
    : hashes_(hashes), resources_(resources), closed_(hashes.size(), 0) {}

void BatchProbe::Take(uint32_t slot, const Entry& entry) {
  if (entry.closes()) closing_.push_back(slot);
  if (entry.kind() == EntryKind::kRemoveRow) removed_.emplace(slot, entry.row());
  if (!entry.has_row()) return;
  if (!removed_.empty() && removed_.contains({slot, entry.row()})) return;
  hits_.push_back({.slot = slot, .row = entry.row()});
}

void BatchProbe::EndRun() {
  for (const uint32_t slot : closing_) closed_[slot] = 1;
  closing_.clear();
}

void BatchProbe::LookIn(std::span<const Entry> memory_run) {
  size_t at = 0;
  for (uint32_t slot = 0; slot < hashes_.size(); ++slot) {
    if (closed_[slot] != 0) continue;
    const Entry wanted{.high = hashes_[slot].high, .low = hashes_[slot].low};
    at = Gallop(at, memory_run.size(), [&](size_t i) { return memory_run[i].before(wanted); });
    for (; at < memory_run.size() && memory_run[at].same_hash(wanted); ++at) Take(slot, memory_run[at]);
  }
  EndRun();
}

Status BatchProbe::LookIn(const DiskRun& run) {
  const std::span<const uint64_t> fences = run.fences();
  size_t at = 0;
  for (uint32_t slot = 0; slot < hashes_.size(); ++slot) {
    const KeyHash& hash = hashes_[slot];
    if (closed_[slot] != 0 || !run.filter().MayContain(hash)) continue;
    // The first block that begins at or past the hash; the one before may end with it.
    at = Gallop(at, fences.size(), [&](size_t i) { return fences[i] < hash.high; });
    if (at > 0) ARROW_RETURN_NOT_OK(Plan(run, at - 1, slot));
    for (size_t i = at; i < fences.size() && fences[i] == hash.high; ++i) ARROW_RETURN_NOT_OK(Plan(run, i, slot));
  }
  ARROW_RETURN_NOT_OK(Work(run));
  EndRun();
  return Status::OK();
}

Status BatchProbe::Plan(const DiskRun& run, uint64_t block, uint32_t slot) {
  const bool full = tasks_.size() >= kTasksMax;
  const bool joins = !chunks_.empty() && !full && block - chunks_.back().blocks.first < resources_.buffer.size() &&
                     block < chunks_.back().blocks.first + chunks_.back().blocks.count + kGapBlocks;
  if (!joins) {
    if (chunks_.size() == kChunksMax || full) ARROW_RETURN_NOT_OK(Work(run));
    chunks_.push_back({.blocks = {.first = block, .count = 1}, .first_task = tasks_.size()});
  }
  Chunk& chunk = chunks_.back();
  // Hashes with one upper half may go back by a block.
  chunk.blocks.count = std::max(chunk.blocks.count, block - chunk.blocks.first + 1);
  tasks_.push_back({.block = block, .slot = slot});
  chunk.end_task = tasks_.size();
  return Status::OK();
}

Status BatchProbe::Work(const DiskRun& run) {
  if (chunks_.size() > 1) {
    std::vector<DiskRun::Range> ranges;
    for (const Chunk& chunk : chunks_) ranges.push_back(chunk.blocks);
    run.Announce(ranges);
  }
  for (const Chunk& chunk : chunks_) ARROW_RETURN_NOT_OK(WorkChunk(run, chunk));
  chunks_.clear();
  tasks_.clear();
  return Status::OK();
}

Status BatchProbe::WorkChunk(const DiskRun& run, const Chunk& chunk) {
  const uint64_t id = run.record().run;
  const bool single = chunk.blocks.count == 1;  // only scattered reads are worth keeping
  const Block* cached = single ? resources_.cache.Find(id, chunk.blocks.first) : nullptr;
  if (cached != nullptr) {
    ++resources_.blocks_cached;
  } else {
    const std::span<Block> read(resources_.buffer.data(), static_cast<size_t>(chunk.blocks.count));
    ARROW_RETURN_NOT_OK(run.Read(chunk.blocks.first, read));
    resources_.blocks_read += static_cast<int64_t>(read.size());
  }
  uint64_t checked = chunk.blocks.first - 1;  // blocks of the tasks ascend
  for (size_t i = chunk.first_task; i < chunk.end_task; ++i) {
    const Task& task = tasks_[i];
    const Block& block = cached != nullptr ? *cached : resources_.buffer[task.block - chunk.blocks.first];
    if (cached == nullptr && task.block != checked) {
      ARROW_RETURN_NOT_OK(run.Check(block, task.block));
      checked = task.block;
    }
    Search(block, static_cast<size_t>(run.shape().EntriesIn(task.block)), task.slot);
  }
  if (single && cached == nullptr) resources_.cache.Put(id, chunk.blocks.first, resources_.buffer[0]);
  return Status::OK();
}

void BatchProbe::Search(const Block& block, size_t num_entries, uint32_t slot) {
  const KeyHash& hash = hashes_[slot];
  for (size_t i = LowerBound(block, num_entries, hash); i < num_entries; ++i) {
    const Entry entry = EntryAt(block, i);
    if (entry.hash() != hash) return;
    Take(slot, entry);
  }
}

}  // namespace firn::table::index
