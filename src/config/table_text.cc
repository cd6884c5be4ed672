#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <map>

#include "base/edit_distance.h"
#include "config/lowering.h"
#include "config/value_text.h"

namespace firn::config {
namespace {

constexpr int32_t kBucketsMax = 1'000'000;

std::string Squeezed(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\t') out += c;
  }
  return out;
}

/// "name(first,second)" taken apart; arguments are empty where absent.
struct Call {
  std::string name, first, second;
  bool has_arguments = false;
};

std::optional<Call> ParseCall(std::string_view text) {
  const std::string squeezed = Squeezed(text);
  const size_t open = squeezed.find_first_of("([");
  Call call{.name = squeezed.substr(0, open)};
  std::transform(call.name.begin(), call.name.end(), call.name.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (open == std::string::npos) return call;
  if (!squeezed.ends_with(squeezed[open] == '(' ? ')' : ']')) return std::nullopt;
  const std::string inner = squeezed.substr(open + 1, squeezed.size() - open - 2);
  if (inner.find_first_of("()[]") != std::string::npos) return std::nullopt;
  const size_t comma = inner.find(',');
  call.has_arguments = true;
  call.first = inner.substr(0, comma);
  if (comma != std::string::npos) call.second = inner.substr(comma + 1);
  return call;
}

std::optional<int32_t> Small(std::string_view text) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

using Transform = PartitionConfig::Transform;
constexpr std::array<std::pair<std::string_view, Transform>, 7> kTransforms = {{{"identity", Transform::kIdentity},
                                                                                {"bucket", Transform::kBucket},
                                                                                {"truncate", Transform::kTruncate},
                                                                                {"year", Transform::kYear},
                                                                                {"month", Transform::kMonth},
                                                                                {"day", Transform::kDay},
                                                                                {"hour", Transform::kHour}}};

}  // namespace

std::optional<PartitionConfig> ParsePartition(std::string_view text, std::string* suggestion) {
  const bool is_call = text.find('(') != std::string_view::npos;
  if (!is_call) {
    if (text.empty() || text.find_first_of("[]), ") != std::string_view::npos) return std::nullopt;
    return PartitionConfig{.column = std::string(text)};
  }
  const auto call = ParseCall(text);
  if (!call || call->first.empty()) return std::nullopt;
  const auto known =
      std::find_if(kTransforms.begin(), kTransforms.end(), [&](const auto& t) { return t.first == call->name; });
  if (known == kTransforms.end()) {
    std::vector<std::string> names;
    for (const auto& [name, transform] : kTransforms) names.emplace_back(name);
    if (const auto nearest = Nearest(call->name, names)) *suggestion = *nearest;
    return std::nullopt;
  }
  const bool takes_number = known->second == Transform::kBucket || known->second == Transform::kTruncate;
  if (takes_number == call->second.empty()) return std::nullopt;
  if (!takes_number) return PartitionConfig{.transform = known->second, .column = call->first};
  const auto number = Small(call->first);
  if (!number || *number < 1 || *number > kBucketsMax) {
    if (Small(call->second)) *suggestion = call->name + "(" + call->second + ", " + call->first + ")";
    return std::nullopt;
  }
  return PartitionConfig{.transform = known->second, .argument = *number, .column = call->second};
}

std::optional<std::string> ParseColumnType(std::string_view text, std::string* suggestion) {
  static const std::vector<std::string> kPlain = {
      "boolean",     "int",    "long", "float",  "double", "date", "time",         "timestamp",
      "timestamptz", "string", "uuid", "binary", "json",   "map",  "timestamp_ns", "timestamptz_ns"};
  static const std::map<std::string, std::string, std::less<>> kForeign = {{"text", "string"},
                                                                           {"varchar", "string"},
                                                                           {"str", "string"},
                                                                           {"bigint", "long"},
                                                                           {"int64", "long"},
                                                                           {"int32", "int"},
                                                                           {"integer", "int or long"},
                                                                           {"number", "double, or decimal(p, s)"},
                                                                           {"float64", "double"},
                                                                           {"real", "float"},
                                                                           {"bool", "boolean"},
                                                                           {"datetime", "timestamptz or timestamp"},
                                                                           {"numeric", "decimal(p, s)"},
                                                                           {"decimal", "decimal(p, s)"},
                                                                           {"object", "json"},
                                                                           {"variant", "json"},
                                                                           {"bytes", "binary"},
                                                                           {"timestamp_tz", "timestamptz"}};
  const auto call = ParseCall(text);
  if (!call) return std::nullopt;
  if (!call->has_arguments && std::find(kPlain.begin(), kPlain.end(), call->name) != kPlain.end()) return call->name;
  if (call->has_arguments && call->name == "decimal") {
    const auto precision = Small(call->first);
    const auto scale = call->second.empty() ? std::optional<int32_t>(0) : Small(call->second);
    if (precision && scale && *precision >= 1 && *precision <= 38 && *scale >= 0 && *scale <= *precision) {
      return "decimal(" + std::to_string(*precision) + ", " + std::to_string(*scale) + ")";
    }
    *suggestion = "decimal(p, s) with p from 1 to 38 and s from 0 to p";
    return std::nullopt;
  }
  if (call->has_arguments && call->name == "fixed" && call->second.empty()) {
    const auto length = Small(call->first);
    if (length && *length >= 1) return "fixed[" + std::to_string(*length) + "]";
  }
  const auto foreign = kForeign.find(call->name);
  if (foreign != kForeign.end()) {
    *suggestion = foreign->second;
  } else if (const auto nearest = Nearest(call->name, kPlain)) {
    *suggestion = *nearest;
  }
  return std::nullopt;
}

std::optional<std::pair<int32_t, int32_t>> ParseStatusRange(std::string_view text, int32_t lowest) {
  const auto valid = [&](int32_t status) { return status >= lowest && status <= 599; };
  if (text.size() == 3 && (text.substr(1) == "xx" || text.substr(1) == "XX")) {
    const int32_t first = (text[0] - '0') * 100;
    return valid(first) ? std::optional(std::pair(first, first + 99)) : std::nullopt;
  }
  const size_t dash = text.find('-');
  const auto first = Small(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : Small(text.substr(dash + 1));
  if (!first || !last || !valid(*first) || !valid(*last) || *last < *first) return std::nullopt;
  return std::pair(*first, *last);
}

std::optional<Schedule> ParseSchedule(std::string_view text) {
  Schedule schedule{.text = std::string(text)};
  if (text == "off") {
    schedule.kind = Schedule::Kind::kOff;
    return schedule;
  }
  if (text.starts_with("every ")) {
    const auto every = ParseDurationMs(text.substr(6));
    if (!every || *every < 1'000) return std::nullopt;
    schedule.kind = Schedule::Kind::kEvery;
    schedule.every_ms = *every;
    return schedule;
  }
  if (!IsCron(text)) return std::nullopt;
  schedule.kind = Schedule::Kind::kCron;
  return schedule;
}

std::string_view ToString(WriteDisposition disposition) {
  switch (disposition) {
    case WriteDisposition::kAppend:
      return "append";
    case WriteDisposition::kReplace:
      return "replace";
    case WriteDisposition::kMerge:
      return "merge";
  }
  return "";
}

std::string_view ToString(SystemColumns columns) {
  switch (columns) {
    case SystemColumns::kFirn:
      return "firn";
    case SystemColumns::kDlt:
      return "dlt";
    case SystemColumns::kAirbyte:
      return "airbyte";
  }
  return "firn";
}

SystemColumns SystemColumnsOf(std::string_view text) {
  for (const SystemColumns columns : {SystemColumns::kDlt, SystemColumns::kAirbyte}) {
    if (ToString(columns) == text) return columns;
  }
  return SystemColumns::kFirn;
}

std::string_view ToString(WriteMask mask) {
  switch (mask) {
    case WriteMask::kNone:
      return "none";
    case WriteMask::kRedact:
      return "redact";
    case WriteMask::kNull:
      return "null";
    case WriteMask::kSha256:
      return "sha256";
    case WriteMask::kHmac:
      return "hmac";
    case WriteMask::kIp:
      return "ip";
  }
  return "";
}

std::string_view ToString(Contract contract) {
  switch (contract) {
    case Contract::kEvolve:
      return "evolve";
    case Contract::kFreeze:
      return "freeze";
    case Contract::kDiscardRow:
      return "discard_row";
    case Contract::kDiscardValue:
      return "discard_value";
  }
  return "";
}

std::string_view ToString(PaginateType type) {
  switch (type) {
    case PaginateType::kAuto:
      return "auto";
    case PaginateType::kNone:
      return "none";
    case PaginateType::kPage:
      return "page";
    case PaginateType::kOffset:
      return "offset";
    case PaginateType::kCursor:
      return "cursor";
    case PaginateType::kLinkHeader:
      return "link_header";
    case PaginateType::kNextUrl:
      return "next_url";
  }
  return "";
}

std::string ToString(const PartitionConfig& partition) {
  if (partition.transform == Transform::kIdentity) return partition.column;
  std::string out;
  for (const auto& [name, transform] : kTransforms) {
    if (transform == partition.transform) out = std::string(name) + "(";
  }
  if (partition.argument > 0) out += std::to_string(partition.argument) + ", ";
  return out + partition.column + ")";
}

}  // namespace firn::config
