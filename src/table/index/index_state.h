#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/uuid.h"
#include "table/index/disk_run.h"
#include "table/index/key_index.h"

namespace firn::table::index {

/// A data file as it is written.
struct FileRecord {
  uint32_t ordinal = 0;
  int64_t num_rows = 0;  // that were added for it
  std::string path;
  friend bool operator==(const FileRecord&, const FileRecord&) = default;
};

/// The content of `index.state`: all that is published.
struct IndexState {
  Uuid table_uuid;
  IndexedSnapshot snapshot;
  HashSecret secret{};
  uint32_t hash_bits = 128;
  uint32_t next_ordinal = 0;
  int64_t dead_rows = 0;
  std::vector<RunRecord> runs;  // from the oldest to the newest
  // Files: those of the base, without `removed`, with `added`.
  uint64_t base = 0;  // id of the file `files-<id>`; 0: none
  uint64_t base_checksum = 0;
  std::vector<uint32_t> removed;
  std::vector<FileRecord> added;
  friend bool operator==(const IndexState&, const IndexState&) = default;
};

std::string EncodeState(const IndexState& state);
/// Errors: kConfig for a newer version, kBadData for damage.
Result<IndexState> DecodeState(std::string_view bytes);

/// The content of `files-<id>`. Its checksum for the state is XXH3-64 of the whole.
std::string EncodeFiles(const std::vector<FileRecord>& files);
/// Ordinals ascend. Errors as above.
Result<std::vector<FileRecord>> DecodeFiles(std::string_view bytes);

std::string StateLocation(const std::string& folder);
std::string FilesLocation(const std::string& folder, uint64_t base);

}  // namespace firn::table::index
