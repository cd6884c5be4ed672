#include "connector/airbyte/settings_check.h"

#include <gtest/gtest.h>

#include <string>

#include "connector/airbyte/manifest_yaml.h"

namespace firn::connector::airbyte {
namespace {

using Kind = config::SettingProblem::Kind;

// "page_size: is text, and must be an integer; …": missing ones as "-", doubtful ones in brackets.
std::string Found(const std::string& schema, const std::string& settings) {
  std::string out;
  const auto problems =
      CheckSettings(*ParseManifestYaml(schema, "schema.yaml"), *ParseManifestYaml(settings, "settings.yaml"));
  for (const auto& problem : problems) {
    std::string text;
    for (const std::string& name : problem.path) text += (text.empty() ? "" : ".") + name;
    text += (problem.kind == Kind::kMissing ? "-" : text.empty() ? "" : ": ") + problem.what;
    if (!problem.help.empty()) text += " (" + problem.help + ")";
    out += (out.empty() ? "" : "; ") + (problem.kind == Kind::kDoubtful ? "[" + text + "]" : text);
  }
  return out;
}

constexpr char kShop[] = R"(
type: object
required: [token]
additionalProperties: true
properties:
  token: {type: string, airbyte_secret: true}
  page_size: {type: integer, minimum: 1, maximum: 100, exclusiveMaximum: true}
  rate: {type: [number, "null"], exclusiveMinimum: 0}
  region: {type: string, enum: [north, south]}
  start: {type: string, format: date-time, pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'}
  until: {type: string, format: date}
  stores: {type: array, minItems: 1, items: {type: string, maxLength: 3}}
  credentials:
    type: object
    oneOf:
      - {required: [kind, key], properties: {kind: {const: key}, key: {type: string}}}
      - {required: [kind, user], properties: {kind: {const: user}, user: {type: string}, password: {type: string}}}
)";

TEST(CheckSettings, TakesWhatFits) {
  EXPECT_EQ(Found(kShop, "{token: a}"), "");
  EXPECT_EQ(Found(kShop, R"({token: a, page_size: 99, rate: 0.5, region: north, start: "2024-01-31T00:00:00Z",
                            until: "2024-01-31", stores: [a, "äöü"], credentials: {kind: user, user: x}, _limit: 3})"),
            "");
  EXPECT_EQ(Found(kShop, "{token: a, page_size: 7.0, rate: null}"), "");
}

TEST(CheckSettings, NamesWhatIsMissingOrOfAnotherType) {
  EXPECT_EQ(Found(kShop, "{}"), "-token");
  EXPECT_EQ(Found(kShop, "{token: 12}"), "token: is an integer, and must be text (put it into quotes)");
  EXPECT_EQ(Found(kShop, "{token: a, page_size: '10'}"), "page_size: is text, and must be an integer");
  EXPECT_EQ(Found(kShop, "{token: a, page_size: yes}"), "page_size: is true or false, and must be an integer");
  EXPECT_EQ(Found(kShop, "{token: a, page_size: 1.5, rate: []}"),
            "page_size: is a number, and must be an integer; rate: is a list, and must be a number or null");
}

TEST(CheckSettings, HoldsValuesToTheirLimits) {
  EXPECT_EQ(Found(kShop, "{token: a, page_size: 0}"), "page_size: is too small: at least 1");
  EXPECT_EQ(Found(kShop, "{token: a, page_size: 100}"), "page_size: must be below 100");
  EXPECT_EQ(Found(kShop, "{token: a, rate: 0}"), "rate: must be above 0");
  EXPECT_EQ(Found(kShop, "{token: a, region: nort}"),
            "region: must be one of `north`, `south` (did you mean `north`?)");
  EXPECT_EQ(Found(kShop, "{token: a, start: '2024-01-31'}"),
            "start: must match the pattern ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$");
  EXPECT_EQ(Found(kShop, "{token: a, stores: []}"), "stores: has too few items: at least 1");
  EXPECT_EQ(Found(kShop, "{token: a, stores: [abc, abcd]}"), "stores.1: is too long: at most 3 characters");
}

// Airbyte's runtime looks at neither.
TEST(CheckSettings, OnlyDoubtsUnknownNamesAndFormats) {
  EXPECT_EQ(Found(kShop, "{token: a, regoin: north}"),
            "[regoin: is no setting of the connector (did you mean `region`?)]");
  EXPECT_EQ(Found(kShop, "{token: a, until: 31.1.2024}"), "[until: is no date (write it as 2024-01-31)]");
  EXPECT_EQ(Found("{properties: {a: {}}, additionalProperties: false}", "{b: 1}"),
            "b: is no setting of the connector (did you mean `a`?)");
  EXPECT_EQ(Found("{additionalProperties: {type: string}}", "{b: 1}"),
            "b: is an integer, and must be text (put it into quotes)");
  EXPECT_EQ(Found("{type: object}", "{b: 1}"), "");
}

TEST(CheckSettings, JudgesTheVariantThatIsMeant) {
  EXPECT_EQ(Found(kShop, "{token: a, credentials: {kind: key}}"), "credentials-key");
  EXPECT_EQ(Found(kShop, "{token: a, credentials: {kind: user, user: 1}}"),
            "credentials.user: is an integer, and must be text (put it into quotes)");
  EXPECT_EQ(
      Found(kShop, "{token: a, credentials: {kind: other}}"),
      "credentials: fits none of the 2 choices that the connector has for it (write `kind: key`, or `kind: user`)");
  EXPECT_EQ(Found("{oneOf: [{}, {type: object}]}", "{}"), "fits several of the choices that the connector has for it");
  EXPECT_EQ(Found("{anyOf: [{}, {type: object}], not: {required: [a]}}", "{}"), "");
  EXPECT_EQ(Found("{not: {required: [a]}}", "{a: 1}"), "is what the connector's specification rules out");
}

TEST(CheckSettings, PassesOverWhatItCannotRun) {
  EXPECT_EQ(Found("{properties: {a: {pattern: '(unclosed', unknown: [1], type: 7}}}", "{a: x}"), "");
}

}  // namespace
}  // namespace firn::connector::airbyte
