#include "query/result_format.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <set>
#include <utility>
#include <vector>

#include "base/edit_distance.h"
#include "query/row_writer.h"
#include "query/session.h"

namespace firn::query {
namespace {

struct FormatName {
  std::string_view name;
  OutputFormat format;
};
constexpr FormatName kFormats[] = {
    {"table", OutputFormat::kTable},  {"json", OutputFormat::kJson},         {"ndjson", OutputFormat::kNdjson},
    {"jsonl", OutputFormat::kNdjson}, {"csv", OutputFormat::kCsv},           {"parquet", OutputFormat::kParquet},
    {"md", OutputFormat::kMarkdown},  {"markdown", OutputFormat::kMarkdown}, {"canonical", OutputFormat::kCanonical}};

// Keys of the row objects, as JSON text with the colon.
std::vector<std::string> JsonKeys(const std::vector<std::string>& names) {
  std::vector<std::string> keys;
  for (const auto& name : names) {
    std::string key;
    AppendJsonText(name, key);
    keys.push_back(key + ":");
  }
  return keys;
}

class JsonWriter : public RowWriter {
 public:
  JsonWriter(bool lines, ByteSink sink) : lines_(lines), out_(std::move(sink)) {}

  Status Begin(const arrow::Schema&, const std::vector<std::string>& names) override {
    keys_ = JsonKeys(names);
    if (!lines_) out_.text() += "[";
    return Status::OK();
  }

  Status Batch(const arrow::RecordBatch& batch) override {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      if (!lines_) out_.text() += first_ ? "\n" : ",\n";
      first_ = false;
      out_.text() += '{';
      for (int i = 0; i < batch.num_columns(); ++i) {
        if (i > 0) out_.text() += ',';
        out_.text() += keys_[static_cast<size_t>(i)];
        ARROW_RETURN_NOT_OK(AppendJsonValue(*batch.column(i), row, out_.text()));
      }
      out_.text() += lines_ ? "}\n" : "}";
      ARROW_RETURN_NOT_OK(out_.FlushIfLarge());
    }
    return lines_ ? out_.Flush() : Status::OK();
  }

  Status End() override {
    if (!lines_) out_.text() += first_ ? "]\n" : "\n]\n";
    return out_.Flush();
  }

 private:
  bool lines_;
  bool first_ = true;
  OutputBuffer out_;
  std::vector<std::string> keys_;
};

// RFC 4180, section 2; null and the empty string stay apart.
void AppendCsvField(std::string_view text, std::string& out) {
  const bool quote = text.empty() || text.find_first_of(",\"\r\n") != std::string_view::npos || text.front() == ' ' ||
                     text.back() == ' ';
  if (!quote) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

class CsvWriter : public RowWriter {
 public:
  explicit CsvWriter(ByteSink sink) : out_(std::move(sink)) {}

  Status Begin(const arrow::Schema&, const std::vector<std::string>& names) override {
    for (size_t i = 0; i < names.size(); ++i) {
      if (i > 0) out_.text() += ',';
      AppendCsvField(names[i], out_.text());
    }
    out_.text() += '\n';
    return out_.Flush();
  }

  Status Batch(const arrow::RecordBatch& batch) override {
    std::string field;
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      for (int i = 0; i < batch.num_columns(); ++i) {
        if (i > 0) out_.text() += ',';
        if (batch.column(i)->IsNull(row)) continue;
        field.clear();
        ARROW_RETURN_NOT_OK(AppendTextValue(*batch.column(i), row, field));
        AppendCsvField(field, out_.text());
      }
      out_.text() += '\n';
      ARROW_RETURN_NOT_OK(out_.FlushIfLarge());
    }
    return out_.Flush();
  }

  Status End() override { return out_.Flush(); }

 private:
  OutputBuffer out_;
};

void AppendMarkdownCell(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (c == '|' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "<br>";
    } else if (c != '\r') {
      out += c;
    }
  }
}

class MarkdownWriter : public RowWriter {
 public:
  explicit MarkdownWriter(ByteSink sink) : out_(std::move(sink)) {}

  Status Begin(const arrow::Schema& schema, const std::vector<std::string>& names) override {
    std::string& out = out_.text();
    for (const auto& name : names) {
      out += "| ";
      AppendMarkdownCell(name, out);
      out += ' ';
    }
    out += "|\n";
    for (const auto& field : schema.fields())
      out += arrow::is_numeric(*field->type()) || arrow::is_decimal(*field->type()) ? "| ---: " : "| --- ";
    out += "|\n";
    return out_.Flush();
  }

  Status Batch(const arrow::RecordBatch& batch) override {
    std::string cell;
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      for (int i = 0; i < batch.num_columns(); ++i) {
        cell.clear();
        ARROW_RETURN_NOT_OK(AppendTextValue(*batch.column(i), row, cell));
        out_.text() += "| ";
        AppendMarkdownCell(cell, out_.text());
        out_.text() += ' ';
      }
      out_.text() += "|\n";
      ARROW_RETURN_NOT_OK(out_.FlushIfLarge());
    }
    return Status::OK();
  }

  Status End() override { return out_.Flush(); }

 private:
  OutputBuffer out_;
};

std::unique_ptr<RowWriter> MakeWriter(const FormatOptions& options, ByteSink sink) {
  switch (options.format) {
    case OutputFormat::kJson:
      return std::make_unique<JsonWriter>(false, std::move(sink));
    case OutputFormat::kNdjson:
      return std::make_unique<JsonWriter>(true, std::move(sink));
    case OutputFormat::kCsv:
      return std::make_unique<CsvWriter>(std::move(sink));
    case OutputFormat::kMarkdown:
      return std::make_unique<MarkdownWriter>(std::move(sink));
    case OutputFormat::kParquet:
      return MakeParquetWriter(std::move(sink));
    case OutputFormat::kCanonical:
      return MakeCanonicalWriter(std::move(sink));
    case OutputFormat::kTable:
      break;
  }
  return MakeTableWriter(options, std::move(sink));
}

// Objects and files need distinct names: of two "a" the second becomes "a_1".
std::vector<std::string> DistinctNames(const arrow::Schema& schema) {
  std::set<std::string> taken;
  for (const auto& field : schema.fields()) taken.insert(field->name());
  std::set<std::string> used;
  std::vector<std::string> names;
  for (const auto& field : schema.fields()) {
    std::string name = field->name();
    for (int n = 1; used.contains(name) || (n > 1 && taken.contains(name)); ++n) {
      name = field->name() + "_" + std::to_string(n);
    }
    used.insert(name);
    names.push_back(std::move(name));
  }
  return names;
}

template <typename Next>
Result<WriteSummary> Write(const arrow::Schema& schema, const FormatOptions& options, const ByteSink& sink, Next next) {
  const auto writer = MakeWriter(options, sink);
  WriteSummary summary{.num_columns = schema.num_fields()};
  const bool plain = options.format == OutputFormat::kTable || options.format == OutputFormat::kMarkdown ||
                     options.format == OutputFormat::kCsv;
  ARROW_RETURN_NOT_OK(writer->Begin(schema, plain ? schema.field_names() : DistinctNames(schema)));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<arrow::RecordBatch> batch, next());
    if (!batch) break;
    summary.num_rows += batch->num_rows();
    ARROW_RETURN_NOT_OK(writer->Batch(*batch));
  }
  ARROW_RETURN_NOT_OK(writer->End());
  return summary;
}

}  // namespace

Result<OutputFormat> ParseOutputFormat(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& known : kFormats) {
    if (known.name == name) return known.format;
    names.emplace_back(known.name);
  }
  const auto near = Nearest(name, names);
  return MakeError(Fault::kConfig, "there is no output format " + std::string(name),
                   {.why = "formats: table, json, ndjson, csv, md, parquet, canonical",
                    .next = near ? "did you mean --format " + *near + "?" : "--format table"});
}

Result<WriteSummary> WriteResult(QueryResult& result, const FormatOptions& options, const ByteSink& sink,
                                 std::stop_token stop) {
  return Write(*result.schema(), options, sink, [&] { return result.Next(stop); });
}

Result<WriteSummary> WriteBatches(arrow::RecordBatchReader& batches, const FormatOptions& options,
                                  const ByteSink& sink) {
  return Write(*batches.schema(), options, sink, [&] { return batches.Next(); });
}

}  // namespace firn::query
