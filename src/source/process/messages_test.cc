#include "source/process/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/json/page.h"

namespace firn::source::process {
namespace {

namespace json = format::json;

using config::ProcessProtocol;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// "row", "state …", "config …" in the order in which they were said.
std::vector<std::string> Said(const Result<std::vector<Message>>& messages) {
  if (!messages.ok()) return {messages.status().message()};
  std::vector<std::string> said;
  for (const Message& message : *messages) {
    for (const uint32_t row : message.rows ? message.rows->rows : std::vector<uint32_t>()) {
      said.emplace_back(message.rows->page->RecordText(row));
    }
    if (message.state) said.push_back("state " + *message.state);
    if (message.config) said.push_back("config " + *message.config);
  }
  return said;
}

std::vector<std::string> Read(ProcessProtocol protocol, const std::string& block) {
  return Said(MessageReader(protocol, "orders", nullptr).Read(block));
}

TEST(NdjsonMessages, RowsAndStates) {
  EXPECT_THAT(Read(ProcessProtocol::kNdjson, "{\"id\": 1}\n\n{\"id\": 2}\n{\"@state\": {\"a\": [1]}}\n{\"id\": 3}\n"),
              ElementsAre("{\"id\": 1}", "{\"id\": 2}", "state {\"a\": [1]}", "{\"id\": 3}"));
  EXPECT_THAT(Read(ProcessProtocol::kNdjson, "{\"@state\": null}\n{\"@state\": 7}"),
              ElementsAre("state null", "state 7"));
  EXPECT_THAT(Read(ProcessProtocol::kNdjson, "\n \n"), ElementsAre());
}

TEST(NdjsonMessages, AStateStandsAlone) {
  for (const char* const line : {"{\"id\": 1, \"@state\": 5}", "{\"@state\": 5, \"id\": 1}"}) {
    EXPECT_EQ(FaultOf(MessageReader(ProcessProtocol::kNdjson, "", nullptr).Read(line).status()), Fault::kBadData)
        << line;
  }
  EXPECT_THAT(Read(ProcessProtocol::kNdjson, "{ \"@state\" : {\"a\": 1} }\r\n"), ElementsAre("state {\"a\": 1}"));
}

TEST(NdjsonMessages, ABrokenRowIsKeptForTheTableToJudge) {
  const auto messages =
      MessageReader(ProcessProtocol::kNdjson, "", nullptr).Read("{\"id\": 1}\n{\"id\": \n{\"id\": 3}\n");
  ASSERT_TRUE(messages.ok()) << messages.status();
  const JsonRows& rows = *messages->front().rows;
  ASSERT_EQ(rows.rows.size(), 3u);
  EXPECT_FALSE(json::CheckRecord(*rows.page, 1).ok());
}

TEST(SingerMessages, OneStreamOfMany) {
  EXPECT_THAT(Read(ProcessProtocol::kSinger,
                   "{\"type\": \"SCHEMA\", \"stream\": \"orders\", \"schema\": {}, \"key_properties\": [\"id\"]}\n"
                   "{\"type\": \"RECORD\", \"stream\": \"orders\", \"record\": {\"id\": 1, \"t\": \"a}\"}}\n"
                   "{\"type\": \"RECORD\", \"stream\": \"people\", \"record\": {\"id\": 9}}\n"
                   "INFO a line of a library\n"
                   "{\"record\": {\"id\": 2}, \"stream\": \"orders\", \"type\": \"RECORD\"}\n"
                   "{\"type\": \"STATE\", \"value\": {\"bookmarks\": {}}}\n"),
              ElementsAre("{\"id\": 1, \"t\": \"a}\"}", "{\"id\": 2}", "state {\"bookmarks\": {}}"));
}

TEST(SingerMessages, WhatLooksLikeAMessageMustBeOne) {
  MessageReader reader(ProcessProtocol::kSinger, "orders", nullptr);
  ASSERT_TRUE(reader.Read("{\"type\": \"SCHEMA\"}\nnoise\n").ok());
  for (const char* const line :
       {"{\"type\": \"RECORD\", \"stream\": \"orders\"}", "{\"type\": \"STATE\"}", "{\"typ\": 1}",
        "{\"type\": \"RECORD\", \"stream\": ", "{\"type\": \"BATCH\", \"stream\": \"orders\"}"}) {
    const Status error = reader.Read("more noise\n" + std::string(line) + "\n").status();
    EXPECT_EQ(FaultOf(error), Fault::kBadData) << line;
    EXPECT_THAT(error.message(), HasSubstr("line ")) << line;
  }
  const Status first = MessageReader(ProcessProtocol::kSinger, "o", nullptr).Read("x\n{\"typ\": 1}\n").status();
  EXPECT_THAT(first.message(), HasSubstr("line 2 "));
}

TEST(SingerMessages, AStateThatNobodyCouldReadLaterIsRefused) {
  std::string deep(300, '[');
  deep += std::string(300, ']');
  EXPECT_EQ(FaultOf(MessageReader(ProcessProtocol::kSinger, "o", nullptr)
                        .Read("{\"type\": \"STATE\", \"value\": " + deep + "}\n")
                        .status()),
            Fault::kBadData);
}

TEST(AirbyteMessages, RecordsStatesAndConfigurations) {
  EXPECT_THAT(
      Read(ProcessProtocol::kAirbyte,
           "{\"type\":\"LOG\",\"log\":{\"level\":\"INFO\",\"message\":\"hello\"}}\n"
           "{\"type\":\"TRACE\",\"trace\":{\"type\":\"STREAM_STATUS\",\"stream_status\":{\"status\":\"STARTED\"}}}\n"
           "{\"type\":\"RECORD\",\"record\":{\"stream\":\"orders\",\"data\":{\"id\":1},\"emitted_at\":1}}\n"
           "{\"type\":\"CONTROL\",\"control\":{\"type\":\"CONNECTOR_CONFIG\",\"connectorConfig\":{\"config\":{\"t\":2}}"
           "}}\n"
           "{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"stream\":{\"stream_state\":{\"c\":1}}}}\n"),
      ElementsAre("{\"id\":1}", "config {\"t\":2}",
                  "state {\"type\":\"STREAM\",\"stream\":{\"stream_state\":{\"c\":1}}}"));
}

TEST(AirbyteMessages, AReportedErrorIsTheError) {
  const auto status =
      MessageReader(ProcessProtocol::kAirbyte, "orders", nullptr)
          .Read(
              "{\"type\":\"TRACE\",\"trace\":{\"type\":\"ERROR\",\"error\":{\"message\":\"wrong token\","
              "\"failure_type\":\"config_error\"}}}\n")
          .status();
  EXPECT_EQ(FaultOf(status), Fault::kConfig);
  EXPECT_THAT(status.message(), HasSubstr("wrong token"));
}

}  // namespace
}  // namespace firn::source::process
