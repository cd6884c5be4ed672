#include "config/process_fields.h"

namespace firn::config {
namespace {

constexpr int64_t kDayMs = 86'400'000;

}  // namespace

Variant ProcessSourceVariant() {
  Variant process{.tag_value = "process",
                  .doc = "A program that prints rows: your own, a Singer tap, an Airbyte connector."};
  process.fields = {
      List("command", Text(""))
          .AtLeast(1)
          .Required()
          .Doc("Program and arguments; no shell. {config}, {catalog} and {state} become paths of such files.")
          .Example("[python3, extract.py]"),
      Enum("protocol", {{"ndjson", "rows as JSON lines, and {\"@state\": …}"},
                        {"singer", "a Singer tap"},
                        {"airbyte", "an Airbyte connector"}})
          .Default("ndjson")
          .Doc("What it prints."),
      Json("config")
          .InterpolatedIsSecret()
          .Doc("What it is configured with; handed over as JSON, by stdin or a file in memory.")
          .Example("{token: \"${env:TOKEN}\", start_date: 2024-01-01}"),
      Map("environment", Text("").InterpolatedIsSecret())
          .Doc("Variables that it sees beside PATH, HOME, language, time zone, proxies and certificates.")
          .Example("{LOG_LEVEL: info}"),
      Text("folder").Doc("Where it runs, relative to the project. Default: the project's folder.").Example("./taps"),
      Duration("idle").Range(1'000, kDayMs).Default("5m").Doc("Longest time without output; then it is killed."),
      Duration("total").Range(1'000, 30 * kDayMs).Default("1h").Doc("Longest time from start to end."),
      Size("max_line").Range(1 << 10, int64_t{1} << 30).Default("64MiB").Doc("Longest line that it may print.")};
  return process;
}

std::vector<Field> ProcessFields() {
  return {Text("stream")
              .OnlyFor("process")
              .OnlyFor("airbyte")
              .Doc("What the program or connector calls the table. Default: its name.")
              .Example("orders")};
}

}  // namespace firn::config
