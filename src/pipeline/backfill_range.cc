#include "pipeline/backfill_range.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/clock.h"
#include "config/value_text.h"
#include "expression/datetime.h"

namespace firn::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kSlicesMax = 100'000;

Status Refused(const std::string& message) {
  return MakeError(Fault::kConfig, message,
                   {.code = "E0876",
                    .state = "nothing was changed",
                    .next = "firn backfill TABLE --from 2024-01-01 --to 2025-01-01 --step 30d"});
}

std::optional<int64_t> NumberOf(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

std::optional<Timestamp> TimeOf(const std::string& text, const config::IncrementalConfig& incremental) {
  constexpr size_t kDateLength = 10;
  const auto number = NumberOf(text);
  if (number && incremental.format == config::CursorFormat::kEpochSeconds) return Timestamp{*number * 1'000'000};
  if (number && incremental.format == config::CursorFormat::kEpochMillis) return Timestamp{*number * 1'000};
  const auto time = ParseTimestamp(text.size() == kDateLength ? text + "T00:00:00Z" : text);
  return time.ok() ? std::optional(*time) : std::nullopt;
}

Result<std::string> TextOf(Timestamp time, const config::IncrementalConfig& incremental) {
  switch (incremental.format) {
    case config::CursorFormat::kEpochSeconds:
      return std::to_string(time.micros / 1'000'000);
    case config::CursorFormat::kEpochMillis:
      return std::to_string(time.micros / 1'000);
    case config::CursorFormat::kPattern:
      return expression::FormatByPattern(time, incremental.pattern, incremental.timezone);
    case config::CursorFormat::kIso:
      break;
  }
  return FormatTimestamp(time);
}

// Edges from `begin` by `step`, and the ends of the range as they were written.
Result<Slices> Cut(const BackfillRange& range, int64_t begin, int64_t end, int64_t step,
                   const std::function<Result<std::string>(int64_t)>& text) {
  if (step <= 0) return Refused("--step is no length that leads on");
  if (begin >= end) return Refused("--from does not lie before --to");
  if ((end - begin) / step >= kSlicesMax)
    return Refused("the range has more than 100000 slices; choose a longer --step");
  Slices slices;
  std::string last = range.from;
  for (int64_t at = begin + step; at < end; at += step) {
    ARROW_ASSIGN_OR_RAISE(std::string edge, text(at));
    if (edge == last) continue;  // the step is finer than the cursor's format
    slices.emplace_back(last, edge);
    last = std::move(edge);
  }
  slices.emplace_back(last, range.to);
  return slices;
}

// Of bounds that can be compared: both numbers, or both times, however each is written.
Status CheckOrder(const BackfillRange& range, const config::IncrementalConfig& incremental) {
  const auto first = NumberOf(range.from), last = NumberOf(range.to);
  if (first && last) return *first < *last ? Status::OK() : Refused("--from does not lie before --to");
  const auto begin = TimeOf(range.from, incremental), end = TimeOf(range.to, incremental);
  if (begin && end && begin->micros >= end->micros) return Refused("--from does not lie before --to");
  return Status::OK();
}

}  // namespace

Result<Slices> SlicesOf(const BackfillRange& range, const config::IncrementalConfig& incremental) {
  if (range.from.empty() || range.to.empty()) return Refused("a backfill needs --from and --to");
  if (range.step.empty()) {
    ARROW_RETURN_NOT_OK(CheckOrder(range, incremental));
    return Slices{{range.from, range.to}};
  }
  const auto first = NumberOf(range.from), last = NumberOf(range.to), count = NumberOf(range.step);
  if (first && last && count) {
    return Cut(range, *first, *last, *count, [](int64_t at) { return Result<std::string>(std::to_string(at)); });
  }
  const auto begin = TimeOf(range.from, incremental), end = TimeOf(range.to, incremental);
  const auto step = config::ParseDurationMs(range.step);
  if (!begin || !end || !step) {
    return Refused("--from, --to and --step are not two times and a duration, nor three numbers");
  }
  return Cut(range, begin->micros, end->micros, *step * 1'000,
             [&](int64_t at) { return TextOf({.micros = at}, incremental); });
}

std::string WriteBackfillState(const BackfillState& state) {
  return Json{{"version", 1},
              {"fingerprint", state.fingerprint},
              {"splits", Json::object()},
              {"backfill",
               {{"begun", state.begun},
                {"from", state.range.from},
                {"to", state.range.to},
                {"step", state.range.step},
                {"workers", state.workers},
                {"worker", state.worker},
                {"done", state.done},
                {"cancelled", state.cancelled}}}}
      .dump();
}

Result<BackfillState> ParseBackfillState(const std::string& json) {
  BackfillState state;
  if (json.empty()) return state;
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  const bool shaped = parsed.is_object() && parsed.contains("backfill") && parsed["backfill"].is_object();
  if (!shaped) {
    return MakeError(Fault::kConfig, "the state of the backfill is no state of firn",
                     {.code = "E0810", .state = "nothing was changed", .next = "firn backfill TABLE --cancel"});
  }
  const Json& body = parsed["backfill"];
  const auto text = [](const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto number = [&](const char* name) {
    const auto found = body.find(name);
    return found != body.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
  };
  state.fingerprint = text(parsed, "fingerprint");
  state.begun = text(body, "begun");
  state.range = {.from = text(body, "from"), .to = text(body, "to"), .step = text(body, "step")};
  state.workers = number("workers");
  state.worker = number("worker");
  state.done = number("done");
  state.cancelled = body.value("cancelled", false);
  return state;
}

int64_t SharesOf(int64_t slices, int64_t workers, int64_t worker) {
  return worker >= slices ? 0 : (slices - worker + workers - 1) / workers;
}

}  // namespace firn::pipeline
