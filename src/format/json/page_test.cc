#include "format/json/page.h"

#include <arrow/buffer.h>
#include <gmock/gmock.h>

#include <random>

#include "format/json/chunker.h"

namespace firn::format::json {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> Records(const Page& page) {
  std::vector<std::string> records;
  for (uint32_t i = 0; i < page.num_records(); ++i) records.emplace_back(page.RecordText(i));
  return records;
}

std::vector<std::string> RecordsOf(std::string_view body, const PageOptions& options = {}) {
  const auto page = Page::Parse(body, options);
  EXPECT_TRUE(page.ok()) << page.status().ToString();
  return page.ok() ? Records(**page) : std::vector<std::string>();
}

std::string CodeOf(std::string_view body, const PageOptions& options = {}) {
  const auto page = Page::Parse(body, options);
  if (page.ok()) return "ok";
  EXPECT_EQ(FaultOf(page.status()), Fault::kBadData);
  const ErrorContext* context = ContextOf(page.status());
  return context ? context->code : "none";
}

TEST(Page, TheBodyDecidesItsFormat) {
  EXPECT_THAT(RecordsOf(R"({"a":1})"), ElementsAre(R"({"a":1})"));
  EXPECT_THAT(RecordsOf(R"( [{"a":1} , {"a":2}] )"), ElementsAre(R"({"a":1})", R"({"a":2})"));
  EXPECT_THAT(RecordsOf("{\"a\":1}\r\n\n  {\"a\":2}\n"), ElementsAre(R"({"a":1})", R"({"a":2})"));
  EXPECT_THAT(RecordsOf(R"({"a":1}{"a":2} {"a":3})"), ElementsAre(R"({"a":1})", R"({"a":2})", R"({"a":3})"));
  EXPECT_THAT(RecordsOf("{\n \"a\": 1\n}\n{\n \"a\": 2\n}"), ElementsAre("{\n \"a\": 1\n}", "{\n \"a\": 2\n}"));
  EXPECT_THAT(RecordsOf("\xEF\xBB\xBF[{\"a\":1}]"), ElementsAre(R"({"a":1})"));
  EXPECT_THAT(RecordsOf("[]"), ElementsAre());
}

TEST(Page, FindsRecordsByPath) {
  const std::string body =
      R"({"meta":{"next":"x2","items":[{"no":1}]},"data":{"items":[{"a":1},{"a":2}],"b":{"items":{"a":3}}}})";
  EXPECT_THAT(RecordsOf(body, {.records = "data.items"}), ElementsAre(R"({"a":1})", R"({"a":2})"));
  EXPECT_THAT(RecordsOf(body, {.records = "$.data.items[*]"}), ElementsAre(R"({"a":1})", R"({"a":2})"));
  EXPECT_THAT(RecordsOf(body, {.records = "*.items"}), ElementsAre(R"({"no":1})", R"({"a":1})", R"({"a":2})"));
  EXPECT_THAT(RecordsOf(R"({"d":[{"i":[{"a":1}]},{"i":[{"a":2}]}]})", {.records = "d.*.i"}),
              ElementsAre(R"({"a":1})", R"({"a":2})"));
  const std::string plain = R"({"meta":{"next":"x2","items":[{"no":1}]},"data":{"items":[{"a":1},{"a":2}]}})";
  const auto page = *Page::Parse(plain, {.records = "auto"});
  EXPECT_EQ(page->records_path(), "data.items");
  EXPECT_EQ(page->FindInBody("meta.next"), "\"x2\"");
  EXPECT_EQ(UnescapeString(*page->FindInBody("meta.next")).ValueOrDie(), "x2");
  EXPECT_EQ(page->FindInBody("meta.none"), std::nullopt);
  EXPECT_FALSE((*Page::Parse(body, {.records = "nothing"}))->records_found());
  EXPECT_TRUE((*Page::Parse(R"({"data":null})", {.records = "data"}))->records_found());
  EXPECT_TRUE((*Page::Parse(R"({"data":[]})", {.records = "data.*.item"}))->records_found());
  EXPECT_FALSE((*Page::Parse(R"({"data":[{"a":1}]})", {.records = "data.*.item"}))->records_found());
}

TEST(Page, CapturesFields) {
  const auto page = *Page::Parse(R"([{"id":7,"o":{"t":"a\u0041"},"n":null},{"o":[{"t":1.50}]}, {"id":1,"id":2}])",
                                 {.captures = {"id", "o.t", "n"}});
  EXPECT_EQ(page->Captured(0, 0), "7");
  EXPECT_EQ(page->Captured(0, 1), "\"a\\u0041\"");
  EXPECT_EQ(page->Captured(0, 2), "null");
  EXPECT_EQ(page->Captured(1, 0), std::nullopt);
  EXPECT_EQ(page->Captured(1, 1), "1.50");
  EXPECT_EQ(page->Captured(2, 0), "2");
}

TEST(Page, NamesWhatIsWrong) {
  EXPECT_EQ(CodeOf(""), "E0601");
  EXPECT_EQ(CodeOf(" \n\t"), "E0601");
  EXPECT_EQ(CodeOf("<html><body>secret"), "E0602");
  EXPECT_EQ(CodeOf("{\"a\":\"\xff\"}"), "E0603");
  EXPECT_EQ(CodeOf(R"({"data":[{"a":1} {"a":2}]})", {.records = "data"}), "E0604");
  EXPECT_EQ(CodeOf(R"([{"a":1])"), "E0604");
  EXPECT_EQ(CodeOf(R"({"data":[{"a":1},{"a")", {.records = "data"}), "E0605");
  EXPECT_EQ(CodeOf(R"([{"a":"cut)"), "E0605");
  EXPECT_EQ(CodeOf(R"({"meta":tru,"data":[]})", {.records = "data"}), "E0604");
  EXPECT_EQ(CodeOf("[1,]"), "E0604");
  EXPECT_EQ(CodeOf("{\"a\":1}\n{\"a\":\"open\n{\"a\":2}", {.on_bad = OnBadRecord::kFail}), "E0604");
  const auto html = Page::Parse("<html>secret42", {});
  EXPECT_THAT(ContextOf(html.status())->why, Not(HasSubstr("secret")));
}

TEST(Page, ABrokenLineCostsOnlyItself) {
  const auto page =
      *Page::Parse("{\"a\":1}\n{\"a\":\"open\n{\"a\":\"\xff\"}\n{\"a\":2}", {.layout = PageLayout::kLines});
  EXPECT_EQ(page->num_records(), 4U);
  ASSERT_EQ(page->bad_records().size(), 2U);
  EXPECT_EQ(page->bad_records()[0].ordinal, 1U);
  EXPECT_EQ(page->bad_records()[0].byte_offset, 8);
  EXPECT_EQ(page->bad_records()[0].excerpt, "{\"x\":\"xxxx");
  EXPECT_EQ(page->RecordText(3), "{\"a\":2}");
}

TEST(Page, UnescapesStrings) {
  EXPECT_EQ(UnescapeString("12.50").ValueOrDie(), "12.50");
  EXPECT_EQ(UnescapeString(R"("\u00e9\n\\")").ValueOrDie(), "é\n\\");
  EXPECT_FALSE(UnescapeString(R"("\udc00")").ok());
  EXPECT_FALSE(UnescapeString(R"("\x")").ok());
}

TEST(Chunker, CutsAtNewlinesWhateverThePieces) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += std::string(static_cast<size_t>(i % 90), 'x') + "\n";
  text += "no newline at the end";
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    Chunker chunker({.chunk_bytes = static_cast<int64_t>(20 + random() % 300)});
    std::string joined;
    const auto drain = [&] {
      while (auto chunk = chunker.Pop()) {
        joined += chunk->ToString();
        EXPECT_TRUE(joined.size() == text.size() || joined.back() == '\n') << "seed " << seed;
      }
    };
    for (size_t at = 0; at < text.size();) {
      const size_t size = 1 + random() % 200;
      ASSERT_TRUE(chunker.Push(std::string_view(text).substr(at, size)).ok());
      at += size;
      drain();
    }
    ASSERT_TRUE(chunker.Finish().ok());
    drain();
    EXPECT_EQ(joined, text) << "seed " << seed;
    EXPECT_EQ(chunker.bytes_held(), 0);
  }
}

TEST(Chunker, RefusesEndlessLines) {
  Chunker chunker({.chunk_bytes = 16, .line_bytes_max = 100});
  const Status status = chunker.Push(std::string(500, 'x'));
  EXPECT_EQ(FaultOf(status), Fault::kBadData);
}

}  // namespace
}  // namespace firn::format::json
