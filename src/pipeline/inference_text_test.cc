#include "pipeline/inference_text.h"

#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "format/json/page.h"

namespace firn::pipeline {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

namespace json = format::json;

struct Typed {
  json::InferenceReport report;
  json::RowCounters counters;
  schema::Schema schema;
};

Typed Read(const std::string& lines, json::TableReaderOptions options = {}) {
  auto body = json::AllocateBody(static_cast<int64_t>(lines.size()), nullptr).ValueOrDie();
  std::copy(lines.begin(), lines.end(), body->mutable_data());
  const auto page = json::Page::Parse(std::move(body), {.records = "auto"}).ValueOrDie();
  std::vector<uint32_t> rows(page->num_records());
  for (uint32_t i = 0; i < rows.size(); ++i) rows[i] = i;
  auto reader = json::TableReader::Open(std::move(options)).ValueOrDie();
  EXPECT_TRUE(reader->Push(page, rows, 0).ok());
  EXPECT_TRUE(reader->Finish().ok());
  const auto decoded = reader->Pop().ValueOrDie();
  return {.report = reader->report(), .counters = decoded->counters, .schema = *reader->schema()};
}

std::string Deep(int levels) {
  std::string text = "1";
  for (int i = 0; i < levels; ++i) text = "{\"k\":" + text + "}";
  return text;
}

TEST(RunNotes, TellEveryChoiceThatCosts) {
  std::string map = "{";
  for (int i = 0; i < 300; ++i) map += (i > 0 ? ",\"u" : "\"u") + std::to_string(i) + "\":1";
  const Typed typed =
      Read("{\"id\":1,\"x\":1,\"tags\":[],\"gone\":null,\"Name\":1,\"name\":2,\"mix\":[1,\"a\"],\"map\":" + map +
           "},\"deep\":" + Deep(70) + ",\"at\":\"2026-01-01T00:00:00Z\",\"z\":1,\"z\":2}\n{\"id\":2,\"x\":\"a\"}\n");
  const auto notes = RunNotes(typed.report, typed.counters);
  EXPECT_THAT(notes, Contains(AllOf(HasSubstr("x: "), HasSubstr("x__string"))));
  EXPECT_THAT(notes, Contains(AllOf(HasSubstr("2 keys hold only null"), HasSubstr("tags"), HasSubstr("gone"))));
  EXPECT_THAT(notes, Contains(HasSubstr("name__2")));
  EXPECT_THAT(notes, Contains(AllOf(HasSubstr("mix"), HasSubstr("several types"))));
  EXPECT_THAT(notes, Contains(AllOf(HasSubstr("map"), HasSubstr("JSON text"))));
  EXPECT_THAT(notes, Contains(AllOf(HasSubstr("deep"), HasSubstr("64 levels"))));
  EXPECT_THAT(notes, Contains(HasSubstr("1 key came twice")));
  EXPECT_THAT(notes, Not(Contains(HasSubstr("reads as a time"))));
}

TEST(RunNotes, TellWhenColumnsAreTooMany) {
  std::string row = "{\"id\":1,\"wide\":{";
  for (int i = 0; i < 60; ++i) row += (i > 0 ? ",\"c" : "\"c") + std::to_string(i) + "\":1";
  const Typed typed = Read(row + "}}\n", {.max_leaves = 20});
  EXPECT_THAT(RunNotes(typed.report, typed.counters), ElementsAre(AllOf(HasSubstr("wide"), HasSubstr("max_leaves"))));
}

TEST(RunNotes, OfAKnownTableTellDeferredValuesByCount) {
  const Typed first = Read("{\"id\":1}\n");
  const Typed later = Read("{\"id\":1,\"tags\":[]}\n{\"id\":2,\"tags\":[]}\n", {.known = first.schema});
  EXPECT_THAT(RunNotes(later.report, later.counters), ElementsAre(HasSubstr("2 values are [] or {}")));
}

TEST(RunNotes, AreSilentOnPlainRows) {
  const Typed typed = Read("{\"id\":1,\"name\":\"a\",\"tags\":[\"x\"]}\n");
  EXPECT_THAT(RunNotes(typed.report, typed.counters), ElementsAre());
}

TEST(SchemaNotes, TellWhatTheColumnsRemember) {
  const Typed typed = Read("{\"id\":1,\"x\":1,\"o\":{\"Name\":1,\"name\":2},\"mix\":[1,\"a\"]}\n{\"x\":\"a\"}\n");
  EXPECT_THAT(SchemaNotes(typed.schema),
              ElementsAre(HasSubstr("x__string"), HasSubstr("o.name__2"), HasSubstr("several types")));
}

}  // namespace
}  // namespace firn::pipeline
