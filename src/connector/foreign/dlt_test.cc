#include "connector/foreign/dlt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "connector/foreign/changed_text.h"

namespace firn::connector::foreign {
namespace {

using ::testing::HasSubstr;

// The form of `dlt init rest_api`: a function with secrets as parameters, names, classes.
constexpr char kSource[] = R"py(import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_resources
from dlt.sources.helpers.rest_client.paginators import HeaderLinkPaginator

REGION = "eu"

@dlt.source(name="shop")
def shop_source(access_token: Optional[str] = dlt.secrets.value, since: str = dlt.config.value) -> Any:
    # a comment, and an unbalanced bracket: (
    config: RESTAPIConfig = {
        "client": {
            "base_url": f"https://{REGION}.shop.example/v1/",
            "auth": (
                {"type": "bearer", "token": access_token} if access_token else None
            ),
            "headers": {"X-Region": REGION, "X-Key": dlt.secrets["shop.key"]},
            "paginator": HeaderLinkPaginator(),
        },
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"params": {"per_page": 100}},
        },
        "resources": [
            "stores",
            {
                "name": "orders",
                "endpoint": {
                    "path": "orders",
                    "params": {"updated_since": dlt.sources.incremental("updated_at", initial_value="2024-01-01")},
                    "data_selector": "$.data[*]",
                    "response_actions": [{"status_code": 404, "action": "ignore"}],
                },
            },
            {
                "name": "items",
                "include_from_parent": ["id"],
                "write_disposition": "append",
                "endpoint": {
                    "path": "orders/{order_id}/items",
                    "params": {"order_id": {"type": "resolve", "resource": "orders", "field": "id"}},
                    "paginator": {"type": "page_number", "base_page": 1, "total_path": None},
                },
            },
            {"name": "odd", "processing_steps": [{"filter": "x"}]},
        ],
    }
    yield from rest_api_resources(config)
)py";

Draft Read(const std::string& text, const std::string& path = "shop.py") {
  auto draft = DraftOfDlt(text, path, {});
  EXPECT_TRUE(draft.ok()) << draft.status().message();
  return draft.ok() ? *draft : Draft();
}

std::string Code(const std::string& text, const std::string& path = "shop.py") {
  const auto draft = DraftOfDlt(text, path, {});
  return draft.ok() ? "ok" : ContextOf(draft.status())->code + " " + draft.status().message();
}

// One resource `a` in a client, as JSON.
std::string Table(const std::string& resource) {
  const Draft draft = Read(
      R"({"client": {"base_url": "https://x.example"}, "resources": [{"name": "a", )" + resource + "}]}", "c.json");
  if (!draft.refused.empty()) return "left out: " + draft.refused[0].why;
  EXPECT_TRUE(ConnectorText(draft).ok()) << ConnectorText(draft).status().message();
  return expression::ToJson(draft.tables.at(0).second);
}

std::string Paginate(const std::string& paginator) {
  const std::string table = Table(R"("endpoint": {"data_selector": "d", "paginator": )" + paginator + "}");
  const size_t begin = table.find("\"paginate\":");
  return begin == std::string::npos ? table : table.substr(begin + 11, table.find(",\"write") - begin - 11);
}

TEST(ImportDlt, ReadsTheSourceThatDltWritesForAStart) {
  const Draft draft = Read(kSource);
  EXPECT_EQ(
      expression::ToJson(Value::OfMap(draft.source)),
      R"({"type":"rest","base_url":"https://eu.shop.example/v1","auth":{"type":"bearer","token":"${setting:access_token}"},)"
      R"("headers":{"X-Region":"eu","X-Key":"${setting:shop_key}"}})");
  ASSERT_EQ(draft.tables.size(), 3U);
  EXPECT_EQ(
      expression::ToJson(draft.tables[0].second),
      R"({"path":"/stores","params":{"per_page":"100"},"records":"auto","paginate":{"type":"link_header"},"primary_key":"id","write_disposition":"merge"})");
  EXPECT_EQ(
      expression::ToJson(draft.tables[1].second),
      R"({"path":"/orders","params":{"per_page":"100"},"records":"data","paginate":{"type":"link_header"},"on_status":{"404":"empty"},)"
      R"("incremental":{"cursor":"updated_at","start":"2024-01-01","param":"updated_since"},"primary_key":"id","write_disposition":"merge"})");
  EXPECT_EQ(
      expression::ToJson(draft.tables[2].second),
      R"({"path":"/orders/{{ parent.id }}/items","params":{"per_page":"100"},"records":"auto","paginate":{"type":"page","param":"page","start":1},)"
      R"("on_status":{"404":"fail","410":"fail"},"parent":"orders","include":{"_orders_id":"parent.id"},"primary_key":"id","write_disposition":"append"})");
  ASSERT_EQ(draft.refused.size(), 1U);
  EXPECT_EQ(draft.refused[0].why, "`processing_steps` of a resource");
  EXPECT_EQ(draft.refused[0].line, 45U);
  EXPECT_TRUE(ConnectorText(draft).ok()) << ConnectorText(draft).status().message();
}

TEST(ImportDlt, PaginatorsKeepDltsDefaults) {
  EXPECT_EQ(Paginate(R"("single_page")"), R"("none")");
  EXPECT_EQ(Paginate(R"("json_link")"), R"({"type":"next_url","next":"next"})");
  EXPECT_EQ(Paginate(R"({"type": "cursor"})"), R"({"type":"cursor","next":"cursors.next","param":"cursor"})");
  EXPECT_EQ(Paginate(R"({"type": "cursor", "cursor_body_path": "page.after", "stop_after_empty_page": true})"),
            R"({"type":"cursor","next":"cursors.next","body_path":"page.after","stop":"{{ count == 0 }}"})");
  EXPECT_EQ(Paginate(R"({"type": "header_cursor", "cursor_key": "X-Next"})"),
            R"({"type":"cursor","header":"X-Next","param":"cursor"})");
  EXPECT_EQ(Paginate(R"({"type": "page_number"})"),
            R"({"type":"page","param":"page","start":0,"total_pages":"total","stop":"{{ count == 0 }}"})");
  EXPECT_EQ(Paginate(R"({"type": "offset", "limit": 50, "total_path": null})"),
            R"({"type":"offset","param":"offset","page_size":50,"size_param":"limit"})");
  EXPECT_THAT(Paginate(R"({"type": "offset", "limit": 50, "maximum_offset": 100})"),
              HasSubstr("left out: `maximum_offset`"));
  EXPECT_THAT(Paginate(R"({"type": "mine"})"), HasSubstr("left out: a paginator of type `mine`"));
}

TEST(ImportDlt, WhatCannotBeSaidIsLeftOutByName) {
  EXPECT_THAT(Table(R"("write_disposition": "merge")"), HasSubstr("merge without a primary_key"));
  EXPECT_THAT(Table(R"("write_disposition": {"disposition": "merge", "strategy": "scd2"}, "primary_key": "id")"),
              HasSubstr("scd2"));
  EXPECT_THAT(Table(R"("endpoint": {"incremental": {"cursor_path": "at"}})"),
              HasSubstr("a cursor that no request carries"));
  EXPECT_THAT(Table(R"("endpoint": {"data_selector": "$..items"})"), HasSubstr("the JSONPath"));
  EXPECT_THAT(Table(R"("endpoint": {"path": "a/{b}"})"), HasSubstr("the place-holder `{b}`"));
  EXPECT_THAT(Table(R"("endpoint": {"params": {"a": [1]}})"), HasSubstr("a text is needed here"));
  EXPECT_THAT(Table(R"("table_name": "b")"), HasSubstr("`table_name`"));
}

TEST(ImportDlt, ASecretInPlainTextIsNotCopied) {
  const Draft draft = Read(
      R"({"client": {"base_url": "https://x.example", "auth": {"token": "canary"}}, "resources": ["a"]})", "c.json");
  EXPECT_EQ(expression::ToJson(Value::OfMap(draft.source)).find("canary"), std::string::npos);
  ASSERT_EQ(draft.settings.size(), 1U);
  EXPECT_TRUE(draft.settings[0].secret);
}

TEST(ImportDlt, WhatIsComputedIsNamedWithItsLine) {
  const auto with = [](const std::string& token) {
    return "c = {\n 'client': {'base_url': 'https://x.example', 'auth': {'token': " + token +
           "}},\n 'resources': ['a']}\n";
  };
  EXPECT_EQ(Code(with("get_token()")), "E0558 line 2: a text is needed here");
  EXPECT_EQ(Code(with("TOKEN")), "E0560 line 2: `TOKEN` is not known without running it");
  EXPECT_EQ(Code("T = 'a'\nT = 'b'\n" + with("T")), "E0560 line 4: `T` is bound more than once");
  EXPECT_EQ(Code("T = T\n" + with("T")).substr(0, 13), "E0560 line 1:");
  EXPECT_EQ(Code(with("'a' + 'b'")), "E0560 line 2: `+` where a value ends: what is computed is not read");
  EXPECT_EQ(Code(with("f'{a.b}'")), "E0560 line 2: an f-string with `{a.b}`");
  EXPECT_EQ(Code(with("lambda: 1")), "E0560 line 2: `lambda` is not known without running it");
  EXPECT_EQ(Code(with("[t for t in x]")), "E0560 line 2: `t` is not known without running it");
  EXPECT_EQ(Code("x = 'a"), "E0560 line 1: a string without an end");
  EXPECT_EQ(Code("x = 1").substr(0, 30), "E0558 there is no dictionary w");
  EXPECT_EQ(Code(with("'a'") + with("'b'")).substr(0, 31), "E0558 there are several diction");
  EXPECT_EQ(Code(R"({"_state_version": 1, "sources": {}})", "state.json").substr(0, 5), "E0558");
}

TEST(ImportDlt, AnyChangeOfAFileIsReadOrRefused) {
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    const auto draft = DraftOfDlt(ChangedText(kSource, seed), "shop.py", {});
    if (!draft.ok()) {
      ASSERT_EQ(FaultOf(draft.status()), Fault::kConfig) << "seed " << seed << ": " << draft.status().message();
    } else if (!draft->tables.empty()) {
      const Status written = ConnectorText(*draft).status();
      EXPECT_TRUE(written.ok() || FaultOf(written) == Fault::kConfig) << "seed " << seed << ": " << written.message();
    }
  }
}

TEST(ImportDlt, DepthAndSizeHaveLimits) {
  const std::string deep(100'000, '[');
  EXPECT_EQ(Code("c = {'client': {}, 'resources': " + deep).substr(0, 5), "E0560");  // it has no end
  EXPECT_EQ(Code("c = {'client': " + std::string(1000, '[') + std::string(1000, ']') + ", 'resources': []}"),
            "E0560 line 1: values nested too deep");
  // Each name holds the one before nine times.
  std::string bomb = "a0 = 'x'\n";
  for (int i = 1; i < 12; ++i) {
    const std::string below = "a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + " = [" + below;
    for (int k = 1; k < 9; ++k) bomb += ", " + below;
    bomb += "]\n";
  }
  EXPECT_THAT(Code(bomb + "c = {'client': a11, 'resources': []}"), HasSubstr("more values than are read"));
}

}  // namespace
}  // namespace firn::connector::foreign
