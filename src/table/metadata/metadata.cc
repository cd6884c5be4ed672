#include "table/metadata/metadata.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/random.h"

namespace firn::table {
namespace {

// The halves of a random version-4 UUID (RFC 9562). From the kernel's generator: no seed that two processes could
// share.
std::array<uint64_t, 2> RandomUuid() {
  uint8_t bytes[16];
  FillRandom(bytes);
  std::array<uint64_t, 2> uuid;
  std::memcpy(uuid.data(), bytes, sizeof bytes);
  uuid[0] = (uuid[0] & ~uint64_t{0xF000}) | 0x4000;
  uuid[1] = (uuid[1] & ~(uint64_t{3} << 62)) | (uint64_t{1} << 63);
  return uuid;
}

const schema::Field* FindSource(const TableMetadata& metadata, int32_t source_id) {
  if (const schema::Field* field = metadata.schema().FindById(source_id)) return field;
  for (auto schema = metadata.schemas.rbegin(); schema != metadata.schemas.rend(); ++schema) {
    if (const schema::Field* field = (*schema)->FindById(source_id)) return field;
  }
  return nullptr;
}

}  // namespace

SchemaPtr TableMetadata::FindSchema(int32_t schema_id) const {
  for (const SchemaPtr& schema : schemas) {
    if (schema->schema_id == schema_id) return schema;
  }
  return nullptr;
}

SchemaPtr TableMetadata::schema_ptr() const {
  SchemaPtr found = FindSchema(current_schema_id);
  FIRN_CHECK(found != nullptr);
  return found;
}

const schema::Schema& TableMetadata::schema() const {
  return *schema_ptr();
}

const PartitionSpec* TableMetadata::FindSpec(int32_t spec_id) const {
  const auto found = std::find_if(partition_specs.begin(), partition_specs.end(),
                                  [&](const PartitionSpec& spec) { return spec.spec_id == spec_id; });
  return found == partition_specs.end() ? nullptr : &*found;
}

const PartitionSpec& TableMetadata::default_spec() const {
  const PartitionSpec* found = FindSpec(default_spec_id);
  FIRN_CHECK(found != nullptr);
  return *found;
}

const SortOrder& TableMetadata::default_sort_order() const {
  const auto found = std::find_if(sort_orders.begin(), sort_orders.end(),
                                  [&](const SortOrder& order) { return order.order_id == default_sort_order_id; });
  FIRN_CHECK(found != sort_orders.end());
  return *found;
}

const Snapshot* TableMetadata::FindSnapshot(SnapshotId id) const {
  // From the end: what is asked for is nearly always recent.
  const auto found = std::find_if(snapshots.rbegin(), snapshots.rend(),
                                  [&](const Snapshot& snapshot) { return snapshot.snapshot_id == id; });
  return found == snapshots.rend() ? nullptr : &*found;
}

const Snapshot* TableMetadata::CurrentSnapshot() const {
  return current_snapshot_id ? FindSnapshot(*current_snapshot_id) : nullptr;
}

const Snapshot* TableMetadata::FindRef(std::string_view name) const {
  const auto found = refs.find(std::string(name));
  return found == refs.end() ? nullptr : FindSnapshot(found->second.snapshot_id);
}

std::string TableMetadata::Property(const std::string& name, std::string otherwise) const {
  const auto found = properties.find(name);
  return found == properties.end() ? std::move(otherwise) : found->second;
}

Result<std::vector<schema::Field>> PartitionFieldsOf(const TableMetadata& metadata, int32_t spec_id) {
  const PartitionSpec* spec = metadata.FindSpec(spec_id);
  if (spec == nullptr) return MakeError(Fault::kBadData, "no partition spec with id " + std::to_string(spec_id));
  schema::Schema sources;
  for (const PartitionField& field : spec->fields) {
    const schema::Field* source = FindSource(metadata, field.source_id);
    if (source != nullptr) sources.fields.push_back(*source);
  }
  return PartitionFields(*spec, sources);
}

SnapshotId NewSnapshotId() {
  while (true) {
    const auto uuid = RandomUuid();
    const int64_t value = static_cast<int64_t>((uuid[0] ^ uuid[1]) & (~uint64_t{0} >> 1));
    if (value != 0) return {value};
  }
}

std::string NewUuid() {
  constexpr char kHex[] = "0123456789abcdef";
  const auto uuid = RandomUuid();
  std::string text;
  for (int digit = 0; digit < 32; ++digit) {
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) text += '-';
    text += kHex[(uuid[static_cast<size_t>(digit / 16)] >> (60 - 4 * (digit % 16))) & 15];
  }
  return text;
}

}  // namespace firn::table
