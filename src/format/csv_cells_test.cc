// How CSV cells become typed rows: the rules, and that neither pages, threads nor the way of reading change a value.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "format/csv_outcome_test_support.h"

namespace firn::format {
namespace {

using json::TableReaderOptions;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

CsvOutcome Read(std::string_view text, TableReaderOptions options = {}) {
  return ReadCsv(text, {.delimiter = ',', .header = true}, std::move(options));
}

// The type of a column of these cells.
std::string TypeOf(const std::vector<std::string>& cells) {
  std::string text = "k,x\n";
  for (const std::string& cell : cells) text += "1," + cell + "\n";
  const CsvOutcome got = Read(text);
  const size_t at = got.schema.find("x:");
  return at == std::string::npos ? "none" : got.schema.substr(at + 2, got.schema.size() - at - 3);
}

TEST(CsvCells, ATypeLosesNothing) {
  EXPECT_EQ(TypeOf({"1", "-2", "", "0"}), "long");
  EXPECT_EQ(TypeOf({"1", "2.50"}), "double");
  EXPECT_EQ(TypeOf({"1e-05", "1.5e7"}), "double");
  EXPECT_EQ(TypeOf({"12345678901234567890", "1"}), "decimal(20, 0)");
  EXPECT_EQ(TypeOf({"0.12345678901234567890", "12.5"}), "decimal(21, 19)");
  EXPECT_EQ(TypeOf({"true", "False", "TRUE"}), "boolean");
  EXPECT_EQ(TypeOf({"2024-01-31", "1999-12-31"}), "date");
  EXPECT_EQ(TypeOf({"2024-01-31T10:00:00", "2024-01-31 10:00:00.5"}), "timestamp");
  EXPECT_EQ(TypeOf({"2024-01-31T10:00:00Z", "2024-01-31T10:00:00+02:00"}), "timestamptz");
  EXPECT_EQ(TypeOf({"", ""}), "none");
  EXPECT_EQ(TypeOf({"\"\"", ""}), "string");
  EXPECT_EQ(TypeOf({"\"7\"", "\"\"", "8"}), "long");
}

TEST(CsvCells, WhatWouldLoseSomethingIsText) {
  for (const char* cell : {"007",        "+1",         " 1",
                           "1 ",         "1e5",        "12E3",
                           "0x1F",       "1,5",        "1_000",
                           ".5",         "5.",         "--1",
                           "-",          "NaN",        "Infinity",
                           "yes",        "tRue",       "2024-1-31",
                           "31.01.2024", "2024-02-30", "1234567890123456789012345678901234567890"}) {
    EXPECT_EQ(TypeOf({"\"" + std::string(cell) + "\""}), "string") << cell;
  }
  EXPECT_EQ(TypeOf({"1", "A5"}), "string");
  EXPECT_EQ(TypeOf({"1", "true"}), "string");
  EXPECT_EQ(TypeOf({"2024-01-31", "2024-01-31T10:00:00"}), "string");
  EXPECT_EQ(TypeOf({"2024-01-31T10:00:00Z", "2024-01-31T10:00:00"}), "string");
}

// A long would give it back as 0; a double does not.
TEST(CsvCells, AreCapturedAsJson) {
  csv::RowReader reader({.csv = {.delimiter = ',', .header = true, .nulls = {"NULL"}}});
  ASSERT_TRUE(reader.Push("a,b\n1,\"say \"\"hi\"\"\"\n,NULL\n\"NULL\",x,too many\n").ok());
  ASSERT_TRUE(reader.Finish().ok());
  const auto page = json::Page::OfCells(reader.Pop()->page, {"b", "c", "a"});
  EXPECT_EQ(page->Captured(0, 0), "\"say \\\"hi\\\"\"");
  EXPECT_EQ(page->Captured(0, 1), std::nullopt);  // no such column
  EXPECT_EQ(page->Captured(0, 2), "\"1\"");
  EXPECT_EQ(page->Captured(1, 0), "null");
  EXPECT_EQ(page->Captured(1, 2), "null");
  EXPECT_EQ(page->Captured(2, 2), std::nullopt);  // no row
}

TEST(CsvCells, NegativeZeroIsNoLong) {
  EXPECT_EQ(TypeOf({"1", "-0"}), "double");
  EXPECT_EQ(TypeOf({"1.5", "-0"}), "double");
  const CsvOutcome got = Read("a\n1\n-0\n2\n", {.prefix_bytes = 1});
  EXPECT_EQ(got.schema, "a:long a__double:double ");
  EXPECT_THAT(got.rows, ElementsAre("a=1;", "a__double=-0;", "a=2;"));
}

TEST(CsvCells, TextKeepsItsWriting) {
  EXPECT_THAT(Read("a\n12.50\nx\n007\n\"\"\n").rows, ElementsAre("a=12.50;", "a=x;", "a=007;", "a=;"));
}

TEST(CsvCells, AQuotedEmptyCellIsNullWhereItIsNoText) {
  EXPECT_THAT(Read("a,b\n1,x\n\"\",\"\"\n").rows, ElementsAre("a=1;b=x;", "b=;"));
}

TEST(CsvCells, LaterValuesOfAnotherTypeGoBeside) {
  const CsvOutcome got = Read("a\n1\nx\n2.5\n99999999999999999999\n", {.prefix_bytes = 1});
  EXPECT_EQ(got.schema, "a:long a__string:string ");
  EXPECT_THAT(got.rows, ElementsAre("a=1;", "a__string=x;", "a__string=2.5;", "a__string=99999999999999999999;"));
  const CsvOutcome numbers = Read("a\n1\n2.5\n0.1234567890123456789\n0.5\n", {.prefix_bytes = 1});
  EXPECT_EQ(numbers.schema, "a:long a__double:double a__decimal:decimal(19, 19) ");
  EXPECT_THAT(numbers.rows,
              ElementsAre("a=1;", "a__double=2.5;", "a__decimal=0.1234567890123456789;", "a__double=0.5;"));
}

TEST(CsvCells, BadRowsAreQuarantinedWithTheirLine) {
  const CsvOutcome got = Read("a,b\n1,2\n\n3\n\"x\ny\"z,4\n5,6,7\n8,9\n");
  EXPECT_THAT(got.rows, ElementsAre("a=1;b=2;", "a=8;b=9;"));
  EXPECT_THAT(got.quarantined,
              ElementsAre("line 4: 1 field where 2 are wanted {9}", "line 5: text behind a closing quote {\"x x\"x,9}",
                          "line 7: 3 fields where 2 are wanted {9,9,9}"));
  const CsvOutcome failed = Read("a,b\n1,2\n3\n", {.on_bad = json::OnBadRecord::kFail});
  EXPECT_THAT(failed.error, HasSubstr("line 3: 1 field where 2 are wanted"));
}

TEST(CsvCells, DeclaredColumnsTakeTheirType) {
  TableReaderOptions options;
  options.hints = {{.path = "n", .type = schema::Long()},
                   {.path = "b", .type = schema::Boolean()},
                   {.path = "d", .type = schema::Date(), .format = "%d.%m.%Y"},
                   {.path = "s", .type = schema::String()},
                   {.path = "e", .type = schema::TimestampTz(), .format = "epoch_s"}};
  const CsvOutcome got = Read("n,b,d,s,e\n+007,Yes,31.01.2024,1,1700000000\n 8 ,0,01.02.2024,007,0\n", options);
  EXPECT_EQ(got.schema, "n:long b:boolean d:date s:string e:timestamptz ");
  EXPECT_THAT(got.rows, ElementsAre("n=7;b=true;d=2024-01-31;s=1;e=2023-11-14 22:13:20.000000Z;",
                                    "n=8;b=false;d=2024-02-01;s=007;e=1970-01-01 00:00:00.000000Z;"));
}

TEST(CsvCells, MasksCoverCellsAndQuarantine) {
  TableReaderOptions options;
  options.masks = {{.path = "email"}, {.path = "gone", .method = json::MaskMethod::kNull}};
  options.contract.types = json::ContractMode::kDiscardRow;
  options.prefix_bytes = 1;
  const CsvOutcome got = Read("id,email,gone\n1,a@b.example,5\nx,c@d.example,6\n2,,7\n", options);
  EXPECT_THAT(got.rows, ElementsAre("id=1;email=***;", "id=2;"));
  ASSERT_EQ(got.quarantined.size(), 1U);
  EXPECT_THAT(got.quarantined[0], HasSubstr("line 3: the value does not fit"));
  EXPECT_EQ(got.quarantined[0].find("c@d"), std::string::npos);
}

TEST(CsvCells, ContractsHold) {
  const auto read = [](json::ContractMode mode) {
    TableReaderOptions options;
    options.known = schema::Schema{.fields = {{.id = 1, .name = "a", .type = schema::Long()}}};
    options.contract = {.columns = mode, .types = mode};
    return Read("a,b\n1,\nx,\n2,y\n", options);
  };
  EXPECT_THAT(read(json::ContractMode::kFreeze).error, HasSubstr("schema_contract freeze"));
  EXPECT_THAT(read(json::ContractMode::kDiscardRow).rows, ElementsAre("a=1;"));
  EXPECT_THAT(read(json::ContractMode::kDiscardValue).rows, ElementsAre("a=1;", "", "a=2;"));
  EXPECT_THAT(read(json::ContractMode::kEvolve).rows, ElementsAre("a=1;", "a__string=x;", "a=2;b=y;"));
}

TEST(CsvCells, ColumnsAreKnownByName) {
  TableReaderOptions options;
  options.known = schema::Schema{
      .fields = {{.id = 1, .name = "a", .type = schema::Long()}, {.id = 2, .name = "b", .type = schema::String()}}};
  EXPECT_THAT(Read("c,b\n5,x\n", options).rows, ElementsAre("b=x;c=5;"));
}

TEST(CsvCells, PagesOfTwoKindsAreRefused) {
  auto reader = json::TableReader::Open({}).ValueOrDie();
  ASSERT_TRUE(reader->Push(json::Page::Parse(std::string_view("{\"a\":1}"), {}).ValueOrDie(), {0}, 0).ok());
  csv::RowReader pages({});
  ASSERT_TRUE(pages.Push("a\n1\n").ok() && pages.Finish().ok());
  EXPECT_EQ(FaultOf(reader->Push(json::Page::OfCells(pages.Pop()->page), {0}, 1)), Fault::kConfig);
}

TEST(CsvCells, AColumnThatBeginsEmptyKeepsItsName) {
  EXPECT_EQ(Read("a,b\n1,\n2,x\n", {.prefix_bytes = 1}).schema, "a:long b:string ");
}

// The types of a new table are decided by what its first rows hold in memory, not by their text alone.
TEST(CsvCells, ShortRowsFillThePrefix) {
  std::string text = "a\n";
  for (int i = 0; i < 1000; ++i) text += "1\n";
  text += "x\n";
  const int64_t row = json::PrefixBytesHeld(1, 1);
  for (const int64_t page_bytes : {1 << 20, 100}) {
    EXPECT_EQ(ReadCsv(text, {.header = true}, {.prefix_held_bytes = 1000 * row}, {.page_bytes = page_bytes}).schema,
              "a:long a__string:string ");
    EXPECT_EQ(ReadCsv(text, {.header = true}, {.prefix_held_bytes = 1001 * row}, {.page_bytes = page_bytes}).schema,
              "a:string ");
  }
  EXPECT_LT(row, 40);
}

TEST(CsvCells, BytesThatAreNotUtf8SayWhatToDo) {
  const auto failed = Read("a,b\n1,\xE9\n", {.on_bad = json::OnBadRecord::kFail}).error;
  EXPECT_THAT(failed, HasSubstr("not UTF-8"));
  EXPECT_THAT(failed, HasSubstr("csv: {encoding: latin-1}"));
  EXPECT_THAT(failed, HasSubstr("--encoding latin-1"));
  EXPECT_THAT(failed, HasSubstr("on_error: quarantine"));
}

// More rows than are read of one column before the next.
TEST(CsvCells, LongPagesByColumnAndByRow) {
  for (const int misfit_at : {-1, 19'000}) {
    std::string text = "a,b,c\n";
    for (int i = 0; i < 20'000; ++i) {
      text += (i == misfit_at ? "x" : std::to_string(i)) + "," + (i % 7 ? std::to_string(i) + ".25" : "") +
              ",\"text, " + std::to_string(i) + "\"\n";
    }
    const csv::CsvOptions dialect{.delimiter = ',', .header = true};
    const CsvOutcome by_column = ReadCsv(text, dialect, {.prefix_bytes = 1});
    EXPECT_EQ(by_column.rows.size(), 20'000U);
    EXPECT_EQ(by_column.rows[18'999], "a=18999;c=text, 18999;b=18999.25;");
    EXPECT_EQ(ReadCsv(text, dialect, {.prefix_bytes = 1}, {.by_row = true}), by_column);
  }
}

// Rows whose types change along the way, with broken ones between.
std::string RandomCsv(std::mt19937_64& random) {
  static constexpr std::string_view kCells[] = {"1",
                                                "-20",
                                                "300000000000000000000",
                                                "2.50",
                                                "0.1",
                                                "1e5",
                                                "1e-7",
                                                "007",
                                                "",
                                                "\"\"",
                                                "true",
                                                "False",
                                                "2024-01-31",
                                                "2024-01-31T10:00:00Z",
                                                "2024-01-31 10:00:00",
                                                "x",
                                                "\"a, b\"",
                                                "\"a \"\"b\"\"\"",
                                                "\"2\"",
                                                "0.12345678901234567891",
                                                "NA",
                                                "\xC3\xA9"};
  static constexpr std::string_view kBroken[] = {"1,2", "\"a\"b,1,2,3", "1,2,3,4,5", "1,\xFF,3,4", "", "1,5\" x,3,4"};
  std::string text = "a,b,c,d\n";
  const uint64_t kinds = 1 + random() % std::size(kCells);
  const int rows = static_cast<int>(random() % 60);
  for (int i = 0; i < rows; ++i) {
    if (random() % 20 == 0) {
      text += kBroken[random() % std::size(kBroken)];
    } else {
      const uint64_t most = i < 20 ? std::min<uint64_t>(kinds, 3) : kinds;
      for (int c = 0; c < 4; ++c)
        text +=
            (c ? "," : "") + std::string(kCells[(random() % most + static_cast<uint64_t>(c) * 5) % std::size(kCells)]);
    }
    text += random() % 9 == 0 ? "\r\n" : "\n";
  }
  return text;
}

TEST(CsvCells, AnyWayOfReadingGivesTheSameRows) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 400; ++round) {
    const std::string text = RandomCsv(random);
    const csv::CsvOptions dialect{
        .delimiter = ',',
        .escape = '"',
        .header = true,
        .nulls = round % 2 ? std::vector<std::string>{"NA", "-20"} : std::vector<std::string>()};
    TableReaderOptions options;
    options.prefix_bytes = round % 3 == 0 ? 1 << 20 : static_cast<int64_t>(random() % 300);
    if (round % 4 == 0) options.prefix_held_bytes = static_cast<int64_t>(random() % 2000);
    const CsvOutcome whole = ReadCsv(text, dialect, options, {.by_row = true});
    ASSERT_EQ(ReadCsv(text, dialect, options), whole) << text;
    const auto page_bytes = static_cast<int64_t>(1 + random() % 200);
    ASSERT_EQ(ReadCsv(text, dialect, options, {.page_bytes = page_bytes}), whole) << text;
    options.may_restart = true;
    options.guess_bytes = static_cast<int64_t>(random() % 100);
    options.num_threads = static_cast<int>(1 + random() % 3);
    ASSERT_EQ(ReadCsv(text, dialect, options, {.page_bytes = page_bytes}), whole) << text;
    ASSERT_EQ(ReadCsv(text, dialect, options, {.page_bytes = page_bytes, .by_row = true}), whole) << text;
  }
}

}  // namespace
}  // namespace firn::format
