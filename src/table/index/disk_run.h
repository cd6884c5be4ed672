#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "io/file_store.h"
#include "table/index/block.h"
#include "table/index/run_filter.h"
#include "table/index/run_writer.h"

namespace firn::table::index {

/// What the index's state says of a run; the file must agree.
struct RunRecord {
  uint64_t run = 0;
  uint64_t num_entries = 0;
  uint64_t num_blocks = 0;
  friend bool operator==(const RunRecord&, const RunRecord&) = default;
};

/// An immutable run on disk, its fences and perhaps its filter in memory. Errors of all methods: kBadData, or not found
/// (io::IsNotFound), if the file is damaged; kTransient of the disk.
class DiskRun {
 public:
  /// Reads and checks everything but the entry blocks. The filter is left out if it is larger than `filter_bytes_max`.
  static Result<std::shared_ptr<DiskRun>> Open(io::FileStore& files, const std::string& folder, const RunRecord& record,
                                               int hash_bits, int64_t filter_bytes_max);
  /// Takes over what was just written and finished.
  static Result<std::shared_ptr<DiskRun>> FromWriter(io::FileStore& files, const std::string& folder,
                                                     RunWriter& writer);

  const RunRecord& record() const { return record_; }
  const RunShape& shape() const { return shape_; }
  /// The upper half of the first hash of each entry block.
  std::span<const uint64_t> fences() const { return fences_; }
  const RunFilter& filter() const { return filter_; }
  int64_t fence_bytes() const { return static_cast<int64_t>(fences_.capacity() * sizeof(uint64_t)); }
  int64_t file_bytes() const { return static_cast<int64_t>(record_.num_blocks * kBlockBytes); }

  /// Reads `out.size()` entry blocks from `first` on, unchecked.
  Status Read(uint64_t first, std::span<Block> out) const;
  /// Checks one that was read.
  Status Check(const Block& block, uint64_t entry_block) const;
  /// Tells the kernel that entry blocks will be read soon.
  struct Range {
    uint64_t first = 0;
    uint64_t count = 0;
  };
  void Announce(std::span<const Range> ranges) const;

 private:
  DiskRun(std::shared_ptr<arrow::io::RandomAccessFile> file, RunRecord record)
      : file_(std::move(file)), record_(record) {}
  Status ReadRaw(uint64_t first, std::span<Block> out) const;
  Result<std::vector<uint64_t>> ReadWords(uint64_t first, uint64_t count) const;
  Status Load(int hash_bits, int64_t filter_bytes_max);

  const std::shared_ptr<arrow::io::RandomAccessFile> file_;
  const RunRecord record_;
  RunShape shape_;
  std::vector<uint64_t> fences_;
  RunFilter filter_;
};

}  // namespace firn::table::index
