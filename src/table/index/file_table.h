#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "table/index/index_state.h"
#include "table/index/live_files.h"

namespace firn::table::index {

/// The data files of an index: path and ordinal, what is staged, and what changed since the base was written. An
/// ordinal that is not in it belongs to a removed file. Used by one thread.
class FileTable {
 public:
  FileTable() = default;
  /// From what is published. Errors: kBadData if the parts contradict each other.
  static Result<FileTable> Make(const IndexState& state, const std::vector<FileRecord>& base);

  /// Errors: kBug, see KeyIndex.
  Result<FileOrdinal> Add(std::string path);
  Status Remove(std::string_view path);
  Status RenameStaged(std::string_view path, std::string new_path);
  void CountRows(FileOrdinal file, int64_t num_rows);
  void Accept();
  void Discard();

  std::optional<std::string_view> PathOf(FileOrdinal file) const;
  std::optional<FileOrdinal> OrdinalOf(std::string_view path) const;
  /// `live`: see KeyIndex::CompareFiles.
  FileDifference Compare(std::span<const std::string> live) const;
  /// Files as look-ups see them, staged changes included.
  const LiveFiles& visible() const { return visible_; }
  /// Files without staged changes.
  const LiveFiles& accepted() const { return accepted_; }
  size_t num_files() const { return by_path_.size(); }
  /// Rows of removed files, accepted and not forgotten: how much merging of everything would free.
  int64_t dead_rows() const { return dead_rows_; }
  void ForgetDeadRows(int64_t num_rows) { dead_rows_ -= num_rows; }

  /// Puts the accepted files' part into `state`. Returns true if the base must be written first: then `state` has it
  /// changed as if it were, all but its id and checksum, and AcceptedFiles is its content.
  bool Describe(IndexState* state) const;
  std::vector<FileRecord> AcceptedFiles() const;
  /// What Describe said is on disk.
  void Published(const IndexState& state);

  int64_t memory_bytes() const;

 private:
  struct File {
    std::string path;
    int64_t num_rows = 0;
  };
  void Insert(uint32_t ordinal, File file);
  void Erase(uint32_t ordinal);

  std::unordered_map<uint32_t, File> files_;                // accepted and staged
  std::unordered_map<std::string_view, uint32_t> by_path_;  // visible; keys are borrowed from files_
  LiveFiles visible_;
  LiveFiles accepted_;
  uint32_t next_ordinal_ = 0;
  int64_t dead_rows_ = 0;
  int64_t path_bytes_ = 0;
  std::vector<uint32_t> staged_added_;
  std::vector<uint32_t> staged_removed_;
  uint64_t base_ = 0;
  uint64_t base_checksum_ = 0;
  size_t base_size_ = 0;
  std::set<uint32_t> added_since_base_;
  std::vector<uint32_t> removed_since_base_;
};

}  // namespace firn::table::index
