#include "format/json/record_guess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/json/page.h"

namespace firn::format::json {
namespace {

using ::testing::HasSubstr;

// The path that is chosen, "." for the body, else the code of the error.
std::string Chosen(std::string_view body) {
  const auto page = Page::Parse(body, {.records = "auto"});
  if (!page.ok()) return ContextOf(page.status())->code;
  return (*page)->records_path().empty() ? "." : (*page)->records_path();
}

TEST(RecordsGuess, TakesTheListOfAnEnvelope) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"orders":[{"a":1}]})", "orders"},
      {R"({"data":[{"a":1}],"page":1,"pages":3,"total":9})", "data"},
      {R"({"items":[{"a":1}],"meta":{"next":"x"}})", "items"},
      {R"({"total_count":1,"incomplete_results":false,"items":[{"a":1}]})", "items"},
      {R"({"object":"list","url":"/v1/x","has_more":true,"data":[{"id":1}]})", "data"},
      {R"({"ok":true,"members":[{"a":1}],"cache_ts":5,"response_metadata":{"next_cursor":""}})", "members"},
      {R"({"took":1,"timed_out":false,"_shards":{"n":1},"hits":{"total":{"v":1},"max_score":1.5,"hits":[{"a":1}]}})",
       "hits.hits"},
      {R"({"expand":"x","startAt":0,"maxResults":50,"total":1,"issues":[{"a":1}]})", "issues"},
      {R"({"totalSize":1,"done":true,"records":[{"a":1}]})", "records"},
      {R"({"@odata.context":"x","value":[{"a":1}]})", "value"},
      {R"({"kind":"x","etag":"y","nextPageToken":"z","regionCode":"DE","pageInfo":{"n":1},"items":[{"a":1}]})",
       "items"},
      {R"({"data":{"viewer":{"repos":{"nodes":[{"a":1}],"pageInfo":{"n":1},"totalCount":3}}}})",
       "data.viewer.repos.nodes"},
      {R"({"type":"FeatureCollection","name":"x","crs":{"a":1},"features":[{"a":1}]})", "features"},
      {R"({"apiVersion":"v1","kind":"PodList","metadata":{"v":"1"},"items":[{"a":1}]})", "items"},
      {R"({"help":"x","success":true,"result":{"count":1,"sort":"a","facets":{},"results":[{"a":1}]}})",
       "result.results"},
      {R"({"page":1,"total_pages":2,"data":[{"a":1}],"support":{"url":"x"}})", "data"},
      {R"({"page":1,"total_pages":2,"account":"x","users":[{"a":1}]})", "users"},
      {R"({"status":"ok","data":[{"a":1}],"errors":[]})", "data"},
      {R"({"data":[],"total":0})", "data"},
      {R"({"query":{"search":[{"a":1}]}})", "query.search"},
      {R"({"data":[{"a":1}],"included":[{"a":1},{"a":2}]})", "data"},
  };
  for (const auto& [body, path] : cases) EXPECT_EQ(Chosen(body), path) << body;
}

TEST(RecordsGuess, AnObjectWithFieldsOfItsOwnIsOneRecord) {
  for (const char* body : {
           R"({"order_id":5,"status":"paid","total":9.5,"items":[{"sku":1,"q":2}]})",
           R"({"id":5,"tags":[]})",
           R"({"id":1,"name":"x","addresses":[{"a":1},{"a":2}]})",
           R"({"user":{"id":1,"emails":[{"a":1}]}})",
           R"({"latitude":1.5,"longitude":2.5,"hourly":[{"t":1}]})",
           R"({"id":1})",
           R"({"count":5})",
           R"({"ids":[1,2]})",
           R"({})",
       }) {
    EXPECT_EQ(Chosen(body), ".") << body;
  }
}

TEST(RecordsGuess, SaysWhenItIsNotSure) {
  for (const char* body : {
           R"({"users":[{"a":1}],"teams":[{"a":1}]})",
           R"({"company":{"a":1},"users":[{"a":1}]})",
           R"({"account_id":1,"items":[{"a":1}]})",
           R"({"dataset":"x","results":[{"a":1}]})",
           R"({"id":1,"name":"x","tracks":{"items":[{"a":1}],"next":null,"total_pages":2}})",
       }) {
    EXPECT_EQ(Chosen(body), "E0447") << body;
  }
  const auto page =
      Page::Parse(R"({"users":[{"a":1}],"teams":[{"a":1},{"a":2}],"x@y.example":[{"a":1}]})", {.records = "auto"});
  EXPECT_EQ(FaultOf(page.status()), Fault::kConfig);
  EXPECT_THAT(ContextOf(page.status())->next, HasSubstr("records: teams | users | "));
  EXPECT_THAT(ContextOf(page.status())->next + ContextOf(page.status())->why, ::testing::Not(HasSubstr("@y")));
}

TEST(RecordsGuess, AnErrorIsNoRow) {
  for (const char* body : {
           R"({"error":"no"})",
           R"({"errors":[{"code":1}]})",
           R"({"errors":[{"code":1}],"data":null})",
           R"({"errors":[{"code":1}],"data":[]})",
           R"({"status":"error","message":"no"})",
           R"({"success":false,"code":3})",
       }) {
    EXPECT_EQ(Chosen(body), "E0444") << body;
  }
  EXPECT_EQ(Chosen(R"({"errors":[{"code":1}],"data":[{"a":1}]})"), "data");
  EXPECT_EQ(Chosen(R"({"error":null,"errors":[],"id":1})"), ".");
}

TEST(RecordsGuess, BrokenBodiesEndTheSearch) {
  for (const char* body : {R"({"a":[{"b":1})", R"({"a":[{"b":1}],)", R"({"a")", R"({"a":{"b":[{)"}) {
    EXPECT_FALSE(Page::Parse(body, {.records = "auto"}).ok()) << body;
  }
}

}  // namespace
}  // namespace firn::format::json
