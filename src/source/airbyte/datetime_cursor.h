#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/airbyte/cursor.h"
#include "source/airbyte/moment.h"

namespace firn::source::airbyte {

/// A time of the manifest (MinMaxDatetime, or a bare text), read when asked.
class MomentTemplate {
 public:
  static Result<MomentTemplate> Make(const Component& owner, std::string_view field, const std::string& format);
  Result<Moment> Eval(const RunContext& run) const;

 private:
  Interpolated text_, min_, max_;
  std::string format_;
};

/// What a DatetimeBasedCursor says, evaluated with the configuration. Shared by the cursors of all partitions.
struct DatetimeCursorSettings {
  const RunContext* run = nullptr;
  std::string cursor_field, start_field, end_field;
  std::string format;                      // of state and slices
  std::vector<std::string> input_formats;  // tried in order; `format` is the last
  Moment start;
  std::optional<MomentTemplate> end;  // nullopt: now
  std::optional<Gap> lookback, step, granularity;
  enum class Clamp { kNone, kDay, kWeek, kMonth } clamp = Clamp::kNone;
  int weekday = 0;  // kWeek: 0 is Monday
  std::optional<RequestOption> start_option, end_option;

  static Result<std::shared_ptr<const DatetimeCursorSettings>> Make(const Component& component, const RunContext& run);
  Result<Moment> End() const;
  Result<Moment> Parse(const Value& value) const;
  /// Puts the bounds of a slice into a request.
  Status AddOptions(const Slice& slice, RequestParts* parts) const;
};

/// The state of one sequence of intervals: those that were read, merged where they touch.
class DatetimeCursor : public Cursor {
 public:
  /// `state`: {cursor field: text}, or {state_type, slices}. `extra_lookback_seconds` is taken off it.
  static Result<std::unique_ptr<DatetimeCursor>> Make(std::shared_ptr<const DatetimeCursorSettings> settings,
                                                      const Value& state, int64_t extra_lookback_seconds,
                                                      StateSink emit);
  Status Slices(const SliceSink& sink) override;
  void Observe(const Value& record, const Slice& slice) override;
  Status Close(const Slice& slice) override;
  Status Finish() override { return emit_ ? emit_(State()) : Status::OK(); }
  bool ShouldBeSynced(const Value& record, const Slice& slice) const override;
  Value State() const override;
  std::string cursor_field() const override { return settings_->cursor_field; }
  Slice Reduced(const Slice& slice) const override;

 private:
  struct Interval {
    Moment start, end;
    std::optional<Moment> most_recent;
  };
  DatetimeCursor(std::shared_ptr<const DatetimeCursorSettings> settings, StateSink emit)
      : settings_(std::move(settings)), emit_(std::move(emit)) {}
  Status ReadIntervals(const Value& state);
  std::vector<Interval> Merged(std::vector<Interval> intervals) const;
  Status Split(Moment lower, const Moment& upper, bool upper_is_end, const SliceSink& sink) const;
  Status Give(const Moment& lower, const Moment& upper, bool whole_upper, const SliceSink& sink) const;
  Moment Clamped(const Moment& moment) const;
  Moment Later(const Moment& moment, const Moment& otherwise) const;

  const std::shared_ptr<const DatetimeCursorSettings> settings_;
  const StateSink emit_;
  Moment start_;               // records before it are old
  Value legacy_ = EmptyMap();  // what the state held besides
  std::vector<Interval> intervals_;
  std::optional<Moment> most_recent_;  // of the slice under way
  mutable std::optional<Moment> end_;  // known once asked, when the clock stands still
};

/// The cursor of an IncrementingCountCursor: whole numbers, one slice.
Result<std::unique_ptr<Cursor>> MakeCountCursor(const Component& component, const RunContext& run, const Value& state,
                                                StateSink emit);

}  // namespace firn::source::airbyte
