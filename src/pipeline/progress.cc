#include "pipeline/progress.h"

#include <algorithm>

namespace firn::pipeline {
namespace {

std::string Duration(int64_t ms) {
  if (ms < 950) return "0." + std::to_string(std::max<int64_t>(1, (ms + 50) / 100)) + " s";
  const int64_t seconds = (ms + 500) / 1000;
  if (seconds < 60) return std::to_string(seconds) + " s";
  const std::string rest = seconds % 60 == 0 ? "" : std::to_string(seconds % 60) + "s";
  if (seconds < 3600) return std::to_string(seconds / 60) + "m" + rest;
  return std::to_string(seconds / 3600) + "h" + std::to_string(seconds % 3600 / 60) + "m";
}

}  // namespace

std::string WaitText(const WaitNote& note) {
  std::string text = "waiting " + Duration(note.delay_ms) + ", attempt " + std::to_string(note.attempt);
  if (note.attempts_max > 0) text += " of " + std::to_string(note.attempts_max);
  return text + ": " + note.why + "; gives up in " + Duration(note.delay_ms + note.gives_up_ms);
}

}  // namespace firn::pipeline
