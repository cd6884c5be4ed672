#include "source/rest/paginator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "source/rest/fake_http.h"
#include "source/rest/source.h"

namespace firn::source::rest {
namespace {

using connector::PaginatePlan;
using Type = PaginatePlan::Type;

constexpr size_t kPageSize = 10;

std::string Body(size_t begin, size_t end, const std::string& rest) {
  std::string items;
  for (size_t i = begin; i < end; ++i) items += (i > begin ? "," : "") + ("{\"id\":" + std::to_string(i) + "}");
  return "{\"items\":[" + items + "]" + rest + "}";
}

/// An API that answers a page past the end with its last page once more.
struct RepeatingApi {
  size_t total = 0;
  size_t cap = 1000;           // rows of a page, whatever is asked for
  bool knows_number = true;    // else each page is the first one
  bool echoes_number = false;  // the body says which page was asked for
  std::string extra = {};      // "more", "pages", "rows": a field that tells the end

  FakeAnswer operator()(const FakeRequest& request) const {
    const auto size = std::min(cap, static_cast<size_t>(request.Int("limit", static_cast<int64_t>(cap))));
    const size_t pages = std::max<size_t>(1, (total + size - 1) / size);
    size_t page = request.Has("offset") ? static_cast<size_t>(request.Int("offset", 0)) / size
                                        : static_cast<size_t>(request.Int("page", 1)) - 1;
    const std::string asked = std::to_string(page);
    page = knows_number ? std::min(page, pages - 1) : 0;
    std::string rest;
    if (echoes_number) rest += ",\"asked\":" + asked;
    if (extra == "more") rest += std::string(",\"more\":") + (page + 1 < pages ? "true" : "false");
    if (extra == "pages") rest += ",\"pages\":" + std::to_string(pages);
    if (extra == "rows") rest += ",\"rows\":" + std::to_string(total);
    return {.body = Body(page * size, std::min(total, (page + 1) * size), rest)};
  }
};

struct Outcome {
  Status status;
  size_t num_rows = 0;
};

Outcome Read(const PaginatePlan& paginate, const std::function<FakeAnswer(const FakeRequest&)>& api) {
  connector::TablePlan table{.name = "orders", .where = "firn.yaml:9:7"};
  table.path = connector::Template::Parse("/orders").ValueOrDie();
  table.records = "items";
  table.paginate = paginate;
  connector::RestPlan plan{.name = "shop", .base_url = "https://api.example"};
  plan.tables = {table};
  FakeHttp http(api);
  const FakeClock clock;
  const auto source = MakeRestSource(plan, {.http = &http, .clock = &clock}).ValueOrDie();
  ReadRequest request{.table = "orders"};
  const auto splits = source->Plan(request, {}).ValueOrDie();
  const auto reader = source->OpenSplit(request, splits.front()).ValueOrDie();
  Outcome outcome;
  for (;;) {
    const auto event = reader->Next({});
    outcome.status = event.status();
    if (!event.ok() || !event->has_value()) return outcome;
    if (const auto* batch = std::get_if<Batch>(&**event))
      outcome.num_rows += std::get<JsonRows>(batch->rows).rows.size();
  }
}

PaginatePlan Counting(Type type) {
  PaginatePlan plan{.type = type, .first = type == Type::kPage ? 1 : 0};
  plan.param = type == Type::kPage ? "page" : "offset";
  return plan;
}

PaginatePlan Sized(Type type) {
  PaginatePlan plan = Counting(type);
  plan.size_param = "limit";
  plan.page_size = kPageSize;
  return plan;
}

void ExpectAll(const PaginatePlan& plan, const RepeatingApi& api, const std::string& what) {
  const Outcome outcome = Read(plan, api);
  EXPECT_TRUE(outcome.status.ok()) << what << ": " << outcome.status.ToString();
  EXPECT_EQ(outcome.num_rows, api.total) << what;
}

void ExpectRefused(const PaginatePlan& plan, const RepeatingApi& api, const std::string& what) {
  const Outcome outcome = Read(plan, api);
  ASSERT_FALSE(outcome.status.ok()) << what << ": " << outcome.num_rows << " rows";
  EXPECT_EQ(ContextOf(outcome.status)->code, "E0432") << what;
  EXPECT_FALSE(ContextOf(outcome.status)->next.empty());
}

TEST(RepeatedLastPage, EndsTheSliceAfterAShorterPage) {
  for (const Type type : {Type::kPage, Type::kOffset}) {
    for (const bool echoes : {false, true}) {
      const std::string what = (type == Type::kPage ? "page" : "offset") + std::string(echoes ? " echoed" : "");
      ExpectAll(Sized(type), {.total = 25, .cap = 100, .echoes_number = echoes}, what);
      ExpectAll(Sized(type), {.total = 25, .cap = 8, .echoes_number = echoes}, what + " capped");
      ExpectAll(Counting(type), {.total = 25, .cap = 8, .echoes_number = echoes}, what + " without size");
    }
  }
}

TEST(RepeatedLastPage, OneShortPageIsTheWholeTableIfTheNumberWorks) {
  for (const Type type : {Type::kPage, Type::kOffset}) {
    ExpectAll(Sized(type), {.total = 7, .cap = 100}, "short");
    ExpectAll(Sized(type), {.total = kPageSize, .cap = 100}, "exactly full");
    ExpectAll(Sized(type), {.total = 2, .cap = 100}, "two");
  }
}

TEST(RepeatedLastPage, ANumberThatTheApiIgnoresIsNeverAShortTable) {
  for (const Type type : {Type::kPage, Type::kOffset}) {
    ExpectRefused(Sized(type), {.total = 500, .cap = 7, .knows_number = false}, "capped");
    ExpectRefused(Sized(type), {.total = 500, .cap = 100, .knows_number = false}, "full");
    ExpectRefused(Sized(type), {.total = 500, .cap = 100, .knows_number = false, .echoes_number = true}, "echoed");
    ExpectRefused(Counting(type), {.total = 500, .cap = 100, .knows_number = false}, "no size");
  }
}

// A full last page that comes again may be the limit up to which an API lets people page.
TEST(RepeatedLastPage, AFullOneAmongSeveralIsNotTakenForTheEnd) {
  ExpectRefused(Sized(Type::kPage), {.total = 30, .cap = 100}, "full");
}

TEST(RepeatedLastPage, IsNotAskedForWhereAStopRuleHolds) {
  PaginatePlan more = Sized(Type::kPage), pages = more, rows = Sized(Type::kOffset), stop = more;
  more.has_more = "more";
  pages.total_pages = "pages";
  rows.total_rows = "rows";
  stop.stop_when = connector::Template::ParseExpression("count < 10 or response.more == false").ValueOrDie();
  for (const size_t total : {1U, 7U, 10U, 25U, 30U}) {
    const std::string what = std::to_string(total);
    ExpectAll(more, {.total = total, .extra = "more"}, "has_more " + what);
    ExpectAll(pages, {.total = total, .extra = "pages"}, "total_pages " + what);
    ExpectAll(rows, {.total = total, .extra = "rows"}, "total_rows " + what);
    ExpectAll(stop, {.total = total, .extra = "more"}, "stop " + what);
  }
}

/// An API whose pages begin behind the record that `after` names.
struct KeysetApi {
  size_t total = 0;
  bool tells_more = true;

  FakeAnswer operator()(const FakeRequest& request) const {
    const auto begin = static_cast<size_t>(request.Int("after", -1) + 1);
    const size_t end = std::min(total, begin + kPageSize);
    return {.body = Body(begin, end, tells_more ? std::string(",\"more\":") + (end < total ? "true" : "false") : "")};
  }
};

TEST(LastRecord, NamesTheNextPageUntilHasMoreIsFalseOrAPageIsEmpty) {
  for (const bool tells_more : {true, false}) {
    PaginatePlan plan{.type = Type::kCursor, .param = "after", .last_record = "id"};
    if (tells_more) plan.has_more = "more";
    for (const size_t total : {0U, 1U, 10U, 25U, 30U}) {
      const Outcome outcome = Read(plan, KeysetApi{.total = total, .tells_more = tells_more});
      EXPECT_TRUE(outcome.status.ok()) << outcome.status.ToString();
      EXPECT_EQ(outcome.num_rows, total) << tells_more;
    }
  }
}

TEST(LastRecord, WithoutAValueThereTheTableIsNotTakenForComplete) {
  const PaginatePlan plan{.type = Type::kCursor, .param = "after", .last_record = "meta.key", .has_more = "more"};
  const Outcome outcome = Read(plan, KeysetApi{.total = 25});
  ASSERT_FALSE(outcome.status.ok());
  EXPECT_EQ(ContextOf(outcome.status)->code, "E0436");
}

}  // namespace
}  // namespace firn::source::rest
