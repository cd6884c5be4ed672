#include "table/index/disk_run.h"

#include <arrow/io/interfaces.h>

#include <algorithm>
#include <utility>

namespace firn::table::index {

namespace {

Status Damaged(const std::string& what) {
  return MakeError(Fault::kBadData, "a run of the key index is damaged: " + what);
}

}  // namespace

Result<std::shared_ptr<DiskRun>> DiskRun::Open(io::FileStore& files, const std::string& folder, const RunRecord& record,
                                               int hash_bits, int64_t filter_bytes_max) {
  ARROW_ASSIGN_OR_RAISE(auto file, files.OpenInput(RunLocation(folder, record.run)));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file->GetSize());
  if (static_cast<uint64_t>(size) != record.num_blocks * kBlockBytes || record.num_blocks < 2) {
    return Damaged("size " + std::to_string(size) + " != " + std::to_string(record.num_blocks * kBlockBytes));
  }
  std::shared_ptr<DiskRun> run(new DiskRun(std::move(file), record));
  ARROW_RETURN_NOT_OK(run->Load(hash_bits, filter_bytes_max));
  return run;
}

Result<std::shared_ptr<DiskRun>> DiskRun::FromWriter(io::FileStore& files, const std::string& folder,
                                                     RunWriter& writer) {
  ARROW_ASSIGN_OR_RAISE(auto file, files.OpenInput(RunLocation(folder, writer.run())));
  const RunShape& shape = writer.shape();
  std::shared_ptr<DiskRun> run(new DiskRun(
      std::move(file), {.run = writer.run(), .num_entries = shape.num_entries, .num_blocks = shape.num_blocks()}));
  run->shape_ = shape;
  run->fences_ = writer.TakeFences();
  run->fences_.shrink_to_fit();
  run->filter_ = writer.TakeFilter();
  return run;
}

Status DiskRun::Load(int hash_bits, int64_t filter_bytes_max) {
  Block block;
  ARROW_RETURN_NOT_OK(ReadRaw(0, {&block, 1}));
  ARROW_RETURN_NOT_OK(CheckHeader(block, record_.run, hash_bits));
  const uint64_t last = record_.num_blocks - 1;
  ARROW_RETURN_NOT_OK(ReadRaw(last, {&block, 1}));
  ARROW_RETURN_NOT_OK(CheckSeal(block, record_.run, last));
  ARROW_ASSIGN_OR_RAISE(shape_, ParseFooter(block, record_.run));
  if (shape_.num_entries != record_.num_entries || shape_.num_blocks() != record_.num_blocks) {
    return Damaged("its counts are not those of the state");
  }
  const uint64_t fences_at = 1 + shape_.entry_blocks();
  ARROW_ASSIGN_OR_RAISE(fences_, ReadWords(fences_at, shape_.entry_blocks()));
  if (!std::is_sorted(fences_.begin(), fences_.end())) return Damaged("fences are not in order");
  if (shape_.num_filter_words > 0 && static_cast<int64_t>(shape_.num_filter_words * 8) <= filter_bytes_max) {
    ARROW_ASSIGN_OR_RAISE(auto words, ReadWords(fences_at + shape_.fence_blocks(), shape_.num_filter_words));
    filter_ = RunFilter(std::move(words));
  }
  return Status::OK();
}

Result<std::vector<uint64_t>> DiskRun::ReadWords(uint64_t first, uint64_t count) const {
  constexpr size_t kBlocksAtOnce = 16;
  std::vector<uint64_t> words;
  words.reserve(count);
  std::vector<Block> blocks(kBlocksAtOnce);
  const uint64_t num_blocks = (count + kWordsPerBlock - 1) / kWordsPerBlock;
  for (uint64_t done = 0; done < num_blocks; done += kBlocksAtOnce) {
    const std::span<Block> now(blocks.data(),
                               static_cast<size_t>(std::min<uint64_t>(kBlocksAtOnce, num_blocks - done)));
    ARROW_RETURN_NOT_OK(ReadRaw(first + done, now));
    for (size_t i = 0; i < now.size(); ++i) {
      ARROW_RETURN_NOT_OK(CheckSeal(now[i], record_.run, first + done + i));
      for (size_t w = 0; w < kWordsPerBlock && words.size() < count; ++w) words.push_back(now[i].Word(w));
    }
  }
  return words;
}

Status DiskRun::ReadRaw(uint64_t first, std::span<Block> out) const {
  const auto wanted = static_cast<int64_t>(out.size_bytes());
  ARROW_ASSIGN_OR_RAISE(const int64_t got,
                        file_->ReadAt(static_cast<int64_t>(first * kBlockBytes), wanted, out.data()));
  return got == wanted ? Status::OK() : Damaged("it ends early");
}

Status DiskRun::Read(uint64_t first, std::span<Block> out) const {
  return ReadRaw(first + 1, out);
}

Status DiskRun::Check(const Block& block, uint64_t entry_block) const {
  return CheckSeal(block, record_.run, entry_block + 1);
}

void DiskRun::Announce(std::span<const Range> ranges) const {
  std::vector<arrow::io::ReadRange> wanted;
  wanted.reserve(ranges.size());
  for (const Range& range : ranges) {
    wanted.push_back(
        {static_cast<int64_t>((range.first + 1) * kBlockBytes), static_cast<int64_t>(range.count * kBlockBytes)});
  }
  static_cast<void>(file_->WillNeed(wanted));  // only a hint
}

}  // namespace firn::table::index
