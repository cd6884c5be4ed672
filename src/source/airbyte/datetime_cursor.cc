#include "source/airbyte/datetime_cursor.h"

#include <algorithm>

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;

Result<std::string> TextOf(const Component& component, std::string_view field, std::string_view otherwise,
                           const RunContext& run) {
  ARROW_ASSIGN_OR_RAISE(const auto text, InterpolatedField(component, field, otherwise));
  Scope scope = run.NewScope();
  return text.EvalText(scope);
}

Result<std::optional<Gap>> GapOf(const Component& component, std::string_view field, const RunContext& run) {
  if (!component.Has(field)) return std::optional<Gap>();
  ARROW_ASSIGN_OR_RAISE(const auto text, InterpolatedField(component, field));
  Scope scope = run.NewScope();
  ARROW_ASSIGN_OR_RAISE(const Value value, text.Eval(scope));
  if (!jinja::Truthy(value)) return std::optional<Gap>();
  ARROW_ASSIGN_OR_RAISE(const Gap gap, ParseGap(jinja::ToText(value)));
  return std::optional<Gap>(gap);
}

}  // namespace

Result<MomentTemplate> MomentTemplate::Make(const Component& owner, std::string_view field, const std::string& format) {
  MomentTemplate made;
  made.format_ = format;
  const Component component = owner.Child(field);
  if (!component.present()) {
    ARROW_ASSIGN_OR_RAISE(made.text_, InterpolatedField(owner, field));
    return made;
  }
  made.format_ = component.Text("datetime_format", format);
  ARROW_ASSIGN_OR_RAISE(made.text_, InterpolatedField(component, "datetime"));
  ARROW_ASSIGN_OR_RAISE(made.min_, InterpolatedField(component, "min_datetime"));
  ARROW_ASSIGN_OR_RAISE(made.max_, InterpolatedField(component, "max_datetime"));
  return made;
}

Result<Moment> MomentTemplate::Eval(const RunContext& run) const {
  Scope scope = run.NewScope();
  ARROW_ASSIGN_OR_RAISE(const std::string text, text_.EvalText(scope));
  const auto parse = [&](const std::string& value) -> Result<Moment> {
    auto moment = ParseMoment(value, format_);
    if (moment.ok()) return moment;
    return MakeError(Fault::kConfig, moment.status().message(),
                     {.code = "", .where = text_.source(), .why = "", .state = "", .next = ""});
  };
  ARROW_ASSIGN_OR_RAISE(Moment moment, parse(text));
  ARROW_ASSIGN_OR_RAISE(const std::string min, min_.EvalText(scope));
  if (!min.empty()) {
    ARROW_ASSIGN_OR_RAISE(const Moment bound, parse(min));
    if (moment < bound) moment = bound;
  }
  ARROW_ASSIGN_OR_RAISE(const std::string max, max_.EvalText(scope));
  if (!max.empty()) {
    ARROW_ASSIGN_OR_RAISE(const Moment bound, parse(max));
    if (bound < moment) moment = bound;
  }
  return moment;
}

Result<std::shared_ptr<const DatetimeCursorSettings>> DatetimeCursorSettings::Make(const Component& component,
                                                                                   const RunContext& run) {
  auto made = std::make_shared<DatetimeCursorSettings>();
  made->run = &run;
  ARROW_ASSIGN_OR_RAISE(made->cursor_field, TextOf(component, "cursor_field", "", run));
  ARROW_ASSIGN_OR_RAISE(made->start_field, TextOf(component, "partition_field_start", "start_time", run));
  ARROW_ASSIGN_OR_RAISE(made->end_field, TextOf(component, "partition_field_end", "end_time", run));
  made->format = component.Text("datetime_format");
  if (const auto* formats = component.Find("cursor_datetime_formats");
      formats != nullptr && formats->kind() == expression::Value::Kind::kList) {
    for (const auto& format : formats->as_list()) made->input_formats.push_back(expression::ToText(format));
  }
  made->input_formats.push_back(made->format);
  if (component.Has("step") != component.Has("cursor_granularity")) {
    return ManifestError(component, "step and cursor_granularity go together");
  }
  ARROW_ASSIGN_OR_RAISE(made->lookback, GapOf(component, "lookback_window", run));
  ARROW_ASSIGN_OR_RAISE(made->step, GapOf(component, "step", run));
  ARROW_ASSIGN_OR_RAISE(made->granularity, GapOf(component, "cursor_granularity", run));
  ARROW_ASSIGN_OR_RAISE(const auto start, MomentTemplate::Make(component, "start_datetime", made->format));
  ARROW_ASSIGN_OR_RAISE(made->start, start.Eval(run));
  if (component.Has("end_datetime")) {
    ARROW_ASSIGN_OR_RAISE(made->end, MomentTemplate::Make(component, "end_datetime", made->format));
  }
  ARROW_ASSIGN_OR_RAISE(made->start_option, OptionField(component, "start_time_option"));
  ARROW_ASSIGN_OR_RAISE(made->end_option, OptionField(component, "end_time_option"));
  const Component clamping = component.Child("clamping");
  if (clamping.present()) {
    ARROW_ASSIGN_OR_RAISE(const std::string target, TextOf(clamping, "target", "", run));
    if (target == "DAY") made->clamp = Clamp::kDay;
    if (target == "WEEK") made->clamp = Clamp::kWeek;
    if (target == "MONTH") made->clamp = Clamp::kMonth;
    if (made->clamp == Clamp::kNone) return ManifestError(clamping, "clamping to " + target + " is not known");
    const std::string weekday = clamping.Child("target_details").Text("weekday");
    constexpr const char* kDays[] = {"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"};
    const auto* found = std::find(std::begin(kDays), std::end(kDays), weekday);
    if (made->clamp == Clamp::kWeek && found == std::end(kDays)) return ManifestError(clamping, "WEEK needs a weekday");
    made->weekday = static_cast<int>(found - std::begin(kDays)) % 7;
  }
  return std::shared_ptr<const DatetimeCursorSettings>(std::move(made));
}

namespace {

Moment StartOfDay(const Moment& moment) {
  const int64_t offset = int64_t{moment.offset_seconds} * 1'000'000;
  const int64_t wall = moment.micros + offset;
  const int64_t day = wall - ((wall % kDayMicros) + kDayMicros) % kDayMicros;
  return {.micros = day - offset, .offset_seconds = moment.offset_seconds};
}

int WeekdayOf(const Moment& moment) {
  const int64_t wall = moment.micros + int64_t{moment.offset_seconds} * 1'000'000;
  const int64_t days = (wall - ((wall % kDayMicros) + kDayMicros) % kDayMicros) / kDayMicros;
  return static_cast<int>(((days + 3) % 7 + 7) % 7);
}

int DayOfMonth(const Moment& moment) {
  return std::atoi(FormatMoment(moment, "%d").c_str());
}

// The bound a moment is clamped to, as the reference does: the next one (`up`; of days a later one also at midnight),
// or the one before (of weeks an earlier one also on the day itself).
Moment ClampTo(const DatetimeCursorSettings& settings, const Moment& moment, bool up) {
  using Clamp = DatetimeCursorSettings::Clamp;
  if (settings.clamp == Clamp::kNone) return moment;
  const Moment day = StartOfDay(moment);
  if (settings.clamp == Clamp::kDay) {
    return up ? *Shift(day, {.months = 0, .micros = kDayMicros}, 1) : day;
  }
  if (settings.clamp == Clamp::kWeek) {
    const int ahead = (settings.weekday - WeekdayOf(moment) + 7) % 7;
    const int days = up ? ahead : ahead - 7;
    return {.micros = day.micros + days * kDayMicros, .offset_seconds = day.offset_seconds};
  }
  const Moment first{.micros = day.micros - (DayOfMonth(day) - 1) * kDayMicros, .offset_seconds = day.offset_seconds};
  if (!up || DayOfMonth(moment) == 1) return first;
  return *Shift(first, {.months = 1, .micros = 0}, 1);
}

}  // namespace

Result<Moment> DatetimeCursorSettings::End() const {
  Moment moment = MomentOf(run->clock->LogicalNow());
  if (end) {
    ARROW_ASSIGN_OR_RAISE(moment, end->Eval(*run));
  }
  if (clamp == Clamp::kNone) return moment;
  const Gap by = granularity.value_or(Gap{.months = 0, .micros = clamp == Clamp::kDay ? 1'000'000 : kDayMicros});
  const Moment clamped = ClampTo(*this, moment, false);
  return Shift(clamped, by, -1).value_or(clamped);
}

Result<Moment> DatetimeCursorSettings::Parse(const Value& value) const {
  const std::string text = jinja::ToText(value);
  for (const std::string& input : input_formats) {
    auto moment = ParseMoment(text, input);
    if (moment.ok()) return moment;
  }
  return MakeError(Fault::kBadData, "a cursor value has none of the declared formats");
}

Status DatetimeCursorSettings::AddOptions(const Slice& slice, RequestParts* parts) const {
  if (start_option) ARROW_RETURN_NOT_OK(start_option->Put(*run, slice.Get(start_field), parts));
  if (end_option) ARROW_RETURN_NOT_OK(end_option->Put(*run, slice.Get(end_field), parts));
  return Status::OK();
}

Result<std::unique_ptr<DatetimeCursor>> DatetimeCursor::Make(std::shared_ptr<const DatetimeCursorSettings> settings,
                                                             const Value& state, int64_t extra_lookback_seconds,
                                                             StateSink emit) {
  std::unique_ptr<DatetimeCursor> made(new DatetimeCursor(std::move(settings), std::move(emit)));
  Value adjusted = state.is_map() ? state : EmptyMap();
  const std::string& field = made->settings_->cursor_field;
  if (const auto value = adjusted.Find(field); value && extra_lookback_seconds != 0 && jinja::Truthy(*value)) {
    ARROW_ASSIGN_OR_RAISE(Moment moment, made->settings_->Parse(*value));
    moment.micros -= extra_lookback_seconds * 1'000'000;
    Entries entries = adjusted.as_map();
    Put(entries, field, Value::String(FormatMoment(moment, made->settings_->format)));
    adjusted = Value::OfMap(std::move(entries));
  }
  ARROW_RETURN_NOT_OK(made->ReadIntervals(adjusted));
  return made;
}

Status DatetimeCursor::ReadIntervals(const Value& state) {
  const auto& settings = *settings_;
  if (state.Find("state_type")) {
    const Value slices = state.Find("slices").value_or(Value::OfList({}));
    for (const Value& slice : slices.is_list() ? slices.as_list() : List()) {
      Interval interval;
      ARROW_ASSIGN_OR_RAISE(interval.start, settings.Parse(slice.Find("start").value_or(Value())));
      ARROW_ASSIGN_OR_RAISE(interval.end, settings.Parse(slice.Find("end").value_or(Value())));
      if (const auto recent = slice.Find("most_recent_cursor_value"); recent && jinja::Truthy(*recent)) {
        ARROW_ASSIGN_OR_RAISE(interval.most_recent, settings.Parse(*recent));
      }
      intervals_.push_back(interval);
    }
    start_ = settings.start;
    if (!intervals_.empty()) start_ = intervals_.front().most_recent.value_or(intervals_.front().end);
    return Status::OK();
  }
  legacy_ = state;
  Moment sync_start = settings.start;
  if (const auto value = state.Find(settings.cursor_field)) {
    const auto low = settings.Parse(*value);
    if (!low.ok()) return MakeError(Fault::kConfig, "the state's cursor value has none of the declared formats");
    if (*low >= sync_start) sync_start = *low;
  }
  start_ = sync_start;
  intervals_.push_back({.start = settings.start, .end = sync_start, .most_recent = sync_start});
  return Status::OK();
}

std::vector<DatetimeCursor::Interval> DatetimeCursor::Merged(std::vector<Interval> intervals) const {
  std::stable_sort(intervals.begin(), intervals.end(), [](const Interval& a, const Interval& b) {
    return a.start != b.start ? a.start < b.start : a.end < b.end;
  });
  const Gap by = settings_->granularity.value_or(Gap{.months = 0, .micros = 1000});
  std::vector<Interval> merged;
  for (const Interval& interval : intervals) {
    if (merged.empty() || Shift(merged.back().end, by, 1).value_or(merged.back().end) < interval.start) {
      merged.push_back(interval);
      continue;
    }
    Interval& last = merged.back();
    if (last.end < interval.end) last.end = interval.end;
    if (!last.most_recent) {
      last.most_recent = interval.most_recent;
    } else if (interval.most_recent && !(*interval.most_recent < *last.most_recent)) {
      last.most_recent = interval.most_recent;
    }
  }
  return merged;
}

Moment DatetimeCursor::Clamped(const Moment& moment) const {
  return ClampTo(*settings_, moment, true);
}

Moment DatetimeCursor::Later(const Moment& moment, const Moment& otherwise) const {
  if (!settings_->step) return otherwise;
  const auto later = Shift(moment, *settings_->step, 1);
  return later ? *later : settings_->End().ValueOr(otherwise);
}

Status DatetimeCursor::Give(const Moment& lower, const Moment& upper, bool whole_upper, const SliceSink& sink) const {
  Moment end = upper;
  if (settings_->granularity && !whole_upper) end = Shift(upper, *settings_->granularity, -1).value_or(upper);
  Slice slice;
  Entries entries;
  Put(entries, settings_->start_field, Value::String(FormatMoment(lower, settings_->format)));
  Put(entries, settings_->end_field, Value::String(FormatMoment(end, settings_->format)));
  slice.cursor = Value::OfMap(std::move(entries));
  return sink(slice);
}

Status DatetimeCursor::Split(Moment lower, const Moment& upper, bool upper_is_end, const SliceSink& sink) const {
  if (lower >= upper || upper < settings_->start) return Status::OK();
  if (lower < settings_->start) lower = settings_->start;
  if (!settings_->step || Later(lower, upper) >= upper) {
    return Give(Clamped(lower), Clamped(upper), upper_is_end, sink);
  }
  while (true) {
    Moment next = Later(lower, upper);
    if (upper < next) next = upper;
    const bool last = next >= upper;
    const Moment clamped_upper = last ? next : Clamped(next);
    const Moment clamped_lower = Clamped(lower);
    if (clamped_lower >= clamped_upper) return Status::OK();
    ARROW_RETURN_NOT_OK(Give(clamped_lower, clamped_upper, upper_is_end && last, sink));
    if (last) return Status::OK();
    lower = clamped_upper;
  }
}

Status DatetimeCursor::Slices(const SliceSink& sink) {
  intervals_ = Merged(std::move(intervals_));
  if (intervals_.empty()) return MakeError(Fault::kConfig, "the state has no slices");
  const std::vector<Interval> intervals = intervals_;  // closing a slice changes them
  if (settings_->start < intervals.front().start) {
    ARROW_RETURN_NOT_OK(Split(settings_->start, intervals.front().start, false, sink));
  }
  for (size_t i = 0; i + 1 < intervals.size(); ++i) {
    const Gap by = settings_->granularity.value_or(Gap{});
    const Moment lower = Shift(intervals[i].end, by, 1).value_or(intervals[i].end);
    ARROW_RETURN_NOT_OK(Split(lower, intervals[i + 1].start, false, sink));
  }
  Moment lower = intervals.back().end;
  if (settings_->lookback) lower = Shift(lower, *settings_->lookback, -1).value_or(settings_->start);
  ARROW_ASSIGN_OR_RAISE(const Moment end, settings_->End());
  return Split(lower, end, true, sink);
}

void DatetimeCursor::Observe(const Value& record, const Slice& /*slice*/) {
  const auto value = record.Find(settings_->cursor_field);
  if (!value || value->is_null()) return;
  const auto moment = settings_->Parse(*value);
  if (moment.ok() && (!most_recent_ || *most_recent_ < *moment)) most_recent_ = *moment;
}

Status DatetimeCursor::Close(const Slice& slice) {
  Interval interval;
  ARROW_ASSIGN_OR_RAISE(interval.start, settings_->Parse(slice.Get(settings_->start_field)));
  ARROW_ASSIGN_OR_RAISE(interval.end, settings_->Parse(slice.Get(settings_->end_field)));
  interval.most_recent = most_recent_;
  most_recent_.reset();
  intervals_.push_back(interval);
  intervals_ = Merged(std::move(intervals_));
  return emit_ ? emit_(State()) : Status::OK();
}

bool DatetimeCursor::ShouldBeSynced(const Value& record, const Slice& /*slice*/) const {
  const auto value = record.Find(settings_->cursor_field);
  if (!value || value->is_null()) return true;
  const auto moment = settings_->Parse(*value);
  if (!moment.ok()) return true;
  if (!end_) {
    const auto end = settings_->End();
    if (!end.ok()) return true;
    end_ = *end;
  }
  return !(*moment < start_) && !(*end_ < *moment);
}

Value DatetimeCursor::State() const {
  Entries entries = legacy_.as_map();
  const std::vector<Interval> merged = Merged(intervals_);
  if (!merged.empty()) {
    const Moment latest = merged.front().most_recent.value_or(merged.front().start);
    Put(entries, settings_->cursor_field, Value::String(FormatMoment(latest, settings_->format)));
  }
  return Value::OfMap(std::move(entries));
}

Slice DatetimeCursor::Reduced(const Slice& slice) const {
  if (!most_recent_) return slice;
  Slice reduced = slice;
  Entries entries = slice.cursor.as_map();
  Put(entries, settings_->start_field, Value::String(FormatMoment(*most_recent_, settings_->format)));
  reduced.cursor = Value::OfMap(std::move(entries));
  return reduced;
}

}  // namespace firn::source::airbyte
