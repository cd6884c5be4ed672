#include "source/rest/raw_replay.h"

#include <gtest/gtest.h>

#include "io/local_file_store.h"
#include "io/raw_archive.h"
#include "io/temporary_folder.h"
#include "source/rest/fake_http.h"
#include "source/rest/source.h"

namespace firn::source::rest {
namespace {

std::vector<std::string> RowsOf(Source& source, ReadRequest request) {
  std::vector<std::string> rows;
  for (const Split& split : source.Plan(request, {}).ValueOrDie()) {
    auto reader = source.OpenSplit(request, split).ValueOrDie();
    while (auto event = reader->Next({}).ValueOrDie()) {
      const auto* batch = std::get_if<Batch>(&*event);
      if (batch == nullptr) continue;
      const auto& json = std::get<JsonRows>(batch->rows);
      for (const uint32_t row : json.rows) {
        rows.emplace_back(json.page->RecordText(row));
        for (const auto& [name, value] : json.constants) rows.back() += " " + name + "=" + value;
      }
      for (const uint32_t row : json.deleted) rows.push_back("deleted " + std::string(json.page->RecordText(row)));
    }
  }
  return rows;
}

TEST(RawReplay, GivesTheSameRowsWithoutTheSource) {
  const io::TemporaryFolder folder;
  const auto store = io::MakeLocalFileStore();
  const FakeClock clock;
  FakeHttp http([](const FakeRequest& r) {
    const int64_t page = r.Int("page", 1);
    if (page > 2) return FakeAnswer{.body = "{\"data\":[]}"};
    return FakeAnswer{.body = "{\"data\":[{\"id\":" + std::to_string(page) + ",\"gone\":true},{\"id\":9}]}"};
  });
  connector::TablePlan table{.name = "t", .path = connector::Template::Parse("/t").ValueOrDie()};
  table.paginate = {.type = connector::PaginatePlan::Type::kPage, .param = "page", .first = 1};
  table.delete_when = connector::Template::ParseExpression("record.gone").ValueOrDie();
  table.delete_fields = {"gone"};
  table.incremental = connector::IncrementalPlan{.cursor = "id"};
  table.boundary = connector::BoundaryRule::kContent;
  const connector::RestPlan plan{.name = "p", .base_url = "https://api.example", .tables = {table}};

  const auto live = MakeRestSource(plan, {.http = &http, .clock = &clock}).ValueOrDie();
  const io::RawArchivePlace place{.root = folder.path(), .pipeline = "p", .dataset = "d", .table = "t", .run = "r1"};
  auto archive = io::RawArchiveWriter::Open(*store, place).ValueOrDie();
  const auto read = RowsOf(*live, {.table = "t", .archive = archive.get()});
  ASSERT_TRUE(archive->Sync().ok());
  archive.reset();
  ASSERT_EQ(read.size(), 6u);

  RawReplayOptions options{.runs = {{.run = "r1"}}, .open = [&](const std::string&, const std::string&) {
                             return io::RawArchiveReader::Open(*store, place);
                           }};
  EXPECT_EQ(RowsOf(*MakeRawReplaySource(plan, options).ValueOrDie(), {.table = "t"}), read);
  options.runs[0].entries_max = 1;
  EXPECT_EQ(RowsOf(*MakeRawReplaySource(plan, options).ValueOrDie(), {.table = "t"}).size(), 3u);
}

}  // namespace
}  // namespace firn::source::rest
