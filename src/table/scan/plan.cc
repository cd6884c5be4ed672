#include "table/scan/plan.h"

#include <arrow/buffer.h>

#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "io/file_store.h"
#include "table/delete/position_delete_file.h"
#include "table/manifest/manifest_list.h"
#include "table/manifest/manifest_reader.h"
#include "table/scan/value_range.h"
#include "table/write/transform.h"

namespace firn::table {

namespace {

using Op = Predicate::Op;
using Kind = Transform::Kind;

constexpr int64_t kManifestBytesMax = int64_t{1} << 30;
constexpr size_t kNamedDeleteFilesMax = 3;

std::optional<Literal> DecodeBound(const schema::TypePtr& type, const std::string* bytes) {
  if (bytes == nullptr) return std::nullopt;
  auto literal = FromSingleValue(type, *bytes);
  if (!literal.ok()) return std::nullopt;  // a bound we cannot read bounds nothing
  return std::move(literal).ValueUnsafe();
}

const std::string* Find(const std::map<int32_t, std::string>& map, int32_t id) {
  const auto found = map.find(id);
  return found == map.end() ? nullptr : &found->second;
}

std::optional<int64_t> FindCount(const std::map<int32_t, int64_t>& map, int32_t id) {
  const auto found = map.find(id);
  return found == map.end() ? std::nullopt : std::optional<int64_t>(found->second);
}

/// A predicate as it applies to one field of a partition spec.
struct PartitionTest {
  size_t index = 0;  // in the tuple
  schema::TypePtr type;
  Op op = Op::kEqual;
  Literal value;
  int32_t truncate_width = 0;  // of an int or long: near the type's maximum may stand wrapped-around minima
};

bool IsInteger(const schema::Type& type) {
  return type.id == schema::TypeId::kInt || type.id == schema::TypeId::kLong;
}

/// True if the truncated value may come from the low end of the type (see ApplyTransform).
bool MayBeWrapped(const PartitionTest& test, const Literal& value) {
  if (test.truncate_width == 0) return false;
  const auto* number = std::get_if<int32_t>(&value.value);
  const int64_t long_value = number != nullptr ? *number : std::get<int64_t>(value.value);
  const int64_t max = number != nullptr ? std::numeric_limits<int32_t>::max() : std::numeric_limits<int64_t>::max();
  return long_value > max - test.truncate_width;
}

/// Turns `x op v` into a condition on the transform of x that x's rows imply. nullopt: it implies nothing.
std::optional<PartitionTest> Project(const Predicate& predicate, const PartitionField& field, size_t index,
                                     const schema::TypePtr& type) {
  const Kind kind = field.transform.kind;
  if (kind == Kind::kVoid || kind == Kind::kUnknown) return std::nullopt;
  PartitionTest test{.index = index, .type = type, .op = predicate.op, .value = Literal::Null(type)};
  if (predicate.op == Op::kIsNull || predicate.op == Op::kIsNotNull) return test;
  if (predicate.value.is_null() || (kind == Kind::kBucket && predicate.op != Op::kEqual)) return std::nullopt;
  auto transformed = ApplyTransform(field.transform, predicate.value);
  if (!transformed.ok()) return std::nullopt;  // no row of the table can have that value: bounds will tell
  test.value = std::move(transformed).ValueUnsafe();
  if (kind == Kind::kTruncate && IsInteger(*type)) {
    test.truncate_width = field.transform.parameter;
    if (predicate.op != Op::kEqual && MayBeWrapped(test, test.value)) return std::nullopt;
  }
  if (kind != Kind::kIdentity) {  // x < v implies only T(x) <= T(v)
    if (predicate.op == Op::kLess) test.op = Op::kLessOrEqual;
    if (predicate.op == Op::kGreater) test.op = Op::kGreaterOrEqual;
  }
  return test;
}

bool TupleMayMatch(const PartitionTest& test, const std::vector<Literal>& tuple) {
  if (test.index >= tuple.size()) return true;
  const Literal& value = tuple[test.index];
  if (value.is_null()) return RangeMayMatch({.may_have_value = false}, test.op, test.value);
  if (MayBeWrapped(test, value) && test.op != Op::kEqual) return true;
  const bool nan = IsNan(value);
  ValueRange range{.may_have_null = false, .may_have_nan = nan};
  if (!nan) range.lower = range.upper = value;
  return RangeMayMatch(range, test.op, test.value);
}

bool SummaryMayMatch(const PartitionTest& test, const ManifestFile& manifest) {
  if (!manifest.partitions || test.index >= manifest.partitions->size()) return true;
  const FieldSummary& summary = (*manifest.partitions)[test.index];
  ValueRange range{.may_have_null = summary.contains_null, .may_have_nan = summary.contains_nan.value_or(true)};
  const bool has_bounds = summary.lower_bound.has_value() && summary.upper_bound.has_value();
  // No bounds means: nothing but null and NaN.
  range.may_have_value = has_bounds || (range.may_have_nan && IsFloating(*test.type));
  range.lower = DecodeBound(test.type, summary.lower_bound ? &*summary.lower_bound : nullptr);
  range.upper = DecodeBound(test.type, summary.upper_bound ? &*summary.upper_bound : nullptr);
  if (range.upper && MayBeWrapped(test, *range.upper)) return true;
  return RangeMayMatch(range, test.op, test.value);
}

class Planner {
 public:
  Planner(io::FileStore& files, const TableMetadata& metadata, const ScanOptions& options)
      : files_(files), metadata_(metadata), options_(options), deletes_(metadata) {}

  Status AddManifest(const ManifestFile& manifest);
  Result<ScanPlan> Finish();

 private:
  Status Refusal() const;
  std::vector<PartitionTest> TestsOf(const PartitionSpec& spec, const std::vector<schema::Field>& fields) const;
  bool Wanted(const ManifestEntry& entry, const std::vector<PartitionTest>& tests) const;

  io::FileStore& files_;
  const TableMetadata& metadata_;
  const ScanOptions& options_;
  ScanPlan plan_;
  DeleteIndex deletes_;
};

std::vector<PartitionTest> Planner::TestsOf(const PartitionSpec& spec, const std::vector<schema::Field>& fields) const {
  std::vector<PartitionTest> tests;
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    for (const Predicate& predicate : options_.predicates) {
      if (predicate.field_id != spec.fields[i].source_id) continue;
      auto test = Project(predicate, spec.fields[i], i, fields[i].type);
      if (test) tests.push_back(std::move(*test));
    }
  }
  return tests;
}

bool Planner::Wanted(const ManifestEntry& entry, const std::vector<PartitionTest>& tests) const {
  for (const PartitionTest& test : tests) {
    if (!TupleMayMatch(test, entry.file.partition)) return false;
  }
  for (const Predicate& predicate : options_.predicates) {
    const schema::Field* field = metadata_.schema().FindById(predicate.field_id);
    if (field != nullptr && !MayMatch(predicate, entry.file, field->type)) return false;
  }
  return true;
}

Status Planner::AddManifest(const ManifestFile& manifest) {
  if (!manifest.may_have_live_files()) return Status::OK();
  const PartitionSpec* spec = metadata_.FindSpec(manifest.partition_spec_id);
  if (spec == nullptr) {
    return MakeError(Fault::kBadData, "manifest " + manifest.manifest_path + " has an unknown partition spec: " +
                                          std::to_string(manifest.partition_spec_id));
  }
  ManifestReadOptions read;
  ARROW_ASSIGN_OR_RAISE(read.partition_fields, PartitionFieldsOf(metadata_, spec->spec_id));
  const auto tests = TestsOf(*spec, read.partition_fields);
  const bool is_data = manifest.content == ManifestContent::kData;
  for (const PartitionTest& test : tests) {
    if (is_data && !SummaryMayMatch(test, manifest)) {
      ++plan_.manifests_skipped;
      return Status::OK();
    }
  }
  if (!is_data) {  // what tells which data file it is about
    read.statistics = ManifestReadOptions::Statistics::kSome;
    read.statistics_fields.insert(kDeleteFilePathFieldId);
  } else if (!options_.keep_metrics) {
    read.statistics = ManifestReadOptions::Statistics::kSome;
    for (const Predicate& predicate : options_.predicates) read.statistics_fields.insert(predicate.field_id);
  }
  ARROW_ASSIGN_OR_RAISE(auto bytes, files_.Read(manifest.manifest_path, kManifestBytesMax));
  const std::string_view text(reinterpret_cast<const char*>(bytes->data()), static_cast<size_t>(bytes->size()));
  auto entries = ReadManifest(text, manifest, std::move(read));
  if (!entries.ok()) return Within("manifest " + manifest.manifest_path, entries.status());
  ++plan_.manifests_read;
  for (ManifestEntry& entry : *entries) {
    if (!entry.live()) continue;
    if (entry.file.content != FileContent::kData) {
      ARROW_RETURN_NOT_OK(deletes_.Add(std::move(entry)));
    } else if (Wanted(entry, tests)) {
      plan_.files.push_back(std::move(entry));
    } else {
      ++plan_.files_skipped;
    }
  }
  return Status::OK();
}

/// Sequence numbers decide which deletes apply, so that they are matched when all manifests are read.
Result<ScanPlan> Planner::Finish() {
  plan_.delete_files = deletes_.num_files();
  if (deletes_.empty()) return std::move(plan_);
  if (options_.deletes == ScanOptions::Deletes::kRefuse) return Refusal();
  for (const ManifestEntry& entry : plan_.files) {
    ARROW_ASSIGN_OR_RAISE(plan_.deletes.emplace_back(), deletes_.For(entry));
  }
  return std::move(plan_);
}

Status Planner::Refusal() const {
  std::string names;
  const auto& entries = deletes_.entries();
  for (size_t i = 0; i < entries.size() && i < kNamedDeleteFilesMax; ++i) {
    names += (i > 0 ? ", " : "") + entries[i]->file.file_path;
  }
  if (entries.size() > kNamedDeleteFilesMax) names += ", …";
  return MakeError(
      Fault::kConfig,
      "the snapshot has " + std::to_string(entries.size()) + " delete files, which this does not apply: " + names,
      {.why = "reading without applying them would return deleted rows",
       .next = "rewrite the table without delete files (Spark: rewrite_data_files), then try again"});
}

}  // namespace

const FileDeletes& ScanPlan::DeletesOf(size_t i) const {
  static const FileDeletes kNone;
  return deletes.empty() ? kNone : deletes[i];
}

bool MayMatch(const Predicate& predicate, const DataFile& file, const schema::TypePtr& type) {
  if (type->is_nested()) return true;
  const int32_t id = predicate.field_id;
  const auto values = FindCount(file.value_counts, id);
  const auto nulls = FindCount(file.null_value_counts, id);
  const auto nans = FindCount(file.nan_value_counts, id);
  ValueRange range{.may_have_null = !nulls || *nulls > 0,
                   .may_have_value = !values || !nulls || *nulls < *values,
                   .may_have_nan = !nans || *nans > 0};
  if (type->id != schema::TypeId::kUuid) {  // writers do not agree on the order of uuids
    range.lower = DecodeBound(type, Find(file.lower_bounds, id));
    range.upper = DecodeBound(type, Find(file.upper_bounds, id));
  }
  return RangeMayMatch(range, predicate.op, predicate.value);
}

Result<ScanPlan> PlanFiles(io::FileStore& files, const TableMetadata& metadata, const Snapshot& snapshot,
                           const ScanOptions& options) {
  if (snapshot.manifest_list.empty()) {
    return MakeError(
        Fault::kConfig,
        "the snapshot has no manifest list (format version 1): " + std::to_string(snapshot.snapshot_id.value),
        {.next = "upgrade the table to format version 2 with the engine that wrote it"});
  }
  for (const Predicate& predicate : options.predicates) {
    const schema::Field* field = metadata.schema().FindById(predicate.field_id);
    const bool null_test = predicate.op == Op::kIsNull || predicate.op == Op::kIsNotNull;
    if (field == nullptr || (!null_test && !predicate.value.is_null() && predicate.value.type->id != field->type->id)) {
      return MakeError(Fault::kBug, "predicate does not fit a column: " + std::to_string(predicate.field_id));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto bytes, files.Read(snapshot.manifest_list, kManifestBytesMax));
  const std::string_view text(reinterpret_cast<const char*>(bytes->data()), static_cast<size_t>(bytes->size()));
  auto manifests = DecodeManifestList(text);
  if (!manifests.ok()) return Within("manifest list " + snapshot.manifest_list, manifests.status());
  Planner planner(files, metadata, options);
  for (const ManifestFile& manifest : *manifests) ARROW_RETURN_NOT_OK(planner.AddManifest(manifest));
  return planner.Finish();
}

}  // namespace firn::table
