#include "format/csv/row_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace firn::format::csv {
namespace {

using Row = std::vector<std::string>;
using testing::ElementsAre;
using testing::HasSubstr;

// What was read: a row of texts, quoted ones in «», null as NULL, and bad ones as one text "bad LINE: REASON".
struct Outcome {
  std::vector<std::string> columns;
  std::vector<Row> rows;
  std::vector<Start> starts;  // behind each page
  Status status;
};

void Collect(RowReader& reader, Outcome& outcome) {
  while (auto rows = reader.Pop()) {
    const CellPage& page = *rows->page;
    EXPECT_GT(page.num_records, 0U);
    auto bad = page.bad.begin();
    std::string scratch;
    for (uint32_t i = 0; i < page.num_records; ++i) {
      Row row;
      if (bad != page.bad.end() && bad->record == i) {
        row = {"bad " + std::to_string(page.LineOf(bad->begin)) + ": " + bad->reason};
        ++bad;
      } else {
        for (size_t c = 0; c < page.num_columns(); ++c) {
          const Cell cell = CellAt(page, i, c, scratch);
          row.push_back(cell.is_null  ? "NULL"
                        : cell.quoted ? "«" + std::string(cell.text) + "»"
                                      : std::string(cell.text));
        }
      }
      outcome.rows.push_back(std::move(row));
    }
    outcome.starts.push_back(reader.StartAt(rows->end));
  }
}

Outcome ReadWith(RowReader::Options options, std::string_view text, size_t piece = 1 << 20) {
  RowReader reader(std::move(options));
  Outcome outcome;
  for (; !text.empty() && outcome.status.ok(); text.remove_prefix(std::min(piece, text.size()))) {
    outcome.status = reader.Push(text.substr(0, piece));
    Collect(reader, outcome);
  }
  if (outcome.status.ok()) outcome.status = reader.Finish();
  Collect(reader, outcome);
  if (reader.is_open()) outcome.columns = reader.columns();
  return outcome;
}

Outcome Read(std::string_view text, CsvOptions options = {}) {
  return ReadWith({.csv = std::move(options)}, text);
}

// The same by Room and Commit.
Outcome ReadIntoRoom(RowReader::Options options, std::string_view text, size_t piece) {
  RowReader reader(std::move(options));
  Outcome outcome;
  while (!text.empty() && outcome.status.ok()) {
    const std::span<char> room = reader.Room().ValueOrDie();
    const size_t taken = std::min({piece, text.size(), room.size()});
    std::copy_n(text.begin(), taken, room.begin());
    text.remove_prefix(taken);
    outcome.status = reader.Commit(taken);
    Collect(reader, outcome);
  }
  if (outcome.status.ok()) outcome.status = reader.Finish();
  Collect(reader, outcome);
  return outcome;
}

TEST(CsvRowReader, QuotesLineEndsAndNulls) {
  const Outcome got = Read("a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n,\"\"\n");
  ASSERT_TRUE(got.status.ok()) << got.status;
  EXPECT_THAT(got.columns, ElementsAre("a", "b"));
  EXPECT_THAT(got.rows, ElementsAre(Row{"1", "«x, \"y\"\nz»"}, Row{"NULL", "«»"}));
}

TEST(CsvRowReader, NoLineEndAtTheEnd) {
  EXPECT_THAT(Read("a,b\n1,2").rows, ElementsAre(Row{"1", "2"}));
  EXPECT_THAT(Read("a,b\n1,\"2\"").rows, ElementsAre(Row{"1", "«2»"}));
  EXPECT_THAT(Read("a,b\n1,").rows, ElementsAre(Row{"1", "NULL"}));
}

// The LF of the last line is missing.
TEST(CsvRowReader, AReturnAtTheEndIsALineEnd) {
  EXPECT_THAT(Read("a,b\r\n1,2\r").rows, ElementsAre(Row{"1", "2"}));
  EXPECT_THAT(Read("a,b\r\n1,\"2\"\r").rows, ElementsAre(Row{"1", "«2»"}));
  EXPECT_THAT(Read("a,b\r\n1,\r").rows, ElementsAre(Row{"1", "NULL"}));
  EXPECT_THAT(Read("a,b\n1,2\r\n3,4\r").rows, ElementsAre(Row{"1", "2"}, Row{"3", "4"}));
  EXPECT_THAT(Read("a,b\r\n1,2\r\n\r").rows, ElementsAre(Row{"1", "2"}));
  EXPECT_THAT(Read("a,b\r\nx\ry,2\r\n").rows, ElementsAre(Row{"x\ry", "2"}));
  EXPECT_THAT(ReadWith({.csv = {.comment = '#'}}, "a,b\r\n1,\"2\"\r", 1).rows, ElementsAre(Row{"1", "«2»"}));
}

// A line of one character is not a blank one.
TEST(CsvRowReader, OneColumnOfOneCharacter) {
  const Outcome values = Read("1\n2\n3\n");
  EXPECT_THAT(values.columns, ElementsAre("column_1"));
  EXPECT_THAT(values.rows, ElementsAre(Row{"1"}, Row{"2"}, Row{"3"}));
  const Outcome named = Read("n\n10\n20\n");
  EXPECT_THAT(named.columns, ElementsAre("n"));
  EXPECT_THAT(named.rows, ElementsAre(Row{"10"}, Row{"20"}));
  EXPECT_THAT(Read("\r\nn\r\n10\r\n").columns, ElementsAre("n"));
  EXPECT_THAT(Read("\r\n1\r\n2\r\n").columns, ElementsAre("column_1"));
  EXPECT_THAT(Read("x\r1\r2\r").columns, ElementsAre("x"));
}

// What Excel begins a file with.
TEST(CsvRowReader, AFirstLineThatNamesTheDelimiter) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const Outcome got = Read("sep=;" + end + "a;b,c;d" + end + "x;1,5;y" + end);
    EXPECT_THAT(got.columns, ElementsAre("a", "b,c", "d"));
    EXPECT_THAT(got.rows, ElementsAre(Row{"x", "1,5", "y"}));
  }
  EXPECT_THAT(Read("sep=^\na^b\n1^2\n").rows, ElementsAre(Row{"1", "2"}));
  EXPECT_THAT(Read("sep=;\na|b\n1|2\n", {.delimiter = '|'}).rows, ElementsAre(Row{"1", "2"}));
  EXPECT_THAT(ReadWith({}, "\xEF\xBB\xBFsep=\t\na\tb,c\n1\t2\n", 1).rows, ElementsAre(Row{"1", "2"}));
  EXPECT_THAT(Read("sep=,\na,b\n1\n").rows, ElementsAre(Row{"bad 3: 1 field where 2 are wanted"}));
  EXPECT_THAT(Read("made by x\nsep=;\na;b\n1;2\n", {.skip_lines = 2}).rows, ElementsAre(Row{"1", "2"}));
  for (const std::string text : {"sep=;x\n1\n", "sep=\n1\n", "sep=1\n1\n", "sep=\"\n1\n", "Xsep=;\n1\n"}) {
    EXPECT_EQ(Read(text).columns.front(), text.substr(0, text.find_first_of("\n;"))) << text;
  }
  EXPECT_THAT(Read("sep=;").columns, ElementsAre());
}

TEST(CsvRowReader, FindsTheDelimiter) {
  EXPECT_THAT(Read("a;b\n1,5;2\n").rows, ElementsAre(Row{"1,5", "2"}));
  EXPECT_THAT(Read("a\tb\n1, 2\t3\n").rows, ElementsAre(Row{"1, 2", "3"}));
  EXPECT_THAT(Read("a|b\n1|2\n").rows, ElementsAre(Row{"1", "2"}));
  EXPECT_THAT(Read("name\nDoe, Jo\nRoe, Al\n").rows, ElementsAre(Row{"Doe, Jo"}, Row{"Roe, Al"}));
  EXPECT_THAT(Read("a\n1\n\n2\n").rows, ElementsAre(Row{"1"}, Row{"NULL"}, Row{"2"}));
}

TEST(CsvRowReader, LinesThatEndWithReturnAlone) {
  EXPECT_THAT(Read("a,b\r1,2\r3,\"x\ry\"\r").rows, ElementsAre(Row{"1", "2"}, Row{"3", "«x\ry»"}));
}

TEST(CsvRowReader, ARowOfValuesIsNoHeader) {
  const Outcome got = Read("1,x\n2,y\n");
  EXPECT_THAT(got.columns, ElementsAre("column_1", "column_2"));
  EXPECT_EQ(got.rows.size(), 2U);
  EXPECT_EQ(Read("1,x\n2,y\n", {.header = true}).columns, (Row{"1", "x"}));
  EXPECT_EQ(Read("p,q\n2,y\n", {.header = false}).rows.size(), 2U);
}

TEST(CsvRowReader, NamesAreMadeDistinct) {
  EXPECT_EQ(Read("a,,a, b ,a_2,a\n").columns, (Row{"a", "column_2", "a_3", "b", "a_2", "a_4"}));
}

TEST(CsvRowReader, BadRowsSayWhereAndWhy) {
  const Outcome got = Read("a,b\n1,2\n3\n\n\"4\"x,5\n6,7,8\n9,\xFFz\n", {.delimiter = ','});
  EXPECT_THAT(
      got.rows,
      ElementsAre(Row{"1", "2"}, Row{"bad 3: 1 field where 2 are wanted"}, Row{"bad 5: text behind a closing quote"},
                  Row{"bad 6: 3 fields where 2 are wanted"}, Row{"bad 7: not UTF-8, byte 3 of the row"}));
}

TEST(CsvRowReader, QuotesInsidePlainFieldsAreText) {
  EXPECT_THAT(Read("a,b\n5\" disk,x\"y\"\n\"q\",2\n").rows, ElementsAre(Row{"5\" disk", "x\"y\""}, Row{"«q»", "2"}));
}

TEST(CsvRowReader, BackslashEscapes) {
  EXPECT_THAT(Read("a,b\n\"x \\\" y, z\",\"c:\\\\\"\n\"\\n\",2\n").rows,
              ElementsAre(Row{"«x \" y, z»", "«c:\\»"}, Row{"«\\n»", "2"}));
}

TEST(CsvRowReader, CommentsSkippedLinesAndNullTexts) {
  const Outcome got =
      Read("made by x\n# note, \"\na,b\n#1,2\nNA,\"NA\"\n", {.nulls = {"NA"}, .skip_lines = 1, .comment = '#'});
  EXPECT_THAT(got.rows, ElementsAre(Row{"NULL", "«NA»"}));
}

TEST(CsvRowReader, Encodings) {
  EXPECT_THAT(Read("\xEF\xBB\xBF"
                   "a,b\n1,\xC3\xA9\n")
                  .rows,
              ElementsAre(Row{"1", "é"}));
  EXPECT_THAT(Read("a,b\nx,\xE9\x80\n", {.encoding = Encoding::kWindows1252}).rows, ElementsAre(Row{"x", "é€"}));
  EXPECT_THAT(Read("a,b\nx,\x81\n", {.encoding = Encoding::kWindows1252}).rows,
              ElementsAre(Row{"bad 2: not in the file's encoding, byte 3 of the row"}));
  std::string little = "\xFF\xFE", big = "\xFE\xFF";
  for (const char16_t c : std::u16string_view(u"a,b\n1,\U0001F600\n")) {
    little += {static_cast<char>(c & 0xFF), static_cast<char>(c >> 8)};
    big += {static_cast<char>(c >> 8), static_cast<char>(c & 0xFF)};
  }
  const Outcome got = Read(little);
  EXPECT_THAT(got.rows, ElementsAre(Row{"1", "\U0001F600"}));
  EXPECT_EQ(got.starts.back().place.byte, static_cast<int64_t>(little.size()));
  EXPECT_THAT(Read(big).rows, ElementsAre(Row{"1", "\U0001F600"}));
  EXPECT_THAT(Read(little.substr(2)).status.message(), HasSubstr("UTF-16"));
}

TEST(CsvRowReader, AnOpenQuoteIsAnError) {
  const Outcome got = Read("a,b\n1,2\n3,\"x\n4,5\n");
  EXPECT_THAT(got.rows, ElementsAre(Row{"1", "2"}));
  EXPECT_EQ(FaultOf(got.status), Fault::kBadData);
  EXPECT_THAT(got.status.message(), HasSubstr("line 3: a quote is opened and never closed"));
}

// An endless field: the memory is that of record_bytes_max, and the error names the line.
TEST(CsvRowReader, AnEndlessRecordIsAnError) {
  for (const std::string begin : {"a,b\n1,2\n3,\"", "a,b\n1,2\n3,", "a,\""}) {
    RowReader reader({.record_bytes_max = int64_t{1} << 20});
    Status status = reader.Push(begin);
    const std::string piece(1 << 16, 'x');
    int64_t held = 0;
    for (int i = 0; i < 16'384 && status.ok(); ++i) {  // 1 GiB
      status = reader.Push(piece);
      while (reader.Pop()) {
      }
      held = std::max(held, reader.bytes_held());
    }
    EXPECT_EQ(FaultOf(status), Fault::kBadData);
    EXPECT_THAT(status.message(), HasSubstr("within 1048576 bytes"));
    EXPECT_LT(held, int64_t{5} << 20);
  }
}

// Offsets of one-character rows take many times their text.
TEST(CsvRowReader, PagesOfShortRowsAreSmaller) {
  RowReader reader({.csv = {.header = false}});
  std::string text;
  for (int i = 0; i < 4 << 20; ++i) text += "1\n";
  ASSERT_TRUE(reader.Push(text).ok());
  ASSERT_TRUE(reader.Finish().ok());
  reader.Pop();
  for (int later = 0; auto rows = reader.Pop(); ++later) EXPECT_LT(rows->page->num_records, 500'000U) << later;
}

TEST(CsvRowReader, ManyColumns) {
  std::string text;
  for (int row = 0; row < 3; ++row) {
    for (int c = 0; c < 100'000; ++c) text += (c ? ",c" : "c") + std::to_string(row * 100'000 + c);
    text += "\n";
  }
  const Outcome got = Read(text);
  ASSERT_TRUE(got.status.ok()) << got.status;
  EXPECT_EQ(got.columns.size(), 100'000U);
  EXPECT_EQ(got.rows.size(), 2U);
  EXPECT_EQ(got.rows[1][99'999], "c299999");
}

TEST(CsvRowReader, EmptyFiles) {
  for (const std::string text : {"", "\n\n", "\xEF\xBB\xBF", "a,b\n", "a,b"}) {
    const Outcome got = Read(text);
    EXPECT_TRUE(got.status.ok()) << got.status;
    EXPECT_TRUE(got.rows.empty());
  }
}

TEST(CsvRowReader, StartsSurviveJson) {
  const Start start{.place = {.byte = 7, .line = 3},
                    .dialect = {.delimiter = '\t',
                                .quote = 0,
                                .escape = '\\',
                                .cr_lines = true,
                                .header = false,
                                .encoding = Encoding::kLatin1,
                                .nulls = {"NA"}},
                    .columns = {"a", "\xC3\xA9"}};
  EXPECT_EQ(StartFromJson(ToJson(start)).ValueOrDie(), start);
  EXPECT_FALSE(StartFromJson("{}").ok());
}

// A random file of few characters, so that quotes, delimiters and line ends meet in all ways.
std::string RandomText(std::mt19937_64& random) {
  static constexpr std::string_view kParts[] = {"\"",
                                                "\"",
                                                ",",
                                                ",",
                                                "\n",
                                                "\r\n",
                                                "a",
                                                "bc",
                                                "\"\"",
                                                "x,y",
                                                "1",
                                                "\"q\"",
                                                ",\"",
                                                "\",",
                                                "\"\n",
                                                "\xC3\xA9",
                                                "long text without any of them in it, "};
  std::string text = "a,b\n";
  for (int i = 0; i < 200; ++i) text += kParts[random() % std::size(kParts)];
  return text;
}

// Pieces, page sizes and the portable way change nothing; reading goes on from every page's end.
TEST(CsvRowReader, AnyChunkingGivesTheSameRows) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    const std::string text = RandomText(random);
    const CsvOptions options{.delimiter = ',', .escape = '"', .header = true};
    const Outcome whole = Read(text, options);
    const auto page_bytes = static_cast<int64_t>(1 + random() % 100);
    const Outcome parts = ReadWith({.csv = options, .page_bytes = page_bytes}, text, 1 + random() % 50);
    ASSERT_EQ(parts.rows, whole.rows) << text;
    ASSERT_EQ(parts.status.ToString(), whole.status.ToString()) << text;
    ASSERT_EQ(ReadIntoRoom({.csv = options, .page_bytes = page_bytes}, text, 1 + random() % 50).rows, whole.rows)
        << text;
    const CsvOptions portable{.delimiter = ',', .escape = '"', .header = true, .comment = '\x01'};
    ASSERT_EQ(Read(text, portable).rows, whole.rows) << text;
    if (parts.starts.empty()) continue;
    const Start& from = parts.starts[random() % parts.starts.size()];
    const Outcome rest = ReadWith({.start = StartFromJson(ToJson(from)).ValueOrDie()},
                                  std::string_view(text).substr(static_cast<size_t>(from.place.byte)));
    ASSERT_LE(rest.rows.size(), whole.rows.size());
    ASSERT_EQ(rest.rows,
              std::vector<Row>(whole.rows.end() - static_cast<std::ptrdiff_t>(rest.rows.size()), whole.rows.end()))
        << text;
  }
}

}  // namespace
}  // namespace firn::format::csv
