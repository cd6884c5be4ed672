// Decodes TPC-H lineitem as NDJSON (first argument: the file) with a known schema on one thread and compares with a
// typed simdjson On-Demand visit of the same bytes, key order known. Alternates both; prints MB/s and the ratio of the
// best runs. `--inspect`: infers types over the prefix instead of knowing them.
#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <numeric>
#include <sstream>

#include "format/json/chunker.h"
#include "format/json/table_reader.h"

namespace {

using namespace firn;  // NOLINT

// CPU time of this thread: neighbours on the machine do not count.
double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

schema::Schema Lineitem() {
  schema::Schema schema;
  const auto add = [&](const char* name, schema::TypePtr type) {
    schema.fields.push_back({.name = name, .type = std::move(type)});
  };
  for (const char* name : {"l_orderkey", "l_partkey", "l_suppkey", "l_linenumber"}) add(name, schema::Long());
  for (const char* name : {"l_quantity", "l_extendedprice", "l_discount", "l_tax"}) add(name, schema::Double());
  for (const char* name : {"l_returnflag", "l_linestatus"}) add(name, schema::String());
  for (const char* name : {"l_shipdate", "l_commitdate", "l_receiptdate"}) add(name, schema::Date());
  for (const char* name : {"l_shipinstruct", "l_shipmode", "l_comment"}) add(name, schema::String());
  return schema;
}

struct Sums {
  int64_t rows = 0;
  int64_t keys = 0;
  double prices = 0;
  int64_t text_bytes = 0;
  bool operator==(const Sums&) const = default;
};

Result<Sums> Visit(const simdjson::padded_string& text) {
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document_stream documents;
  if (parser.iterate_many(text, 1 << 20).get(documents)) return Status::Invalid("iterate_many");
  Sums sums;
  for (auto document : documents) {
    simdjson::ondemand::object row;
    if (document.get_object().get(row)) return Status::Invalid("row");
    for (const char* name : {"l_orderkey", "l_partkey", "l_suppkey", "l_linenumber"}) {
      int64_t value = 0;
      if (row.find_field(name).get_int64().get(value)) return Status::Invalid(name);
      sums.keys += value;
    }
    for (const char* name : {"l_quantity", "l_extendedprice", "l_discount", "l_tax"}) {
      double value = 0;
      if (row.find_field(name).get_double().get(value)) return Status::Invalid(name);
      sums.prices += value;
    }
    for (const char* name : {"l_returnflag", "l_linestatus", "l_shipdate", "l_commitdate", "l_receiptdate",
                             "l_shipinstruct", "l_shipmode", "l_comment"}) {
      std::string_view value;
      if (row.find_field(name).get_string().get(value)) return Status::Invalid(name);
      sums.text_bytes += static_cast<int64_t>(value.size());
    }
    ++sums.rows;
  }
  return sums;
}

// What the visit sums up, from the decoded columns; dates count as their ten characters. Not timed.
void AddBatch(const arrow::RecordBatch& batch, Sums& sums) {
  sums.rows += batch.num_rows();
  for (int64_t i = 0; i < batch.num_rows(); ++i) {
    for (int c = 0; c < 4; ++c) sums.keys += static_cast<const arrow::Int64Array&>(*batch.column(c)).Value(i);
    for (int c = 4; c < 8; ++c) sums.prices += static_cast<const arrow::DoubleArray&>(*batch.column(c)).Value(i);
    sums.text_bytes += 30;
    for (int c : {8, 9, 13, 14, 15})
      sums.text_bytes += static_cast<const arrow::StringArray&>(*batch.column(c)).value_length(i);
  }
}

Result<Sums> Decode(std::string_view text, bool known, bool check, double& seconds) {
  format::json::TableReaderOptions options;
  if (known) options.known = Lineitem();
  ARROW_ASSIGN_OR_RAISE(auto reader, format::json::TableReader::Open(std::move(options)));
  format::json::Chunker chunker({.chunk_bytes = 1 << 20});
  Sums sums;
  double timer = CpuSeconds();
  seconds = 0;
  const auto drain = [&]() -> Status {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto next, reader->Pop());
      if (!next) return Status::OK();
      if (!next->quarantined.empty()) return Status::Invalid(next->quarantined[0].reason);
      seconds += CpuSeconds() - timer;
      if (check) AddBatch(*next->batch, sums);
      timer = CpuSeconds();
    }
  };
  constexpr size_t kPiece = 1 << 18;
  for (size_t at = 0; at <= text.size(); at += kPiece) {
    ARROW_RETURN_NOT_OK(chunker.Push(text.substr(at, kPiece)));
    if (at + kPiece >= text.size()) ARROW_RETURN_NOT_OK(chunker.Finish());
    while (auto chunk = chunker.Pop()) {
      ARROW_ASSIGN_OR_RAISE(auto page,
                            format::json::Page::Parse(std::move(chunk), {.layout = format::json::PageLayout::kLines}));
      std::vector<uint32_t> rows(page->num_records());
      std::iota(rows.begin(), rows.end(), 0U);
      ARROW_RETURN_NOT_OK(reader->Push(std::move(page), std::move(rows), 0));
      ARROW_RETURN_NOT_OK(drain());
    }
  }
  ARROW_RETURN_NOT_OK(reader->Finish());
  ARROW_RETURN_NOT_OK(drain());
  seconds += CpuSeconds() - timer;
  return sums;
}

Status Run(const char* path, bool known) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  const simdjson::padded_string text(content.str());
  double best_visit = 1e9, best_decode = 1e9;
  Sums expected, decoded;
  for (int i = 0; i < 7; ++i) {
    const double begin = CpuSeconds();
    ARROW_ASSIGN_OR_RAISE(expected, Visit(text));
    best_visit = std::min(best_visit, CpuSeconds() - begin);
    double seconds = 0;
    ARROW_ASSIGN_OR_RAISE(Sums sums, Decode({text.data(), text.size()}, known, i == 0, seconds));
    if (i == 0) decoded = sums;
    best_decode = std::min(best_decode, seconds);
  }
  if (expected != decoded) return Status::Invalid("decoded rows differ from the source");
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  std::printf("rows %lld  sum %.2f\nvisit  %.0f MB/s\ndecode %.0f MB/s\nratio  %.2f\n",
              static_cast<long long>(expected.rows), expected.prices, megabytes / best_visit, megabytes / best_decode,
              best_visit / best_decode);
  return Status::OK();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::puts("usage: decode_bench FILE.ndjson [--inspect]");
    return 2;
  }
  const Status status = Run(argv[1], argc < 3);
  if (!status.ok()) std::puts(status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
