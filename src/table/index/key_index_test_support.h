#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include "base/random.h"
#include "io/disk.h"
#include "io/local_file_store.h"
#include "io/temporary_folder.h"
#include "table/index/key_index.h"

/// For tests: what a correct index must answer, and a disk without fsync.
namespace firn::table::index {

#define ASSERT_OK(expression)                        \
  do {                                               \
    const ::firn::Status status_ = (expression);     \
    ASSERT_TRUE(status_.ok()) << status_.ToString(); \
  } while (false)

/// The disk without its slow part. Processes that are killed lose nothing by it; what a power cut does to names and
/// data without fsync is PowerCutDisk's to show.
class UnsyncedDisk : public io::Disk {
 public:
  int Create(const std::string& path) override { return io::SystemDisk().Create(path); }
  ssize_t Write(int file, const void* bytes, size_t size) override { return io::SystemDisk().Write(file, bytes, size); }
  int Sync(int) override { return 0; }
  int Close(int file) override { return io::SystemDisk().Close(file); }
  int Rename(const std::string& from, const std::string& to) override { return io::SystemDisk().Rename(from, to); }
  int Link(const std::string& from, const std::string& to) override { return io::SystemDisk().Link(from, to); }
  int Unlink(const std::string& path) override { return io::SystemDisk().Unlink(path); }
  int MakeFolder(const std::string& path) override { return io::SystemDisk().MakeFolder(path); }
  int SyncFolder(const std::string&) override { return 0; }
};

inline std::unique_ptr<io::FileStore> MakeFastStore() {
  static UnsyncedDisk disk;
  return io::MakeLocalFileStore({.disk = &disk});
}

inline Uuid TestTable() {
  Random random(1);
  return MakeUuid4(random);
}

inline IndexedSnapshot At(int64_t sequence) {
  return {.snapshot_id = {.value = 1000 + sequence}, .sequence_number = sequence};
}

/// Keys are small numbers. What a correct index must answer.
struct Model {
  std::map<int64_t, std::set<RowAddress>> rows;  // by key
  std::map<std::string, FileOrdinal> files;
  std::optional<IndexedSnapshot> snapshot;

  void RemoveFile(FileOrdinal file) {
    for (auto& [key, places] : rows) std::erase_if(places, [&](const RowAddress& row) { return row.file == file; });
  }
  std::vector<KeyMatch> Lookup(const std::vector<int64_t>& keys) const {
    std::vector<KeyMatch> matches;
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto found = rows.find(keys[i]);
      if (found == rows.end()) continue;
      for (const RowAddress& row : found->second) matches.push_back({.key = i, .row = row});
    }
    std::ranges::sort(matches, {}, [](const KeyMatch& match) { return std::pair(match.row, match.key); });
    return matches;
  }
};

}  // namespace firn::table::index
