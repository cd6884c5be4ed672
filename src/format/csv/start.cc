#include <nlohmann/json.hpp>

#include "format/csv/row_reader.h"

namespace firn::format::csv {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;

std::string TextOf(char c) {
  return c == 0 ? "" : std::string(1, c);
}

char CharOf(const Json& text) {
  const std::string value = text.get<std::string>();
  return value.empty() ? '\0' : value.front();
}

}  // namespace

std::string ToJson(const Start& start) {
  const Dialect& dialect = start.dialect;
  const Json json = {{"version", kVersion},
                     {"byte", start.place.byte},
                     {"line", start.place.line},
                     {"delimiter", TextOf(dialect.delimiter)},
                     {"quote", TextOf(dialect.quote)},
                     {"escape", TextOf(dialect.escape)},
                     {"comment", TextOf(dialect.comment)},
                     {"cr_lines", dialect.cr_lines},
                     {"header", dialect.header},
                     {"encoding", static_cast<int>(dialect.encoding)},
                     {"nulls", dialect.nulls},
                     {"columns", start.columns}};
  return json.dump();
}

Result<Start> StartFromJson(std::string_view text) {
  const auto broken = [] { return MakeError(Fault::kBadData, "the saved place in a CSV file cannot be read"); };
  try {
    const Json json = Json::parse(text);
    if (json.at("version") != kVersion) return broken();
    const int encoding = json.at("encoding").get<int>();
    if (encoding < 0 || encoding > static_cast<int>(Encoding::kWindows1252)) return broken();
    return Start{.place = {.byte = json.at("byte").get<int64_t>(), .line = json.at("line").get<int64_t>()},
                 .dialect = {.delimiter = CharOf(json.at("delimiter")),
                             .quote = CharOf(json.at("quote")),
                             .escape = CharOf(json.at("escape")),
                             .comment = CharOf(json.at("comment")),
                             .cr_lines = json.at("cr_lines").get<bool>(),
                             .header = json.at("header").get<bool>(),
                             .encoding = static_cast<Encoding>(encoding),
                             .nulls = json.at("nulls").get<std::vector<std::string>>()},
                 .columns = json.at("columns").get<std::vector<std::string>>()};
  } catch (const Json::exception&) {
    return broken();
  }
}

}  // namespace firn::format::csv
