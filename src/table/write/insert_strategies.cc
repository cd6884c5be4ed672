// The strategies that never change a row: insert_only, delete_insert, and append without duplicates.
#include <optional>
#include <set>
#include <utility>

#include "table/metadata/literal.h"
#include "table/write/merge_strategy.h"
#include "table/write/order_value.h"

namespace firn::table {

namespace {

class InsertOnly final : public MergeStrategy {
 public:
  Status CheckSchema(const schema::Schema&) const override { return Status::OK(); }

  Status Decide(std::span<const KeyedRow> load, std::span<const KeyedRow> live, Decisions* out) const override {
    if (load.empty()) return Status::OK();
    const int64_t num_taken = live.empty() ? 1 : 0;
    out->counts.inserted += num_taken;
    out->counts.skipped += static_cast<int64_t>(load.size()) - num_taken;
    return live.empty() ? out->Write(load.front(), {}, nullptr) : Status::OK();
  }
};

class DeleteInsert final : public MergeStrategy {
 public:
  DeleteInsert(std::vector<int32_t> merge_key, std::vector<int32_t> primary_key)
      : merge_key_(std::move(merge_key)), primary_key_(std::move(primary_key)) {}

  bool looks_at_table() const override { return false; }
  std::vector<std::vector<int32_t>> removal_keys() const override {
    if (primary_key_.empty()) return {merge_key_};
    return {merge_key_, primary_key_};
  }
  Status CheckSchema(const schema::Schema&) const override { return Status::OK(); }

  Status Decide(std::span<const KeyedRow> load, std::span<const KeyedRow>, Decisions* out) const override {
    if (load.empty()) return Status::OK();
    out->counts.superseded += static_cast<int64_t>(load.size()) - 1;
    if (load.back().is(KeyedRow::kIsDelete)) return Status::OK();
    ++out->counts.inserted;
    return out->Write(load.back(), {}, nullptr);
  }

 private:
  const std::vector<int32_t> merge_key_;
  const std::vector<int32_t> primary_key_;
};

/// Order: the time of the window.
class Dedupe final : public MergeStrategy {
 public:
  explicit Dedupe(DedupeRules rules) : rules_(std::move(rules)) {}

  Columns load_columns() const override { return {.order = rules_.time_field_id}; }
  Columns live_columns() const override { return {.order = rules_.time_field_id}; }
  NullKey null_key() const override { return NullKey::kKeep; }

  Status CheckSchema(const schema::Schema& schema) const override {
    if (!has_window()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const schema::Field* field, TopLevelField(schema, rules_.time_field_id));
    if (IsInstant(*field->type)) return Status::OK();
    return MakeError(Fault::kConfig,
                     "dedupe_by: column `" + field->name + "` is a " + schema::ToString(*field->type) + ", not a time",
                     {.code = "E0825",
                      .why = "dedupe_window is a length of time",
                      .state = "nothing was committed",
                      .next = "declare its type under `columns:`, or choose another column"});
  }

  /// By the bounds of the time; a file with rows that have none matters as well.
  bool MayMatter(const DataFile& file, const OrderRange& load) const override {
    if (!has_window()) return true;
    const auto nulls = file.null_value_counts.find(rules_.time_field_id);
    if (nulls == file.null_value_counts.end() || nulls->second > 0 || load.min > load.max) return true;
    const auto least = BoundOf(file.lower_bounds);
    const auto most = BoundOf(file.upper_bounds);
    return !least || !most || (Within(*most, load.min, 1) && Within(*least, load.max, -1));
  }

  Status Decide(std::span<const KeyedRow> load, std::span<const KeyedRow> live, Decisions* out) const override {
    std::set<int64_t> seen;
    bool seen_without_time = false;
    for (const KeyedRow& row : live) Note(row, &seen, &seen_without_time);
    for (const KeyedRow& row : load) {
      if (IsKnown(row, seen, seen_without_time)) {
        ++out->counts.skipped;
        continue;
      }
      Note(row, &seen, &seen_without_time);
      ++out->counts.inserted;
      ARROW_RETURN_NOT_OK(out->Write(row, {}, nullptr));
    }
    return Status::OK();
  }

 private:
  bool has_window() const { return rules_.time_field_id != 0; }

  static void Note(const KeyedRow& row, std::set<int64_t>* seen, bool* seen_without_time) {
    if (!row.is(KeyedRow::kHasOrder)) {
      *seen_without_time = true;
    } else {
      seen->insert(row.order);
    }
  }

  bool IsKnown(const KeyedRow& row, const std::set<int64_t>& seen, bool seen_without_time) const {
    if (!row.is(KeyedRow::kHasOrder)) return seen_without_time;
    int64_t first = INT64_MIN;
    if (__builtin_sub_overflow(row.order, rules_.window_micros, &first)) first = INT64_MIN;
    const auto at = seen.lower_bound(first);
    int64_t distance = 0;
    return at != seen.end() && !__builtin_sub_overflow(*at, row.order, &distance) && distance <= rules_.window_micros;
  }

  std::optional<int64_t> BoundOf(const std::map<int32_t, std::string>& bounds) const {
    const auto found = bounds.find(rules_.time_field_id);
    if (found == bounds.end()) return std::nullopt;
    const auto literal = FromSingleValue(rules_.time_type, found->second);
    if (!literal.ok()) return std::nullopt;
    if (const auto* days = std::get_if<int32_t>(&literal->value)) return *days * (int64_t{86'400} * 1'000'000);
    if (const auto* micros = std::get_if<int64_t>(&literal->value)) return *micros;
    return std::nullopt;
  }

  /// True if `bound` is not farther than the window below (`sign` 1) or above (-1) `load`.
  bool Within(int64_t bound, int64_t load, int sign) const {
    int64_t distance = 0;
    const bool overflow =
        sign > 0 ? __builtin_sub_overflow(load, bound, &distance) : __builtin_sub_overflow(bound, load, &distance);
    return overflow ? (sign > 0 ? bound > load : bound < load) : distance <= rules_.window_micros;
  }

  const DedupeRules rules_;
};

}  // namespace

MergeStrategyPtr MakeInsertOnly() {
  return std::make_shared<const InsertOnly>();
}

MergeStrategyPtr MakeDeleteInsert(std::vector<int32_t> merge_key, std::vector<int32_t> primary_key) {
  return std::make_shared<const DeleteInsert>(std::move(merge_key), std::move(primary_key));
}

MergeStrategyPtr MakeDedupe(DedupeRules rules) {
  return std::make_shared<const Dedupe>(std::move(rules));
}

}  // namespace firn::table
