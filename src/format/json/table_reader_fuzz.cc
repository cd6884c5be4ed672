// Feeds any bytes to the reader, as one document and as lines cut into chunks of several sizes. Whatever comes out must
// be valid Arrow data, and chunks must not change how many rows are good.
#include <arrow/buffer.h>
#include <arrow/record_batch.h>

#include <cstdlib>
#include <numeric>

#include "format/json/chunker.h"
#include "format/json/table_reader.h"

namespace {

using namespace firn;                // NOLINT
using namespace firn::format::json;  // NOLINT

int64_t Drain(TableReader& reader, bool& failed) {
  int64_t rows = 0;
  while (!failed) {
    auto next = reader.Pop();
    failed = !next.ok();
    if (failed || !*next) break;
    if (!(*next)->batch->ValidateFull().ok()) std::abort();
    rows += (*next)->batch->num_rows();
  }
  return rows;
}

TableReaderOptions Options(uint8_t choice) {
  TableReaderOptions options;
  options.prefix_bytes = choice & 1 ? 1 : 1 << 20;
  if (choice & 2) options.masks = {{.path = "a"}, {.path = "b.c", .method = MaskMethod::kSha256}};
  if (choice & 4)
    options.hints = {{.path = "m", .as_map = true},
                     {.path = "j", .as_json = true},
                     {.path = "t", .type = schema::TimestampTz(), .format = "epoch_ms"}};
  if (choice & 8) options.max_leaves = 4;
  return options;
}

int64_t ReadChunks(std::string_view text, int64_t chunk_bytes, uint8_t choice) {
  Chunker chunker({.chunk_bytes = chunk_bytes});
  auto reader = TableReader::Open(Options(choice)).ValueOrDie();
  if (!chunker.Push(text).ok() || !chunker.Finish().ok()) return -1;
  bool failed = false;
  int64_t rows = 0;
  while (auto chunk = chunker.Pop()) {
    auto page = Page::Parse(std::move(chunk), {.layout = PageLayout::kLines});
    if (!page.ok()) continue;
    std::vector<uint32_t> all((*page)->num_records());
    std::iota(all.begin(), all.end(), 0U);
    if (!reader->Push(*page, std::move(all), 0).ok()) return -1;
    rows += Drain(*reader, failed);
  }
  if (!reader->Finish().ok()) return -1;
  rows += Drain(*reader, failed);
  return failed ? -1 : rows;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t choice = data[0];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto page = Page::Parse(text, {.records = choice & 16   ? "auto"
                                                  : choice & 32 ? "a.*"
                                                                : "",
                                       .captures = {"a", "b.c"}});
  if (page.ok()) {
    auto reader = TableReader::Open(Options(choice)).ValueOrDie();
    std::vector<uint32_t> all((*page)->num_records());
    std::iota(all.begin(), all.end(), 0U);
    bool failed = false;
    if (reader->Push(*page, std::move(all), 0).ok() && reader->Finish().ok()) Drain(*reader, failed);
    (*page)->FindInBody("a.b");
  }
  // Each chunk is a page of its own: only there HTML is refused and a byte order mark passed over.
  if (text.empty() || text.find('<') != text.npos || text.find("\xEF\xBB\xBF") != text.npos) return 0;
  const int64_t whole = ReadChunks(text, 1 << 20, choice);
  for (const int64_t chunk_bytes : {1, 7, 64}) {
    if (ReadChunks(text, chunk_bytes, choice) != whole) std::abort();
  }
  return 0;
}
