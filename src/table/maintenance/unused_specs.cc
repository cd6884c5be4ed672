#include "table/maintenance/unused_specs.h"

#include <arrow/buffer.h>

#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "table/commit/ref_update.h"
#include "table/manifest/manifest_list.h"

namespace firn::table {
namespace {

constexpr int64_t kManifestListBytesMax = int64_t{1} << 30;

}  // namespace

Result<std::vector<int32_t>> FindUnusedSpecs(io::FileStore& files, const TableMetadata& metadata) {
  std::vector<int32_t> unused;
  if (metadata.partition_specs.size() < 2) return unused;
  std::set<int32_t> used = {metadata.default_spec_id};
  for (const Snapshot& snapshot : metadata.snapshots) {
    if (snapshot.manifest_list.empty()) return unused;  // version 1: its manifests would have to be read
    ARROW_ASSIGN_OR_RAISE(const auto bytes, files.Read(snapshot.manifest_list, kManifestListBytesMax));
    const std::string_view text(reinterpret_cast<const char*>(bytes->data()), static_cast<size_t>(bytes->size()));
    ARROW_ASSIGN_OR_RAISE(const auto manifests, DecodeManifestList(text));
    for (const ManifestFile& manifest : manifests) used.insert(manifest.partition_spec_id);
  }
  for (const PartitionSpec& spec : metadata.partition_specs) {
    if (!used.contains(spec.spec_id)) unused.push_back(spec.spec_id);
  }
  return unused;
}

Result<int64_t> RemoveUnusedSpecs(catalog::Catalog& catalog, io::FileStore& files, const Clock& clock,
                                  const catalog::TableIdentifier& identifier, std::stop_token stop) {
  int64_t num_removed = 0;
  const RefPlan plan = [&](const catalog::TableIdentifier&,
                           const catalog::LoadedTable& table) -> Result<std::optional<RefChange>> {
    const TableMetadata& metadata = *table.metadata;
    ARROW_ASSIGN_OR_RAISE(auto unused, FindUnusedSpecs(files, metadata));
    num_removed = static_cast<int64_t>(unused.size());
    if (unused.empty()) return std::optional<RefChange>();
    // Nobody may have committed in between, nor chosen one of them again.
    RefChange change{.requirements = {requirement::AssertDefaultSpecId{.default_spec_id = metadata.default_spec_id}},
                     .updates = {update::RemovePartitionSpecs{.spec_ids = std::move(unused)}}};
    for (const auto& [name, ref] : metadata.refs) {
      change.requirements.emplace_back(requirement::AssertRefSnapshotId{.ref = name, .snapshot_id = ref.snapshot_id});
    }
    return std::optional(std::move(change));
  };
  ARROW_RETURN_NOT_OK(
      CommitRefs({.catalog = catalog, .clock = clock}, {&identifier, 1}, plan, std::move(stop)).status());
  return num_removed;
}

}  // namespace firn::table
