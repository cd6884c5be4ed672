#include "base/byte_size.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace firn {
namespace {

Status Malformed(std::string_view text) {
  return MakeError(Fault::kConfig, "not a size such as 64MiB: \"" + std::string(text.substr(0, 40)) + "\"");
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Returns bytes per unit, or 0 if unknown.
double UnitBytes(std::string_view unit) {
  std::string lower;
  for (const char c : unit) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!lower.empty() && lower.back() == 'b') lower.pop_back();
  if (lower.empty()) return 1;
  const size_t power = std::string_view("kmgt").find(lower[0]);
  if (power == std::string_view::npos) return 0;
  if (lower.size() == 1) return std::pow(1000.0, static_cast<double>(power + 1));
  return lower.substr(1) == "i" ? std::pow(1024.0, static_cast<double>(power + 1)) : 0;
}

}  // namespace

Result<int64_t> ParseByteSize(std::string_view text) {
  const std::string_view trimmed = Trim(text);
  double number = 0;
  const auto [end, error] =
      std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), number, std::chars_format::fixed);
  if (error != std::errc() || trimmed.front() == '-') return Malformed(text);
  const double unit = UnitBytes(Trim(trimmed.substr(static_cast<size_t>(end - trimmed.data()))));
  if (unit == 0 || !std::isfinite(number)) return Malformed(text);
  const double bytes = number * unit;
  if (bytes >= 0x1.0p63) return MakeError(Fault::kConfig, "size is too large: \"" + std::string(trimmed) + "\"");
  return static_cast<int64_t>(bytes);
}

std::string FormatByteSize(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (std::abs(value) >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  char text[48];
  const bool whole = value == std::floor(value);
  std::snprintf(text, sizeof text, whole ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

}  // namespace firn
