#include "query/result_format.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>

#include "io/local_file_store.h"
#include "io/temporary_folder.h"
#include "query/row_writer.h"
#include "query/session.h"

namespace firn::query {
namespace {

using ::testing::HasSubstr;

std::string Print(const std::string& sql, FormatOptions options) {
  const auto files = io::MakeLocalFileStore();
  auto session = Session::Open(nullptr, *files, {.memory_bytes = 128 << 20, .threads = 1}).ValueOrDie();
  auto result = session->Run(sql);
  if (!result.ok()) return result.status().ToString();
  std::string out;
  const auto written = WriteResult(**result, options,
                                   [&](std::string_view bytes) {
                                     out += bytes;
                                     return Status::OK();
                                   },
                                   {});
  return written.ok() ? out : written.status().ToString();
}

TEST(ResultFormat, JsonIsOneArrayOfExactRows) {
  EXPECT_EQ(Print("select 1 a, 'x' b union all select null, 'y\"\\\n\x01' order by 1", {.format = OutputFormat::kJson}),
            "[\n{\"a\":1,\"b\":\"x\"},\n{\"a\":null,\"b\":\"y\\\"\\\\\\n\\u0001\"}\n]\n");
  EXPECT_EQ(Print("select 1 a where false", {.format = OutputFormat::kJson}), "[]\n");
}

TEST(ResultFormat, ValuesKeepEveryDigit) {
  EXPECT_EQ(Print("select 9223372036854775807 i, 18446744073709551615::ubigint u, "
                  "-170141183460469231731687303715884105727::hugeint h, 0.00::decimal(38,20) z, "
                  "-12345678901234567890.123456789012345678::decimal(38,18) d, 0.05::decimal(3,2) e, 0.1::float f, "
                  "1e300 g, 0.1::double k, 3::double l",
                  {.format = OutputFormat::kNdjson}),
            "{\"i\":9223372036854775807,\"u\":18446744073709551615,\"h\":-170141183460469231731687303715884105727,"
            "\"z\":0.00000000000000000000,\"d\":-12345678901234567890.123456789012345678,\"e\":0.05,\"f\":0.1,"
            "\"g\":1e+300,\"k\":0.1,\"l\":3.0}\n");
}

TEST(ResultFormat, CanonicalRowsAreTheSameForEveryEngine) {
  EXPECT_EQ(
      Print("select 'é' b, 1 a, 1.50::decimal(5,2) d, 1e16::double e, 0.0001::double f, 1e-5::double g, 0.1::float h, "
            "'nan'::double i, timestamptz '2026-01-01 00:00:00+01' t, time '01:02:03.5' u, date '2026-02-28' v, "
            "timestamp_ns '2026-01-01 00:00:00' w, map {'b': 1, 'a': 2} x, {'z': [1, null], 'y': '\\xAA'::blob} y, "
            "-0.0::double z",
            {.format = OutputFormat::kCanonical}),
      "{\"a\":1,\"b\":\"é\",\"d\":\"1.50\",\"e\":1e+16,\"f\":0.0001,\"g\":1e-05,\"h\":0.10000000149011612,"
      "\"i\":\"NaN\",\"t\":\"2025-12-31T23:00:00.000000Z\",\"u\":\"01:02:03.500000\",\"v\":\"2026-02-28\","
      "\"w\":\"2026-01-01T00:00:00.000000000\",\"x\":[[\"a\",2],[\"b\",1]],\"y\":{\"y\":\"aa\",\"z\":[1,null]},"
      "\"z\":-0.0}\n");
}

TEST(ResultFormat, TimesAreIsoAndUtc) {
  EXPECT_EQ(
      Print("select date '2026-02-28' a, date '0044-03-15 (BC)' b, time '01:02:03.5' c, timestamp '1969-12-31 "
            "23:59:59.000001' d, timestamptz '2026-01-01 00:00:00+01' e, 'infinity'::date f, timestamp_ns "
            "'2026-01-01 00:00:00.000000001' g, '-infinity'::timestamp h",
            {.format = OutputFormat::kNdjson}),
      "{\"a\":\"2026-02-28\",\"b\":\"-0043-03-15\",\"c\":\"01:02:03.500000\",\"d\":\"1969-12-31T23:59:59.000001\","
      "\"e\":\"2025-12-31T23:00:00Z\",\"f\":\"infinity\",\"g\":\"2026-01-01T00:00:00.000000001\",\"h\":"
      "\"-infinity\"}\n");
}

TEST(ResultFormat, TheRestIsText) {
  EXPECT_EQ(Print("select 'nan'::double a, '-inf'::float b, '\\x00\\xFF'::blob c, "
                  "'00112233-4455-6677-8899-aabbccddeeff'::uuid d, interval 3 day e, true f, "
                  "{'x': [1, null], 'm': map {'k': {'v': 1.50}}} g, 1 as a",
                  {.format = OutputFormat::kNdjson}),
            "{\"a\":\"NaN\",\"b\":\"-Infinity\",\"c\":\"00ff\",\"d\":\"00112233-4455-6677-8899-aabbccddeeff\",\"e\":"
            "\"3 days\",\"f\":true,\"g\":{\"x\":[1,null],\"m\":[{\"key\":\"k\",\"value\":{\"v\":1.50}}]},\"a_1\":1}\n");
}

TEST(ResultFormat, CsvTellsNullFromEmpty) {
  EXPECT_EQ(Print("select 1 a, 'x,\"y\"\nz' \"b,c\", null d, '' e, [1, 2] f", {.format = OutputFormat::kCsv}),
            "a,\"b,c\",d,e,f\n1,\"x,\"\"y\"\"\nz\",,\"\",\"[1,2]\"\n");
}

TEST(ResultFormat, MarkdownEscapes) {
  EXPECT_EQ(Print("select 1 a, 'x|y\nz' b", {.format = OutputFormat::kMarkdown}),
            "| a | b |\n| ---: | --- |\n| 1 | x\\|y<br>z |\n");
}

TEST(ResultFormat, TableIsDrawnInItsWidth) {
  EXPECT_EQ(Print("select * from (values (1, 'a'), (200, '日本'), (null, 'e\x1b[31m')) t(n, name)", {}),
            "┌──────┬───────────┐\n"
            "│ n    │ name      │\n"
            "├──────┼───────────┤\n"
            "│    1 │ a         │\n"
            "│  200 │ 日本      │\n"
            "│ NULL │ e\\x1b[31m │\n"
            "└──────┴───────────┘\n");
  EXPECT_EQ(Print("select 'abcdefghijklmnopqrstuvwxyz' a, 1 b", {.width = 24}),
            "┌──────────────────┬───┐\n"
            "│ a                │ b │\n"
            "├──────────────────┼───┤\n"
            "│ abcdefghijklmno… │ 1 │\n"
            "└──────────────────┴───┘\n");
}

TEST(ResultFormat, TableShowsBothEndsOfManyRows) {
  const std::string out = Print("select range n from range(10000)", {.rows_max = 4});
  EXPECT_EQ(out,
            "┌──────┐\n│ n    │\n├──────┤\n│    0 │\n│    1 │\n│ …    │\n│ 9998 │\n│ 9999 │\n└──────┘\n"
            "10000 rows, the first 2 and the last 2 are shown\n");
}

TEST(ResultFormat, WidthCountsWhatATerminalShows) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("日本"), 4);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1);
  EXPECT_EQ(CutToWidth("日本語", 4), "日…");
}

TEST(ResultFormat, ParquetReadsBack) {
  const io::TemporaryFolder folder;
  const std::string path = folder.path() + "/out.parquet";
  const std::string bytes =
      Print("select range i, range::varchar s, [range] l from range(5000)", {.format = OutputFormat::kParquet});
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(bytes.substr(0, 4), "PAR1");
  EXPECT_EQ(bytes.substr(bytes.size() - 4), "PAR1");
}

TEST(ResultFormat, AClosedPipeEndsTheWriting) {
  const auto files = io::MakeLocalFileStore();
  auto session = Session::Open(nullptr, *files, {.memory_bytes = 128 << 20, .threads = 1}).ValueOrDie();
  auto result = session->Run("select range from range(1000000000)").ValueOrDie();
  int calls = 0;
  const auto written = WriteResult(
      *result, {.format = OutputFormat::kNdjson},
      [&](std::string_view) { return ++calls > 2 ? MakeError(Fault::kCancelled, "closed") : Status::OK(); }, {});
  EXPECT_EQ(FaultOf(written.status()), Fault::kCancelled);
  EXPECT_EQ(calls, 3);
}

TEST(ResultFormat, NamesTheFormats) {
  EXPECT_EQ(ParseOutputFormat("jsonl").ValueOrDie(), OutputFormat::kNdjson);
  EXPECT_EQ(ContextOf(ParseOutputFormat("jsn").status())->next, "did you mean --format json?");
}

}  // namespace
}  // namespace firn::query
