#include "source/process/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace firn::source::process {
namespace {

using config::ProcessProtocol;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

config::ProcessSourceConfig Config(ProcessProtocol protocol, std::vector<std::string> command = {"tap"}) {
  return {.command = std::move(command), .protocol = protocol, .config_json = "{}", .folder = "/tmp"};
}

TEST(Conversation, AProgramOfOnesOwnIsAskedByStdin) {
  const auto options = ReadCommand(Config(ProcessProtocol::kNdjson),
                                   {.stream = "or\"ders", .config = "{\"token\":\"t\"}", .state = "{\"since\": 1}"});
  EXPECT_THAT(options.argv, ElementsAre("tap"));
  EXPECT_EQ(Json::parse(options.input),
            Json::parse(R"({"stream": "or\"ders", "config": {"token": "t"}, "state": {"since": 1}})"));
  EXPECT_TRUE(Json::parse(ReadCommand(Config(ProcessProtocol::kNdjson), {.config = "{}"}).input)["state"].is_null());
}

TEST(Conversation, TapsAndConnectorsGetFiles) {
  const Wish wish{.stream = "s", .config = "{}", .catalog = "{}"};
  Wish goes_on = wish;
  goes_on.state = "{\"bookmarks\":{}}";
  EXPECT_THAT(ReadCommand(Config(ProcessProtocol::kSinger), wish).argv,
              ElementsAre("tap", "--config", "{config}", "--catalog", "{catalog}"));
  EXPECT_THAT(ReadCommand(Config(ProcessProtocol::kAirbyte), goes_on).argv,
              ElementsAre("tap", "read", "--config", "{config}", "--catalog", "{catalog}", "--state", "{state}"));
  EXPECT_THAT(ReadCommand(Config(ProcessProtocol::kSinger, {"tap", "--properties={catalog}"}), goes_on).argv,
              ElementsAre("tap", "--properties={catalog}"));
}

TEST(Conversation, AirbyteStatesAreHandedBackInTheirForm) {
  const auto state_file = [](const std::string& state) {
    return Json::parse(
        ReadCommand(Config(ProcessProtocol::kAirbyte), {.config = "{}", .state = state}).files[2].second);
  };
  EXPECT_EQ(state_file(R"({"type":"STREAM","stream":{}})"), Json::parse(R"([{"type":"STREAM","stream":{}}])"));
  EXPECT_EQ(state_file(R"({"data":{"cursor":1}})"), Json::parse(R"({"cursor":1})"));
}

TEST(Conversation, OneStreamIsSelected) {
  const auto singer =
      SelectStream(ProcessProtocol::kSinger,
                   "INFO x\n{\"streams\": [{\"tap_stream_id\": \"public-orders\", \"stream\": \"orders\", "
                   "\"schema\": {}, \"metadata\": [{\"breadcrumb\": [], \"metadata\": {\"k\": 1}}]}]}",
                   "public-orders", true)
          .ValueOrDie();
  EXPECT_EQ(singer.stream, "orders");
  const Json selected = Json::parse(singer.catalog)["streams"][0];
  EXPECT_EQ(selected["metadata"], Json::parse(R"([{"breadcrumb": [], "metadata": {"k": 1, "selected": true}}])"));
  EXPECT_EQ(selected["schema"]["selected"], true);

  const std::string discovered =
      "{\"type\":\"LOG\",\"log\":{}}\n{\"type\":\"CATALOG\",\"catalog\":{\"streams\":[{\"name\":\"orders\","
      "\"supported_sync_modes\":[\"full_refresh\",\"incremental\"]},{\"name\":\"plain\"}]}}\n";
  const auto mode = [&](const char* stream, bool incremental) {
    const auto selection = SelectStream(ProcessProtocol::kAirbyte, discovered, stream, incremental).ValueOrDie();
    return Json::parse(selection.catalog)["streams"][0]["sync_mode"].get<std::string>();
  };
  EXPECT_EQ(mode("orders", true), "incremental");
  EXPECT_EQ(mode("orders", false), "full_refresh");
  EXPECT_EQ(mode("plain", true), "full_refresh");
}

TEST(Conversation, AStreamThatIsNotThereIsAnsweredWithThoseThatAre) {
  const auto missing =
      SelectStream(ProcessProtocol::kSinger, "{\"streams\": [{\"stream\": \"a\"}, {\"stream\": \"b\"}]}", "c", true);
  EXPECT_EQ(FaultOf(missing.status()), Fault::kConfig);
  EXPECT_THAT(ContextOf(missing.status())->why, HasSubstr("a, b"));
  for (const char* const nothing : {"", "{}", "[]", "{\"streams\": 1}", "oops"}) {
    EXPECT_EQ(FaultOf(SelectStream(ProcessProtocol::kSinger, nothing, "c", true).status()), Fault::kBadData) << nothing;
  }
}

}  // namespace
}  // namespace firn::source::process
