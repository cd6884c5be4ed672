#include "connector/foreign/airbyte.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "connector/foreign/changed_text.h"

namespace firn::connector::foreign {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kManifest[] = R"(version: 6.44.0
check: {type: CheckStream, stream_names: [orders]}
spec:
  type: Spec
  connection_specification:
    type: object
    required: [shop, credentials]
    properties:
      shop: {type: string, title: Name of the shop}
      credentials: {type: object, required: [token], properties: {token: {type: string, airbyte_secret: true}}}
      size: {type: integer, default: 50}
      note: {type: string}
      flag: {type: boolean}
definitions:
  requester:
    type: HttpRequester
    url_base: "https://{{ config['shop'] }}.example/v1/"
    authenticator: {type: BearerAuthenticator, api_token: "{{ config['credentials']['token'] }}"}
  selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}
  base:
    type: DeclarativeStream
    primary_key: [id]
    schema_loader: {type: InlineSchemaLoader, schema: {}}
streams:
)";

Draft Read(const std::string& streams, const Choice& choice = {}) {
  const std::string text = kManifest + streams;
  const auto manifest = airbyte::LoadManifest(text, "manifest.yaml");
  EXPECT_TRUE(manifest.ok()) << manifest.status().message();
  auto draft = DraftOfAirbyte(*manifest, text, "source-shop/manifest.yaml", choice);
  EXPECT_TRUE(draft.ok()) << draft.status().message();
  if (!draft->tables.empty()) {
    EXPECT_TRUE(ConnectorText(*draft).ok()) << ConnectorText(*draft).status().message();
  }
  return *draft;
}

// A stream of one requester, with what is given beside it.
std::string Stream(const std::string& requester, const std::string& more = "", const std::string& retriever = "") {
  return R"(  - $ref: "#/definitions/base"
    name: orders
)" + more +
         R"(    retriever:
      type: SimpleRetriever
      record_selector: {$ref: "#/definitions/selector"}
)" + retriever +
         R"(      requester: {$ref: "#/definitions/requester", )" + requester + "}\n";
}

std::string Table(const std::string& streams) {
  const Draft draft = Read(streams);
  if (!draft.refused.empty()) return "left out: " + draft.refused[0].why;
  return expression::ToJson(draft.tables.at(0).second);
}

TEST(ImportAirbyte, ARequestKeepsItsUrlParametersAndBody) {
  const Draft draft = Read(Stream(
      R"(path: /orders, http_method: POST, request_parameters: {state: open, n: "{{ config['note'] }}"}, request_body_json: {a: {b: [1, "$x"]}})"));
  EXPECT_EQ(
      expression::ToJson(Value::OfMap(draft.source)),
      R"({"type":"rest","base_url":"https://${setting:shop}.example/v1","auth":{"type":"bearer","token":"${setting:credentials_token}"}})");
  EXPECT_EQ(
      expression::ToJson(draft.tables.at(0).second),
      R"({"path":"/orders","records":"data","paginate":"none","method":"POST","params":{"state":"open","n":"${setting:note}"},)"
      R"("body":{"a":{"b":[1,"$$x"]}},"primary_key":"id"})");
}

TEST(ImportAirbyte, SettingsAreRequiredUnlessTheyMayBeLeftOut) {
  const Draft draft = Read(Stream(R"(path: "{{ config['size'] }}", request_parameters: {n: "{{ config['note'] }}"})"));
  std::vector<std::string> all;
  for (const Setting& setting : draft.settings) {
    all.push_back(setting.name + (setting.secret ? "!" : "") +
                  (setting.otherwise ? "=" + expression::ToText(*setting.otherwise) : ""));
  }
  EXPECT_THAT(all, ElementsAre("credentials_token!", "note=", "shop", "size=50"));
}

TEST(ImportAirbyte, PagesKeepTheRuleThatEndsThem) {
  const auto paging = [](const std::string& strategy, const std::string& token) {
    return Table(Stream("path: /o", "",
                        "      paginator:\n        type: DefaultPaginator\n        pagination_strategy: {" + strategy +
                            "}\n        page_token_option: {" + token + "}\n"));
  };
  const std::string param = "type: RequestOption, inject_into: request_parameter, field_name: p";
  EXPECT_THAT(paging("type: PageIncrement, page_size: 20, start_from_page: 1", param),
              HasSubstr(R"("paginate":{"type":"page","param":"p","start":1,"stop":"{{ count < 20 }}"})"));
  EXPECT_THAT(
      paging("type: CursorPagination, cursor_value: \"{{ response.get('next', {}).get('id') }}\", stop_condition: \"{{ "
             "not response.more }}\"",
             param),
      HasSubstr(R"("paginate":{"type":"cursor","next":"next.id","param":"p","stop":"{{ not (response.more) }}"})"));
  EXPECT_THAT(paging("type: CursorPagination, cursor_value: \"{{ response['next'] }}\", stop_condition: \"{{ 'next' "
                     "not in response }}\"",
                     "type: RequestPath"),
              HasSubstr(R"("paginate":{"type":"next_url","next":"next"})"));
  EXPECT_THAT(paging("type: CursorPagination, cursor_value: \"{{ response.next | upper }}\"", param),
              HasSubstr("left out: cursor_value: the expression"));
}

TEST(ImportAirbyte, ACursorIsIncrementalWhereRequestsCarryIt) {
  const auto cursor = [](const std::string& fields) {
    return Table(Stream("path: /o",
                        "    incremental_sync: {type: DatetimeBasedCursor, cursor_field: at, datetime_format: "
                        "'%Y-%m-%d', start_datetime: '2024-01-01'" +
                            fields + "}\n"));
  };
  const std::string since =
      ", start_time_option: {type: RequestOption, inject_into: request_parameter, field_name: since}";
  EXPECT_THAT(
      cursor(since + ", step: P1M, cursor_granularity: P1D, lookback_window: P1W"),
      HasSubstr(
          R"("incremental":{"cursor":"at","format":"%Y-%m-%d","start":"2024-01-01","param":"since","step":"28d","lookback":"7d"})"));
  EXPECT_EQ(cursor("").find("incremental"), std::string::npos);
  EXPECT_THAT(cursor(since + ", end_datetime: \"{{ today_utc() }}\""), HasSubstr("\"since\""));
  EXPECT_THAT(cursor(since + ", end_datetime: \"{{ day_delta(1) }}\""), HasSubstr("left out: end_datetime"));
  EXPECT_THAT(cursor(since + ", is_data_feed: true"), HasSubstr("left out: `is_data_feed`"));
}

TEST(ImportAirbyte, ChildrenNameTheirParentAndFailAsTheyDidWhereItIsGone) {
  const std::string child = R"(  - $ref: "#/definitions/base"
    name: items
    transformations:
      - {type: AddFields, fields: [{type: AddedFieldDefinition, path: [order_id], value: "{{ stream_partition.order }}"}]}
      - {type: RemoveFields, field_pointers: [[a, b]]}
    retriever:
      type: SimpleRetriever
      record_selector: {$ref: "#/definitions/selector"}
      requester: {$ref: "#/definitions/requester", path: "/orders/{{ stream_slice['order'] }}/items"}
      partition_router:
        type: SubstreamPartitionRouter
        parent_stream_configs:
          - {type: ParentStreamConfig, stream: {$ref: "#/streams/0"}, parent_key: id, partition_field: order}
)";
  const Draft draft = Read(Stream("path: /orders") + child);
  ASSERT_EQ(draft.tables.size(), 2U);
  EXPECT_EQ(
      expression::ToJson(draft.tables[1].second),
      R"({"path":"/orders/{{ parent.id }}/items","records":"data","parent":"orders","paginate":"none",)"
      R"("on_status":{"404":"fail","410":"fail"},"include":{"order_id":"parent.id"},"columns":{"a.b":{"drop":true}},"primary_key":"id"})");
  const Draft orphan = Read(Stream("path: /orders", "", "      decoder: {type: XmlDecoder}\n") + child);
  ASSERT_EQ(orphan.refused.size(), 2U);
  EXPECT_EQ(orphan.refused[1].why, "its parent `orders` is left out");
}

TEST(ImportAirbyte, WhatNobodyKnowsIsRefusedWithItsLine) {
  const Draft draft = Read(Stream("path: /o, fetch_properties_from_endpoint: {a: 1}"));
  ASSERT_EQ(draft.refused.size(), 1U);
  EXPECT_EQ(draft.refused[0].why, "`fetch_properties_from_endpoint` of a HttpRequester");
  EXPECT_EQ(draft.refused[0].line, 30U);
  EXPECT_THAT(Table(Stream("path: \"/{{ config['flag'] }}\"")), HasSubstr("config `flag` is of type boolean"));
  EXPECT_THAT(Table(Stream("path: \"/{{ config['none'] }}\"")), HasSubstr("no property of the spec"));
  EXPECT_THAT(Table(Stream("path: /o, request_body_json: {n: \"{{ config['size'] }}\"}")),
              HasSubstr("of type integer"));
}

TEST(ImportAirbyte, AnyChangeOfAFileIsReadOrRefused) {
  const std::string whole =
      kManifest +
      Stream(
          R"(path: /o, request_parameters: {n: "{{ config['note'] }}"}, request_body_json: {a: [1]})",
          R"(    incremental_sync: {type: DatetimeBasedCursor, cursor_field: at, datetime_format: "%s", start_datetime: "{{ config.note }}", step: P1D, cursor_granularity: PT1S, end_time_option: {type: RequestOption, inject_into: body_json, field_path: [a, b]}}
)",
          R"(      partition_router: {type: ListPartitionRouter, values: [a], cursor_field: k, request_option: {type: RequestOption, inject_into: header, field_name: K}}
      paginator: {type: DefaultPaginator, pagination_strategy: {type: OffsetIncrement, page_size: 5}, page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: o}, page_size_option: {type: RequestOption, inject_into: request_parameter, field_name: l}}
)");
  for (uint32_t seed = 0; seed < 1500; ++seed) {
    const std::string text = ChangedText(whole, seed);
    const auto manifest = airbyte::LoadManifest(text, "manifest.yaml");
    if (!manifest.ok()) continue;
    const auto draft = DraftOfAirbyte(*manifest, text, "manifest.yaml", {});
    ASSERT_TRUE(draft.ok()) << "seed " << seed << ": " << draft.status().message();
    if (draft->tables.empty()) continue;
    const Status written = ConnectorText(*draft).status();
    EXPECT_TRUE(written.ok() || FaultOf(written) == Fault::kConfig) << "seed " << seed << ": " << written.message();
  }
}

TEST(ImportAirbyte, AChoiceOfStreamsThatAreNotThereIsAnError) {
  const std::string text = kManifest + Stream("path: /o");
  const auto manifest = airbyte::LoadManifest(text, "manifest.yaml");
  ASSERT_TRUE(manifest.ok());
  const auto draft = DraftOfAirbyte(*manifest, text, "m.yaml", {.name = "", .streams = {"ordres"}});
  ASSERT_FALSE(draft.ok());
  EXPECT_EQ(ContextOf(draft.status())->code, "E0561");
}

}  // namespace
}  // namespace firn::connector::foreign
