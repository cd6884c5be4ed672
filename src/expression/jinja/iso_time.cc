// dateutil.parser.isoparse and isodate.parse_duration.
#include <algorithm>
#include <cmath>

#include "expression/jinja/number.h"
#include "expression/jinja/object.h"
#include "expression/jinja/times.h"

namespace firn::expression::jinja {
namespace {

Status NoIso(const char* why) {
  return MakeError(Fault::kBadData, std::string("no ISO 8601 time: ") + why);
}

Timestamp Midnight(int year, int month, int day) {
  return *WallOf({.year = year, .month = month, .day = day});
}

class IsoReader {
 public:
  explicit IsoReader(std::string_view text) : text_(text) {}

  Result<ZonedTime> Read() {
    Status date = CommonDate();
    if (!date.ok()) ARROW_RETURN_NOT_OK(UncommonDate());
    if (pos_ < text_.size()) {
      // Any one character may stand between date and time.
      ARROW_RETURN_NOT_OK(Time(text_.substr(pos_ + 1)));
    }
    const bool next_day = civil_.hour == 24;
    if (next_day) civil_.hour = 0;
    const auto wall = WallOf(civil_);
    if (!wall) return NoIso("it does not exist");
    const Timestamp shifted{.micros = wall->micros + (next_day ? kMicrosPerDay : 0)};
    if (!InRange(shifted)) return NoIso("year is out of range");
    return ZonedTime{.wall = shifted, .offset_seconds = offset_seconds_};
  }

 private:
  Result<int> Number(std::string_view text, size_t at, size_t width) const {
    ARROW_ASSIGN_OR_RAISE(const Value number, ReadInteger(text.substr(std::min(at, text.size()), width)));
    return static_cast<int>(number.as_int());
  }

  Status CommonDate() {
    if (text_.size() < 4) return NoIso("too short");
    ARROW_ASSIGN_OR_RAISE(civil_.year, Number(text_, 0, 4));
    civil_.month = civil_.day = 1;
    pos_ = 4;
    if (pos_ >= text_.size()) return Status::OK();
    const bool dash = text_[pos_] == '-';
    if (dash) ++pos_;
    if (text_.size() < pos_ + 2) return NoIso("month");
    ARROW_ASSIGN_OR_RAISE(civil_.month, Number(text_, pos_, 2));
    pos_ += 2;
    if (pos_ >= text_.size()) return dash ? Status::OK() : NoIso("month");
    if (dash) {
      if (text_[pos_] != '-') return NoIso("separator");
      ++pos_;
    }
    if (text_.size() < pos_ + 2) return NoIso("day");
    ARROW_ASSIGN_OR_RAISE(civil_.day, Number(text_, pos_, 2));
    pos_ += 2;
    return Status::OK();
  }

  // Week dates and days of the year.
  Status UncommonDate() {
    if (text_.size() < 4) return NoIso("too short");
    ARROW_ASSIGN_OR_RAISE(const int year, Number(text_, 0, 4));
    if (year < 1 || year > 9999) return NoIso("year is out of range");
    const bool dash = text_.substr(4, 1) == "-";
    pos_ = dash ? 5 : 4;
    int64_t day = 0;
    if (text_.substr(pos_, 1) == "W") {
      ARROW_ASSIGN_OR_RAISE(day, WeekDay(year, dash));
    } else {
      if (text_.size() < pos_ + 3) return NoIso("day of the year");
      ARROW_ASSIGN_OR_RAISE(const int ordinal, Number(text_, pos_, 3));
      pos_ += 3;
      const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
      if (ordinal < 1 || ordinal > (leap ? 366 : 365)) return NoIso("day of the year");
      day = Midnight(year, 1, 1).micros + (ordinal - 1) * kMicrosPerDay;
    }
    if (!InRange({.micros = day})) return NoIso("year is out of range");
    civil_ = CivilOf({.micros = day});
    return Status::OK();
  }

  Result<int64_t> WeekDay(int year, bool dash) {
    ARROW_ASSIGN_OR_RAISE(const int week, Number(text_, pos_ + 1, 2));
    pos_ += 3;
    int day = 1;
    if (text_.size() > pos_) {
      if ((text_[pos_] == '-') != dash) return NoIso("separator");
      if (dash) ++pos_;
      ARROW_ASSIGN_OR_RAISE(day, Number(text_, pos_, 1));
      ++pos_;
    }
    if (week < 1 || week > 53 || day < 1 || day > 7) return NoIso("week");
    const Timestamp fourth = Midnight(year, 1, 4);
    return fourth.micros + (-WeekdayOf(fourth) + (week - 1) * 7 + day - 1) * kMicrosPerDay;
  }

  Status Time(std::string_view text) {
    if (text.size() < 2) return NoIso("time too short");
    bool colons = false;
    size_t pos = 0;
    for (int part = 0; pos < text.size() && part < 5; ++part) {
      if (std::string_view("-+Zz").find(text[pos]) != std::string_view::npos) {
        ARROW_RETURN_NOT_OK(Zone(text.substr(pos)));
        pos = text.size();
        break;
      }
      if (part == 1 && text[pos] == ':') {
        colons = true;
        ++pos;
      } else if (part == 2 && colons) {
        if (text[pos] != ':') return NoIso("inconsistent colons");
        ++pos;
      }
      if (part < 3) {
        ARROW_ASSIGN_OR_RAISE(const int number, Number(text, pos, 2));
        (part == 0 ? civil_.hour : (part == 1 ? civil_.minute : civil_.second)) = number;
        pos += 2;
      } else if (part == 3) {
        pos += Fraction(text.substr(pos));
      }
    }
    if (pos < text.size()) return NoIso("unused components");
    if (civil_.hour == 24 && (civil_.minute != 0 || civil_.second != 0 || civil_.micros != 0)) return NoIso("hour 24");
    return Status::OK();
  }

  // Returns the bytes taken.
  size_t Fraction(std::string_view text) {
    if (text[0] != '.' && text[0] != ',') return 0;
    const size_t end = std::min(text.find_first_not_of("0123456789", 1), text.size());
    if (end == 1) return 0;
    civil_.micros = 0;
    for (size_t i = 1; i <= 6; ++i) civil_.micros = civil_.micros * 10 + (i < end ? text[i] - '0' : 0);
    return end;
  }

  Status Zone(std::string_view text) {
    offset_seconds_ = 0;
    if (text == "Z" || text == "z") return Status::OK();
    if (text.size() != 3 && text.size() != 5 && text.size() != 6) return NoIso("offset");
    if (text[0] != '-' && text[0] != '+') return NoIso("offset");
    ARROW_ASSIGN_OR_RAISE(const int hours, Number(text, 1, 2));
    int minutes = 0;
    if (text.size() > 3) {
      ARROW_ASSIGN_OR_RAISE(minutes, Number(text, text[3] == ':' ? 4 : 3, 6));
    }
    if (minutes > 59 || hours > 23) return NoIso("offset");
    offset_seconds_ = (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes) * 60;
    return Status::OK();
  }

  std::string_view text_;
  size_t pos_ = 0;
  CivilTime civil_;
  std::optional<int32_t> offset_seconds_;
};

struct DurationReader {
  std::string_view text;
  size_t pos = 0;

  // "12", "1,5" before `unit`; nullopt when the next part is another one.
  Result<std::optional<double>> Part(char unit) {
    size_t end = std::min(text.find_first_not_of("0123456789", pos), text.size());
    if (end == pos) return std::optional<double>();
    if (end < text.size() && (text[end] == '.' || text[end] == ',')) {
      const size_t fraction = std::min(text.find_first_not_of("0123456789", end + 1), text.size());
      if (fraction == end + 1) return std::optional<double>();
      end = fraction;
    }
    if (end >= text.size() || text[end] != unit) return std::optional<double>();
    std::string number(text.substr(pos, end - pos));
    std::replace(number.begin(), number.end(), ',', '.');
    pos = end + 1;
    ARROW_ASSIGN_OR_RAISE(const double value, ReadFloat(number));
    return std::optional(value);
  }
};

Status NoDuration(std::string_view text) {
  return MakeError(Fault::kBadData, "no ISO 8601 duration: '" + std::string(text.substr(0, 64)) + "'");
}

// What a timedelta of these floats is: every part split into whole and fraction, rounded half to even at the end.
std::optional<int64_t> Micros(double weeks, double days, double hours, double minutes, double seconds) {
  const long double whole_days = static_cast<long double>(days) + static_cast<long double>(weeks) * 7;
  const long double total =
      ((whole_days * 24 + hours) * 60 + minutes) * 60 * 1'000'000.0L + static_cast<long double>(seconds) * 1'000'000.0L;
  if (!(std::fabs(total) < 8.6e19L)) return std::nullopt;
  if (!(std::fabs(total) < 9.2e18L)) return std::nullopt;
  return static_cast<int64_t>(std::nearbyint(total));
}

}  // namespace

Result<ZonedTime> ParseIsoTime(std::string_view text) {
  return IsoReader(text).Read();
}

Result<Value> ParseIsoDuration(std::string_view text) {
  DurationReader reader{.text = text};
  int sign = 1;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    sign = text[0] == '-' ? -1 : 1;
    ++reader.pos;
  }
  if (text.substr(reader.pos, 1) != "P") return NoDuration(text);
  ++reader.pos;
  // A letter or digit must not end the text right here, and "P" alone is none.
  if (reader.pos < text.size() && (text[reader.pos] != 'T' || reader.pos + 1 > text.size()) &&
      (text[reader.pos] < '0' || text[reader.pos] > '9')) {
    return NoDuration(text);
  }
  double parts[7] = {};
  const std::string_view units = "YMWDHMS";
  for (size_t i = 0; i < units.size(); ++i) {
    if (i == 4) {
      if (text.substr(reader.pos, 1) != "T") break;
      ++reader.pos;
    }
    ARROW_ASSIGN_OR_RAISE(const auto part, reader.Part(units[i]));
    parts[i] = part.value_or(0);
  }
  if (reader.pos != text.size() || text.size() < 2 || text.back() == 'P') return NoDuration(text);
  const auto micros = Micros(parts[2], parts[3], parts[4], parts[5], parts[6]);
  if (!micros) return MakeError(Fault::kBadData, "the duration is too long");
  if (parts[0] == 0 && parts[1] == 0) return Value::Timedelta(sign * *micros);
  if (parts[0] != std::trunc(parts[0]) || parts[1] != std::trunc(parts[1]) || parts[0] > 1e6 || parts[1] > 1e6) {
    return MakeError(Fault::kBadData, "fractional years or months are not supported");
  }
  return Value::Duration({.years = sign * static_cast<int64_t>(parts[0]),
                          .months = sign * static_cast<int64_t>(parts[1]),
                          .micros = sign * *micros});
}

Result<Timestamp> AddDuration(Timestamp wall, CalendarDuration duration, bool subtract) {
  const int sign = subtract ? -1 : 1;
  CivilTime civil = CivilOf(wall);
  const int64_t month = civil.month - 1 + sign * duration.months;
  const int64_t carry = month >= 0 ? month / 12 : -((-month + 11) / 12);
  const int64_t year = civil.year + sign * duration.years + carry;
  if (year < 1 || year > 9999) return MakeError(Fault::kBadData, "year " + std::to_string(year) + " is out of range");
  civil.year = static_cast<int>(year);
  civil.month = static_cast<int>(month - carry * 12) + 1;
  std::optional<Timestamp> moved;
  while (!(moved = WallOf(civil))) --civil.day;
  const Timestamp result{.micros = moved->micros + sign * duration.micros};
  if (!InRange(result)) return MakeError(Fault::kBadData, "date value out of range");
  return result;
}

}  // namespace firn::expression::jinja
