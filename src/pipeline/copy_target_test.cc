#include "pipeline/copy_target.h"

#include <gtest/gtest.h>

namespace firn::pipeline {
namespace {

TEST(CopySource, TellsUrlsFilesAndStdin) {
  EXPECT_EQ(ParseCopySource("https://a.example/x")->kind, CopySource::Kind::kUrl);
  EXPECT_EQ(ParseCopySource("-")->kind, CopySource::Kind::kStdin);
  EXPECT_EQ(ParseCopySource("file:///tmp/a.json")->text, "/tmp/a.json");
  EXPECT_EQ(ParseCopySource("exec:sh x.sh *.csv")->kind, CopySource::Kind::kProgram);
  EXPECT_EQ(ParseCopySource("exec:sh x.sh *.csv")->text, "sh x.sh *.csv");
  EXPECT_FALSE(ParseCopySource("exec:").ok());
  EXPECT_EQ(ParseCopySource("a.ndjson.gz")->kind, CopySource::Kind::kFile);
  EXPECT_EQ(FaultOf(ParseCopySource("ftp://a.example/x").status()), Fault::kConfig);
  const auto files = ParseCopySource("in/2024-*/a.csv");
  EXPECT_EQ(files->kind, CopySource::Kind::kFiles);
  EXPECT_EQ(files->location, "in");
  EXPECT_EQ(files->pattern, "2024-*/a.csv");
  EXPECT_EQ(ParseCopySource("s3://bucket/in/a.ndjson")->location, "s3://bucket/in");
  EXPECT_EQ(ParseCopySource("a.parquet")->location, ".");
  EXPECT_EQ(ParseCopySource("in/a.ZIP/b.csv")->location, "in");
  EXPECT_EQ(ParseCopySource("in/a.ZIP/b.csv")->pattern, "a.ZIP/b.csv");
  EXPECT_EQ(ParseCopySource("/in/a.zip")->pattern, "a.zip");
}

TEST(CopySource, TellsFilesBehindUrls) {
  const auto file = ParseCopySource("https://me:word@a.example:8443/x/My%20[1].CSV.gz?X-Signature=abc#top");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->kind, CopySource::Kind::kFiles);
  EXPECT_EQ(file->location, "https://a.example:8443/x");
  EXPECT_EQ(file->pattern, "My%20%5B1%5D.CSV.gz");
  EXPECT_EQ(file->query, "X-Signature=abc");
  EXPECT_EQ(ParseCopySource("http://a.example/b.zip/x-*.csv")->location, "http://a.example");
  EXPECT_EQ(ParseCopySource("http://a.example/b.zip/x-*.csv")->pattern, "b.zip/x-*.csv");
  EXPECT_EQ(ParseCopySource("http://a.example/v1/orders?file=a.csv")->kind, CopySource::Kind::kUrl);
  EXPECT_FALSE(FileBehind("http://a.example/x/").ok());
  EXPECT_EQ(FaultOf(ParseCopySource("s3://bucket").status()), Fault::kConfig);
}

TEST(CopyTarget, TellsTablesFilesAndStdout) {
  const auto table = ParseCopyTarget("raw.eu.orders");
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->kind, CopyTarget::Kind::kTable);
  EXPECT_EQ(table->dataset, (std::vector<std::string>{"raw", "eu"}));
  EXPECT_EQ(table->table, "orders");
  EXPECT_EQ(ParseCopyTarget("orders.parquet")->kind, CopyTarget::Kind::kParquet);
  EXPECT_EQ(ParseCopyTarget("./out/orders")->kind, CopyTarget::Kind::kParquet);
  EXPECT_EQ(ParseCopyTarget("-")->kind, CopyTarget::Kind::kStdout);
}

TEST(CopyTarget, RefusesWhatItCannotWrite) {
  for (const char* text : {"orders", "out/", "orders.csv", "orders.ndjson", "raw..orders"}) {
    EXPECT_EQ(FaultOf(ParseCopyTarget(text).status()), Fault::kConfig) << text;
  }
}

TEST(SplitUrl, TakesSecretsOut) {
  const auto url = SplitUrl("https://bob:p%40ss@api.example:8443/v1/My-Orders?api_key=s3cr%20et&status=any&x=1#top");
  ASSERT_TRUE(url.ok()) << url.status().ToString();
  EXPECT_EQ(url->base_url, "https://api.example:8443");
  EXPECT_EQ(url->path, "/v1/My-Orders?status=any&x=1");
  EXPECT_EQ(url->username, "bob");
  EXPECT_EQ(url->password, "p@ss");
  ASSERT_EQ(url->secrets.size(), 1U);
  EXPECT_EQ(url->secrets[0], (std::pair<std::string, std::string>("api_key", "s3cr et")));
  EXPECT_EQ(url->name, "my_orders");
}

TEST(SplitUrl, WorksWithoutPath) {
  const auto url = SplitUrl("http://api.example?page=2");
  ASSERT_TRUE(url.ok()) << url.status().ToString();
  EXPECT_EQ(url->base_url, "http://api.example");
  EXPECT_EQ(url->path, "/?page=2");
  EXPECT_EQ(url->name, "api_example");
}

TEST(SplitUrl, RefusesExpressions) {
  EXPECT_EQ(FaultOf(SplitUrl("https://a.example/${env:X}").status()), Fault::kConfig);
  EXPECT_EQ(FaultOf(SplitUrl("https://a.example/{{ x }}").status()), Fault::kConfig);
}

TEST(NameFor, MakesTableNames) {
  EXPECT_EQ(NameFor("/data/My-Orders.json.gz"), "my_orders");
  EXPECT_EQ(NameFor("2024.ndjson"), "t_2024");
  EXPECT_EQ(NameFor("---"), "rows");
}

}  // namespace
}  // namespace firn::pipeline
