#include "table/scan/snapshot_diff.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

namespace firn::table {
namespace {

// Names a data file together with everything that deletes rows of it. Paths hold no NUL.
std::string SignatureOf(const ManifestEntry& entry, const FileDeletes& deletes) {
  std::vector<std::string> applied;
  if (deletes.vector != nullptr) applied.push_back(FileKeyOf(deletes.vector->file));
  for (const DeleteEntry& positions : deletes.positions) applied.push_back(FileKeyOf(positions->file));
  for (const auto& group : deletes.equality) {
    for (const DeleteEntry& equality : group->entries) {
      if (equality->sequence_number > entry.sequence_number) applied.push_back(FileKeyOf(equality->file));
    }
  }
  std::ranges::sort(applied);
  std::string signature = entry.file.file_path;
  for (const std::string& file : applied) {
    signature += '\0';
    signature += file;
  }
  return signature;
}

std::vector<std::string> SignaturesOf(const ScanPlan& plan) {
  std::vector<std::string> signatures;
  signatures.reserve(plan.files.size());
  for (size_t i = 0; i < plan.files.size(); ++i) signatures.push_back(SignatureOf(plan.files[i], plan.DeletesOf(i)));
  return signatures;
}

// The files of `plan` whose signature `other` does not have.
ScanPlan Without(ScanPlan plan, const std::vector<std::string>& signatures, const std::vector<std::string>& other) {
  const std::unordered_set<std::string_view> shared(other.begin(), other.end());
  ScanPlan left;
  left.delete_files = plan.delete_files;
  for (size_t i = 0; i < plan.files.size(); ++i) {
    if (shared.contains(signatures[i])) continue;
    if (!plan.deletes.empty()) left.deletes.push_back(std::move(plan.deletes[i]));
    left.files.push_back(std::move(plan.files[i]));
  }
  return left;
}

}  // namespace

SnapshotDiff WithoutShared(ScanPlan from, ScanPlan to) {
  const std::vector<std::string> before = SignaturesOf(from);
  const std::vector<std::string> after = SignaturesOf(to);
  SnapshotDiff diff{.from = Without(std::move(from), before, after), .to = Without(std::move(to), after, before)};
  diff.files_shared = static_cast<int64_t>(before.size() - diff.from.files.size());
  return diff;
}

Result<SnapshotDiff> PlanDiff(io::FileStore& files, const TableMetadata& metadata, const Snapshot& from,
                              const Snapshot& to) {
  const ScanOptions all{.deletes = ScanOptions::Deletes::kPlan};
  ARROW_ASSIGN_OR_RAISE(ScanPlan before, PlanFiles(files, metadata, from, all));
  ARROW_ASSIGN_OR_RAISE(ScanPlan after, PlanFiles(files, metadata, to, all));
  return WithoutShared(std::move(before), std::move(after));
}

}  // namespace firn::table
