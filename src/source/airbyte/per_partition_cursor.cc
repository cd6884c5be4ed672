#include "source/airbyte/per_partition_cursor.h"

#include <cmath>
#include <cstdlib>
#include <unordered_map>
#include <utility>
#include <vector>

namespace firn::source::airbyte {
namespace {

class PerPartitionCursor : public Cursor {
 public:
  PerPartitionCursor(std::shared_ptr<const DatetimeCursorSettings> settings, PartitionRouter& router, bool use_global,
                     StateSink emit)
      : settings_(std::move(settings)), router_(router), emit_(std::move(emit)), use_global_(use_global) {}

  Status ReadState(const Value& state) {
    if (!state.is_map() || state.as_map().empty()) return Status::OK();
    const auto states = state.Find("states");
    const auto global = state.Find("state");
    if (!states && !global) {
      ARROW_RETURN_NOT_OK(SetGlobal(state));
    } else {
      use_global_ = jinja::Truthy(state.Find("use_global_cursor").value_or(Value::Bool(false)));
      lookback_seconds_ = std::atoll(jinja::ToText(state.Find("lookback_window").value_or(Value::Int(0))).c_str());
      if (states && states->is_list()) {
        for (const Value& entry : states->as_list()) {
          const Value partition = entry.Find("partition").value_or(EmptyMap());
          ARROW_RETURN_NOT_OK(Add(partition, entry.Find("cursor").value_or(EmptyMap()), 0));
        }
      }
      if (global) ARROW_RETURN_NOT_OK(SetGlobal(*global));
    }
    if (const auto parents = state.Find("parent_state"); parents && jinja::Truthy(*parents)) parent_state_ = *parents;
    return Status::OK();
  }

  Status Slices(const SliceSink& sink) override {
    started_ = settings_->run->clock->LogicalNow();
    return router_.Slices([&](const Slice& partition) { return SlicesOf(partition, sink); });
  }

  void Observe(const Value& record, const Slice& slice) override {
    const auto value = record.Find(settings_->cursor_field);
    if (!value || value->is_null()) return;
    const auto moment = settings_->Parse(*value);
    if (!moment.ok()) return;
    synced_some_ = true;
    MoveGlobal(FormatMoment(*moment, settings_->format));
    if (use_global_) return;
    if (DatetimeCursor* cursor = Find(slice.partition); cursor != nullptr) cursor->Observe(record, slice);
  }

  Status Close(const Slice& slice) override {
    const auto found = cursors_.find(CanonicalJson(slice.partition));
    if (found == cursors_.end()) return MakeError(Fault::kBug, "a slice was closed that was never given");
    Partition& partition = found->second;
    --num_open_;
    --partition.num_open;
    if (use_global_) return Status::OK();
    ARROW_RETURN_NOT_OK(partition.cursor->Close(slice));
    if (partition.num_open == 0 && partition.all_given) {
      const auto value = partition.cursor->State().Find(settings_->cursor_field);
      if (value) MoveGlobal(jinja::ToText(*value));
    }
    return Status::OK();
  }

  Status Finish() override {
    if (num_open_ == 0) {
      if (synced_some_) {
        global_ = new_global_;
        const int64_t micros = settings_->run->clock->LogicalNow().micros - started_.micros;
        lookback_seconds_ = (micros + 999'999) / 1'000'000;
      }
      parent_state_ = router_.ParentState();
    }
    return emit_ ? emit_(State()) : Status::OK();
  }

  bool ShouldBeSynced(const Value& record, const Slice& slice) const override {
    if (!use_global_) {
      const auto found = cursors_.find(CanonicalJson(slice.partition));
      if (found != cursors_.end()) return found->second.cursor->ShouldBeSynced(record, slice);
    }
    if (fresh_ == nullptr) {
      auto made = DatetimeCursor::Make(settings_, GlobalState(), global_ ? lookback_seconds_ : 0, nullptr);
      if (!made.ok()) return true;
      fresh_ = made.MoveValueUnsafe();
    }
    return fresh_->ShouldBeSynced(record, slice);
  }

  Value State() const override {
    Entries entries;
    Put(entries, "use_global_cursor", Value::Bool(use_global_));
    if (!use_global_) {
      const Value partition_key = Value::String("partition"), cursor_key = Value::String("cursor");
      List states;
      states.reserve(order_.size());
      for (const Partition* partition : order_) {
        states.push_back(Value::OfMap({{partition_key, partition->value}, {cursor_key, partition->cursor->State()}}));
      }
      Put(entries, "states", Value::OfList(std::move(states)));
    }
    if (global_) Put(entries, "state", GlobalState());
    Put(entries, "lookback_window", Value::Int(lookback_seconds_));
    if (parent_state_) Put(entries, "parent_state", *parent_state_);
    return Value::OfMap(std::move(entries));
  }

  std::string cursor_field() const override { return settings_->cursor_field; }
  Slice Reduced(const Slice& slice) const override {
    const auto found = cursors_.find(CanonicalJson(slice.partition));
    return found == cursors_.end() ? slice : found->second.cursor->Reduced(slice);
  }

 private:
  // There may be a hundred thousand of them.
  struct Partition {
    Value value;
    std::unique_ptr<DatetimeCursor> cursor;
    int64_t num_open = 0;    // slices that were given and not closed
    bool given = false;      // by the router, in this run
    bool all_given = false;  // its last slice was given
  };

  Value GlobalState() const {
    if (!global_) return EmptyMap();
    return Value::OfMap({{Value::String(settings_->cursor_field), Value::String(*global_)}});
  }

  Status SetGlobal(const Value& state) {
    const auto value = state.Find(settings_->cursor_field);
    if (!value) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const Moment moment, settings_->Parse(*value));
    global_ = FormatMoment(moment, settings_->format);
    new_global_ = global_;
    return Status::OK();
  }

  // The reference compares the formatted texts.
  void MoveGlobal(const std::string& text) {
    if (!new_global_ || *new_global_ < text) new_global_ = text;
  }

  DatetimeCursor* Find(const Value& partition) {
    const auto found = cursors_.find(CanonicalJson(partition));
    return found == cursors_.end() ? nullptr : found->second.cursor.get();
  }

  Status Add(const Value& partition, const Value& state, int64_t lookback_seconds) {
    ARROW_ASSIGN_OR_RAISE(auto cursor, DatetimeCursor::Make(settings_, state, lookback_seconds, nullptr));
    const auto [place, is_new] =
        cursors_.insert_or_assign(CanonicalJson(partition), Partition{.value = partition, .cursor = std::move(cursor)});
    if (is_new) order_.push_back(&place->second);
    return Status::OK();
  }

  Status SlicesOf(const Slice& partition, const SliceSink& sink) {
    const std::string key = CanonicalJson(partition.partition);
    if (!cursors_.contains(key)) {
      ARROW_RETURN_NOT_OK(Add(partition.partition, GlobalState(), global_ ? lookback_seconds_ : 0));
    }
    Partition& known = cursors_.at(key);
    if (std::exchange(known.given, true)) return Status::OK();  // a partition that comes twice is read once
    std::optional<Slice> held;                                  // the last slice is known only when no other follows
    const auto give = [&](const Slice& interval, bool last) {
      Slice slice = partition;
      slice.cursor = interval.cursor;
      ++known.num_open;
      ++num_open_;
      known.all_given = last;
      return sink(slice);
    };
    ARROW_RETURN_NOT_OK(known.cursor->Slices([&](const Slice& interval) -> Status {
      if (held) ARROW_RETURN_NOT_OK(give(*held, false));
      held = interval;
      return Status::OK();
    }));
    return held ? give(*held, true) : Status::OK();
  }

  const std::shared_ptr<const DatetimeCursorSettings> settings_;
  PartitionRouter& router_;
  const StateSink emit_;
  bool use_global_;
  bool synced_some_ = false;
  int64_t lookback_seconds_ = 0;
  int64_t num_open_ = 0;
  Timestamp started_;
  std::optional<std::string> global_, new_global_;
  std::optional<Value> parent_state_;
  std::unordered_map<std::string, Partition> cursors_;
  std::vector<const Partition*> order_;  // of cursors_, oldest first
  mutable std::unique_ptr<DatetimeCursor> fresh_;
};

}  // namespace

Result<std::unique_ptr<Cursor>> MakePerPartitionCursor(std::shared_ptr<const DatetimeCursorSettings> settings,
                                                       PartitionRouter& router, const Value& state, bool use_global,
                                                       StateSink emit) {
  auto made = std::make_unique<PerPartitionCursor>(std::move(settings), router, use_global, std::move(emit));
  ARROW_RETURN_NOT_OK(made->ReadState(state));
  return std::unique_ptr<Cursor>(std::move(made));
}

}  // namespace firn::source::airbyte
