#include "table/maintenance/inventory.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "table/commit/manifest_io.h"
#include "table/commit/manifest_list_cache.h"

namespace firn::table {
namespace {

int64_t BytesOf(const DataFile& file) {
  return file.content_size_bytes.value_or(file.file_size_bytes);  // vectors share their Puffin file
}

std::set<std::string> KeysOf(const std::vector<DeleteEntry>& entries) {
  std::set<std::string> keys;
  for (const DeleteEntry& entry : entries) keys.insert(FileKeyOf(entry->file));
  return keys;
}

std::set<std::string> EqualityKeys(const FileDeletes& deletes) {
  std::set<std::string> keys;
  for (const auto& group : deletes.equality) keys.merge(KeysOf(group->entries));
  return keys;
}

}  // namespace

bool SameDeletes(const FileDeletes& a, const FileDeletes& b) {
  if ((a.vector == nullptr) != (b.vector == nullptr)) return false;
  if (a.vector != nullptr && FileKeyOf(a.vector->file) != FileKeyOf(b.vector->file)) return false;
  // Equality groups also list what is older than the file: an addition there is a false alarm, never a miss.
  return KeysOf(a.positions) == KeysOf(b.positions) && EqualityKeys(a) == EqualityKeys(b);
}

Result<Inventory> Inventory::Load(io::FileStore& files, const catalog::LoadedTable& table) {
  Inventory inventory;
  inventory.table_ = table;
  const TableMetadata& metadata = *table.metadata;
  const Snapshot* head = metadata.CurrentSnapshot();
  if (head == nullptr) return inventory;
  ManifestListCache lists(files, 0);
  ARROW_ASSIGN_OR_RAISE(const ManifestListPtr manifests, lists.Get(*head));
  inventory.manifests_ = *manifests;
  DeleteIndex index(metadata);
  std::vector<std::shared_ptr<const ManifestEntry>> data;
  for (const ManifestFile& manifest : inventory.manifests_) {
    if (!manifest.may_have_live_files()) continue;
    const bool is_data = manifest.content == ManifestContent::kData;
    // Bounds of a delete file's file_path say what it is about; those of data files are not looked at.
    const auto statistics = is_data ? ManifestReadOptions::Statistics::kNone : ManifestReadOptions::Statistics::kAll;
    const Status read = ForEachEntry(files, metadata, manifest, statistics, [&](ManifestEntry entry) {
      if (!entry.live()) return Status::OK();
      if (entry.file.content != FileContent::kData) return index.Add(std::move(entry));
      data.push_back(std::make_shared<const ManifestEntry>(std::move(entry)));
      return Status::OK();
    });
    if (!read.ok()) return Within("manifest " + manifest.manifest_path, read);
  }
  inventory.deletes_ = index.entries();
  for (auto& entry : data) {
    ARROW_ASSIGN_OR_RAISE(FileDeletes deletes, index.For(*entry));
    inventory.by_path_.emplace(entry->file.file_path, inventory.files_.size());
    inventory.files_.push_back({.entry = std::move(entry), .deletes = std::move(deletes)});
  }
  return inventory;
}

TableHealth Inventory::health() const {
  TableHealth health{.data_files = static_cast<int64_t>(files_.size()),
                     .delete_files = static_cast<int64_t>(deletes_.size()),
                     .manifests = static_cast<int64_t>(manifests_.size()),
                     .snapshots = static_cast<int64_t>(metadata().snapshots.size())};
  for (const File& file : files_) {
    health.data_bytes += file.entry->file.file_size_bytes;
    health.records += file.entry->file.record_count;
  }
  for (const DeleteEntry& entry : deletes_) {
    health.delete_bytes += BytesOf(entry->file);
    if (entry->file.content == FileContent::kPositionDeletes) health.position_deletes += entry->file.record_count;
  }
  return health;
}

const Inventory::File* Inventory::Find(const std::string& path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : &files_[found->second];
}

std::vector<DeleteEntry> Inventory::DanglingWithout(const std::set<std::string>& gone) const {
  std::unordered_set<const ManifestEntry*> needed;
  std::unordered_map<const EqualityGroup*, int64_t> oldest;  // sequence number of the data files that remain
  for (const File& file : files_) {
    if (gone.contains(file.entry->file.file_path)) continue;
    if (file.deletes.vector != nullptr) needed.insert(file.deletes.vector.get());
    for (const DeleteEntry& entry : file.deletes.positions) needed.insert(entry.get());
    for (const auto& group : file.deletes.equality) {
      const auto [found, added] = oldest.emplace(group.get(), *file.entry->sequence_number);
      if (!added) found->second = std::min(found->second, *file.entry->sequence_number);
    }
  }
  for (const auto& [group, sequence_number] : oldest) {
    for (const DeleteEntry& entry : group->entries) {
      if (*entry->sequence_number > sequence_number) needed.insert(entry.get());
    }
  }
  std::vector<DeleteEntry> dangling;
  for (const DeleteEntry& entry : deletes_) {
    if (!needed.contains(entry.get())) dangling.push_back(entry);
  }
  return dangling;
}

}  // namespace firn::table
