#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "table/scan/projection.h"
#include "table/write/merge_strategy.h"
#include "table/write/order_value.h"

namespace firn::table {

namespace {

/// Puts the orders that are given into a column of the batch.
Result<std::shared_ptr<arrow::RecordBatch>> Put(const std::shared_ptr<arrow::RecordBatch>& batch, int32_t field_id,
                                                const std::vector<std::optional<int64_t>>& orders,
                                                arrow::MemoryPool* pool) {
  for (int i = 0; i < batch->num_columns(); ++i) {
    const auto& field = batch->schema()->field(i);
    if (FieldIdOf(*field) != field_id) continue;
    ARROW_ASSIGN_OR_RAISE(auto column, WithOrders(*batch->column(i), orders, pool));
    return batch->SetColumn(i, field, column);
  }
  return MakeError(Fault::kBug, "merge: a column of the strategy is not in the rows");
}

/// Order: the sequence. End, of live rows: when the row was deleted.
class Upsert final : public MergeStrategy {
 public:
  explicit Upsert(const UpsertRules& rules) : rules_(rules) {}

  Columns load_columns() const override {
    return {.order = rules_.sequence_field_id, .content = rules_.skips_unchanged};
  }
  Columns live_columns() const override {
    return {.order = rules_.sequence_field_id, .end = rules_.deleted_at_field_id, .content = rules_.skips_unchanged};
  }
  bool Tracks(int32_t field_id) const override {
    return field_id != rules_.deleted_at_field_id &&
           std::ranges::find(rules_.untracked, field_id) == rules_.untracked.end();
  }
  bool needs_order() const override { return has_sequence(); }

  Status CheckSchema(const schema::Schema& schema) const override {
    if (!has_sequence()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const schema::Field* field, TopLevelField(schema, rules_.sequence_field_id));
    if (IsOrderable(*field->type)) return Status::OK();
    return MakeError(Fault::kConfig,
                     "sequence_by: column `" + field->name + "` is a " + schema::ToString(*field->type) +
                         ", which has no order that rows can be compared by",
                     {.code = "E0825",
                      .why = "a sequence is a number of up to 18 digits, a date or a time",
                      .state = "nothing was committed",
                      .next = "declare its type under `columns:`, or choose another column"});
  }

  Status Decide(std::span<const KeyedRow> load, std::span<const KeyedRow> live, Decisions* out) const override {
    if (load.empty()) return Retire(live, out);
    const size_t winner = LastOf(load, load.size());
    out->counts.superseded += static_cast<int64_t>(load.size()) - 1;
    const KeyedRow* current = CurrentOf(live);
    if (IsOlder(load[winner], current)) {
      ++out->counts.skipped;
      return Status::OK();
    }
    if (IsSame(load[winner], live)) {
      ++out->counts.skipped;
      return Status::OK();
    }
    if (!load[winner].is(KeyedRow::kIsDelete)) return Replace(load[winner], {}, live, out);
    if (rules_.deleted_at_field_id != 0) return SoftDelete(load, winner, live, out);
    out->counts.deleted += live.empty() ? 0 : 1;
    return DeleteAll(live, nullptr, out);
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Stamp(std::shared_ptr<arrow::RecordBatch> batch,
                                                    std::span<const RowStamp> stamps, const schema::Schema&,
                                                    arrow::MemoryPool* pool) const override {
    std::vector<std::optional<int64_t>> times(stamps.size()), sequences(stamps.size());
    bool any = false;
    for (size_t i = 0; i < stamps.size(); ++i) {
      if (!stamps[i].is(RowStamp::kStamped)) continue;
      any = true;
      times[i] = stamps[i].from;
      if (stamps[i].is(RowStamp::kHasTo)) sequences[i] = stamps[i].to;
    }
    if (!any) return batch;
    ARROW_ASSIGN_OR_RAISE(batch, Put(batch, rules_.deleted_at_field_id, times, pool));
    if (!has_sequence()) return batch;
    return Put(batch, rules_.sequence_field_id, sequences, pool);
  }

 private:
  bool has_sequence() const { return rules_.sequence_field_id != 0; }

  /// The row of the greatest sequence among the first `count`, of equal ones the last to arrive.
  size_t LastOf(std::span<const KeyedRow> load, size_t count) const {
    if (!has_sequence()) return count - 1;
    size_t last = 0;
    for (size_t i = 1; i < count; ++i) {
      if (load[i].order >= load[last].order) last = i;
    }
    return last;
  }

  /// The live row that counts; others of its key are what another writer left.
  static const KeyedRow* CurrentOf(std::span<const KeyedRow> live) {
    const KeyedRow* current = nullptr;
    for (const KeyedRow& row : live) {
      const bool newer = current == nullptr || !current->is(KeyedRow::kHasOrder) ||
                         (row.is(KeyedRow::kHasOrder) && row.order > current->order);
      if (newer) current = &row;
    }
    return current;
  }

  /// A live row without a sequence is older than any that has one.
  bool IsOlder(const KeyedRow& row, const KeyedRow* live) const {
    return has_sequence() && live != nullptr && live->is(KeyedRow::kHasOrder) && row.order < live->order;
  }

  /// The table has these values of the key, once and not deleted.
  bool IsSame(const KeyedRow& row, std::span<const KeyedRow> live) const {
    return rules_.skips_unchanged && !row.is(KeyedRow::kIsDelete) && live.size() == 1 &&
           !live.front().is(KeyedRow::kHasEnd) && row.content == live.front().content;
  }

  /// The source no longer has the key.
  Status Retire(std::span<const KeyedRow> live, Decisions* out) const {
    ++out->counts.deleted;
    if (rules_.deleted_at_field_id == 0) return DeleteAll(live, nullptr, out);
    const KeyedRow* current = CurrentOf(live);
    if (!current->is(KeyedRow::kHasEnd)) {
      ARROW_RETURN_NOT_OK(out->Restamp(*current, {.from = rules_.now_micros, .flags = RowStamp::kStamped}));
    }
    return DeleteAll(live, current, out);
  }

  static Status DeleteAll(std::span<const KeyedRow> live, const KeyedRow* but, Decisions* out) {
    for (const KeyedRow& row : live) {
      if (&row != but) ARROW_RETURN_NOT_OK(out->Delete(row));
    }
    return Status::OK();
  }

  static Status Replace(const KeyedRow& row, const RowStamp& stamp, std::span<const KeyedRow> live, Decisions* out) {
    const KeyedRow* current = CurrentOf(live);
    if (!stamp.is(RowStamp::kStamped)) ++(current == nullptr ? out->counts.inserted : out->counts.updated);
    ARROW_RETURN_NOT_OK(out->Write(row, stamp, current));
    return DeleteAll(live, current, out);
  }

  /// The row stays as it was last, with the time and the sequence of its deletion: an older row that comes later does
  /// not bring it back.
  Status SoftDelete(std::span<const KeyedRow> load, size_t winner, std::span<const KeyedRow> live,
                    Decisions* out) const {
    RowStamp stamp{.from = rules_.now_micros, .flags = RowStamp::kStamped};
    if (load[winner].is(KeyedRow::kHasOrder)) {
      stamp.to = load[winner].order;
      stamp.flags |= RowStamp::kHasTo;
    }
    const KeyedRow* current = CurrentOf(live);
    const KeyedRow* last = LastValues(load, winner);
    if (last != nullptr && !IsOlder(*last, current)) {
      ++(current == nullptr ? out->counts.inserted : out->counts.deleted);
      return Replace(*last, stamp, live, out);
    }
    if (current == nullptr) {
      ++out->counts.skipped;
      return Status::OK();
    }
    const bool deleted_before = current->is(KeyedRow::kHasEnd);
    if (deleted_before) {
      ++out->counts.skipped;
      const bool same = !stamp.is(RowStamp::kHasTo) || (current->is(KeyedRow::kHasOrder) && current->order == stamp.to);
      if (same) return DeleteAll(live, current, out);
      stamp.from = current->end;  // deleted since then
    } else {
      ++out->counts.deleted;
    }
    ARROW_RETURN_NOT_OK(out->Restamp(*current, stamp));
    return DeleteAll(live, current, out);
  }

  /// The row of the load that the deletion `winner` deleted; null: it is one of the table.
  const KeyedRow* LastValues(std::span<const KeyedRow> load, size_t winner) const {
    const KeyedRow* last = nullptr;
    for (size_t i = 0; i < load.size(); ++i) {
      if (load[i].is(KeyedRow::kIsDelete) || (!has_sequence() && i > winner)) continue;
      if (last == nullptr || !has_sequence() || load[i].order >= last->order) last = &load[i];
    }
    return last;
  }

  const UpsertRules rules_;
};

}  // namespace

MergeStrategyPtr MakeUpsert(const UpsertRules& rules) {
  return std::make_shared<const Upsert>(rules);
}

}  // namespace firn::table
