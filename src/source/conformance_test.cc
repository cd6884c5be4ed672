#include "source/conformance.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "expression/value.h"
#include "format/json/page.h"
#include "io/local_file_store.h"
#include "io/temporary_folder.h"
#include "source/builtin.h"
#include "source/files/source.h"
#include "source/process/source.h"
#include "source/rest/fake_http.h"
#include "source/rest/source.h"

namespace firn::source {
namespace {

using ::testing::Values;

void AddColumns(std::string_view json, ConformanceLog* log) {
  const auto value = expression::ParseJson(json);
  if (!value.ok() || value->kind() != expression::Value::Kind::kMap) return;
  for (const auto& [name, unused] : value->as_map()) log->columns.insert(name);
}

Status TakeRows(const Batch& batch, ConformanceLog* log) {
  const size_t before = log->rows.size();
  if (const auto* json = std::get_if<JsonRows>(&batch.rows)) {
    FIRN_CHECK(std::is_sorted(json->rows.begin(), json->rows.end()));
    FIRN_CHECK(std::includes(json->rows.begin(), json->rows.end(), json->deleted.begin(), json->deleted.end()));
    for (const uint32_t row : json->rows) {
      FIRN_CHECK(row < json->page->num_records());
      log->rows.emplace_back(json->page->RecordText(row));
      AddColumns(log->rows.back(), log);
    }
  } else {
    const auto& rows = *std::get<std::shared_ptr<arrow::RecordBatch>>(batch.rows);
    ARROW_RETURN_NOT_OK(rows.ValidateFull());
    for (const auto& field : rows.schema()->fields()) log->columns.insert(field->name());
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      std::string text;
      for (const auto& column : rows.columns()) {
        ARROW_ASSIGN_OR_RAISE(const auto scalar, column->GetScalar(row));
        text += scalar->ToString() + "|";
      }
      log->rows.push_back(text);
    }
  }
  FIRN_CHECK(log->rows.size() > before);  // a batch has 1 row or more
  return Status::OK();
}

struct Taker {
  ConformanceLog* log;
  void Mark(const Position& position) const {
    FIRN_CHECK(expression::ParseJson(position.json).ok());
    log->marks.push_back({log->rows.size(), position});
  }
  Status operator()(const Batch& batch) const {
    ++log->num_batches;
    ARROW_RETURN_NOT_OK(TakeRows(batch, log));
    if (batch.position) Mark(*batch.position);
    return Status::OK();
  }
  Status operator()(const SchemaChange& change) const {
    ++log->num_schema_changes;
    for (const auto& field : change.schema.fields) log->columns.insert(field.name);
    return Status::OK();
  }
  Status operator()(const Truncate&) const {
    ++log->num_truncates;
    log->rows.clear();
    log->marks.clear();
    return Status::OK();
  }
  Status operator()(const TransactionEnd& end) const {
    ++log->num_transaction_ends;
    Mark(end.position);
    return Status::OK();
  }
  Status operator()(const Progress& progress) const {
    ++log->num_progress;
    Mark(progress.position);
    return Status::OK();
  }
  Status operator()(const ParentRead&) const { return Status::OK(); }
};

}  // namespace

Result<ConformanceLog> ReadAllOf(Source& source, const std::vector<std::pair<std::string, Position>>& state,
                                 int stop_after) {
  ConformanceLog log;
  std::stop_source stop;
  int num_events = 0;
  ReadRequest request{.table = "t", .state = state};
  ARROW_ASSIGN_OR_RAISE(const std::vector<Split> splits, source.Plan(request, stop.get_token()));
  for (const Split& split : splits) {
    ARROW_ASSIGN_OR_RAISE(auto reader, source.OpenSplit(request, split));
    while (true) {
      if (num_events++ == stop_after) stop.request_stop();
      ARROW_ASSIGN_OR_RAISE(const std::optional<Event> event, reader->Next(stop.get_token()));
      if (!event) break;
      ARROW_RETURN_NOT_OK(std::visit(Taker{&log}, *event));
    }
  }
  return log;
}

namespace {

/// An incremental REST table, in pages of two.
class RestSubject : public ConformanceSubject {
 public:
  RestSubject() {
    connector::TablePlan table{.name = "t", .path = connector::Template::Parse("/t").ValueOrDie()};
    table.records = "items";
    table.paginate = {.type = connector::PaginatePlan::Type::kCursor, .param = "c", .next = "n"};
    table.incremental = connector::IncrementalPlan{.cursor = "id", .param = "since"};
    table.incremental->order = connector::IncrementalPlan::Order::kAscending;
    table.boundary = connector::BoundaryRule::kContent;
    plan_ = {.name = "p", .base_url = "https://api.example", .tables = {table}};
  }
  std::string name() const override { return "rest"; }
  void SetRows(const std::vector<std::string>& rows) override { rows_ = rows; }
  std::unique_ptr<Source> Make() override {
    return rest::MakeRestSource(plan_, {.http = &http_, .clock = &clock_}).ValueOrDie();
  }

 private:
  rest::FakeAnswer Answer(const rest::FakeRequest& request) const {
    std::vector<std::string> found;
    for (const auto& row : rows_) {
      const auto id = expression::ParseJson(row)->Find("id")->as_int();
      if (id >= request.Int("since", 0)) found.push_back(row);
    }
    const auto begin = std::min(static_cast<size_t>(request.Int("c", 0)), found.size());
    const size_t end = std::min(begin + 2, found.size());
    std::string body = "{\"items\":[";
    for (size_t i = begin; i < end; ++i) body += (i > begin ? "," : "") + found[i];
    return {.body = body + "],\"n\":" + (end < found.size() ? std::to_string(end) : "null") + "}"};
  }

  FakeClock clock_;
  rest::FakeHttp http_{[this](const rest::FakeRequest& request) { return Answer(request); }};
  connector::RestPlan plan_;
  std::vector<std::string> rows_;
};

/// A folder with one file of lines. Positions within it: pages are small only where lines are long.
class FilesSubject : public ConformanceSubject {
 public:
  std::string name() const override { return "files"; }
  void SetRows(const std::vector<std::string>& rows) override {
    const std::string padding(size_t{1500} << 10, 'x');
    std::ofstream file(folder_.path() + "/t.ndjson", std::ios::binary | std::ios::trunc);
    for (const std::string& row : rows) {
      file << row.substr(0, row.size() - 1) << ",\"padding\":\"" << padding << "\"}\n";
    }
  }
  std::unique_ptr<Source> Make() override {
    files::FilesTable table{.name = "t", .files = {.patterns = {"t.ndjson"}, .settle_ms = 0}};
    return files::MakeFilesSource(
               {.location = folder_.path(), .tables = {table}, .store = io::MakeLocalFileStore(), .clock = &clock_})
        .ValueOrDie();
  }

 private:
  io::TemporaryFolder folder_;
  FakeClock clock_;
};

/// A change log of one table with transactions of two rows, as a database would send it: every kind of event, Arrow
/// batches with reserved columns, positions that are indexes into the log.
class ChangeSource : public Source {
 public:
  explicit ChangeSource(std::vector<std::string> rows) : rows_(std::move(rows)) {}
  std::vector<std::string> tables() const override { return {"t"}; }
  Result<TableTraits> Traits(const std::string&) const override {
    return TableTraits{.primary_key = {"id"}, .resumability = Resumability::kStable};
  }
  Result<std::vector<Split>> Plan(const ReadRequest& request, std::stop_token) override {
    Split split{.id = "log", .json = "{}", .resumability = Resumability::kStable};
    for (const auto& [id, position] : request.state) {
      if (id == split.id) split.from = position;
    }
    return std::vector<Split>{split};
  }
  Result<std::unique_ptr<SplitReader>> OpenSplit(ReadRequest&, const Split& split) override {
    return std::make_unique<Reader>(rows_, split.from);
  }
  Status Acknowledge(const std::string&, const Split&, const Position&) override { return Status::OK(); }
  ReadStats stats(const std::string&) const override { return {}; }

 private:
  class Reader : public SplitReader {
   public:
    Reader(const std::vector<std::string>& rows, const Position& from) : rows_(rows) {
      if (!from.json.empty()) at_ = static_cast<size_t>(expression::ParseJson(from.json)->as_int());
    }
    Result<std::optional<Event>> Next(std::stop_token stop) override {
      if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped");
      switch (step_++) {
        case 0:
          return Declared("id");
        case 1:
          return at_ == 0 ? Result<std::optional<Event>>(Event(Truncate{})) : Event(Progress{Here()});
        default:
          break;
      }
      if (end_pending_) {
        end_pending_ = false;
        return Event(TransactionEnd{Here()});
      }
      if (at_ >= rows_.size()) return Finish();
      if (!evolved_ && rows_[at_].find("\"extra\"") != std::string::npos) {
        evolved_ = true;
        return Declared("extra");
      }
      return Changes();
    }

   private:
    Position Here() const { return {std::to_string(at_)}; }
    Result<std::optional<Event>> Declared(const char* column) const {
      return Event(SchemaChange{
          .schema = {.fields = {{.name = "id", .type = schema::Long()}, {.name = column, .type = schema::String()}}}});
    }
    Result<std::optional<Event>> Finish() {
      if (finished_) return std::nullopt;
      finished_ = true;
      return Event(Progress{Here()});
    }
    // Two rows of one transaction: no position within it.
    Result<std::optional<Event>> Changes() {
      const size_t end = std::min(at_ + 2, rows_.size());
      arrow::StringBuilder ops, records;
      arrow::Int64Builder sequence;
      for (; at_ < end; ++at_) {
        ARROW_RETURN_NOT_OK(ops.Append("insert"));
        ARROW_RETURN_NOT_OK(sequence.Append(static_cast<int64_t>(at_)));
        ARROW_RETURN_NOT_OK(records.Append(rows_[at_]));
      }
      std::vector<std::shared_ptr<arrow::Array>> columns(3);
      ARROW_RETURN_NOT_OK(ops.Finish(&columns[0]));
      ARROW_RETURN_NOT_OK(sequence.Finish(&columns[1]));
      ARROW_RETURN_NOT_OK(records.Finish(&columns[2]));
      const auto schema = arrow::schema({arrow::field("_op", arrow::utf8()), arrow::field("_sequence", arrow::int64()),
                                         arrow::field("row", arrow::utf8())});
      const int64_t num_rows = columns[0]->length();
      end_pending_ = true;
      return Event(Batch{.rows = arrow::RecordBatch::Make(schema, num_rows, columns)});
    }

    const std::vector<std::string>& rows_;
    size_t at_ = 0;
    int step_ = 0;
    bool end_pending_ = false, finished_ = false, evolved_ = false;
  };

  const std::vector<std::string> rows_;
};

class ChangeSubject : public ConformanceSubject {
 public:
  std::string name() const override { return "change"; }
  void SetRows(const std::vector<std::string>& rows) override { rows_ = rows; }
  std::unique_ptr<Source> Make() override { return std::make_unique<ChangeSource>(rows_); }
  bool declares_schema() const override { return true; }

 private:
  std::vector<std::string> rows_;
};

// A program of a few words: rows of a file, each followed by a state.
class ProcessSubject : public ConformanceSubject {
 public:
  std::string name() const override { return "process"; }
  void SetRows(const std::vector<std::string>& rows) override {
    std::ofstream file(folder_.path() + "/rows");
    for (const std::string& row : rows) file << row << "\n";
  }
  std::unique_ptr<Source> Make() override {
    constexpr char kScript[] =
        "read asked; done=$(echo \"$asked\" | sed -n 's/.*\"done\":\\([0-9]*\\).*/\\1/p')\n"
        "awk -v done=\"${done:-0}\" 'NR > done {print; print \"{\\\"@state\\\":{\\\"done\\\":\" NR \"}}\"}' rows";
    return process::MakeProcessSource({.config = {.command = {"sh", "-c", kScript}, .folder = folder_.path()},
                                       .pipeline = "p",
                                       .tables = {{.name = "t", .stream = "t"}},
                                       .clock = &clock_});
  }

 private:
  io::TemporaryFolder folder_;
  FakeClock clock_;
};

using MakeSubject = std::unique_ptr<ConformanceSubject> (*)();
std::unique_ptr<ConformanceSubject> MakeRest() {
  return std::make_unique<RestSubject>();
}
std::unique_ptr<ConformanceSubject> MakeProcess() {
  return std::make_unique<ProcessSubject>();
}
std::unique_ptr<ConformanceSubject> MakeFiles() {
  return std::make_unique<FilesSubject>();
}
std::unique_ptr<ConformanceSubject> MakeChange() {
  return std::make_unique<ChangeSubject>();
}

std::vector<std::string> SomeRows(int count) {
  std::vector<std::string> rows;
  for (int i = 0; i < count; ++i) rows.push_back("{\"id\":" + std::to_string(i) + "}");
  return rows;
}

class Conformance : public ::testing::TestWithParam<MakeSubject> {
 protected:
  void SetUp() override { subject_ = GetParam()(); }
  ConformanceLog Read(const std::vector<std::pair<std::string, Position>>& state = {}) {
    const auto source = subject_->Make();
    auto log = ReadAllOf(*source, state);
    EXPECT_TRUE(log.ok()) << log.status();
    return log.ok() ? *log : ConformanceLog{};
  }
  std::string SplitId() {
    ReadRequest request{.table = "t"};
    return subject_->Make()->Plan(request, {}).ValueOrDie()[0].id;
  }
  std::unique_ptr<ConformanceSubject> subject_;
};

TEST_P(Conformance, EmptyInputEndsWithoutRows) {
  subject_->SetRows({});
  EXPECT_TRUE(Read().rows.empty());
}

TEST_P(Conformance, NullsAreRowsLikeOthers) {
  subject_->SetRows({R"({"id":1,"a":null,"b":null})", R"({"id":2,"a":null,"b":null})"});
  EXPECT_EQ(Read().rows.size(), 2u);
}

TEST_P(Conformance, StopMidwayIsNeverAnEnd) {
  subject_->SetRows(SomeRows(9));
  for (int after = 0; after < 4; ++after) {
    const auto source = subject_->Make();
    const auto log = ReadAllOf(*source, {}, after);
    ASSERT_FALSE(log.ok()) << after;
    EXPECT_EQ(FaultOf(log.status()), Fault::kCancelled);
  }
}

TEST_P(Conformance, ResumesFromEachPosition) {
  subject_->SetRows(SomeRows(9));
  const ConformanceLog whole = Read();
  ASSERT_EQ(whole.rows.size(), 9u);
  ASSERT_GE(whole.marks.size(), 4u);
  const std::multiset<std::string> expected(whole.rows.begin(), whole.rows.end());
  for (const auto& mark : whole.marks) {
    const ConformanceLog rest = Read({{SplitId(), mark.position}});
    std::multiset<std::string> rows(whole.rows.begin(), whole.rows.begin() + static_cast<int64_t>(mark.num_rows));
    rows.insert(rest.rows.begin(), rest.rows.end());
    EXPECT_EQ(rows, expected) << mark.position.json;
  }
}

TEST_P(Conformance, SchemaChangeMidwayLosesNothing) {
  auto rows = SomeRows(4);
  rows.push_back(R"({"id":4,"extra":"x"})");
  subject_->SetRows(rows);
  const ConformanceLog log = Read();
  EXPECT_EQ(log.rows.size(), 5u);
  EXPECT_EQ(log.columns.count("extra"), 1u);
  if (subject_->declares_schema()) {
    EXPECT_GE(log.num_schema_changes, 2);
  }
}

TEST_P(Conformance, AcknowledgeTwiceIsLikeOnce) {
  subject_->SetRows(SomeRows(5));
  const auto source = subject_->Make();
  const ConformanceLog log = ReadAllOf(*source, {}).ValueOrDie();
  ReadRequest request{.table = "t"};
  const Split split = source->Plan(request, {}).ValueOrDie()[0];
  ASSERT_FALSE(log.marks.empty());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(source->Acknowledge("t", split, log.marks.back().position).ok());
  EXPECT_TRUE(Read({{split.id, log.marks.back().position}}).rows.empty());
}

INSTANTIATE_TEST_SUITE_P(Sources, Conformance, Values(&MakeRest, &MakeFiles, &MakeProcess, &MakeChange),
                         [](const auto& subject) { return subject.param()->name(); });

TEST(ChangeSource, YieldsEveryKindOfEvent) {
  ChangeSubject subject;
  subject.SetRows(SomeRows(5));
  const ConformanceLog log = ReadAllOf(*subject.Make(), {}).ValueOrDie();
  EXPECT_EQ(log.num_batches, 3);
  EXPECT_EQ(log.num_schema_changes, 1);
  EXPECT_EQ(log.num_truncates, 1);
  EXPECT_EQ(log.num_transaction_ends, 3);
  EXPECT_EQ(log.num_progress, 1);
}

TEST(SourceRegistry, HoldsEachNameOnce) {
  SourceRegistry registry;
  ASSERT_TRUE(RegisterBuiltinSources(registry).ok());
  EXPECT_THAT(registry.names(), ::testing::ElementsAre("airbyte", "files", "process", "rest", "steps"));
  EXPECT_EQ(FaultOf(registry.Add({.name = "rest"})), Fault::kBug);
  EXPECT_EQ(registry.Find("nothing"), nullptr);
}

}  // namespace
}  // namespace firn::source
