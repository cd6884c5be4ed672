#include "source/rest/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>

#include "expression/value.h"
#include "source/rest/fake_http.h"

namespace firn::source::rest {
namespace {

using connector::BoundaryRule;
using connector::IncrementalPlan;
using connector::PaginatePlan;
using connector::RestPlan;
using connector::TablePlan;
using connector::Template;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Type = PaginatePlan::Type;

Template T(std::string_view text) {
  return Template::Parse(text).ValueOrDie();
}

struct Read {
  std::vector<std::string> rows;                       // record texts, constants appended
  std::vector<std::string> deleted, undecided;         // record texts
  std::vector<std::pair<size_t, Position>> positions;  // rows before it → position
  Status status;
  ReadStats stats;
  Position last() const { return positions.empty() ? Position{} : positions.back().second; }
};

class Rows : public ParentRows {
 public:
  explicit Rows(std::vector<std::string> rows) : rows_(std::move(rows)) {}
  Result<std::optional<std::string>> Next(std::stop_token) override {
    if (at_ == rows_.size()) return std::nullopt;
    return rows_[at_++];
  }

 private:
  std::vector<std::string> rows_;
  size_t at_ = 0;
};

void TakeBatch(const Batch& batch, Read* read) {
  const auto& json = std::get<JsonRows>(batch.rows);
  for (const uint32_t row : json.rows) {
    std::string text(json.page->RecordText(row));
    for (const auto& [name, value] : json.constants) text += " " + name + "=" + value;
    read->rows.push_back(text);
  }
  for (const uint32_t row : json.deleted) read->deleted.emplace_back(json.page->RecordText(row));
  for (const auto& each : json.undecided) read->undecided.emplace_back(json.page->RecordText(each.row));
  if (batch.position) read->positions.emplace_back(read->rows.size(), *batch.position);
}

class RestSourceTest : public ::testing::Test {
 protected:
  RestSourceTest() {
    plan_.name = "shop";
    plan_.base_url = "https://api.example/v1";
    table_.name = "orders";
    table_.where = "firn.yaml:9:7";
    table_.path = T("/orders");
  }

  std::unique_ptr<Source> Make() {
    RestPlan plan = plan_;
    plan.tables = {table_};
    return MakeRestSource(plan, {.http = &http_, .clock = &clock_}).ValueOrDie();
  }

  Read ReadAll(ReadRequest request = {}) {
    const auto source = Make();
    Read read = ReadFrom(*source, std::move(request));
    read.stats = source->stats("orders");
    return read;
  }

  static Read ReadFrom(Source& source, ReadRequest request) {
    Read read;
    request.table = "orders";
    const auto splits = source.Plan(request, {});
    if (!splits.ok()) return Read{.status = splits.status()};
    for (const Split& split : *splits) {
      auto reader = source.OpenSplit(request, split);
      read.status = reader.status();
      while (read.status.ok()) {
        auto event = (*reader)->Next({});
        read.status = event.status();
        if (!event.ok() || !event->has_value()) break;
        if (const auto* batch = std::get_if<Batch>(&**event)) TakeBatch(*batch, &read);
        if (const auto* progress = std::get_if<Progress>(&**event)) {
          read.positions.emplace_back(read.rows.size(), progress->position);
        }
      }
    }
    return read;
  }

  Read Resume(const Position& position) {
    ReadRequest request;
    request.state = {{"", position}};
    return ReadAll(std::move(request));
  }

  FakeClock clock_{{.micros = 1'767'225'600'000'000}};  // 2026-01-01
  FakeHttp http_{[](const FakeRequest&) { return FakeAnswer{.status = 404}; }};
  RestPlan plan_;
  TablePlan table_;
};

std::string Page(size_t begin, size_t end, const std::string& more = "") {
  std::string body = "{\"items\":[";
  for (size_t i = begin; i < end; ++i) body += (i > begin ? "," : "") + ("{\"id\":" + std::to_string(i) + "}");
  return body + "]" + more + "}";
}

std::vector<std::string> Ids(size_t count) {
  std::vector<std::string> ids;
  for (size_t i = 0; i < count; ++i) ids.push_back("{\"id\":" + std::to_string(i) + "}");
  return ids;
}

size_t End(size_t begin, size_t total, size_t size = 10) {
  return std::min(begin + size, total);
}

// Every paginator × total that ends in the middle, at, and before a page edge.
struct PagingCase {
  const char* name;
  std::function<void(PaginatePlan*)> plan;
  std::function<FakeAnswer(const FakeRequest&, size_t total)> api;
};

FakeAnswer ByPage(const FakeRequest& request, size_t total, int64_t first = 1) {
  const auto begin = std::min(static_cast<size_t>(request.Int("page", first) - first) * 10, total);
  return {.body = Page(begin, End(begin, total))};
}

const std::vector<PagingCase>& PagingCases() {
  static const std::vector<PagingCase> cases = {
      {"PageUntilEmpty",
       [](PaginatePlan* p) {
         p->type = Type::kPage;
         p->param = "page";
         p->first = 1;
       },
       [](const FakeRequest& r, size_t n) { return ByPage(r, n); }},
      {"PageWithSizeCappedByServer",
       [](PaginatePlan* p) {
         p->type = Type::kPage;
         p->param = "page";
         p->first = 0;
         p->size_param = "per_page";
         p->page_size = 500;
       },
       [](const FakeRequest& r, size_t n) { return ByPage(r, n, 0); }},
      {"PageWithTotalPages",
       [](PaginatePlan* p) {
         p->type = Type::kPage;
         p->param = "page";
         p->first = 1;
         p->total_pages = "pages";
       },
       [](const FakeRequest& r, size_t n) {
         auto answer = ByPage(r, n);
         answer.body.insert(answer.body.size() - 1, ",\"pages\":" + std::to_string((n + 9) / 10));
         return answer;
       }},
      {"OffsetWithTotal",
       [](PaginatePlan* p) {
         p->type = Type::kOffset;
         p->param = "offset";
         p->total_rows = "total";
       },
       [](const FakeRequest& r, size_t n) {
         const auto begin = std::min(static_cast<size_t>(r.Int("offset", 0)), n);
         return FakeAnswer{.body = Page(begin, End(begin, n), ",\"total\":" + std::to_string(n))};
       }},
      {"OffsetShortPage",
       [](PaginatePlan* p) {
         p->type = Type::kOffset;
         p->param = "offset";
         p->size_param = "limit";
         p->page_size = 10;
       },
       [](const FakeRequest& r, size_t n) {
         const auto begin = std::min(static_cast<size_t>(r.Int("offset", 0)), n);
         return FakeAnswer{.body = Page(begin, End(begin, n))};
       }},
      {"CursorInBody",
       [](PaginatePlan* p) {
         p->type = Type::kCursor;
         p->next = "meta.next";
         p->param = "cursor";
       },
       [](const FakeRequest& r, size_t n) {
         const auto begin = static_cast<size_t>(r.Int("cursor", 0));
         const size_t end = End(begin, n);
         const std::string next = end < n ? "\"" + std::to_string(end) + "\"" : "null";
         return FakeAnswer{.body = Page(begin, end, ",\"meta\":{\"next\":" + next + "}")};
       }},
      {"CursorWithHasMore",
       [](PaginatePlan* p) {
         p->type = Type::kCursor;
         p->next = "last";
         p->param = "after";
         p->has_more = "has_more";
       },
       [](const FakeRequest& r, size_t n) {
         const auto begin = static_cast<size_t>(r.Int("after", 0));
         const size_t end = End(begin, n);
         return FakeAnswer{.body = Page(begin, end,
                                        ",\"has_more\":" + std::string(end < n ? "true" : "false") +
                                            ",\"last\":" + std::to_string(end))};
       }},
      {"CursorInHeader",
       [](PaginatePlan* p) {
         p->type = Type::kCursor;
         p->next_header = "X-Next";
         p->param = "cursor";
       },
       [](const FakeRequest& r, size_t n) {
         const auto begin = static_cast<size_t>(r.Int("cursor", 0));
         const size_t end = End(begin, n);
         FakeAnswer answer{.body = Page(begin, end)};
         if (end < n) answer.headers.Add("x-next", std::to_string(end));
         return answer;
       }},
      {"LinkHeader", [](PaginatePlan* p) { p->type = Type::kLinkHeader; },
       [](const FakeRequest& r, size_t n) {
         const auto begin = static_cast<size_t>(r.Int("at", 0));
         const size_t end = End(begin, n);
         FakeAnswer answer{.body = Page(begin, end)};
         if (end < n)
           answer.headers.Add("Link", "<https://api.example/v1/orders?at=" + std::to_string(end) + ">; rel=\"next\"");
         return answer;
       }},
      {"NextUrlRelative",
       [](PaginatePlan* p) {
         p->type = Type::kNextUrl;
         p->next = "links.next";
       },
       [](const FakeRequest& r, size_t n) {
         const auto begin = static_cast<size_t>(r.Int("at", 0));
         const size_t end = End(begin, n);
         const std::string next = end < n ? "\"/v1/orders?at=" + std::to_string(end) + "\"" : "null";
         return FakeAnswer{.body = Page(begin, end, ",\"links\":{\"next\":" + next + "}")};
       }},
      {"StopWhen",
       [](PaginatePlan* p) {
         p->type = Type::kPage;
         p->param = "page";
         p->first = 1;
         p->stop_when = Template::ParseExpression("response.done or count == 0").ValueOrDie();
       },
       [](const FakeRequest& r, size_t n) {
         auto answer = ByPage(r, n);
         const bool done = static_cast<size_t>(r.Int("page", 1)) * 10 >= n;
         answer.body.insert(answer.body.size() - 1, done ? ",\"done\":true" : ",\"done\":false");
         return answer;
       }},
  };
  return cases;
}

TEST_F(RestSourceTest, EveryPaginatorReadsAllPagesAndStops) {
  for (const PagingCase& paging : PagingCases()) {
    for (const size_t total : {0u, 1u, 10u, 25u, 30u}) {
      table_.paginate = {};
      table_.records = "items";
      paging.plan(&table_.paginate);
      http_.set_handler([&](const FakeRequest& request) { return paging.api(request, total); });
      const Read read = ReadAll();
      EXPECT_TRUE(read.status.ok()) << paging.name << " " << total << ": " << read.status.ToString();
      EXPECT_EQ(read.rows, Ids(total)) << paging.name << " " << total;
    }
  }
}

TEST_F(RestSourceTest, AutoFindsEachKindOfPagination) {
  const std::set<std::string> hidden = {"CursorInHeader", "StopWhen", "PageWithSizeCappedByServer",
                                        "CursorWithHasMore"};
  for (const PagingCase& paging : PagingCases()) {
    if (hidden.count(paging.name) > 0) continue;  // names that no API tells
    for (const size_t total : {0u, 1u, 10u, 25u, 30u}) {
      table_.paginate = {};
      table_.records = "auto";
      const std::string name = paging.name;
      http_.set_handler([&](const FakeRequest& request) {
        auto answer = paging.api(request, total);
        if (name == "CursorInBody") {  // a name that is known
          answer.body.replace(answer.body.find("\"next\""), 6, "\"next_cursor\"");
        }
        return answer;
      });
      const Read read = ReadAll();
      EXPECT_TRUE(read.status.ok()) << name << " " << total << ": " << read.status.ToString();
      EXPECT_EQ(read.rows, Ids(total)) << name << " " << total;
    }
  }
}

TEST_F(RestSourceTest, AutoReadsBareArrayWithoutHintsOnce) {
  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.body = "[{\"id\":1},{\"id\":2}]"}; });
  const Read read = ReadAll();
  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_EQ(read.rows.size(), 2u);
  EXPECT_EQ(http_.num_requests(), 3u);  // page 1, ?page=2, ?offset=2
}

TEST_F(RestSourceTest, AutoRefusesToGuessWhenThereIsMore) {
  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.body = R"({"data":[{"id":1}],"total":50})"}; });
  const Read read = ReadAll();
  ASSERT_FALSE(read.status.ok());
  EXPECT_EQ(ContextOf(read.status)->code, "E0435");
  EXPECT_THAT(ContextOf(read.status)->why, HasSubstr("'total' is 50, but 1 records came; keys seen: data, total"));
}

TEST_F(RestSourceTest, EndlessLoopsAreErrors) {
  struct Case {
    const char* code;
    std::function<void(PaginatePlan*)> plan;
    FakeHttp::Handler api;
  };
  std::atomic<int> count = 0;
  const Case cases[] = {
      {"E0432", [](PaginatePlan* p) { *p = {.type = Type::kPage, .param = "page", .first = 1}; },
       [](const FakeRequest&) { return FakeAnswer{.body = Page(0, 3)}; }},
      {"E0431", [](PaginatePlan* p) { *p = {.type = Type::kCursor, .param = "c", .next = "n"}; },
       [&](const FakeRequest&) {
         const auto i = static_cast<size_t>(++count);
         return FakeAnswer{.body = Page(i, i + 1, ",\"n\":\"" + std::to_string(i % 3) + "\"")};
       }},
      {"E0433", [](PaginatePlan* p) { *p = {.type = Type::kPage, .param = "page", .first = 1, .pages_max = 5}; },
       [](const FakeRequest& r) { return ByPage(r, 1000); }},
      {"E0434", [](PaginatePlan* p) { *p = {.type = Type::kNextUrl, .next = "n"}; },
       [](const FakeRequest&) { return FakeAnswer{.body = Page(0, 1, ",\"n\":\"https://evil.example/x\"")}; }},
      {"E0436", [](PaginatePlan* p) { *p = {.type = Type::kPage, .param = "page", .has_more = "meta.more"}; },
       [](const FakeRequest&) { return FakeAnswer{.body = Page(0, 1)}; }},
      {"E0436", [](PaginatePlan* p) { *p = {.type = Type::kCursor, .param = "c", .page_size = 3, .next = "meta.nxt"}; },
       [](const FakeRequest&) { return FakeAnswer{.body = Page(0, 3, ",\"meta\":{\"next\":\"x\"}")}; }},
      {"E0436", [](PaginatePlan* p) { *p = {.type = Type::kOffset, .param = "offset", .total_rows = "total"}; },
       [](const FakeRequest& r) {
         return FakeAnswer{.body = r.Int("offset", 0) == 0 ? Page(0, 2, ",\"total\":9") : Page(0, 0, ",\"total\":9")};
       }},
  };
  for (const Case& c : cases) {
    table_.records = "items";
    c.plan(&table_.paginate);
    http_.set_handler(c.api);
    const Read read = ReadAll();
    ASSERT_FALSE(read.status.ok()) << c.code;
    ASSERT_NE(ContextOf(read.status), nullptr) << read.status;
    EXPECT_EQ(ContextOf(read.status)->code, c.code) << read.status.ToString();
    EXPECT_FALSE(ContextOf(read.status)->where.empty());
    EXPECT_FALSE(ContextOf(read.status)->next.empty());
  }
}

TEST_F(RestSourceTest, HttpLinkOfHttpsApiIsMovedToItsOrigin) {
  table_.paginate.type = Type::kLinkHeader;
  http_.set_handler([](const FakeRequest& r) {
    FakeAnswer answer{.body = Page(static_cast<size_t>(r.Int("at", 0)), static_cast<size_t>(r.Int("at", 0)) + 1)};
    if (!r.Has("at")) answer.headers.Add("Link", "<http://api.example/v1/orders?at=1>; rel=next");
    return answer;
  });
  EXPECT_EQ(ReadAll().rows, Ids(2));
  EXPECT_EQ(http_.urls()[1], "https://api.example/v1/orders?at=1");
}

TEST_F(RestSourceTest, BadBodiesAreNamedErrors) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"<html><body>Sign in</body></html>", "E0602", "auto"},
      {"", "E0601", "auto"},
      {"{\"items\":[{\"id\":\"\xff\xfe\"}]}", "E0603", "auto"},
      {"{\"items\":[{\"id\":1}", "E0605", "auto"},
      {R"({"data":[],"user@x.example":1,"42":0})", "E0430", "items"},
      {R"({"error":{"code":7,"message":"quota of bob"}})", "E0444", "auto"},
  };
  for (const auto& [body, code, records] : cases) {
    table_.records = records;
    http_.set_handler([&, b = std::string(body)](const FakeRequest&) { return FakeAnswer{.body = b}; });
    const Read read = ReadAll();
    ASSERT_FALSE(read.status.ok()) << body;
    ASSERT_NE(ContextOf(read.status), nullptr) << read.status;
    EXPECT_EQ(ContextOf(read.status)->code, code) << read.status;
    EXPECT_EQ(ContextOf(read.status)->where, "firn.yaml:9:7");
    EXPECT_THAT(read.status.ToString() + ContextOf(read.status)->why, ::testing::Not(HasSubstr("bob")));
    EXPECT_TRUE(read.rows.empty());
  }
  EXPECT_EQ(http_.num_requests(), 3u * 4 + 2);  // bodies spoiled on the way are asked for again
}

TEST_F(RestSourceTest, MissingRecordsPathShowsStructureOnly) {
  table_.records = "items";
  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.body = R"({"data":[],"user@x.example":1,"42":0})"}; });
  EXPECT_EQ(ContextOf(ReadAll().status)->why, "keys seen: data, xxxx@x.xxxxxxx, 99");
}

TEST_F(RestSourceTest, MomentaryHtmlIsAskedAgain) {
  std::atomic<int> count = 0;
  http_.set_handler([&](const FakeRequest&) {
    return FakeAnswer{.body = ++count == 1 ? "<html>502</html>" : R"([{"id":0}])",
                      .headers = {{"Link", "<x>; rel=first"}}};
  });
  const Read read = ReadAll();
  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_EQ(read.rows, Ids(1));
}

TEST_F(RestSourceTest, StatusesAreRetriedOrNamed) {
  std::atomic<int> count = 0;
  http_.set_handler([&](const FakeRequest&) {
    switch (++count) {
      case 1:
        return FakeAnswer{.status = 429, .headers = {{"Retry-After", "1"}}};
      case 2:
        return FakeAnswer{.status = 500};
      case 3:
        return FakeAnswer{.error = MakeError(Fault::kTransient, "reset")};
      default:
        return FakeAnswer{.body = R"({"items":[{"id":0}],"next":null})"};
    }
  });
  const auto source = Make();
  EXPECT_EQ(ReadFrom(*source, {}).rows, Ids(1));
  EXPECT_EQ(source->stats("orders").num_requests, 4);
  EXPECT_EQ(source->stats("orders").num_throttled, 1);
  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.body = "no such secret thing", .status = 404}; });
  const Read read = ReadAll();
  EXPECT_EQ(FaultOf(read.status), Fault::kConfig);
  EXPECT_THAT(read.status.ToString(), ::testing::Not(HasSubstr("secret")));
  EXPECT_EQ(ContextOf(read.status)->where, "firn.yaml:9:7");
}

TEST_F(RestSourceTest, ErrorRulesJudgeGoodStatuses) {
  const auto when = [](const char* text) { return Template::ParseExpression(text).ValueOrDie(); };
  using Action = connector::ResponseRule::Action;
  table_.records = "items";
  table_.response_rules = {
      {.when = when("response.error == 'ratelimited'"), .action = Action::kRateLimited, .wait_ms = 1'000},
      {.when = when("response.error == 'not_in_channel'"), .action = Action::kEmpty},
      {.where = "firn.yaml:7:9",
       .when = when("response.ok == false"),
       .action = Action::kAuthFailed,
       .message = T("the API says {{ response.error }}")}};
  std::atomic<int> count = 0;
  http_.set_handler([&](const FakeRequest&) {
    return FakeAnswer{.body =
                          ++count <= 2 ? R"({"ok":false,"error":"ratelimited"})" : R"({"ok":true,"items":[{"id":0}]})"};
  });
  Read read = ReadAll();
  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_EQ(read.rows, Ids(1));
  EXPECT_EQ(read.stats.num_throttled, 2);
  EXPECT_EQ(read.stats.num_empty, 0);

  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.body = R"({"ok":false,"error":"not_in_channel"})"}; });
  read = ReadAll();
  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_TRUE(read.rows.empty());
  EXPECT_EQ(read.stats.num_empty, 1);

  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.body = R"({"ok":false,"error":"invalid_auth"})"}; });
  read = ReadAll();
  EXPECT_EQ(FaultOf(read.status), Fault::kAuth);
  EXPECT_EQ(ContextOf(read.status)->code, "E0514");
  EXPECT_EQ(ContextOf(read.status)->where, "firn.yaml:7:9");
  EXPECT_EQ(ContextOf(read.status)->why, "the API says invalid_auth");
}

// What was skipped is asked for again: the windows before it are done, it and those after it are not.
TEST_F(RestSourceTest, ASkippedSplitKeepsItsPosition) {
  table_.paginate.type = Type::kNone;
  table_.records = ".";
  table_.incremental = IncrementalPlan{.cursor = "at",
                                       .param = "since",
                                       .end_param = "until",
                                       .format = connector::CursorFormat::kPattern,
                                       .pattern = "%Y-%m-%d",
                                       .start = "2025-12-29",
                                       .step_micros = int64_t{86'400} * 1'000'000};
  table_.response_rules = {{.status_min = 403, .status_max = 403, .action = connector::ResponseRule::Action::kSkip}};
  http_.set_handler([](const FakeRequest& r) {
    const std::string day = r.query.at("since");
    if (day == "2025-12-30") return FakeAnswer{.status = 403};
    return FakeAnswer{.body = "[{\"at\":\"" + day + "\"}]"};
  });
  Read read = ReadAll();
  ASSERT_TRUE(read.status.ok()) << read.status;
  EXPECT_THAT(read.rows, ElementsAre(R"({"at":"2025-12-29"})"));
  EXPECT_EQ(read.stats.num_skipped, 1);
  EXPECT_EQ(read.stats.num_empty, 0);

  const size_t asked = http_.num_requests();
  http_.set_handler(
      [](const FakeRequest& r) { return FakeAnswer{.body = "[{\"at\":\"" + r.query.at("since") + "\"}]"}; });
  read = Resume(read.last());
  EXPECT_THAT(http_.urls()[asked], HasSubstr("since=2025-12-30"));
  EXPECT_THAT(read.rows, ElementsAre(R"({"at":"2025-12-30"})", R"({"at":"2025-12-31"})"));
}

TEST_F(RestSourceTest, RowsTakeTheValueOfTheirPartition) {
  table_.partition_name = "region";
  table_.partition_param = "r";
  table_.partition_column = "region";
  table_.partition_values = {"\"eu\"", "\"us\""};
  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.body = R"([{"id":1}])"}; });
  table_.paginate.type = Type::kNone;
  EXPECT_THAT(ReadAll().rows, ElementsAre(R"({"id":1} region="eu")", R"({"id":1} region="us")"));
}

TEST_F(RestSourceTest, EmptyPageInTheMiddleOfCursorsGoesOn) {
  table_.paginate = {.type = Type::kCursor, .param = "c", .next = "n"};
  table_.records = "items";
  http_.set_handler([](const FakeRequest& r) {
    const int64_t at = r.Int("c", 0);
    if (at == 0) return FakeAnswer{.body = Page(0, 1, ",\"n\":1")};
    if (at == 1) return FakeAnswer{.body = Page(0, 0, ",\"n\":2")};
    return FakeAnswer{.body = Page(1, 2, ",\"n\":null")};
  });
  EXPECT_EQ(ReadAll().rows, Ids(2));
}

TEST_F(RestSourceTest, NoContentIsAnEmptyTable) {
  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.status = 204}; });
  const Read read = ReadAll();
  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_TRUE(read.rows.empty());
}

TEST_F(RestSourceTest, BuildsAndEncodesRequests) {
  table_.path = T("/o r/{{ partition.region }}");
  table_.params = {{"q", T("a&b={{ 1 + 1 }}")}, {"none", T("{{ none }}")}, {"tags", T("{{ ['x','y'] }}")}};
  plan_.params = {{"q", T("replaced")}, {"v", T("2")}};
  table_.partition_name = "region";
  table_.partition_param = "r";
  table_.partition_values = {"\"eu/1\"", "\"é\""};
  table_.paginate.type = Type::kNone;
  table_.method = "POST";
  connector::BodyTemplate leaf{.kind = connector::BodyTemplate::Kind::kTemplate, .text = T("{{ partition.region }}")};
  table_.body =
      connector::BodyTemplate{.kind = connector::BodyTemplate::Kind::kObject, .keys = {"region"}, .items = {leaf}};
  std::vector<std::string> bodies;
  http_.set_handler([&](const FakeRequest& r) {
    bodies.push_back(r.http.body);
    return FakeAnswer{.body = "[]"};
  });
  EXPECT_TRUE(ReadAll().status.ok());
  EXPECT_THAT(http_.urls(), ElementsAre("https://api.example/v1/o%20r/eu%2F1?v=2&q=a%26b%3D2&tags=x&tags=y&r=eu%2F1",
                                        "https://api.example/v1/o%20r/%C3%A9?v=2&q=a%26b%3D2&tags=x&tags=y&r=%C3%A9"));
  EXPECT_THAT(bodies, ElementsAre(R"({"region":"eu/1"})", "{\"region\":\"\xC3\xA9\"}"));
}

TEST_F(RestSourceTest, ChildrenComeInParentOrderWithIncludedColumns) {
  plan_.http.concurrency = 4;
  table_.path = T("/parents/{{ parent.id }}/kids/{{ parent.a.b }}");
  table_.paginate = {.type = Type::kCursor, .param = "c", .next = "n"};
  table_.records = "items";
  table_.parent =
      connector::ParentPlan{.table = "p", .fields = {"a.b", "id"}, .include = {{"parent_id", "id"}, {"x", "a.b"}}};
  http_.set_handler([](const FakeRequest& r) {
    const size_t id = std::stoul(r.path.substr(12, r.path.find('/', 12) - 12));
    const auto at = static_cast<size_t>(r.Int("c", 0));
    return FakeAnswer{.body = Page(id * 10 + at, id * 10 + at + 1, at == 0 ? ",\"n\":1" : "")};
  });
  std::vector<std::string> parents, expected;
  for (size_t i = 0; i < 50; ++i) {
    parents.push_back("{\"id\":" + std::to_string(i) + ",\"a\":{\"b\":\"t\"}}");
    for (size_t at = 0; at < 2; ++at) {
      expected.push_back("{\"id\":" + std::to_string(i * 10 + at) + "} parent_id=" + std::to_string(i) + " x=\"t\"");
    }
  }
  ReadRequest request;
  request.parents = std::make_unique<Rows>(parents);
  const Read read = ReadAll(std::move(request));
  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_EQ(read.rows, expected);
}

TEST_F(RestSourceTest, ChildOfParentWithoutTheFieldIsAnError) {
  table_.path = T("/parents/{{ parent.id }}");
  table_.parent = connector::ParentPlan{.table = "p", .fields = {"id"}};
  for (const char* row : {"{}", R"({"id":null})", R"({"id":""})", R"({"id":".."})"}) {
    ReadRequest request;
    request.parents = std::make_unique<Rows>(std::vector<std::string>{row});
    const Read read = ReadAll(std::move(request));
    ASSERT_FALSE(read.status.ok()) << row;
    EXPECT_EQ(ContextOf(read.status)->code, "E0440") << row;
  }
  EXPECT_EQ(http_.num_requests(), 0u);
}

TEST_F(RestSourceTest, MarksTombstones) {
  table_.delete_when = Template::ParseExpression("record.meta.deleted == true").ValueOrDie();
  table_.delete_fields = {"meta.deleted"};
  table_.paginate.type = Type::kNone;
  http_.set_handler([](const FakeRequest&) {
    return FakeAnswer{.body = R"([{"id":1,"meta":{"deleted":true}},{"id":2,"meta":{"deleted":false}},{"id":3}])"};
  });
  const Read read = ReadAll();
  EXPECT_EQ(read.rows.size(), 3u);
  EXPECT_THAT(read.deleted, ElementsAre(R"({"id":1,"meta":{"deleted":true}})"));
}

TEST_F(RestSourceTest, ABodyThatIsNoJsonIsAskedForAgainWithinTheAttempts) {
  table_.paginate.type = Type::kNone;
  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.body = "<html>"}; });
  for (const auto& [attempts, requests] : {std::pair(1, 1), {2, 2}, {8, 3}}) {
    plan_.http.attempts_max = attempts;
    const size_t before = http_.num_requests();
    const Read read = ReadAll();
    EXPECT_EQ(ContextOf(read.status)->code, "E0602");
    EXPECT_EQ(http_.num_requests() - before, static_cast<size_t>(requests));
    EXPECT_EQ(read.stats.num_retries, requests - 1);
  }
}

TEST_F(RestSourceTest, AutoSaysWhatItChoseAndStopsWhenNotSure) {
  table_.records = "auto";
  table_.paginate.type = Type::kNone;
  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.body = R"({"total":1,"rows":[{"a":1}]})"}; });
  EXPECT_EQ(ReadAll().stats.records_found, "rows");
  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.body = R"({"id":1,"name":"x","rows":[{"a":1}]})"}; });
  const Read record = ReadAll();
  EXPECT_EQ(record.stats.records_found, ".");
  EXPECT_EQ(record.rows.size(), 1u);
  http_.set_handler([](const FakeRequest&) { return FakeAnswer{.body = R"({"shop":"x","rows":[{"a":1}]})"}; });
  const Read unsure = ReadAll();
  EXPECT_EQ(ContextOf(unsure.status)->code, "E0447");
  EXPECT_THAT(ContextOf(unsure.status)->next, HasSubstr("records: rows | ."));
  EXPECT_EQ(http_.num_requests(), 3u);
}

TEST_F(RestSourceTest, OnlyTrueDeletes) {
  table_.delete_when = Template::ParseExpression("record.gone").ValueOrDie();
  table_.delete_fields = {"gone"};
  table_.paginate.type = Type::kNone;
  http_.set_handler([](const FakeRequest&) {
    return FakeAnswer{.body = R"([{"gone":true},{"gone":false},{"gone":null},{},{"gone":"false"},{"gone":"no"},
                                  {"gone":"0"},{"gone":0},{"gone":"true"},{"gone":[true]}])"};
  });
  const Read read = ReadAll();
  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_EQ(read.rows.size(), 10u);
  EXPECT_THAT(read.deleted, ElementsAre(R"({"gone":true})"));
  EXPECT_THAT(read.undecided, ElementsAre(R"({"gone":"false"})", R"({"gone":"no"})", R"({"gone":"0"})", R"({"gone":0})",
                                          R"({"gone":"true"})", R"({"gone":[true]})"));
}

TEST_F(RestSourceTest, StopEndsWithCancelled) {
  table_.paginate = {.type = Type::kPage, .param = "page", .first = 1};
  table_.records = "items";
  http_.set_handler([](const FakeRequest& r) { return ByPage(r, 1'000'000); });
  const auto source = Make();
  ReadRequest request{.table = "orders"};
  auto reader = source->OpenSplit(request, source->Plan(request, {}).ValueOrDie()[0]).ValueOrDie();
  ASSERT_TRUE(reader->Next({}).ok());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(FaultOf(reader->Next(stop.get_token()).status()), Fault::kCancelled);
}

}  // namespace
}  // namespace firn::source::rest
