#include "connector/foreign/sling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "connector/foreign/changed_text.h"

namespace firn::connector::foreign {
namespace {

using ::testing::HasSubstr;

constexpr char kHead[] = R"(name: Shop
authentication: {type: static, headers: {Authorization: "Bearer {secrets.token}"}}
defaults:
  state: {base_url: "https://{env.shop}.example/v1", limit: 50}
  request: {headers: {Accept: application/json}, rate: 5}
endpoints:
)";

Draft Read(const std::string& endpoints) {
  auto draft = DraftOfSling(kHead + endpoints, "shop.yaml", {});
  EXPECT_TRUE(draft.ok()) << draft.status().message();
  if (draft.ok() && !draft->tables.empty()) {
    EXPECT_TRUE(ConnectorText(*draft).ok()) << ConnectorText(*draft).status().message();
  }
  return draft.ok() ? *draft : Draft();
}

// The endpoint `a` with parts beside a plain request and records.
std::string Table(const std::string& more, const std::string& parameters = "") {
  const Draft draft =
      Read("  a:\n    request: {url: \"{state.base_url}/a\", parameters: {" + parameters + "}}\n" + more +
           (more.find("response:") == std::string::npos
                ? "    response: {records: {jmespath: \"data[]\", primary_key: [id]}}\n"
                : ""));
  if (!draft.refused.empty()) return "left out: " + draft.refused[0].why;
  return expression::ToJson(draft.tables.at(0).second);
}

TEST(ImportSling, ASpecBecomesASourceAndTables) {
  const Draft draft = Read(R"(  orders:
    request: {url: "{state.base_url}/orders", parameters: {size: "{state.limit}", open: true}}
    response: {records: {jmespath: "data.orders[]", primary_key: [id]}}
)");
  EXPECT_EQ(
      expression::ToJson(Value::OfMap(draft.source)),
      R"({"type":"rest","base_url":"https://${setting:shop}.example/v1","auth":{"type":"headers","headers":{"Authorization":"Bearer ${setting:token}"}},)"
      R"("rate_limit":{"requests":5,"per":"1s"}})");
  EXPECT_EQ(
      expression::ToJson(draft.tables.at(0).second),
      R"({"path":"/orders","paginate":"none","params":{"size":"50","open":"true"},"headers":{"Accept":"application/json"},)"
      R"("records":"data.orders","primary_key":"id"})");
}

TEST(ImportSling, PagesByNumberOffsetAndToken) {
  EXPECT_THAT(Table("    state: {page: 1}\n    pagination: {next_state: {page: \"{state.page + 1}\"}, stop_condition: "
                    "\"length(response.records) < state.limit\"}\n",
                    "p: \"{state.page}\""),
              HasSubstr(R"("paginate":{"type":"page","param":"p","start":1,"stop":"{{ count < 50 }}"})"));
  EXPECT_THAT(Table("    state: {offset: 0}\n    pagination: {next_state: {offset: \"${state.offset + state.limit}\"}, "
                    "stop_condition: \"length(response.records) == 0\"}\n",
                    "o: \"{state.offset}\", n: \"{state.limit}\""),
              HasSubstr(R"("paginate":{"type":"offset","param":"o","start":0,"page_size":50,"size_param":"n"})"));
  EXPECT_THAT(Table("    state: {after: \"\"}\n    pagination: {next_state: {after: \"{response.json.meta.next}\"}, "
                    "stop_condition: \"!response.json.more\"}\n",
                    "after: \"{state.after}\""),
              HasSubstr(R"("paginate":{"type":"cursor","next":"meta.next","param":"after","has_more":"more"})"));
  EXPECT_THAT(Table("    state: {after: \"\"}\n    pagination: {next_state: {after: \"{response.records[-1].id}\"}}\n",
                    "after: \"{state.after}\""),
              HasSubstr("left out: next_state"));
}

TEST(ImportSling, TheGreatestValueOfAFieldIsACursor) {
  const std::string state =
      "    sync: [last]\n    state: {since: '{coalesce(env.START, sync.last, \"2024-01-01\")}'}\n";
  const auto response = [](const std::string& aggregation) {
    return "    response:\n      records: {jmespath: \"data[]\", primary_key: [id]}\n      processors: [{expression: "
           "record.updated_at, output: state.last, aggregation: " +
           aggregation + "}]\n";
  };
  EXPECT_THAT(Table(state + response("maximum"), "since: \"{state.since}\""),
              HasSubstr(R"("incremental":{"cursor":"updated_at","param":"since","start":"2024-01-01"})"));
  EXPECT_THAT(Table(state + response("first"), "since: \"{state.since}\""), HasSubstr("left out: a processor"));
  EXPECT_THAT(Table(response("maximum")), HasSubstr("left out: processors"));
}

TEST(ImportSling, ALoopOverConstantsIsPartitions) {
  EXPECT_THAT(
      Table("    iterate: {over: [eu, us], into: state.region}\n", "region: \"{state.region}\""),
      HasSubstr(
          R"("partitions":{"name":"region","values":["eu","us"]},"paginate":"none","params":{"region":"{{ partition.region }}"})"));
  EXPECT_THAT(Table("    iterate: {over: queue.ids, into: state.id}\n"), HasSubstr("left out: iterate"));
}

TEST(ImportSling, WhatCannotBeSaidIsLeftOutByName) {
  EXPECT_THAT(Table("    setup: [{request: {url: x}}]\n"), HasSubstr("left out: `setup` of an endpoint"));
  EXPECT_THAT(Table("    overrides: {mode: truncate}\n"), HasSubstr("left out: `overrides`"));
  EXPECT_THAT(Table("", "at: \"{now()}\""), HasSubstr("left out: the expression `{now()}`"));
  EXPECT_THAT(Table("    response: {format: csv, records: {jmespath: \"[]\"}}\n"),
              HasSubstr("left out: the format csv"));
  const auto replication = DraftOfSling("source: A\ntarget: B\nstreams: {}\n", "replication.yaml", {});
  ASSERT_FALSE(replication.ok());
  EXPECT_THAT(replication.status().message(), HasSubstr("is a replication of Sling"));
  const auto sequence = DraftOfSling(
      "authentication: {type: sequence}\ndefaults: {state: {base_url: 'https://x.example'}}\nendpoints: {}\n", "s.yaml",
      {});
  EXPECT_EQ(sequence.status().message(), "line 1: authentication of type `sequence`");
}

TEST(ImportSling, AnyChangeOfAFileIsReadOrRefused) {
  const std::string whole = std::string(kHead) + R"(  orders:
    sync: [last]
    state: {since: '{coalesce(env.START, sync.last, "2024-01-01")}', page: 1}
    iterate: {over: [eu, us], into: state.region}
    request: {url: "{state.base_url}/orders", parameters: {since: "{state.since}", page: "{state.page}"}, payload: {a: [1, "{state.region}"]}}
    pagination: {next_state: {page: "{state.page + 1}"}, stop_condition: "length(response.records) < state.limit"}
    response: {records: {jmespath: "data[]"}, processors: [{expression: record.at, output: state.last, aggregation: maximum}]}
)";
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    const auto draft = DraftOfSling(ChangedText(whole, seed), "shop.yaml", {});
    if (!draft.ok()) {
      ASSERT_EQ(FaultOf(draft.status()), Fault::kConfig) << "seed " << seed << ": " << draft.status().message();
    } else if (!draft->tables.empty()) {
      const Status written = ConnectorText(*draft).status();
      EXPECT_TRUE(written.ok() || FaultOf(written) == Fault::kConfig) << "seed " << seed << ": " << written.message();
    }
  }
}

}  // namespace
}  // namespace firn::connector::foreign
