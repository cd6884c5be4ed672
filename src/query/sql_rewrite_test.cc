#include "query/sql_rewrite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/duckdb_engine.h"
#include "query/sql_tokens.h"

namespace firn::query {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SqlRewrite : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    engine_ = DuckdbEngine::Open({.memory_bytes = 128 << 20, .threads = 1, .temp_folder = ""}).ValueOrDie().release();
  }
  static void TearDownTestSuite() { delete engine_; }

  static Result<ParsedQuery> Parse(std::string_view sql) {
    return ParseQuery(sql, [](std::string_view text) { return engine_->Parse(text); });
  }
  // The statement with its references replaced by T0, T1, …
  static std::string Rewritten(std::string_view sql) {
    const auto query = Parse(sql);
    if (!query.ok()) return ContextOf(query.status())->code + " " + query.status().message();
    std::vector<std::string> names;
    for (size_t i = 0; i < query->references.size(); ++i) names.push_back("T" + std::to_string(i));
    return Splice(*query, names);
  }
  static std::string Code(std::string_view sql) {
    const auto query = Parse(sql);
    return query.ok() ? "ok" : ContextOf(query.status())->code;
  }

  static DuckdbEngine* engine_;
};
DuckdbEngine* SqlRewrite::engine_ = nullptr;

TEST_F(SqlRewrite, FindsTablesWhereverTheyStand) {
  EXPECT_EQ(Rewritten("select * from ns.t"), "select * from T0");
  EXPECT_EQ(Rewritten("from ns.t"), "from T0");
  EXPECT_EQ(Rewritten("SELECT a.x FROM ns.t AS a JOIN \"n s\".\"T\"\"x\" b USING (x), c.d.e"),
            "SELECT a.x FROM T0 AS a JOIN T1 b USING (x), T2");
  EXPECT_EQ(Rewritten("select (select max(x) from ns.u) from ns.t where exists (from ns.v) and a in (select 1 from w)"),
            "select (select max(x) from T0) from T1 where exists (from T2) and a in (select 1 from T3)");
  EXPECT_EQ(Rewritten("select 1 union all select * from ns.t order by 1 ;"),
            "select 1 union all select * from T0 order by 1");
  EXPECT_EQ(Rewritten("describe ns.t"), "describe T0");
  EXPECT_EQ(Rewritten("SUMMARIZE ns.t"), "SUMMARIZE T0");
  EXPECT_EQ(Rewritten("select * from ns.t pivot (sum(b) for a in (1, 2))"),
            "select * from T0 pivot (sum(b) for a in (1, 2))");
}

TEST_F(SqlRewrite, LeavesStringsCommentsAndAliasesAlone) {
  EXPECT_EQ(Rewritten("select 'from ns.t', \"from ns.u\" /* from ns.v /* nested */ */ from ns.t -- from ns.w\n"),
            "select 'from ns.t', \"from ns.u\" /* from ns.v /* nested */ */ from T0");
  EXPECT_EQ(Rewritten("select ns.t.a, '日本' é from ns.t where b = $$from ns.x$$"),
            "select ns.t.a, '日本' é from T0 where b = $$from ns.x$$");
}

TEST_F(SqlRewrite, CommonTableExpressionsHideTables) {
  EXPECT_EQ(Rewritten("with t as (select * from ns.t) select * from t, T, ns.t"),
            "with t as (select * from T0) select * from t, T, T1");
  EXPECT_EQ(Rewritten("with a as (from b), b as (from a) from a, b"), "with a as (from T0), b as (from a) from a, b");
  EXPECT_EQ(Rewritten("with recursive r as (select 1 x union all select x + 1 from r where x < 3) from r"),
            "with recursive r as (select 1 x union all select x + 1 from r where x < 3) from r");
  EXPECT_EQ(Rewritten("select * from (with t as (select 1) from t), t"),
            "select * from (with t as (select 1) from t), T0");
}

TEST_F(SqlRewrite, TakesTimeTravelOut) {
  const auto query =
      Parse("select * from ns.t as x at /* c */ (version => 12), ns.t AT (TIMESTAMP => now() - interval (1) day)");
  ASSERT_TRUE(query.ok()) << query.status();
  ASSERT_EQ(query->references.size(), 2u);
  EXPECT_EQ(query->references[0].at, TableReference::At::kVersion);
  EXPECT_EQ(query->references[0].at_expression, "12");
  EXPECT_EQ(query->references[1].at, TableReference::At::kTimestamp);
  EXPECT_EQ(query->references[1].at_expression, "now() - interval (1) day");
  EXPECT_EQ(Splice(*query, {"A", "B"}), "select * from A as x , B ");
}

TEST_F(SqlRewrite, TakesForeignTablesByTheirMetadata) {
  const auto query = Parse("from iceberg('/x/v7.metadata.json') at (version => 3) join ICEBERG_SCAN('b') using (a)");
  ASSERT_TRUE(query.ok()) << query.status();
  ASSERT_EQ(query->references.size(), 2u);
  EXPECT_EQ(query->references[0].metadata, "/x/v7.metadata.json");
  EXPECT_EQ(query->references[0].at_expression, "3");
  EXPECT_EQ(query->references[1].metadata, "b");
  EXPECT_EQ(Splice(*query, {"A", "B"}), "from A  join B using (a)");
  EXPECT_EQ(Code("from iceberg(x)"), "E0707");
  EXPECT_EQ(Code("from iceberg('a', 'b')"), "E0707");
}

TEST_F(SqlRewrite, RefusesEverythingThatDoesNotOnlyRead) {
  for (const char* sql : {"insert into ns.t values (1)",
                          "update ns.t set a = 1",
                          "delete from ns.t",
                          "create table t (a int)",
                          "drop table ns.t",
                          "copy ns.t to 'x'",
                          "attach 'x'",
                          "set threads = 1",
                          "pragma version",
                          "call f()",
                          "install httpfs",
                          "load x",
                          "with a as (select 1) insert into ns.t from a",
                          "explain delete from ns.t",
                          "explain analyze insert into ns.t values (1)",
                          "vacuum",
                          "begin",
                          "use x",
                          "export database 'x'",
                          "merge into ns.t using u on true when matched then delete",
                          "truncate ns.t",
                          "alter table ns.t add column b int"}) {
    EXPECT_EQ(Code(sql), "E0702") << sql;
  }
}

TEST_F(SqlRewrite, ASlipIsASyntaxErrorInDuckDbsWords) {
  for (const char* sql : {"selec 1", "slect * from ns.t", "explain selec 1"}) EXPECT_EQ(Code(sql), "E0707") << sql;
  const auto query = Parse("selec 1");
  ASSERT_FALSE(query.ok());
  EXPECT_NE(ContextOf(query.status())->why.find("selec"), std::string::npos) << ContextOf(query.status())->why;
}

TEST_F(SqlRewrite, WantsExactlyOneStatement) {
  for (const char* sql : {"", " ; ", "-- nothing", "select 1; select 2", "select 1; drop table x"}) {
    EXPECT_EQ(Code(sql).substr(0, 4), "E070") << sql;
    EXPECT_FALSE(Parse(sql).ok()) << sql;
  }
  EXPECT_EQ(Code("select 1;; -- end"), "ok");
  EXPECT_EQ(Code("select ';' from \"a;b\""), "ok");
}

TEST_F(SqlRewrite, KeepsExplainApart) {
  const auto query = Parse("explain analyze select * from ns.t");
  ASSERT_TRUE(query.ok()) << query.status();
  EXPECT_EQ(Splice(*query, {"A"}), "explain analyze select * from A");
  EXPECT_EQ(Rewritten("EXPLAIN (FORMAT json) from ns.t"), "EXPLAIN (FORMAT json) from T0");
}

TEST_F(SqlRewrite, FindsConditionsThatRowsMustMeet) {
  const auto query = Parse(
      "select * from ns.t where a >= 5 and d between date '2020-01-01' and '2020-02-01' and 'x' = s and (n is null and "
      "7 > b) and (c = 1 or c = 2) and f = 1.5 and lower(s) = 'y'");
  ASSERT_TRUE(query.ok()) << query.status();
  std::vector<std::string> found;
  for (const auto& condition : query->references[0].conditions) {
    found.push_back(condition.column + std::to_string(static_cast<int>(condition.op)) + condition.value);
  }
  EXPECT_THAT(found, ElementsAre("a45", "d42020-01-01", "d22020-02-01", "s0x", "n5", "b17", "f01.5"));
  for (const char* sql : {"select * from ns.t, ns.u where a = 1", "select * from ns.t x(b, a) where a = 1",
                          "select * from ns.t tablesample 10% where a = 1", "select * from ns.t where a = 1 or b = 2",
                          "select * from ns.t left join ns.u on a = 1", "select a from ns.t group by a having a = 1"}) {
    const auto other = Parse(sql);
    ASSERT_TRUE(other.ok()) << sql;
    EXPECT_TRUE(other->references[0].conditions.empty()) << sql;
  }
}

TEST_F(SqlRewrite, SaysWhatDuckdbSaysAboutBadSyntax) {
  const auto query = Parse("select * frm ns.t where");
  ASSERT_FALSE(query.ok());
  EXPECT_EQ(ContextOf(query.status())->code, "E0707");
  EXPECT_THAT(ContextOf(query.status())->why, HasSubstr("syntax error"));
  EXPECT_EQ(Code("select 'open"), "E0707");
  EXPECT_EQ(Code("select \"open"), "E0707");
  EXPECT_EQ(Code("select /* open"), "E0707");
  EXPECT_EQ(Code("from (pivot ns.t on a using sum(b))"), "E0707");
}

TEST(SqlRewriteTree, ATreeOfAnotherTextIsAnError) {
  const auto parse = [](const std::string& table) {
    const std::string tree =
        R"({"error":false,"statements":[{"node":{"type":"SELECT_NODE","cte_map":{"map":[]},"from_table":)" + table +
        "}}]}";
    return ParseQuery("select * from ns.t", [&](std::string_view) { return Result<std::string>(tree); }).status();
  };
  const auto base = [](const std::string& schema, const std::string& name, const std::string& at) {
    return R"({"type":"BASE_TABLE","alias":"","catalog_name":"","schema_name":")" + schema + R"(","table_name":")" +
           name + R"(","query_location":)" + at + "}";
  };
  EXPECT_TRUE(parse(base("ns", "t", "14")).ok());
  EXPECT_FALSE(parse(base("", "", "14")).ok());
  EXPECT_FALSE(parse(base("ns", "u", "14")).ok());
  EXPECT_FALSE(parse(base("ns", "t", "15")).ok());
  const std::string both =
      R"({"type":"JOIN","left":)" + base("ns", "t", "14") + R"(,"right":)" + base("", "t", "17") + "}";
  EXPECT_FALSE(parse(both).ok());
}

TEST(SqlRewriteTree, ATreeThatDoesNotSayWhetherItFailedIsAnError) {
  for (const std::string tree : {R"({"statements":[]})", R"({"error":[1],"statements":[]})", R"({"error":"no"})"}) {
    EXPECT_FALSE(ParseQuery("select 1", [&](std::string_view) { return Result<std::string>(tree); }).ok()) << tree;
  }
}

}  // namespace
}  // namespace firn::query
