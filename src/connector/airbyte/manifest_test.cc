#include "connector/airbyte/manifest.h"

#include <gtest/gtest.h>

#include <string>

#include "connector/airbyte/manifest_yaml.h"
#include "connector/airbyte/parameters.h"
#include "connector/airbyte/references.h"

namespace firn::connector::airbyte {
namespace {

std::string Parsed(const std::string& yaml) {
  const auto value = ParseManifestYaml(yaml, "m.yaml");
  return value.ok() ? expression::ToJson(*value) : "error " + value.status().message();
}

std::string Resolved(const std::string& yaml) {
  const auto value = ParseManifestYaml(yaml, "m.yaml");
  if (!value.ok()) return "error";
  const auto resolved = ResolveReferences(*value);
  return resolved.ok() ? expression::ToJson(*resolved) : "error " + resolved.status().message();
}

TEST(ManifestYaml, ReadsScalarsAsYaml11) {
  EXPECT_EQ(Parsed("[yes, No, on, ~, 012, 0x10, 1_000, 1.50, 1e3, 1.0e+3, '1', \"true\", 2024-01-01]"),
            "[true,false,true,null,10,16,1000,1.50,\"1e3\",1.0e+3,\"1\",\"true\",\"2024-01-01\"]");
}

TEST(ManifestYaml, LastOfEqualKeysWinsAndMergeKeysFillIn) {
  EXPECT_EQ(Parsed("{a: 1, b: 2, a: 3}"), "{\"a\":3,\"b\":2}");
  EXPECT_EQ(Parsed("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}"), "{\"x\":{\"a\":1,\"b\":2},\"y\":{\"a\":1,\"b\":3}}");
}

TEST(ManifestYaml, NamesThePlaceOfAMistake) {
  const auto value = ParseManifestYaml("a: [1\nb: 2", "m.yaml");
  ASSERT_FALSE(value.ok());
  ASSERT_NE(ContextOf(value.status()), nullptr);
  EXPECT_TRUE(ContextOf(value.status())->where.starts_with("m.yaml:2:"));
}

std::string CodeOf(const Status& status) {
  return status.ok() ? "" : ContextOf(status)->code;
}

// Nine levels of nine each: 387,420,489 values in 500 bytes.
TEST(ManifestYaml, RefusesABombOfAliasesBeforeItIsExpanded) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    std::string items = below;
    for (int k = 1; k < 9; ++k) items += ", " + below;
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + items + "]\n";
  }
  const Status refused = ParseManifestYaml(bomb, "m.yaml").status();
  EXPECT_EQ(CodeOf(refused), "E0105");
  EXPECT_EQ(refused.message(), "the manifest cannot be read: more than 300000 values, aliases expanded");
  const std::string text(1 << 20, 'x');
  std::string texts = "a: &a " + text + "\nb: [*a";
  for (int i = 0; i < 100; ++i) texts += ", *a";
  EXPECT_EQ(CodeOf(ParseManifestYaml(texts + "]", "m.yaml").status()), "E0105");
}

TEST(ManifestYaml, RefusesAliasesThatNestDeeperThanWhatIsWritten) {
  std::string chain = "a0: &a0 [x]\n";
  for (int i = 1; i < 200; ++i) {
    chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  }
  EXPECT_EQ(Parsed(chain), "error the manifest cannot be read: nested too deeply");
}

TEST(References, ABombOfThemIsRefusedBeforeItIsExpanded) {
  std::string bomb = "a0: [x, x, x, x, x, x, x, x, x]\n", chain = "a0: [x]\n";
  for (int i = 1; i < 400; ++i) {
    const std::string name = "a" + std::to_string(i), below = "'#/a" + std::to_string(i - 1) + "'";
    chain += name + ": [" + below + "]\n";
    if (i >= 9) continue;
    std::string items = below;
    for (int k = 1; k < 9; ++k) items += ", " + below;
    bomb += name + ": [" + items + "]\n";
  }
  const auto refused = [](const std::string& yaml) {
    return CodeOf(ResolveReferences(*ParseManifestYaml(yaml, "m.yaml")).status());
  };
  EXPECT_EQ(refused(bomb), "E0105");
  EXPECT_EQ(refused(chain), "E0105");
}

TEST(References, SiblingsWinOverTheReferencedMap) {
  EXPECT_EQ(Resolved("d: {a: {x: 1, y: 2}}\nu: {$ref: '#/d/a', y: 3}"),
            "{\"d\":{\"a\":{\"x\":1,\"y\":2}},\"u\":{\"x\":1,\"y\":3}}");
}

TEST(References, TextsThatNamePlacesAreReplacedAndKeysMayHoldSlashes) {
  EXPECT_EQ(Resolved("n: {path: first}\nn/path: second\nv: '#/n/path'"),
            "{\"n\":{\"path\":\"first\"},\"n/path\":\"second\",\"v\":\"second\"}");
  EXPECT_EQ(Resolved("l: [a, b]\nv: '#/l/1'"), "{\"l\":[\"a\",\"b\"],\"v\":\"b\"}");
}

TEST(References, NothingAndCirclesAreErrors) {
  EXPECT_EQ(Resolved("v: '#/nowhere'"), "error the reference #/nowhere leads to nothing");
  EXPECT_EQ(Resolved("a: '#/b'\nb: '#/a'"), "error the reference #/b leads back to itself");
}

std::string Propagated(const std::string& yaml) {
  return expression::ToJson(PropagateParameters(*ParseManifestYaml(yaml, "m.yaml")));
}

TEST(Parameters, FillEmptyFieldsOfChildrenAndStopAtSchemas) {
  EXPECT_EQ(Propagated("{type: A, $parameters: {p: 1}, child: {type: B, p: 2}, schema: {type: object, q: {type: C}}}"),
            "{\"type\":\"A\",\"child\":{\"type\":\"B\",\"p\":2,\"$parameters\":{\"p\":1}},"
            "\"schema\":{\"type\":\"object\",\"q\":{\"type\":\"C\"}},\"p\":1,\"$parameters\":{\"p\":1}}");
}

TEST(Parameters, ImpliedTypesComeFromThePlace) {
  EXPECT_EQ(Propagated("{type: RecordSelector, extractor: {field_path: []}}"),
            "{\"type\":\"RecordSelector\",\"extractor\":{\"field_path\":[],\"type\":\"DpathExtractor\"}}");
}

TEST(Manifest, IsRefusedWithoutCheckOrStreams) {
  EXPECT_FALSE(LoadManifest("{type: DeclarativeSource, streams: []}", "m.yaml").ok());
  EXPECT_FALSE(LoadManifest("{type: DeclarativeSource, check: {type: CheckStream}}", "m.yaml").ok());
  EXPECT_TRUE(LoadManifest("{check: {type: CheckStream, stream_names: [a]}, streams: []}", "m.yaml").ok());
}

}  // namespace
}  // namespace firn::connector::airbyte
