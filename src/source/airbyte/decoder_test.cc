#include "source/airbyte/decoder.h"

#include <arrow/buffer.h>
#include <gtest/gtest.h>

#include <string>

#include "connector/airbyte/manifest_yaml.h"
#include "source/airbyte/text_encoding.h"

namespace firn::source::airbyte {
namespace {

Result<std::string> Decoded(const std::string& decoder, const std::string& body, bool strict = false) {
  const Component component(*connector::airbyte::ParseManifestYaml(decoder, "m.yaml"), "");
  ARROW_ASSIGN_OR_RAISE(const auto made, Decoder::Make(component, strict));
  const io::HttpResponse response{.status = 200, .headers = {}, .body = arrow::Buffer::FromString(body)};
  ARROW_ASSIGN_OR_RAISE(const auto values, made->Decode(ApiResponse(response)));
  std::string out;
  for (const Value& value : values) out += jinja::ToJson(value);
  return out;
}

TEST(JsonItems, AreTheElementsOfTheArrayAtThePath) {
  const std::string body = R"({"data":{"users":[{"id":1},[2],3],"more":{"id":4}},"list":[{"at":[5]},{"at":[6,7]}]})";
  EXPECT_EQ(*Decoded("{type: JsonItemsDecoder, items_path: data.users}", body), R"({"id":1}[2]3)");
  EXPECT_EQ(*Decoded("{type: JsonItemsDecoder, items_path: list.item.at}", body), "567");
  EXPECT_EQ(*Decoded("{type: JsonItemsDecoder, items_path: data.more}", body), "");
  EXPECT_EQ(*Decoded("{type: JsonItemsDecoder, items_path: list.at}", body), "");
  EXPECT_FALSE(Decoded("{type: JsonItemsDecoder}", body).ok());
  EXPECT_FALSE(Decoded("{type: JsonItemsDecoder, items_path: data}", "{").ok());
}

TEST(JsonItems, ReadEncodings) {
  EXPECT_EQ(*Decoded("{type: JsonItemsDecoder, items_path: a, encoding: iso-8859-1}", "{\"a\":[\"\xE9\"]}"), "\"é\"");
}

TEST(Decoder, BodiesThatCannotBeReadHaveNoRecordsOrAreErrors) {
  const char* kPage = "<html>please log in";
  for (const char* decoder : {"{type: JsonDecoder}", "{type: XmlDecoder}", "{type: JsonlDecoder}"}) {
    SCOPED_TRACE(decoder);
    EXPECT_TRUE(Decoded(decoder, kPage).ok());
    const auto refused = Decoded(decoder, kPage, /*strict=*/true);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(ContextOf(refused.status())->code, "E0927");
    EXPECT_TRUE(Decoded(decoder, " \n", /*strict=*/true).ok()) << "nothing is said in nothing";
  }
  EXPECT_FALSE(Decoded("{type: JsonDecoder}", R"({"data":[{"id":1},{"id")", true).ok());
  EXPECT_FALSE(Decoded("{type: JsonDecoder}", "{\"a\":\"\xff\"}", true).ok());
  EXPECT_FALSE(Decoded("{type: JsonlDecoder}", "{\"a\":1}\n{\"a\":\n", true).ok());
  EXPECT_EQ(*Decoded("{type: JsonlDecoder}", "{\"a\":1}\n\n", true), R"({"a":1})");
}

TEST(TextEncoding, TakesPythonsNames) {
  EXPECT_EQ(*TextOf("\x80\xE9", "cp1252"), "€é");
  EXPECT_EQ(*TextOf("\xE9", "latin-1"), "é");
  EXPECT_EQ(*TextOf("\xEF\xBB\xBFx", "utf-8-sig"), "x");
  EXPECT_EQ(*TextOf(std::string("x\0y\0", 4), "utf_16_le"), "xy");
  const std::string large(100'000, '\xE9');
  EXPECT_EQ(TextOf(large, "latin1")->size(), 200'000U);
  EXPECT_FALSE(TextOf("x", "klingon").ok());
  EXPECT_FALSE(TextOf("\xFF", "ascii").ok());
}

}  // namespace
}  // namespace firn::source::airbyte
