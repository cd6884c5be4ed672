#include "table/commit/snapshot_builder.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/failpoint.h"
#include "table/commit/manifest_io.h"
#include "table/commit/snapshot_summary.h"
#include "table/manifest/row_ids.h"

namespace firn::table {
namespace {

// A manifest of this size is large enough for readers; merging it again would only rewrite it.
constexpr int64_t kMergedBytesMax = int64_t{4} << 20;
// Of up to so many added files the manifest stays uncompressed: what deflate saves is less than a disk block.
constexpr size_t kUncompressedFilesMax = 4;
// Entries that are held in memory to be put in order when manifests are merged on purpose; about a kilobyte each.
constexpr int64_t kOrderedEntriesMax = 100'000;

// Names of the files of one attempt.
class Names {
 public:
  Names(const TableMetadata& metadata, const SnapshotPlan& plan, std::vector<std::string>& made)
      : prefix_(MetadataFolder(metadata.location) + "/" + plan.run + "-" + std::to_string(plan.snapshot_id.value) +
                "-" + std::to_string(plan.attempt)),
        made_(made) {}
  // Noted before it is written: also a half-written file is to be removed.
  std::string Manifest(char kind) {
    made_.push_back(prefix_ + "-" + kind + std::to_string(count_++) + ".avro");
    return made_.back();
  }
  std::string List(const TableMetadata& metadata, const SnapshotPlan& plan) {
    made_.push_back(MetadataFolder(metadata.location) + "/snap-" + std::to_string(plan.snapshot_id.value) + "-" +
                    std::to_string(plan.attempt) + "-" + plan.run + ".avro");
    return made_.back();
  }

 private:
  const std::string prefix_;
  std::vector<std::string>& made_;
  int count_ = 0;
};

// Makes the new list from the parent's: drops, rewrites and merges manifests.
class ParentManifests {
 public:
  struct Storage {
    io::FileStore& files;
    ManifestLists& lists;
    io::BackgroundSync& sync;
  };
  ParentManifests(Storage storage, const TableMetadata& metadata, const SnapshotPlan& plan, Names& names,
                  SnapshotSummary& summary)
      : storage_(storage), metadata_(metadata), plan_(plan), names_(names), summary_(summary) {}

  Result<std::vector<ManifestFile>> Carry(const std::vector<ManifestFile>& parent);
  int64_t num_replaced() const { return num_replaced_; }
  int64_t num_entries() const { return num_entries_; }

 private:
  Status RemoveAll(const ManifestFile& manifest, std::vector<ManifestFile>& out);
  Status RemoveSome(const ManifestFile& manifest, std::set<std::string>& missing, std::vector<ManifestFile>& out);
  Status MergeSmall(std::vector<ManifestFile>& manifests);
  Status MergeAll(std::vector<ManifestFile>& manifests);
  Status MergeByPartition(const std::vector<ManifestFile>& small, std::vector<ManifestFile>& out);
  Status Merge(const std::vector<ManifestFile>& small, std::vector<ManifestFile>& out);
  Status EachEntry(const ManifestFile& manifest, const std::function<Status(const ManifestEntry&)>& take);

  const Storage storage_;
  const TableMetadata& metadata_;
  const SnapshotPlan& plan_;
  Names& names_;
  SnapshotSummary& summary_;
  int64_t num_replaced_ = 0;
  int64_t num_entries_ = 0;
};

Result<std::vector<ManifestFile>> ParentManifests::Carry(const std::vector<ManifestFile>& parent) {
  std::vector<ManifestFile> carried;
  std::set<std::string> missing(plan_.removed.begin(), plan_.removed.end());
  for (const ManifestFile& manifest : parent) {
    if (!manifest.may_have_live_files()) continue;
    if (plan_.remove_all) {
      ARROW_RETURN_NOT_OK(RemoveAll(manifest, carried));
    } else if (!missing.empty()) {
      ARROW_RETURN_NOT_OK(RemoveSome(manifest, missing, carried));
    } else {
      carried.push_back(manifest);
    }
  }
  if (!missing.empty()) {
    return MakeError(Fault::kConflict, "a file to be replaced is no longer in the table: " + *missing.begin());
  }
  if (plan_.merge_manifests) {
    ARROW_RETURN_NOT_OK(MergeAll(carried));
    return carried;
  }
  // A rebase must be quick, and merging is not what it is about.
  if (plan_.attempt == 0) ARROW_RETURN_NOT_OK(MergeSmall(carried));
  return carried;
}

Status ParentManifests::RemoveAll(const ManifestFile& manifest, std::vector<ManifestFile>& out) {
  ARROW_ASSIGN_OR_RAISE(auto options,
                        WriterOptionsFor(metadata_, manifest.partition_spec_id, manifest.content, plan_.snapshot_id));
  RollingManifests rolling(storage_.sync, std::move(options), [&] { return names_.Manifest('d'); });
  ARROW_RETURN_NOT_OK(EachEntry(manifest, [&](const ManifestEntry& entry) -> Status {
    ++num_entries_;
    if (!entry.live()) return Status::OK();
    summary_.Remove(entry.file);
    ARROW_ASSIGN_OR_RAISE(ManifestWriter * writer, rolling.Writer());
    return writer->AddDeleted(entry);
  }));
  ARROW_ASSIGN_OR_RAISE(const auto written, rolling.Finish());
  ++num_replaced_;
  out.insert(out.end(), written.begin(), written.end());
  return Status::OK();
}

Status ParentManifests::RemoveSome(const ManifestFile& manifest, std::set<std::string>& missing,
                                   std::vector<ManifestFile>& out) {
  std::vector<ManifestEntry> live;
  bool touched = false;
  ARROW_RETURN_NOT_OK(EachEntry(manifest, [&](const ManifestEntry& entry) {
    ++num_entries_;
    touched = touched || (entry.live() && missing.contains(FileKeyOf(entry.file)));
    if (entry.live()) live.push_back(entry);
    return Status::OK();
  }));
  if (!touched) {
    out.push_back(manifest);
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(auto options,
                        WriterOptionsFor(metadata_, manifest.partition_spec_id, manifest.content, plan_.snapshot_id));
  RollingManifests rolling(storage_.sync, std::move(options), [&] { return names_.Manifest('d'); });
  for (const ManifestEntry& entry : live) {
    ARROW_ASSIGN_OR_RAISE(ManifestWriter * writer, rolling.Writer());
    if (missing.erase(FileKeyOf(entry.file)) == 0) {
      ARROW_RETURN_NOT_OK(writer->AddExisting(entry));
      continue;
    }
    summary_.Remove(entry.file);
    ARROW_RETURN_NOT_OK(writer->AddDeleted(entry));
  }
  ARROW_ASSIGN_OR_RAISE(const auto written, rolling.Finish());
  ++num_replaced_;
  out.insert(out.end(), written.begin(), written.end());
  return Status::OK();
}

Status ParentManifests::EachEntry(const ManifestFile& manifest,
                                  const std::function<Status(const ManifestEntry&)>& take) {
  const ManifestEntriesPtr known = storage_.lists.FindEntries(manifest.manifest_path);
  if (known == nullptr) {
    return ForEachEntry(storage_.files, metadata_, manifest, ManifestReadOptions::Statistics::kAll, take);
  }
  // Remembered as written: row ids come from the list, which may be a later one (an upgraded table).
  RowIdInheritance row_ids(manifest);
  for (ManifestEntry entry : *known) {
    row_ids.Apply(entry);
    ARROW_RETURN_NOT_OK(take(entry));
  }
  return Status::OK();
}

// Size class k has manifests of [base^k, base^(k+1)) live files. `base` manifests of one class make one of the next, so
// a list of n files has at most base·log(n) manifests, and each entry is rewritten log(n) times only.
int SizeClass(const ManifestFile& manifest, int base) {
  int64_t num_files = manifest.added_files_count.value_or(0) + manifest.existing_files_count.value_or(0);
  int size_class = 0;
  while (num_files >= base) {
    num_files /= base;
    ++size_class;
  }
  return size_class;
}

Status ParentManifests::MergeSmall(std::vector<ManifestFile>& manifests) {
  const int base = plan_.manifests_merge_min;
  if (base < 2 || static_cast<int>(manifests.size()) < base) return Status::OK();
  std::map<std::tuple<ManifestContent, int32_t, int>, std::vector<ManifestFile>> groups;
  for (const ManifestFile& manifest : manifests) {
    if (manifest.added_snapshot_id == plan_.snapshot_id) continue;
    if (manifest.manifest_length >= kMergedBytesMax) continue;
    groups[{manifest.content, manifest.partition_spec_id, SizeClass(manifest, base)}].push_back(manifest);
  }
  for (const auto& [key, group] : groups) {
    if (static_cast<int>(group.size()) < base) continue;
    std::vector<ManifestFile> merged;
    ARROW_RETURN_NOT_OK(Merge(group, merged));
    std::set<std::string> gone;
    for (const ManifestFile& manifest : group) gone.insert(manifest.manifest_path);
    std::erase_if(manifests, [&](const ManifestFile& manifest) { return gone.contains(manifest.manifest_path); });
    manifests.insert(manifests.end(), merged.begin(), merged.end());
    num_replaced_ += static_cast<int64_t>(group.size());
  }
  return Status::OK();
}

Status ParentManifests::MergeAll(std::vector<ManifestFile>& manifests) {
  std::map<std::pair<ManifestContent, int32_t>, std::vector<ManifestFile>> groups;
  std::vector<ManifestFile> kept;
  for (ManifestFile& manifest : manifests) {
    const bool small = manifest.manifest_length < kMergedBytesMax && manifest.added_snapshot_id != plan_.snapshot_id;
    (small ? groups[{manifest.content, manifest.partition_spec_id}] : kept).push_back(std::move(manifest));
  }
  for (const auto& [key, group] : groups) {
    if (group.size() < 2) {
      kept.insert(kept.end(), group.begin(), group.end());
      continue;
    }
    int64_t num_files = 0;
    for (const ManifestFile& manifest : group) {
      num_files += manifest.added_files_count.value_or(0) + manifest.existing_files_count.value_or(0);
    }
    std::vector<ManifestFile> merged;
    ARROW_RETURN_NOT_OK(num_files <= kOrderedEntriesMax ? MergeByPartition(group, merged) : Merge(group, merged));
    kept.insert(kept.end(), merged.begin(), merged.end());
    num_replaced_ += static_cast<int64_t>(group.size());
  }
  manifests = std::move(kept);
  return Status::OK();
}

bool PartitionLess(const ManifestEntry& a, const ManifestEntry& b) {
  return std::ranges::lexicographical_compare(a.file.partition, b.file.partition,
                                              [](const Literal& x, const Literal& y) { return Compare(x, y) < 0; });
}

// As Merge, with the entries of a partition side by side, so that readers can leave out whole manifests.
Status ParentManifests::MergeByPartition(const std::vector<ManifestFile>& small, std::vector<ManifestFile>& out) {
  std::vector<ManifestEntry> live;
  for (const ManifestFile& manifest : small) {
    ARROW_RETURN_NOT_OK(EachEntry(manifest, [&](const ManifestEntry& entry) {
      ++num_entries_;
      if (entry.live()) live.push_back(entry);
      return Status::OK();
    }));
  }
  std::ranges::stable_sort(live, PartitionLess);
  ARROW_ASSIGN_OR_RAISE(auto options,
                        WriterOptionsFor(metadata_, small[0].partition_spec_id, small[0].content, plan_.snapshot_id));
  RollingManifests rolling(storage_.sync, std::move(options), [&] { return names_.Manifest('x'); });
  for (const ManifestEntry& entry : live) {
    ARROW_ASSIGN_OR_RAISE(ManifestWriter * writer, rolling.Writer());
    ARROW_RETURN_NOT_OK(writer->AddExisting(entry));
  }
  ARROW_ASSIGN_OR_RAISE(out, rolling.Finish());
  return Status::OK();
}

// `small`: of one spec and content.
Status ParentManifests::Merge(const std::vector<ManifestFile>& small, std::vector<ManifestFile>& out) {
  ARROW_ASSIGN_OR_RAISE(auto options,
                        WriterOptionsFor(metadata_, small[0].partition_spec_id, small[0].content, plan_.snapshot_id));
  RollingManifests rolling(storage_.sync, std::move(options), [&] { return names_.Manifest('x'); });
  for (const ManifestFile& manifest : small) {
    ARROW_RETURN_NOT_OK(EachEntry(manifest, [&](const ManifestEntry& entry) -> Status {
      ++num_entries_;
      if (!entry.live()) return Status::OK();
      ARROW_ASSIGN_OR_RAISE(ManifestWriter * writer, rolling.Writer());
      return writer->AddExisting(entry);
    }));
  }
  ARROW_ASSIGN_OR_RAISE(out, rolling.Finish());
  return Status::OK();
}

std::string OperationOf(const SnapshotPlan& plan, const SnapshotSummary& summary) {
  if (plan.rewrites) return "replace";
  const auto is_data = [](const DataFile& file) { return file.content == FileContent::kData; };
  if (summary.removed_data_files() == 0 && std::ranges::all_of(plan.added, is_data)) return "append";
  return std::ranges::any_of(plan.added, is_data) ? "overwrite" : "delete";
}

}  // namespace

std::string MetadataFolder(const std::string& table_location) {
  return table_location + "/metadata";
}

SnapshotBuilder::SnapshotBuilder(io::FileStore& files, ManifestLists& lists) : files_(files), lists_(lists) {}

Status SnapshotBuilder::WriteAdded(const TableMetadata& metadata, const SnapshotPlan& plan, io::BackgroundSync& sync,
                                   BuiltSnapshot& built) {
  std::vector<std::string> keys;
  std::map<std::pair<ManifestContent, int32_t>, std::vector<const DataFile*>> by_manifest;
  for (const DataFile& file : plan.added) {
    keys.push_back(FileKeyOf(file));
    const auto content = file.content == FileContent::kData ? ManifestContent::kData : ManifestContent::kDeletes;
    by_manifest[{content, file.spec_id}].push_back(&file);
  }
  if (keys == added_keys_) return Status::OK();
  built.superseded = std::move(shared_files_);
  shared_files_.clear();
  added_manifests_.clear();
  added_keys_.clear();
  Names names(metadata, plan, shared_files_);
  for (const auto& [key, files] : by_manifest) {
    ARROW_ASSIGN_OR_RAISE(auto options, WriterOptionsFor(metadata, key.second, key.first, plan.snapshot_id));
    options.compressed = files.size() > kUncompressedFilesMax;
    RollingManifests rolling(sync, std::move(options), [&] { return names.Manifest('m'); });
    for (const DataFile* file : files) {
      ARROW_ASSIGN_OR_RAISE(ManifestWriter * writer, rolling.Writer());
      ARROW_RETURN_NOT_OK(writer->Add(*file));
    }
    ARROW_ASSIGN_OR_RAISE(const auto written, rolling.Finish());
    added_manifests_.insert(added_manifests_.end(), written.begin(), written.end());
  }
  added_keys_ = std::move(keys);
  FIRN_FAILPOINT("commit.manifest_written");
  return Status::OK();
}

std::vector<std::string> SnapshotBuilder::Forget() {
  added_manifests_.clear();
  added_keys_.clear();
  return std::exchange(shared_files_, {});
}

Result<BuiltSnapshot> SnapshotBuilder::Build(const TableMetadata& metadata, const SnapshotPlan& plan,
                                             io::BackgroundSync& sync) {
  BuiltSnapshot built;
  ARROW_RETURN_NOT_OK(WriteAdded(metadata, plan, sync, built));
  if (added_manifests_.size() == 1) built.added_manifest = added_manifests_[0].manifest_path;
  SnapshotSummary summary;
  for (const DataFile& file : plan.added) summary.Add(file);

  const Snapshot* parent = metadata.CurrentSnapshot();
  Names names(metadata, plan, built.written);
  ParentManifests carrier({.files = files_, .lists = lists_, .sync = sync}, metadata, plan, names, summary);
  std::vector<ManifestFile> manifests = added_manifests_;
  ManifestListPtr before = std::make_shared<std::vector<ManifestFile>>();
  if (parent != nullptr) {
    ARROW_ASSIGN_OR_RAISE(before, lists_.Get(*parent));
  }
  const auto abandon = [&](const Status& status) {
    for (const std::string& file : built.written) static_cast<void>(files_.Remove(file));  // nothing names them yet
    return status;
  };
  auto carried = carrier.Carry(*before);
  if (!carried.ok()) return abandon(carried.status());
  manifests.insert(manifests.end(), carried->begin(), carried->end());

  Snapshot& snapshot = built.snapshot;
  snapshot.snapshot_id = plan.snapshot_id;
  if (parent != nullptr) snapshot.parent_snapshot_id = parent->snapshot_id;
  snapshot.sequence_number = metadata.last_sequence_number + 1;
  snapshot.timestamp_ms = std::max(plan.now_ms, metadata.last_updated_ms);
  snapshot.schema_id = metadata.current_schema_id;
  int64_t num_created = 0;
  for (ManifestFile& manifest : manifests) {
    if (manifest.added_snapshot_id == plan.snapshot_id) ++num_created;
    if (!manifest.sequence_number) manifest.sequence_number = snapshot.sequence_number;
    if (!manifest.min_sequence_number) manifest.min_sequence_number = snapshot.sequence_number;
  }
  if (metadata.format_version >= kRowLineageFromVersion) {
    const int64_t first_row_id = metadata.next_row_id.value_or(0);
    const auto next_row_id = AssignRowIds(first_row_id, manifests);
    if (!next_row_id.ok()) return abandon(next_row_id.status());
    snapshot.first_row_id = first_row_id;
    snapshot.added_rows = *next_row_id - first_row_id;
  }
  snapshot.summary = summary.Write(parent);
  snapshot.summary["operation"] = OperationOf(plan, summary);
  snapshot.summary["manifests-created"] = std::to_string(num_created);
  snapshot.summary["manifests-kept"] = std::to_string(static_cast<int64_t>(manifests.size()) - num_created);
  snapshot.summary["manifests-replaced"] = std::to_string(carrier.num_replaced());
  snapshot.summary["entries-processed"] = std::to_string(carrier.num_entries());
  for (const auto& [key, value] : plan.summary) snapshot.summary[key] = value;

  auto list = EncodeManifestList({.snapshot_id = plan.snapshot_id,
                                  .parent_snapshot_id = snapshot.parent_snapshot_id,
                                  .sequence_number = snapshot.sequence_number,
                                  .format_version = metadata.format_version,
                                  .first_row_id = snapshot.first_row_id},
                                 manifests);
  if (!list.ok()) return abandon(list.status());
  snapshot.manifest_list = names.List(metadata, plan);
  Status written = sync.Write(snapshot.manifest_list, *list);
  if (written.ok()) written = failpoint::Hit("commit.list_written");
  if (!written.ok()) return abandon(written);
  built.manifests = std::make_shared<const std::vector<ManifestFile>>(std::move(manifests));
  built.added_rows = summary.added_rows();
  built.removed_rows = summary.removed_rows();
  built.removed_files = summary.removed_data_files();
  return built;
}

}  // namespace firn::table
