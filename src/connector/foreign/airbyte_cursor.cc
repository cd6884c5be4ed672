#include <algorithm>
#include <cctype>

#include "connector/foreign/airbyte_stream.h"
#include "expression/datetime.h"

namespace firn::connector::foreign {
namespace {

using airbyte::ManifestError;

bool HasTimeOfDay(const std::string& format) {
  return format.find_first_of("HIMSsf") != std::string::npos;
}

// "%s" and "%ms" are what the native format calls epoch_s and epoch_ms; %_ms and the like are Airbyte's own.
Result<std::string> NativeFormat(const std::string& format) {
  if (format == "%s") return std::string("epoch_s");
  if (format == "%ms") return std::string("epoch_ms");
  const bool mixes = format.find("%s") != std::string::npos || format.find("%ms") != std::string::npos;
  if (mixes || format.empty() || !expression::CheckPattern(format).ok()) {
    return MakeError(Fault::kConfig, "datetime_format: `" + format + "`");
  }
  return format;
}

class CursorReader {
 public:
  CursorReader(const Component& component, StreamDraft* draft) : component_(component), draft_(*draft) {}

  Status Read() {
    if (component_.type() != "DatetimeBasedCursor")
      return ManifestError(component_, "a cursor of type " + component_.type());
    ARROW_RETURN_NOT_OK(RefuseOthers(
        component_,
        {"type", "cursor_field", "datetime_format", "cursor_datetime_formats", "start_datetime", "end_datetime", "step",
         "cursor_granularity", "lookback_window", "start_time_option", "end_time_option", "partition_field_start",
         "partition_field_end", "is_compare_strictly", "global_substream_cursor"}));
    draft_.has_cursor = true;
    ARROW_RETURN_NOT_OK(At(component_, ReadFormat()));
    ARROW_RETURN_NOT_OK(TakeCursorField());
    ARROW_RETURN_NOT_OK(ReadStart());
    ARROW_RETURN_NOT_OK(ReadEnd());
    draft_.slice[component_.Text("partition_field_start", "start_time")] = "incremental.start";
    draft_.slice[component_.Text("partition_field_end", "end_time")] = "incremental.end";
    ARROW_RETURN_NOT_OK(PutBound("start_time_option", "param", "incremental.start"));
    ARROW_RETURN_NOT_OK(PutBound("end_time_option", "end_param", "incremental.end"));
    if (component_.Has("step")) {
      ARROW_ASSIGN_OR_RAISE(const std::string step, Duration("step", CalendarLength::kShortest));
      Put(&out_, "step", step);
    }
    if (component_.Has("lookback_window")) {
      ARROW_ASSIGN_OR_RAISE(const std::string lookback, Duration("lookback_window", CalendarLength::kLongest));
      Put(&out_, "lookback", lookback);
    }
    Put(&draft_.table, "incremental", Value::OfMap(std::move(out_)));
    return Status::OK();
  }

 private:
  Status TakeCursorField() {
    const auto field = DottedPath({component_.Text("cursor_field")});
    if (!field.ok()) return At(component_, field.status());
    out_.insert(out_.begin(), {"cursor", Value::String(Literal(*field))});
    return Status::OK();
  }

  // Values of the cursor may be written otherwise than bounds: times with an offset are read whatever the pattern.
  Status ReadFormat() {
    format_ = component_.Text("datetime_format");
    ARROW_ASSIGN_OR_RAISE(const std::string native, NativeFormat(format_));
    draft_.cursor_is_number = native.starts_with("epoch");
    const Value* others = component_.Find("cursor_datetime_formats");
    for (const Value& other : others != nullptr && others->kind() == Value::Kind::kList ? others->as_list() : List()) {
      const bool fits =
          other.is_string() && (other.as_string() == format_ || other.as_string().starts_with("%Y-%m-%d"));
      if (!fits) return MakeError(Fault::kConfig, "cursor_datetime_formats: " + expression::ToText(other));
    }
    Put(&out_, "format", Literal(native));
    return Status::OK();
  }

  // The expression of a bound, out of a text or a MinMaxDatetime.
  Result<JinjaText> Bound(std::string_view field) const {
    const Component bound = component_.Child(field);
    if (bound.present()) {
      ARROW_RETURN_NOT_OK(RefuseOthers(bound, {"type", "datetime", "datetime_format"}));
    }
    auto text = JinjaText::Parse(bound.present() ? bound.Text("datetime") : component_.Text(field));
    if (!text.ok()) return At(component_, text.status());
    return text;
  }

  Status ReadStart() {
    ARROW_ASSIGN_OR_RAISE(const JinjaText start, Bound("start_datetime"));
    if (start.is_constant()) {
      Put(&out_, "start", Literal(start.source()));
      return Status::OK();
    }
    const JinjaText inner = start.OfFormatDatetime();
    auto said = inner.Template(RequestNames(&draft_));
    if (!said.ok()) return At(component_, Within("start_datetime", said.status()));
    if (!said->starts_with("${setting:") || said->find('{', 2) != std::string::npos) {
      return ManifestError(component_, "start_datetime: the expression `" + start.source() + "`");
    }
    Put(&out_, "start", *said);
    return Status::OK();
  }

  // The end is now. An end that a setting may give is `firn run --to`.
  Status ReadEnd() {
    if (!component_.Has("end_datetime")) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(JinjaText end, Bound("end_datetime"));
    if (auto rest = end.WithoutSetting()) end = *rest;
    const auto clock = end.OfClock();
    if (clock == JinjaText::Clock::kNow || (clock == JinjaText::Clock::kToday && !HasTimeOfDay(format_))) {
      return Status::OK();
    }
    return ManifestError(component_, "end_datetime: the expression `" + end.source() + "`");
  }

  Status PutBound(std::string_view field, const char* key, const std::string& native) {
    const Component option = component_.Child(field);
    if (!option.present()) return Status::OK();
    draft_.bounds_are_sent = true;
    if (option.Text("inject_into") == "request_parameter") {
      Put(&out_, key, Literal(option.Text("field_name")));
      return RefuseOthers(option, {"type", "inject_into", "field_name"});
    }
    return PutOption(option, "{{ " + native + " }}", &draft_);
  }

  Result<std::string> Duration(std::string_view field, CalendarLength length) const {
    auto text = DurationText(component_.Text(field), length, &draft_);
    if (!text.ok()) return At(component_, Within(field, text.status()));
    return text;
  }

  const Component& component_;
  StreamDraft& draft_;
  std::string format_;
  Map out_;
};

}  // namespace

Result<std::string> DurationText(const std::string& iso, CalendarLength length, StreamDraft* draft) {
  ARROW_ASSIGN_OR_RAISE(const JinjaText text, JinjaText::Parse(iso));
  ARROW_ASSIGN_OR_RAISE(const std::string native, text.Template(RequestNames(draft)));
  std::string_view rest = native;
  std::string out;
  const auto refused = [&] { return MakeError(Fault::kConfig, "the duration `" + iso + "`"); };
  if (!rest.starts_with('P')) return refused();
  rest.remove_prefix(1);
  const bool shortest = length == CalendarLength::kShortest;
  const int month_days = shortest ? 28 : 31, year_days = shortest ? 365 : 366;
  bool of_day = false;
  while (!rest.empty()) {
    if (rest.front() == 'T') {
      of_day = true;
      rest.remove_prefix(1);
      continue;
    }
    const bool is_setting = rest.starts_with("${");
    const size_t end = is_setting ? rest.find('}') + 1 : rest.find_first_not_of("0123456789");
    if (end == 0 || end >= rest.size()) return refused();
    const std::string number(rest.substr(0, end));
    const char unit = rest[end];
    rest.remove_prefix(end + 1);
    const bool long_unit = !of_day && (unit == 'M' || unit == 'Y');
    if (long_unit && (is_setting || number.size() > 4)) return refused();
    if (long_unit) {
      out += std::to_string(std::stoi(number) * (unit == 'M' ? month_days : year_days)) + "d";
    } else if (!of_day && unit == 'W' && !is_setting && number.size() < 5) {
      out += std::to_string(std::stoi(number) * 7) + "d";
    } else if ((!of_day && unit == 'D') || (of_day && (unit == 'H' || unit == 'M' || unit == 'S'))) {
      out += number + static_cast<char>(std::tolower(static_cast<unsigned char>(unit)));
    } else {
      return refused();
    }
  }
  return out.empty() ? refused() : Result<std::string>(out);
}

Status ReadCursor(const Component& component, StreamDraft* draft) {
  return component.present() ? CursorReader(component, draft).Read() : Status::OK();
}

}  // namespace firn::connector::foreign
