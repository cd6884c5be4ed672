#include "query/duckdb_engine.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "io/temporary_folder.h"

namespace firn::query {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<DuckdbEngine> Open(EngineOptions options = {.memory_bytes = 256 << 20, .threads = 2}) {
  static const io::TemporaryFolder spill;
  if (options.temp_folder.empty()) options.temp_folder = spill.path();
  auto engine = DuckdbEngine::Open(options);
  EXPECT_TRUE(engine.ok()) << engine.status();
  return std::move(engine).ValueOrDie();
}

std::shared_ptr<arrow::Table> Rows(DuckdbEngine& engine, const std::string& sql) {
  auto result = engine.Query(sql);
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) return nullptr;
  arrow::RecordBatchVector batches;
  while (true) {
    auto batch = (*result)->Next({});
    EXPECT_TRUE(batch.ok()) << batch.status();
    if (!batch.ok() || *batch == nullptr) break;
    EXPECT_TRUE((*batch)->ValidateFull().ok());
    batches.push_back(*batch);
  }
  return arrow::Table::FromRecordBatches((*result)->schema(), batches).ValueOrDie();
}

TEST(DuckdbEngine, StreamsRowsAsArrow) {
  auto engine = Open();
  const auto table = Rows(*engine, "SELECT i, i::DECIMAL(20,2) d FROM range(100000) t(i) ORDER BY i DESC");
  ASSERT_EQ(table->num_rows(), 100000);
  EXPECT_EQ(table->schema()->ToString(), "i: int64\nd: decimal128(20, 2)");
}

TEST(DuckdbEngine, KeepsWhatArrowCannotHoldAsText) {
  auto engine = Open();
  const auto table =
      Rows(*engine,
           "SELECT 340282366920938463463374607431768211455::UHUGEINT a, INTERVAL 2 MONTH b, '101'::BIT c, "
           "{'x': 'u'::ENUM('u', 'v'), 'y': 1} d, '10:00:00+01'::TIMETZ e, 1 AS \"a\"");
  EXPECT_EQ(table->schema()->ToString(),
            "a: string\nb: string\nc: string\nd: struct<x: string, y: int32>\ne: string\na: int32");
  EXPECT_EQ(table->column(0)->GetScalar(0).ValueOrDie()->ToString(), "340282366920938463463374607431768211455");
}

TEST(DuckdbEngine, RefusesWhatIsNotReading) {
  auto engine = Open();
  for (const char* sql : {"CREATE TABLE t (a INT)", "SET threads=1", "COPY (SELECT 1) TO '/tmp/x.csv'",
                          "ATTACH '/tmp/x.db'", "INSTALL httpfs", "CALL pragma_version()", "BEGIN"}) {
    const auto result = engine->Query(sql);
    EXPECT_FALSE(result.ok()) << sql;
    EXPECT_EQ(ContextOf(result.status())->code, "E0702") << sql;
  }
}

TEST(DuckdbEngine, ReadsOnlyTheFilesNamed) {
  auto engine = Open();
  const io::TemporaryFolder files;
  const std::string named = files.path() + "/named.parquet";
  const std::string other = files.path() + "/other.parquet";
  ASSERT_TRUE(engine->Execute("COPY (SELECT 1 a) TO '" + named + "'").ok());
  ASSERT_TRUE(engine->Execute("COPY (SELECT 1 a) TO '" + other + "'").ok());
  const std::vector<std::string> paths = {named};
  ASSERT_TRUE(engine->Lock(paths).ok());
  EXPECT_EQ(Rows(*engine, "SELECT * FROM '" + named + "'")->num_rows(), 1);
  for (const std::string& sql :
       {"SELECT * FROM '" + other + "'", std::string("SELECT * FROM read_text('/etc/hostname')"),
        std::string("SELECT * FROM glob('/*')"), "SELECT * FROM read_csv('" + other + "')"}) {
    const auto result = engine->Query(sql);
    ASSERT_FALSE(result.ok()) << sql;
    EXPECT_EQ(ContextOf(result.status())->code, "E0702") << result.status();
  }
  EXPECT_FALSE(engine->Execute("SET enable_external_access=true").ok());
}

TEST(DuckdbEngine, SpillsWithinItsMemoryAfterTheLockAndLeavesNothing) {
  const io::TemporaryFolder outer;
  const std::string folder = outer.path() + "/spill";
  {
    auto engine = Open({.memory_bytes = 32 << 20, .threads = 2, .temp_folder = folder});
    ASSERT_TRUE(engine->Lock({}).ok());
    const auto table = Rows(*engine,
                            "SELECT count(*) n FROM (SELECT i, md5(i::VARCHAR) || md5((i+1)::VARCHAR) m "
                            "FROM range(400000) t(i) ORDER BY m OFFSET 1)");
    EXPECT_EQ(table->column(0)->GetScalar(0).ValueOrDie()->ToString(), "399999");
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST(DuckdbEngine, NamesTheCauseOfAFailure) {
  auto engine = Open();
  const auto syntax = engine->Query("SELEC 1");
  EXPECT_EQ(ContextOf(syntax.status())->code, "E0707");
  EXPECT_THAT(ContextOf(syntax.status())->why, HasSubstr("syntax error"));
  const auto column = engine->Query("SELECT nam FROM (SELECT 1 AS name)");
  EXPECT_EQ(ContextOf(column.status())->code, "E0705");
  EXPECT_THAT(column.status().message(), HasSubstr("nam"));
  auto running = engine->Query("SELECT error('out of ' || 'luck') FROM range(3)");
  Status status = running.status();
  if (running.ok()) status = (*running)->Next({}).status();
  EXPECT_EQ(ContextOf(status)->code, "E0708");
}

schema::Schema ScanSchema() {
  schema::Schema made;
  made.fields = {{.id = 1, .name = "n", .type = schema::Long()},
                 {.id = 2, .name = "s", .type = schema::String()},
                 {.id = 3, .name = "u", .type = schema::Uuid()}};
  return made;
}

// Two parts of `rows` rows each: n counts on, s is its text, u its bytes.
ArrowScan CountingScan(int64_t rows, std::vector<std::vector<int>>* asked) {
  ArrowScan scan{.schema = ScanSchema(), .num_rows = 2 * rows, .num_parts = 2, .open = {}};
  scan.open = [rows, asked](int64_t part,
                            std::span<const int> columns) -> Result<std::unique_ptr<arrow::RecordBatchReader>> {
    if (asked != nullptr) asked->emplace_back(columns.begin(), columns.end());
    arrow::Int64Builder n;
    arrow::StringBuilder s;
    arrow::FixedSizeBinaryBuilder u(arrow::fixed_size_binary(16));
    for (int64_t i = part * rows; i < (part + 1) * rows; ++i) {
      ARROW_RETURN_NOT_OK(n.Append(i));
      ARROW_RETURN_NOT_OK(i % 7 == 0 ? s.AppendNull() : s.Append("a text that is not short " + std::to_string(i)));
      ARROW_RETURN_NOT_OK(u.Append(std::string(15, '\x11') + static_cast<char>(i % 10)));
    }
    const arrow::ArrayVector all = {n.Finish().ValueOrDie(), s.Finish().ValueOrDie(), u.Finish().ValueOrDie()};
    const auto schema = arrow::schema({arrow::field("n", arrow::int64()), arrow::field("s", arrow::utf8()),
                                       arrow::field("u", arrow::fixed_size_binary(16))});
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (const int column : columns) {
      fields.push_back(schema->field(column));
      arrays.push_back(all[static_cast<size_t>(column)]);
    }
    auto batch = arrow::RecordBatch::Make(arrow::schema(fields), rows, arrays);
    auto reader = arrow::RecordBatchReader::Make({batch}, arrow::schema(fields)).ValueOrDie();
    struct Holder : arrow::RecordBatchReader {
      std::shared_ptr<arrow::RecordBatchReader> inner;
      std::shared_ptr<arrow::Schema> schema() const override { return inner->schema(); }
      Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override { return inner->ReadNext(out); }
    };
    auto holder = std::make_unique<Holder>();
    holder->inner = reader;
    return holder;
  };
  return scan;
}

TEST(DuckdbEngine, StopsALongComputation) {
  auto engine = Open();
  std::stop_source stop;
  std::jthread stopper;
  // Stopped from another thread, once the computation asks for rows, so that it is surely under way.
  ArrowScan scan = CountingScan(10, nullptr);
  scan.open = [open = scan.open, &stop, &stopper](int64_t part, std::span<const int> columns) {
    if (part == 0) stopper = std::jthread([&stop] { stop.request_stop(); });
    return open(part, columns);
  };
  const int64_t id = engine->AddScan(std::move(scan)).ValueOrDie();
  const auto result = engine->Query("SELECT count(*) FROM firn_scan(" + std::to_string(id) +
                                        "), range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = n",
                                    stop.get_token());
  const Status status = result.ok() ? (*result)->Next(stop.get_token()).status() : result.status();
  EXPECT_EQ(FaultOf(status), Fault::kCancelled) << status;
}

TEST(DuckdbEngine, ScansArrowWithOnlyTheColumnsNeededAndMoreThanOnce) {
  auto engine = Open({.memory_bytes = 256 << 20, .threads = 1});
  std::vector<std::vector<int>> asked;
  const int64_t id = engine->AddScan(CountingScan(5000, &asked)).ValueOrDie();
  const std::string scan = "firn_scan(" + std::to_string(id) + ")";
  EXPECT_EQ(
      Rows(*engine, "SELECT s FROM " + scan + " WHERE n = 8003")->column(0)->GetScalar(0).ValueOrDie()->ToString(),
      "a text that is not short 8003");
  for (const auto& columns : asked) EXPECT_EQ(columns.size(), 2u);
  asked.clear();
  EXPECT_EQ(Rows(*engine, "SELECT count(*) FROM " + scan)->column(0)->GetScalar(0).ValueOrDie()->ToString(), "10000");
  EXPECT_EQ(asked.size(), 2u);
  for (const auto& columns : asked) EXPECT_TRUE(columns.empty());
  EXPECT_EQ(Rows(*engine, "SELECT sum(firn_row)::BIGINT a, max(n) b FROM " + scan)->ToString(),
            Rows(*engine, "SELECT 0::BIGINT a, 9999::BIGINT b")->ToString());
  const auto joined = Rows(*engine, "SELECT sum(a.n)::BIGINT FROM " + scan + " a JOIN " + scan + " b ON a.n = b.n");
  EXPECT_EQ(joined->column(0)->GetScalar(0).ValueOrDie()->ToString(), "49995000");
  const auto uuid = Rows(*engine, "SELECT DISTINCT u FROM " + scan + " WHERE n = 3");
  EXPECT_EQ(uuid->column(0)->GetScalar(0).ValueOrDie()->ToString(), "11111111-1111-1111-1111-111111111103");
}

TEST(DuckdbEngine, ScansOnSeveralThreads) {
  auto engine = Open({.memory_bytes = 256 << 20, .threads = 4});
  const int64_t id = engine->AddScan(CountingScan(100000, nullptr)).ValueOrDie();
  const auto table = Rows(*engine, "SELECT count(*), sum(n)::BIGINT, count(s), count(DISTINCT s) FROM firn_scan(" +
                                       std::to_string(id) + ")");
  EXPECT_EQ(table->column(0)->GetScalar(0).ValueOrDie()->ToString(), "200000");
  EXPECT_EQ(table->column(1)->GetScalar(0).ValueOrDie()->ToString(), "19999900000");
  EXPECT_EQ(table->column(2)->GetScalar(0).ValueOrDie()->ToString(), "171428");
  EXPECT_EQ(table->column(3)->GetScalar(0).ValueOrDie()->ToString(), "171428");
}

TEST(DuckdbEngine, HandsOnTheErrorOfAScanUnchanged) {
  auto engine = Open();
  ArrowScan scan{.schema = ScanSchema(), .num_rows = 1, .num_parts = 1, .open = {}};
  scan.open = [](int64_t, std::span<const int>) -> Result<std::unique_ptr<arrow::RecordBatchReader>> {
    return MakeError(Fault::kBadData, "the file ends early");
  };
  const int64_t id = engine->AddScan(std::move(scan)).ValueOrDie();
  auto result = engine->Query("SELECT n FROM firn_scan(" + std::to_string(id) + ")");
  const Status status = result.ok() ? (*result)->Next({}).status() : result.status();
  EXPECT_EQ(FaultOf(status), Fault::kBadData) << status;
  EXPECT_EQ(status.message(), "the file ends early");
}

}  // namespace
}  // namespace firn::query
