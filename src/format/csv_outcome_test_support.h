#pragma once

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>

#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/csv/row_reader.h"
#include "format/json/table_reader.h"

/// CSV text to typed rows by the real parts, for tests and fuzzing.
namespace firn::format {

struct CsvOutcome {
  std::string schema;
  std::vector<std::string> rows;         // "a=1;b=x;", without nulls
  std::vector<std::string> quarantined;  // "line 3: why {text}"
  std::string error;
  friend bool operator==(const CsvOutcome&, const CsvOutcome&) = default;
};

struct CsvWays {
  int64_t page_bytes = int64_t{1} << 20;
  bool by_row = false;  // every page gets one more record, a bad one: then no page is read by columns
};

inline constexpr char kSpoiled[] = "spoiled";

/// The page with a bad record at its end.
inline std::shared_ptr<const CellPage> Spoiled(const CellPage& page) {
  auto spoiled = std::make_shared<CellPage>(page);
  const size_t size = page.num_records * (page.num_columns() + 1);
  std::vector<uint32_t> starts(page.starts, page.starts + size);
  starts.resize(size + page.num_columns() + 1, 1);
  spoiled->starts_buffer = arrow::Buffer::FromVector(std::move(starts));
  spoiled->starts = reinterpret_cast<const uint32_t*>(spoiled->starts_buffer->data());
  spoiled->bad.push_back({.record = spoiled->num_records++, .reason = kSpoiled});
  return spoiled;
}

inline void RenderRows(const json::DecodedRows& decoded, CsvOutcome& outcome) {
  for (int64_t row = 0; row < decoded.batch->num_rows(); ++row) {
    std::string text;
    for (int c = 0; c < decoded.batch->num_columns(); ++c) {
      const arrow::Array& column = *decoded.batch->column(c);
      if (column.IsNull(row)) continue;
      text += decoded.batch->column_name(c) + "=" + column.GetScalar(row).ValueOrDie()->ToString() + ";";
    }
    outcome.rows.push_back(std::move(text));
  }
  for (const json::QuarantinedRow& row : decoded.quarantined) {
    if (!row.reason.ends_with(kSpoiled)) outcome.quarantined.push_back(row.reason + " {" + row.text + "}");
  }
}

inline Status DrainRows(json::TableReader& reader, CsvOutcome& outcome) {
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto decoded, reader.Pop());
    if (!decoded) return Status::OK();
    if (decoded->restart) outcome = {};
    ARROW_RETURN_NOT_OK(decoded->batch->ValidateFull());
    RenderRows(*decoded, outcome);
  }
}

inline Status DrainPages(csv::RowReader& pages, json::TableReader& reader, CsvWays ways, CsvOutcome& outcome) {
  while (auto rows = pages.Pop()) {
    auto page = json::Page::OfCells(ways.by_row ? Spoiled(*rows->page) : rows->page);
    std::vector<uint32_t> all(page->num_records());
    std::iota(all.begin(), all.end(), 0U);
    ARROW_RETURN_NOT_OK(reader.Push(std::move(page), std::move(all), 0));
    ARROW_RETURN_NOT_OK(DrainRows(reader, outcome));
  }
  return Status::OK();
}

inline CsvOutcome ReadCsv(std::string_view text, const csv::CsvOptions& dialect, json::TableReaderOptions options,
                          CsvWays ways = {}) {
  CsvOutcome outcome;
  csv::RowReader pages({.csv = dialect, .page_bytes = ways.page_bytes});
  auto opened = json::TableReader::Open(std::move(options));
  if (!opened.ok()) return {.error = opened.status().ToString()};
  json::TableReader& reader = **opened;
  const auto run = [&]() -> Status {
    for (size_t at = 0; at < text.size(); at += size_t{1} << 16) {
      ARROW_RETURN_NOT_OK(pages.Push(text.substr(at, size_t{1} << 16)));
      ARROW_RETURN_NOT_OK(DrainPages(pages, reader, ways, outcome));
    }
    const Status ended = pages.Finish();
    ARROW_RETURN_NOT_OK(DrainPages(pages, reader, ways, outcome));
    ARROW_RETURN_NOT_OK(ended);
    ARROW_RETURN_NOT_OK(reader.Finish());
    return DrainRows(reader, outcome);
  };
  if (const Status status = run(); !status.ok()) {
    outcome.error = status.ToString();
    const ErrorContext* context = ContextOf(status);
    if (context != nullptr) outcome.error += " " + context->next;
  }
  if (reader.schema() == nullptr) return outcome;
  for (const schema::Field& field : reader.schema()->fields) {
    outcome.schema += field.name + ":" + schema::ToString(*field.type) + " ";
  }
  return outcome;
}

}  // namespace firn::format
