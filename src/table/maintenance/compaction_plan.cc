#include "table/maintenance/compaction_plan.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>
#include <utility>

#include "table/commit/ancestry.h"
#include "table/delete/position_delete_file.h"
#include "table/write/file_layout.h"

namespace firn::table {
namespace {

constexpr int64_t kTargetBytesDefault = int64_t{512} << 20;

int64_t ParseCount(std::string_view text) {
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? value : 0;
}

std::string PartitionKeyOf(const DataFile& file) {
  std::string key = std::to_string(file.spec_id);
  for (const Literal& value : file.partition) {
    const std::string bytes = value.is_null() ? "" : ToSingleValue(value);
    key += (value.is_null() ? "/null" : "/" + std::to_string(bytes.size()) + ":") + bytes;
  }
  return key;
}

int64_t NumDeleteFiles(const Inventory::File& file) {
  auto count = static_cast<int64_t>(file.deletes.positions.size() + file.deletes.superseded.size());
  if (file.deletes.vector != nullptr) ++count;
  for (const auto& group : file.deletes.equality) {
    count += std::ranges::count_if(group->entries, [&](const DeleteEntry& entry) {
      return *entry->sequence_number > *file.entry->sequence_number;
    });
  }
  return count;
}

int64_t ReadBytes(const Inventory::File& file) {
  const auto bytes = [](const DeleteEntry& entry) {
    return entry->file.content_size_bytes.value_or(entry->file.file_size_bytes);
  };
  int64_t sum = file.entry->file.file_size_bytes;
  if (file.deletes.vector != nullptr) sum += bytes(file.deletes.vector);
  for (const DeleteEntry& entry : file.deletes.positions) {
    if (ScopeOf(entry->file)) sum += bytes(entry);
  }
  return sum;
}

// Bytes that are left of a file.
int64_t LiveBytes(const Inventory::File& file) {
  return static_cast<int64_t>(static_cast<double>(file.entry->file.file_size_bytes) * (1 - DeletedShare(file)));
}

class Planner {
 public:
  Planner(const Inventory& inventory, const CompactionOptions& options)
      : inventory_(inventory),
        options_(options),
        target_(TargetBytes(inventory.metadata(), options)),
        bin_max_(options.strategy == CompactionOptions::Strategy::kSort ? options.sort_bytes_max
                 : options.bin_bytes_max > 0                            ? std::min(target_, options.bin_bytes_max)
                                                                        : target_),
        small_below_(static_cast<int64_t>(static_cast<double>(target_) * options.small_share)) {}

  CompactionPlan Plan();

 private:
  bool small(const Inventory::File& file) const { return LiveBytes(file) < small_below_; }
  // Its deletes alone are a reason to rewrite it.
  bool worn(const Inventory::File& file) const {
    return IsOfOlderSpec(file) || DeletedShare(file) >= options_.deleted_share_min ||
           NumDeleteFiles(file) > options_.delete_files_max;
  }
  bool IsOfOlderSpec(const Inventory::File& file) const {
    return options_.repartition && file.entry->file.spec_id != inventory_.metadata().default_spec_id;
  }
  std::string KeyOf(const Inventory::File& file) const {
    // The rows of an older partition go to many new ones, so its neighbours come along.
    return IsOfOlderSpec(file) ? "spec " + std::to_string(file.entry->file.spec_id) : PartitionKeyOf(file.entry->file);
  }
  bool LeftSorted(const Inventory::File& file) const;
  bool old(const Inventory::File& file) const;
  bool sorts() const { return options_.strategy == CompactionOptions::Strategy::kSort; }
  std::vector<Inventory::File> All(std::vector<Inventory::File> partition) const;
  std::vector<Inventory::File> Candidates(std::vector<Inventory::File> partition) const;
  void KeepTiers(const std::vector<Inventory::File>& files, std::vector<size_t>& small_files) const;
  void AddBins(const std::vector<Inventory::File>& files, int64_t bin_max);
  void AddBin(CompactionBin bin);
  void Pack();

  const Inventory& inventory_;
  const CompactionOptions& options_;
  const int64_t target_;
  const int64_t bin_max_;
  const int64_t small_below_;
  std::vector<CompactionBin> bins_;
  CompactionPlan plan_;
};

bool Planner::LeftSorted(const Inventory::File& file) const {
  const SortOrder& order = inventory_.metadata().default_sort_order();
  return !order.fields.empty() && file.entry->file.sort_order_id == order.order_id &&
         !CanSort({.order = order}, inventory_.metadata().schema());
}

// Of a snapshot that is gone a file is older than any age.
bool Planner::old(const Inventory::File& file) const {
  if (options_.older_than_ms <= 0) return false;
  const auto& added_by = file.entry->snapshot_id;
  const Snapshot* snapshot = added_by ? inventory_.metadata().FindSnapshot(*added_by) : nullptr;
  return snapshot == nullptr || options_.now_ms - snapshot->timestamp_ms >= options_.older_than_ms;
}

// Of a rewrite that was interrupted the files that are done are younger.
std::vector<Inventory::File> Planner::All(std::vector<Inventory::File> partition) const {
  std::ranges::stable_sort(partition, {}, [](const Inventory::File& file) { return *file.entry->sequence_number; });
  if (options_.rewrite_upto) {
    std::erase_if(partition, [&](const Inventory::File& file) {
      return file.entry->file_sequence_number.value_or(0) > *options_.rewrite_upto;
    });
  }
  return partition;
}

// The longest run of the smallest files in which the largest is no larger than all others together.
void Planner::KeepTiers(const std::vector<Inventory::File>& files, std::vector<size_t>& small_files) const {
  std::ranges::stable_sort(small_files, {}, [&](size_t i) { return LiveBytes(files[i]); });
  int64_t sum = 0;
  size_t keep = 0;
  for (size_t i = 0; i < small_files.size(); ++i) {
    const int64_t bytes = LiveBytes(files[small_files[i]]);
    if (bytes <= sum) keep = i + 1;
    sum += bytes;
  }
  const auto aged = [&](size_t i) { return old(files[i]); };
  const bool enough = keep >= static_cast<size_t>(options_.files_min) ||
                      (keep > 1 && options_.bytes_min > 0 && sum >= options_.bytes_min);
  if (!enough && std::ranges::count_if(small_files, aged) > 0) return;  // all: they will not get more soon
  small_files.resize(enough ? keep : 0);
}

// In row order: older rows first; files of one commit in the order of the manifest.
std::vector<Inventory::File> Planner::Candidates(std::vector<Inventory::File> partition) const {
  std::ranges::stable_sort(partition, {}, [](const Inventory::File& file) { return *file.entry->sequence_number; });
  std::vector<size_t> chosen, small_files;
  for (size_t i = 0; i < partition.size(); ++i) {
    if (worn(partition[i])) {
      chosen.push_back(i);
    } else if (small(partition[i])) {
      small_files.push_back(i);
    }
  }
  if (options_.size_tiered) KeepTiers(partition, small_files);
  chosen.insert(chosen.end(), small_files.begin(), small_files.end());
  std::ranges::sort(chosen);
  std::vector<Inventory::File> files;
  for (const size_t i : chosen) files.push_back(std::move(partition[i]));
  return files;
}

void Planner::AddBins(const std::vector<Inventory::File>& files, int64_t bin_max) {
  CompactionBin bin;
  int64_t live_bytes = 0;
  for (const Inventory::File& file : files) {
    const int64_t bytes = LiveBytes(file);
    if (!bin.files.empty() && live_bytes + bytes > bin_max) {
      AddBin(std::exchange(bin, {}));
      live_bytes = 0;
    }
    bin.spec_id = file.entry->file.spec_id;
    bin.num_bytes += ReadBytes(file);
    live_bytes += bytes;
    bin.files.push_back(file);
  }
  if (!bin.files.empty()) AddBin(std::move(bin));
}

void Planner::AddBin(CompactionBin bin) {
  const bool has_worn = std::ranges::any_of(bin.files, [&](const auto& file) { return worn(file); });
  const bool many = static_cast<int>(bin.files.size()) >= options_.files_min;
  const bool several = bin.files.size() > 1;
  const bool fills = several && bin.num_bytes >= small_below_;
  const bool large = several && options_.bytes_min > 0 && bin.num_bytes >= options_.bytes_min;
  const bool aged = several && std::ranges::any_of(bin.files, [&](const auto& file) { return old(file); });
  const bool all = sorts() || options_.rewrite_upto;
  if (all || has_worn || many || fills || large || aged) bins_.push_back(std::move(bin));
}

// Files that a reader no longer opens, per byte that has to be read for it.
double Worth(const CompactionBin& bin) {
  int64_t fewer = static_cast<int64_t>(bin.files.size());
  for (const Inventory::File& file : bin.files) fewer += NumDeleteFiles(file);
  return static_cast<double>(fewer) / static_cast<double>(std::max<int64_t>(1, bin.num_bytes));
}

void Planner::Pack() {
  std::ranges::stable_sort(bins_, std::greater<>(), Worth);
  for (CompactionBin& bin : bins_) {
    const auto num_files = static_cast<int64_t>(bin.files.size());
    const bool full = plan_.groups.empty() ||
                      plan_.groups.back().num_bytes + bin.num_bytes > options_.group_bytes_max ||
                      plan_.groups.back().num_files + num_files > options_.group_files_max;
    if (full) plan_.groups.emplace_back();
    CompactionGroup& group = plan_.groups.back();
    group.num_bytes += bin.num_bytes;
    group.num_files += num_files;
    group.bins.push_back(std::move(bin));
  }
}

CompactionPlan Planner::Plan() {
  plan_.target_file_bytes = target_;
  const bool all = sorts() || options_.rewrite_upto;
  std::map<std::string, std::vector<Inventory::File>> partitions;
  std::vector<Inventory::File> repartitioned;
  for (const Inventory::File& file : inventory_.files()) {
    if (small(file)) ++plan_.small_files;
    if (file.entry->file.file_format != FileFormat::kParquet) {
      ++plan_.kept_format;
    } else if (!options_.order && LeftSorted(file)) {
      ++plan_.kept_sorted;
    } else if (all && file.entry->file.spec_id != inventory_.metadata().default_spec_id) {
      repartitioned.push_back(file);
    } else {
      partitions[KeyOf(file)].push_back(file);
    }
  }
  for (auto& [key, files] : partitions) {
    AddBins(all ? All(std::move(files)) : Candidates(std::move(files)), bin_max_);
  }
  // Their rows go to other partitions: many files together fill those.
  AddBins(All(std::move(repartitioned)), options_.sort_bytes_max);
  Pack();
  return std::move(plan_);
}

}  // namespace

int64_t TargetBytes(const TableMetadata& metadata, const CompactionOptions& options) {
  if (options.target_file_bytes > 0) return options.target_file_bytes;
  const int64_t wanted = ParseCount(metadata.Property(kTargetFileSize));
  return wanted > 0 ? wanted : kTargetBytesDefault;
}

ReadAmplification AmplificationOf(const Inventory& inventory, int64_t target_file_bytes) {
  std::map<std::string, int64_t> live_bytes;  // of each partition
  int64_t live = 0;
  for (const Inventory::File& file : inventory.files()) {
    live_bytes[PartitionKeyOf(file.entry->file)] += LiveBytes(file);
    live += LiveBytes(file);
  }
  int64_t needed = 0;
  for (const auto& [key, bytes] : live_bytes) {
    needed += std::max<int64_t>(1, (bytes + target_file_bytes - 1) / target_file_bytes);
  }
  const TableHealth health = inventory.health();
  const auto ratio = [](int64_t a, int64_t b) { return b <= 0 ? 1 : static_cast<double>(a) / static_cast<double>(b); };
  return {.bytes = ratio(health.data_bytes + health.delete_bytes, live),
          .files = ratio(health.data_files + health.delete_files, needed)};
}

double DeletedShare(const Inventory::File& file) {
  int64_t deleted = file.deletes.vector != nullptr ? file.deletes.vector->file.record_count : 0;
  for (const DeleteEntry& entry : file.deletes.positions) {
    if (ScopeOf(entry->file)) deleted += entry->file.record_count;
  }
  const int64_t records = std::max<int64_t>(1, file.entry->file.record_count);
  return std::min(1.0, static_cast<double>(deleted) / static_cast<double>(records));
}

CompactionPlan PlanCompaction(const Inventory& inventory, const CompactionOptions& options) {
  return Planner(inventory, options).Plan();
}

bool MayNeedCompaction(const TableMetadata& metadata, const CompactionOptions& options) {
  const auto count = [](const Snapshot& snapshot, const char* key) {
    const auto found = snapshot.summary.find(key);
    return found == snapshot.summary.end() ? int64_t{0} : ParseCount(found->second);
  };
  int64_t data_files = 0;
  int64_t delete_files = 0;
  const Ancestry ancestry = AncestryOfMain(metadata);
  for (const Snapshot* snapshot : ancestry.snapshots) {
    if (snapshot->summary.contains(kCompactionKey)) return count(*snapshot, kCompactionKey) > 0;
    data_files += count(*snapshot, "added-data-files");
    delete_files += count(*snapshot, "added-delete-files");
    const bool by_size_or_age = options.bytes_min > 0 || options.older_than_ms > 0;
    if (by_size_or_age && data_files > 1) return true;
    if (data_files >= options.files_min || delete_files >= options.files_min) return true;
  }
  return ancestry.ends_at_expired;
}

}  // namespace firn::table
