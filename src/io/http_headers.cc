#include "io/http_headers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

#include "base/ascii.h"

namespace firn::io {
namespace {

using std::chrono::milliseconds;

bool IsSpace(char c) {
  return c == ' ' || c == '\t';
}
std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

// Digits alone, no sign; values over 2^63-1 are refused.
std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> ParseDecimal(std::string_view text) {
  double value = 0;
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

milliseconds Capped(double ms) {
  const auto most = static_cast<double>(kRetryAfterMax.count());
  return milliseconds(static_cast<int64_t>(std::ceil(std::clamp(ms, 0.0, most))));
}

// One pass over a header value: tokens, quoted strings and separators.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  void SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  }
  bool Take(char c) {
    SkipSpace();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // Up to the next of `ends`, without it.
  std::string_view Until(std::string_view ends) {
    const size_t begin = at_;
    at_ = std::min(text_.find_first_of(ends, at_), text_.size());
    return Trim(text_.substr(begin, at_ - begin));
  }
  // A token or a quoted string.
  std::string Value(std::string_view ends) {
    if (!Take('"')) return std::string(Until(ends));
    std::string value;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_++];
    }
    if (at_ < text_.size()) ++at_;
    return value;
  }
  bool Done() {
    SkipSpace();
    return at_ >= text_.size();
  }
  void Skip() { at_ += at_ < text_.size() ? 1 : 0; }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

std::vector<std::string> SplitRelations(std::string_view text) {
  std::vector<std::string> relations;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find_first_of(" \t", at), text.size());
    if (end > at) relations.push_back(AsciiLower(text.substr(at, end - at)));
    at = end + 1;
  }
  return relations;
}

void ParseLinkValue(std::string_view value, std::vector<HttpLink>* links) {
  Scanner in(value);
  while (!in.Done()) {
    if (in.Take(',')) continue;
    if (!in.Take('<')) {
      in.Until(",");
      continue;
    }
    HttpLink link{.target = std::string(in.Until(">"))};
    if (!in.Take('>')) return;
    while (in.Take(';')) {
      in.SkipSpace();
      const std::string name = AsciiLower(in.Until("=;,"));
      const std::string parameter = in.Take('=') ? in.Value(";,") : "";
      if (name == "rel" && link.relations.empty()) link.relations = SplitRelations(parameter);
    }
    if (!link.relations.empty()) links->push_back(std::move(link));
  }
}

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};

std::optional<unsigned> ParseMonth(std::string_view text) {
  const auto found = std::find(kMonths.begin(), kMonths.end(), AsciiLower(text));
  if (found == kMonths.end()) return std::nullopt;
  return static_cast<unsigned>(found - kMonths.begin()) + 1;
}

std::vector<std::string_view> Words(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> words;
  size_t at = 0;
  while (at < text.size() && words.size() < 12) {
    const size_t end = std::min(text.find_first_of(separators, at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

std::optional<Timestamp> MakeTime(std::string_view day, std::string_view month, std::string_view year,
                                  std::string_view clock) {
  const auto month_number = ParseMonth(month);
  const auto day_number = ParseInteger(day);
  auto year_number = ParseInteger(year);
  const auto time = Words(clock, ":");
  if (!month_number || !day_number || *day_number > 31 || !year_number || time.size() != 3) return std::nullopt;
  if (year.size() == 2) *year_number += *year_number < 70 ? 2000 : 1900;  // RFC 850: the nearest reading
  if (*year_number > 9999) return std::nullopt;
  const auto hour = ParseInteger(time[0]);
  const auto minute = ParseInteger(time[1]);
  const auto second = ParseInteger(time[2]);
  if (!hour || *hour > 23 || !minute || *minute > 59 || !second || *second > 60) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year_number)),
                                         std::chrono::month(*month_number),
                                         std::chrono::day(static_cast<unsigned>(*day_number))};
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return Timestamp{.micros = (((days * 24 + *hour) * 60 + *minute) * 60 + *second) * 1'000'000};
}

// "100, 100;w=60" → 100.
std::optional<int64_t> FirstInteger(std::optional<std::string_view> value) {
  if (!value) return std::nullopt;
  return ParseInteger(Trim(value->substr(0, value->find_first_of(",;"))));
}

// `"default";r=0;t=30` and `limit=100, remaining=0, reset=30` (two generations of the IETF draft).
void ParseCombined(std::string_view value, Timestamp now, RateLimitState* state) {
  for (const std::string_view part : Words(value, ",;")) {
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name = AsciiLower(Trim(part.substr(0, equals)));
    const std::string_view text = Trim(part.substr(equals + 1));
    if (name == "limit") state->limit = ParseInteger(text);
    if (name == "remaining" || name == "r") state->remaining = ParseInteger(text);
    if (name == "reset" || name == "t") state->reset = ParseReset(text, now);
  }
}

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return AsciiLower(x) == AsciiLower(y); });
}

std::optional<std::string_view> HttpHeaders::Get(std::string_view name) const {
  for (const Field& field : fields_) {
    if (EqualsIgnoringCase(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::vector<std::string_view> HttpHeaders::GetAll(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Field& field : fields_) {
    if (EqualsIgnoringCase(field.name, name)) values.push_back(field.value);
  }
  return values;
}

void HttpHeaders::Set(std::string name, std::string value) {
  Remove(name);
  Add(std::move(name), std::move(value));
}

void HttpHeaders::Remove(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return EqualsIgnoringCase(field.name, name); });
}

std::vector<HttpLink> ParseLinks(const HttpHeaders& headers) {
  std::vector<HttpLink> links;
  for (const std::string_view value : headers.GetAll("link")) ParseLinkValue(value, &links);
  return links;
}

std::optional<std::string> LinkTarget(const HttpHeaders& headers, std::string_view relation) {
  for (HttpLink& link : ParseLinks(headers)) {
    const auto& known = link.relations;
    if (std::find(known.begin(), known.end(), AsciiLower(relation)) != known.end()) return std::move(link.target);
  }
  return std::nullopt;
}

std::optional<Timestamp> ParseHttpDate(std::string_view text) {
  const auto words = Words(text, " ,-\t");
  // "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"
  if (words.size() == 6 && EqualsIgnoringCase(words[5], "GMT")) return MakeTime(words[1], words[2], words[3], words[4]);
  if (words.size() == 6 && EqualsIgnoringCase(words[5], "UTC")) return MakeTime(words[1], words[2], words[3], words[4]);
  if (words.size() == 5) return MakeTime(words[2], words[1], words[4], words[3]);
  return std::nullopt;
}

std::optional<milliseconds> ParseRetryAfter(std::string_view text, Timestamp now) {
  text = Trim(text);
  if (const auto seconds = ParseDecimal(text)) return Capped(*seconds * 1'000);
  const auto date = ParseHttpDate(text);
  if (!date) return std::nullopt;
  return Capped(static_cast<double>(date->micros - now.micros) / 1'000);
}

std::optional<milliseconds> ParseReset(std::string_view text, Timestamp now) {
  // Sizes keep the ways apart: no limit resets after more than a year, and 1970 is long gone.
  constexpr double kEpochSecondsMin = 1e9;  // 2001
  constexpr double kEpochMillisMin = 1e11;  // as seconds: the year 5138
  const auto since_now = [&](double epoch_ms) { return Capped(epoch_ms - static_cast<double>(now.micros) / 1'000); };
  if (const auto number = ParseDecimal(text)) {
    if (*number >= kEpochMillisMin) return since_now(*number);
    if (*number >= kEpochSecondsMin) return since_now(*number * 1'000);
    return Capped(*number * 1'000);
  }
  if (const auto date = ParseHttpDate(text)) return since_now(static_cast<double>(date->micros) / 1'000);
  if (const auto date = ParseTimestamp(text); date.ok()) return since_now(static_cast<double>(date->micros) / 1'000);
  return std::nullopt;
}

RateLimitState ParseRateLimit(const HttpHeaders& headers, Timestamp now) {
  RateLimitState state;
  if (const auto combined = headers.Get("ratelimit")) ParseCombined(*combined, now, &state);
  for (const std::string prefix : {"ratelimit-", "x-ratelimit-", "x-rate-limit-"}) {
    if (!state.limit) state.limit = FirstInteger(headers.Get(prefix + "limit"));
    if (!state.remaining) state.remaining = FirstInteger(headers.Get(prefix + "remaining"));
    const auto reset = headers.Get(prefix + "reset");
    if (!state.reset && reset) state.reset = ParseReset(Trim(*reset), now);
  }
  return state;
}

std::optional<ContentRange> ParseContentRange(std::string_view text) {
  text = Trim(text);
  if (text.size() < 6 || !EqualsIgnoringCase(text.substr(0, 6), "bytes ")) return std::nullopt;
  text = Trim(text.substr(6));
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) return std::nullopt;
  const auto first = ParseInteger(text.substr(0, dash));
  const auto last = ParseInteger(text.substr(dash + 1, slash - dash - 1));
  if (!first || !last || *last < *first) return std::nullopt;
  ContentRange range{.first = *first, .last = *last};
  if (text.substr(slash + 1) == "*") return range;
  range.total = ParseInteger(text.substr(slash + 1));
  if (!range.total || *range.total <= *last) return std::nullopt;
  return range;
}

}  // namespace firn::io
