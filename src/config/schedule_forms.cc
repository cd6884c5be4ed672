#include "config/schedule_forms.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <string_view>
#include <vector>

#include "base/ascii.h"

namespace firn::config {
namespace {

constexpr int64_t kMinuteMs = 60'000, kHourMs = 60 * kMinuteMs, kDayMs = 24 * kHourMs;
constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                 "jul", "aug", "sep", "oct", "nov", "dec"};

Status Refuse(const std::string& why, const std::string& next) {
  return MakeError(Fault::kConfig, why, {.code = "E0981", .state = "nothing was written", .next = next});
}

struct Fields {
  std::string minute, hour, day, month, weekday;
};

Result<Fields> FieldsOf(const Schedule& schedule) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, CronOf(schedule));
  Fields fields;
  std::istringstream in(AsciiLower(text));
  in >> fields.minute >> fields.hour >> fields.day >> fields.month >> fields.weekday;
  if (fields.day != "*" && fields.weekday != "*") {
    return Refuse("`" + schedule.text + "` names days of the month and of the week, which cron takes as either of both",
                  "two pipelines' schedules, or --schedule with one of them");
  }
  return fields;
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

// "mon", "1" or "7" as the number of cron, Sunday 0.
int DayNumber(const std::string& text) {
  for (size_t i = 0; i < kDays.size(); ++i) {
    if (AsciiLower(kDays[i]) == text) return static_cast<int>(i);
  }
  return std::stoi(text) % 7;
}

// The days a field of cron means, each once, as names in the order of a week that begins on Monday.
std::vector<std::string> DaysOf(const std::string& field) {
  std::array<bool, 7> on{};
  for (const std::string& item : Split(field, ',')) {
    const auto with_step = Split(item, '/');
    const int step = with_step.size() > 1 ? std::stoi(with_step[1]) : 1;
    const auto range = with_step[0] == "*" ? std::vector<std::string>{"0", "6"} : Split(with_step[0], '-');
    const int first = DayNumber(range[0]);
    int last = range.size() > 1 ? DayNumber(range[1]) : with_step.size() > 1 ? 6 : first;
    if (last < first) last += 7;  // "5-7": Sunday is 7 as well
    for (int day = first; day <= last; day += step) on[static_cast<size_t>(day % 7)] = true;
  }
  std::vector<std::string> days;
  for (const size_t day : {1, 2, 3, 4, 5, 6, 0}) {
    if (on[day]) days.emplace_back(kDays[day]);
  }
  return days;
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

std::string MonthNumbers(std::string field) {
  for (size_t i = 0; i < kMonths.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    for (size_t at = field.find(kMonths[i]); at != std::string::npos; at = field.find(kMonths[i])) {
      field.replace(at, 3, number);
    }
  }
  return field;
}

// systemd.time(7): ranges have two dots, and "every n-th" begins at a number. `first`: the lowest of the field.
std::string CalendarField(const std::string& field, const char* first) {
  std::vector<std::string> items;
  for (std::string item : Split(field, ',')) {
    if (item.starts_with("*/")) item = first + item.substr(1);
    if (const size_t dash = item.find('-'); dash != std::string::npos) item.replace(dash, 1, "..");
    items.push_back(item);
  }
  return Joined(items);
}

std::string Upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

}  // namespace

Result<std::string> CronOf(const Schedule& schedule) {
  if (schedule.kind == Schedule::Kind::kCron) {
    if (schedule.text == "@hourly") return std::string("0 * * * *");
    if (schedule.text == "@daily") return std::string("0 0 * * *");
    if (schedule.text == "@weekly") return std::string("0 0 * * 0");
    if (schedule.text == "@monthly") return std::string("0 0 1 * *");
    return schedule.text;
  }
  const int64_t every = schedule.every_ms;
  if (every == kMinuteMs) return std::string("* * * * *");
  if (every == kHourMs) return std::string("0 * * * *");
  if (every == kDayMs) return std::string("0 0 * * *");
  if (every == 7 * kDayMs) return std::string("0 0 * * 0");
  if (every % kMinuteMs == 0 && kHourMs % every == 0) return "*/" + std::to_string(every / kMinuteMs) + " * * * *";
  if (every % kHourMs == 0 && kDayMs % every == 0) return "0 */" + std::to_string(every / kHourMs) + " * * *";
  return Refuse("cron has no even form of `" + schedule.text + "`",
                "--schedule \"every 15m\" (a part of an hour), \"every 6h\" (a part of a day), or a cron line");
}

Result<std::string> SystemdTimerOf(const Schedule& schedule, const std::string& zone) {
  if (schedule.kind == Schedule::Kind::kEvery) {
    const std::string every = std::to_string(schedule.every_ms / 1000) + "s";
    return "OnActiveSec=1min\nOnUnitActiveSec=" + every + "\n";
  }
  ARROW_ASSIGN_OR_RAISE(const Fields fields, FieldsOf(schedule));
  const std::string days = fields.weekday == "*" ? "" : Joined(DaysOf(fields.weekday)) + " ";
  return "OnCalendar=" + days + "*-" + CalendarField(MonthNumbers(fields.month), "1") + "-" +
         CalendarField(fields.day, "1") + " " + CalendarField(fields.hour, "0") + ":" +
         CalendarField(fields.minute, "0") + ":00 " + zone + "\n";
}

Result<std::string> EventBridgeOf(const Schedule& schedule) {
  if (schedule.kind == Schedule::Kind::kEvery) {
    const int64_t every = schedule.every_ms;
    if (every % kMinuteMs != 0) return Refuse("EventBridge counts in whole minutes", "--schedule \"every 15m\"");
    const auto rate = [](int64_t count, const std::string& unit) {
      return "rate(" + std::to_string(count) + " " + unit + (count == 1 ? ")" : "s)");
    };
    if (every % kDayMs == 0) return rate(every / kDayMs, "day");
    return every % kHourMs == 0 ? rate(every / kHourMs, "hour") : rate(every / kMinuteMs, "minute");
  }
  ARROW_ASSIGN_OR_RAISE(const Fields fields, FieldsOf(schedule));
  const std::string weekday = fields.weekday == "*" ? "?" : Upper(Joined(DaysOf(fields.weekday)));
  const std::string day = fields.weekday == "*" ? fields.day : "?";
  return "cron(" + fields.minute + " " + fields.hour + " " + day + " " + MonthNumbers(fields.month) + " " + weekday +
         " *)";
}

}  // namespace firn::config
