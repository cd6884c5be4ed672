#include "base/clock.h"

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>

namespace firn {
namespace {

// Civil calendar arithmetic (proleptic Gregorian), by std::chrono.
std::optional<int64_t> DaysFromCivil(int year, unsigned month, unsigned day) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

class Digits {
 public:
  explicit Digits(std::string_view text) : text_(text) {}
  bool Number(size_t width, int* value) {
    if (text_.size() - at_ < width) return false;
    *value = 0;
    for (size_t i = 0; i < width; ++i) {
      const char c = text_[at_ + i];
      if (c < '0' || c > '9') return false;
      *value = *value * 10 + (c - '0');
    }
    at_ += width;
    return true;
  }
  bool OneOf(std::string_view set, char* found = nullptr) {
    if (at_ >= text_.size() || set.find(text_[at_]) == std::string_view::npos) return false;
    if (found != nullptr) *found = text_[at_];
    ++at_;
    return true;
  }
  bool Fraction(int64_t* micros) {
    const size_t begin = at_;
    int64_t scale = 100'000;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      if (scale == 0 && text_[at_] != '0') return false;  // finer than a microsecond
      *micros += (text_[at_] - '0') * scale;
      scale /= 10;
      ++at_;
    }
    return at_ > begin && at_ - begin <= 9;
  }
  bool Done() const { return at_ == text_.size(); }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

std::optional<Timestamp> Parse(std::string_view text) {
  Digits in(text);
  int year, month, day, hour, minute, second;
  if (!in.Number(4, &year) || !in.OneOf("-") || !in.Number(2, &month) || !in.OneOf("-") || !in.Number(2, &day) ||
      !in.OneOf("Tt ") || !in.Number(2, &hour) || !in.OneOf(":") || !in.Number(2, &minute) || !in.OneOf(":") ||
      !in.Number(2, &second)) {
    return std::nullopt;
  }
  int64_t micros = 0;
  if (in.OneOf(".") && !in.Fraction(&micros)) return std::nullopt;
  int64_t offset_minutes = 0;
  char sign;
  if (in.OneOf("+-", &sign)) {
    int offset_hour, offset_minute;
    if (!in.Number(2, &offset_hour) || !in.OneOf(":") || !in.Number(2, &offset_minute)) return std::nullopt;
    if (offset_hour > 23 || offset_minute > 59) return std::nullopt;
    offset_minutes = (sign == '-' ? -1 : 1) * (offset_hour * 60 + offset_minute);
  } else if (!in.OneOf("Zz")) {
    return std::nullopt;
  }
  const auto days = DaysFromCivil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  if (!in.Done() || !days || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const int64_t seconds = *days * 86'400 + hour * 3'600 + minute * 60 + second - offset_minutes * 60;
  return Timestamp{.micros = seconds * 1'000'000 + micros};
}

Status WaitReal(std::chrono::milliseconds duration, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, duration, [] { return false; });
  return stop.stop_requested() ? MakeError(Fault::kCancelled, "stopped while waiting") : Status::OK();
}

class SystemClock : public Clock {
 public:
  explicit SystemClock(std::optional<Timestamp> fixed) : fixed_(fixed) {}
  Timestamp Now() const override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return {.micros = std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
  }
  std::chrono::steady_clock::time_point Steady() const override { return std::chrono::steady_clock::now(); }
  Timestamp LogicalNow() const override { return fixed_ ? *fixed_ : Now(); }
  Status Sleep(std::chrono::milliseconds duration, std::stop_token stop) const override {
    return WaitReal(duration, stop);
  }

 private:
  const std::optional<Timestamp> fixed_;
};

}  // namespace

Result<Timestamp> ParseTimestamp(std::string_view text) {
  const auto time = Parse(text);
  if (!time) return MakeError(Fault::kBadData, "not an RFC 3339 time of at most microseconds");
  return *time;
}

std::string FormatTimestamp(Timestamp time) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::microseconds> point{std::chrono::microseconds(time.micros)};
  const auto day = floor<std::chrono::days>(point);
  const std::chrono::year_month_day date{day};
  const auto in_day = std::chrono::duration_cast<std::chrono::microseconds>(point - day).count();
  char text[64];
  int length = std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                             static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                             static_cast<int>(in_day / 3'600'000'000), static_cast<int>(in_day / 60'000'000 % 60),
                             static_cast<int>(in_day / 1'000'000 % 60));
  if (in_day % 1'000'000 != 0) {
    length += std::snprintf(text + length, sizeof text - static_cast<size_t>(length), ".%06d",
                            static_cast<int>(in_day % 1'000'000));
  }
  return std::string(text, static_cast<size_t>(length)) + "Z";
}

Result<std::unique_ptr<Clock>> MakeSystemClock() {
  std::optional<Timestamp> fixed;
  if (const char* text = std::getenv("FIRN_NOW"); text != nullptr && *text != '\0') {
    fixed = Parse(text);
    if (!fixed) return MakeError(Fault::kConfig, "FIRN_NOW is no RFC 3339 time: " + std::string(text));
  }
  return std::make_unique<SystemClock>(fixed);
}

Status FakeClock::Sleep(std::chrono::milliseconds duration, std::stop_token stop) const {
  if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while waiting");
  now_micros_ += std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  return Status::OK();
}

}  // namespace firn
