#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "io/file_store.h"
#include "table/index/block.h"
#include "table/index/run_filter.h"

namespace firn::table::index {

struct RunWriterOptions {
  std::string folder;
  uint64_t run = 0;
  int hash_bits = 128;
  int64_t num_entries_max = 0;   // expected; sizes the filter
  int64_t filter_bytes_max = 0;  // 0: none
};

/// Returns the location of a run's file.
std::string RunLocation(const std::string& folder, uint64_t run);

/// Takes entries in order.
class EntrySink {
 public:
  virtual ~EntrySink() = default;
  /// `entry` is not before the last one.
  virtual Status Append(const Entry& entry) = 0;
};

/// Writes one run file, entries in order of hashes. Destroyed before Finish it removes the file. Used by one thread.
class RunWriter : public EntrySink {
 public:
  static Result<std::unique_ptr<RunWriter>> Open(io::FileStore& files, RunWriterOptions options);

  Status Append(const Entry& entry) override;
  /// Syncs the file, not the folder.
  Status Finish();

  const RunShape& shape() const { return shape_; }
  uint64_t run() const { return options_.run; }
  /// What a reader needs besides the file; after Finish.
  std::vector<uint64_t> TakeFences() { return std::move(fences_); }
  RunFilter TakeFilter() { return std::move(filter_); }
  int64_t memory_bytes() const;

 private:
  RunWriter(std::shared_ptr<io::OutputFile> output, RunWriterOptions options);
  Status WriteBlock(Block* block);
  Status WriteWords(const std::vector<uint64_t>& words);

  const std::shared_ptr<io::OutputFile> output_;
  const RunWriterOptions options_;
  RunShape shape_;
  std::vector<uint64_t> fences_;
  RunFilter filter_;
  Block block_;
  size_t in_block_ = 0;
  uint64_t next_block_ = 1;
  Entry last_;
};

}  // namespace firn::table::index
