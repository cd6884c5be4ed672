// The law: the same rows under any chunking, number of threads and memory give one schema and the same rows.
#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>
#include <random>

#include "format/json/table_reader.h"

namespace firn::format::json {
namespace {

// Renders a value without nulls, so that columns added later make no difference.
std::string Render(const arrow::Array& array, int64_t i) {
  if (array.IsNull(i)) return "null";
  std::string text;
  if (array.type_id() == arrow::Type::STRUCT) {
    const auto& structure = static_cast<const arrow::StructArray&>(array);
    for (int f = 0; f < structure.num_fields(); ++f) {
      const std::string value = Render(*structure.field(f), i);
      if (value != "null") text += structure.struct_type()->field(f)->name() + "=" + value + ";";
    }
    return "{" + text + "}";
  }
  if (array.type_id() == arrow::Type::LIST) {
    const auto& list = static_cast<const arrow::ListArray&>(array);
    for (int64_t k = list.value_offset(i); k < list.value_offset(i + 1); ++k) text += Render(*list.values(), k) + ",";
    return "[" + text + "]";
  }
  return array.GetScalar(i).ValueOrDie()->ToString();
}

std::string RenderRow(const arrow::RecordBatch& batch, int64_t row) {
  std::string text;
  for (int c = 0; c < batch.num_columns(); ++c) {
    const std::string value = Render(*batch.column(c), row);
    if (value != "null") text += batch.column_name(c) + "=" + value + ";";
  }
  return text;
}

std::string RenderType(const schema::Field& field) {
  std::string text = field.name + ":" + schema::ToString(*field.type) + "'" + field.doc + "'";
  for (const auto& child : field.type->children) text += "(" + RenderType(child) + ")";
  return text;
}

class RowMaker {
 public:
  explicit RowMaker(uint64_t seed) : random_(seed) {}
  std::string Row(int i) {
    std::string row = "{\"id\":" + std::to_string(i);
    for (int k = 0; k < 4; ++k) {
      if (Below(3) > 0) row += ",\"k" + std::to_string(Below(6 + i / 10)) + "\":" + Value(0, i);
    }
    static const char* const kEnds[] = {",\"new1\":1,\"broken\":tru}",
                                        ",\"lone\":\"\\ud800\"}",
                                        ",\"new2\":",
                                        ",\"new3\":[",
                                        "}}",
                                        ",\"open",
                                        "} 7",
                                        ",\"bad\":\"\\q\"}"};
    return row + (Below(12) == 0 ? kEnds[Below(8)] : "}");
  }

 private:
  int Below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }
  std::string Value(int depth, int i) {
    switch (Below(depth < 4 ? 14 : 10)) {
      case 0:
        return "null";
      case 1:
        return Below(2) ? "true" : "false";
      case 2:
        return std::to_string(Below(1000) - 500);
      case 3:
        return i < 60 ? "1" : "9007199254740993";
      case 4:
        return "12345678901234567890" + std::string(static_cast<size_t>(Below(25)), '1');
      case 5:
        return std::to_string(Below(1000)) + ".5";
      case 6:
        return "0.12345678901234567" + std::to_string(Below(100000));
      case 7:
        return "\"2024-01-" + std::to_string(10 + Below(20)) + "\"";
      case 8:
        return "\"2024-01-01T00:00:0" + std::to_string(Below(10)) + "Z\"";
      case 9:
        return "\"text \\u00e9 " + std::to_string(Below(100)) + "\"";
      case 10:
      case 11: {
        std::string text = "{";
        const int count = Below(4);
        for (int k = 0; k < count; ++k)
          text += (k ? ",\"n" : "\"n") + std::to_string(Below(5)) + "\":" + Value(depth + 1, i);
        return text + "}";
      }
      default: {
        std::string text = "[";
        const int count = Below(4);
        const bool same = Below(3) > 0;
        for (int k = 0; k < count; ++k)
          text += (k ? "," : "") + (same ? std::to_string(Below(9)) : Value(depth + 1, i));
        return text + "]";
      }
    }
  }
  std::mt19937_64 random_;
};

struct Outcome {
  std::string schema;
  std::string notes;  // what inference reports
  std::vector<std::string> rows;
  std::vector<std::string> quarantined;
  int restarts = 0;
  size_t rows_early = 0;  // given before the prefix ended
};

struct Way {
  uint64_t seed = 0;  // of the chunking; 0: one chunk
  int num_threads = 1;
  bool pop_late = false;
};

Result<Outcome> ReadRows(const std::vector<std::string>& rows, TableReaderOptions options, const Way& way) {
  std::mt19937_64 random(way.seed);
  options.num_threads = way.num_threads;
  ARROW_ASSIGN_OR_RAISE(auto reader, TableReader::Open(std::move(options)));
  Outcome outcome;
  uint64_t tag = 0, popped = 0;
  bool settled = false;
  const auto drain = [&]() -> Status {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto next, reader->Pop());
      EXPECT_FALSE(settled && next && next->restart) << "rows that were settled come again";
      settled = !reader->in_prefix();
      if (!next) return Status::OK();
      if (next->restart) {
        outcome = {.restarts = outcome.restarts + 1};
        popped = 0;
      }
      EXPECT_EQ(next->tag, popped++);
      ARROW_RETURN_NOT_OK(next->batch->ValidateFull());
      for (int64_t i = 0; i < next->batch->num_rows(); ++i) outcome.rows.push_back(RenderRow(*next->batch, i));
      for (const auto& row : next->quarantined)
        outcome.quarantined.push_back(std::to_string(row.ordinal) + row.reason + row.text);
      if (reader->in_prefix()) outcome.rows_early += next->rows.size();
    }
  };
  for (size_t at = 0; at < rows.size();) {
    size_t count = way.seed == 0 ? rows.size() : 1 + random() % (way.seed % 3 == 0 ? 5 : 150);
    std::string body;
    for (; count > 0 && at < rows.size(); --count) body += rows[at++] + "\n";
    ARROW_ASSIGN_OR_RAISE(auto page, Page::Parse(body, {.layout = PageLayout::kLines}));
    std::vector<uint32_t> all(page->num_records());
    std::iota(all.begin(), all.end(), 0U);
    ARROW_RETURN_NOT_OK(reader->Push(page, all, tag++));
    if (!way.pop_late) ARROW_RETURN_NOT_OK(drain());
  }
  ARROW_RETURN_NOT_OK(reader->Finish());
  ARROW_RETURN_NOT_OK(drain());
  EXPECT_EQ(popped, tag);
  EXPECT_FALSE(reader->in_prefix());
  for (const auto& note : reader->report().notes) {
    outcome.notes += std::string(NoteName(note.kind)) + note.path + "|" + note.column + "|" + note.detail + "\n";
  }
  outcome.notes += std::to_string(reader->report().rows) + " rows, " + std::to_string(reader->report().bytes);
  for (const auto& field : reader->schema()->fields) outcome.schema += RenderType(field) + "\n";
  return outcome;
}

void CheckLaw(uint64_t seed, TableReaderOptions options, size_t rows_min = 120) {
  RowMaker maker(seed);
  std::vector<std::string> rows;
  for (int i = 0; i < 160; ++i) rows.push_back(maker.Row(i));
  const Result<Outcome> expected = ReadRows(rows, options, {});
  ASSERT_TRUE(expected.ok()) << expected.status().ToString();
  ASSERT_GT(expected->rows.size(), rows_min);
  for (uint64_t chunking = 1; chunking <= 50; ++chunking) {
    const Way way{.seed = seed * 1000 + chunking,
                  .num_threads = static_cast<int>(1 + chunking % 4),
                  .pop_late = chunking % 5 == 0};
    const Result<Outcome> outcome = ReadRows(rows, options, way);
    ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
    ASSERT_EQ(outcome->schema, expected->schema) << "seed " << seed << " chunking " << chunking;
    ASSERT_EQ(outcome->rows, expected->rows) << "seed " << seed << " chunking " << chunking;
    ASSERT_EQ(outcome->quarantined, expected->quarantined) << "seed " << seed << " chunking " << chunking;
  }
}

uint64_t Seed() {
  const char* given = std::getenv("FIRN_TEST_SEED");
  const uint64_t seed = given ? std::strtoull(given, nullptr, 10) : 20261121;
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

TEST(ChunkingLaw, NewTableShortPrefix) {
  CheckLaw(Seed(), {.prefix_bytes = 1500});
}
TEST(ChunkingLaw, NewTableLongPrefix) {
  CheckLaw(Seed() + 1, {.prefix_bytes = 1 << 20});
}
TEST(ChunkingLaw, NewTableFirstRowOnly) {
  CheckLaw(Seed() + 2, {.prefix_bytes = 1});
}
TEST(ChunkingLaw, FewLeaves) {
  CheckLaw(Seed() + 3, {.prefix_bytes = 2000, .max_leaves = 40}, 20);
}
TEST(ChunkingLaw, ExistingTable) {
  schema::Schema known{.fields = {{1, "id", schema::Int()},
                                  {2, "k0", schema::Decimal(6, 1)},
                                  {3, "k1", schema::Struct({{4, "n0", schema::Int()}})},
                                  {5, "k2", schema::List({6, "element", schema::Int()})}}};
  CheckLaw(Seed() + 4, {.known = known});
}
TEST(ChunkingLaw, DiscardedRowsAndValues) {
  CheckLaw(Seed() + 5, {.contract = {ContractMode::kDiscardValue, ContractMode::kEvolve}, .prefix_bytes = 2000});
}

// Rows of one form, and now and then one that is not: so that a guess holds for a while and breaks anywhere.
std::vector<std::string> CalmRows(uint64_t seed, int count, int surprise_every) {
  std::mt19937_64 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  static const char* const kSurprises[] = {"\"new\":1",
                                           "\"nothing\":null",
                                           "\"none\":[]",
                                           "\"gone\":[null]",
                                           "\"open\":{}",
                                           "\"id\":\"text\"",
                                           "\"id\":1.0",
                                           "\"id\":1e2",
                                           "\"id\":-0",
                                           "\"id\":9007199254740993",
                                           "\"id\":12345678901234567890",
                                           "\"id\":123456789012345678901234567890123456789012345",
                                           "\"big\":1.0",
                                           "\"big\":7",
                                           "\"big\":1234567890123456789012345",
                                           "\"price\":9007199254740993",
                                           "\"price\":3",
                                           "\"price\":0.1234567890123456789",
                                           "\"price\":1e400",
                                           "\"price\":[]",
                                           "\"day\":\"2024-13-01\"",
                                           "\"day\":\"\"",
                                           "\"day\":[]",
                                           "\"day\":5",
                                           "\"at\":\"2024-01-01T00:00:00\"",
                                           "\"at\":\"2024-01-01\"",
                                           "\"name\":\"\\ud800\"",
                                           "\"name\":true",
                                           "\"name\":{\"a\":1}",
                                           "\"inner\":{\"x\":\"1\"}",
                                           "\"inner\":{\"z\":null}",
                                           "\"inner\":{\"z\":2}",
                                           "\"inner\":{}",
                                           "\"inner\":[]",
                                           "\"inner\":5",
                                           "\"inner\":{\"x\":1,\"x\":\"2\"}",
                                           "\"tags\":[1,\"a\"]",
                                           "\"tags\":[[]]",
                                           "\"tags\":[null]",
                                           "\"tags\":[]",
                                           "\"tags\":{\"a\":1}",
                                           "\"tags\":[1.5]",
                                           "\"deep\":[[[1]]]",
                                           "\"deep\":[[]]",
                                           "\"deep\":[[\"a\"]]",
                                           "\"empty\":{\"k\":null}",
                                           "\"empty\":{\"k\":1}",
                                           "\"late\":5",
                                           "\"late\":null",
                                           "\"late\":[]",
                                           "\"secret\":5",
                                           "\"declared\":\"12\"",
                                           "\"declared\":\"no\"",
                                           "\"name__string\":1",
                                           "\"ID\":2",
                                           "\"mixed\":[1,\"a\",{}]",
                                           "\"broken\":tru",
                                           "\"broken\":\"\\q\"",
                                           "\"broken\":[1"};
  std::vector<std::string> rows;
  for (int i = 0; i < count; ++i) {
    std::string row = "{\"id\":" + std::to_string(below(1000)) + ",\"price\":" + std::to_string(below(1000)) +
                      (below(4) ? ".25" : "") + ",\"big\":" + (below(3) ? "12345678901234567890" : "5") +
                      ",\"day\":\"2024-01-" + std::to_string(10 + below(20)) + "\",\"at\":\"2024-01-01T00:00:0" +
                      std::to_string(below(10)) + "Z\",\"name\":\"n" + std::to_string(below(50)) + "\",\"late\":null";
    if (below(2)) row += ",\"inner\":{\"x\":" + std::to_string(below(9)) + (below(2) ? ",\"y\":true}" : "}");
    if (below(2)) row += below(2) ? ",\"tags\":[1,2]" : ",\"tags\":[]";
    if (below(3) == 0) row += ",\"deep\":[[1],[]],\"empty\":{},\"secret\":\"s\"";
    if (below(surprise_every) == 0) {
      const int surprise = below(static_cast<int>(std::size(kSurprises)) + 2);
      if (surprise < static_cast<int>(std::size(kSurprises))) {
        row += std::string(",") + kSurprises[surprise];
      } else {
        row = surprise % 2 == 0 ? "7" : "[" + row + "}]";
      }
    }
    rows.push_back(row.front() == '{' ? row + "}" : row);
  }
  return rows;
}

TEST(ChunkingLaw, EarlyRowsAreThoseOfTheWholePrefix) {
  std::mt19937_64 random(Seed() + 6);
  int restarts = 0;
  size_t rows_early = 0, kept = 0;
  for (int round = 0; round < 60; ++round) {
    const uint64_t seed = random();
    const int every = round % 4 == 0 ? 1'000'000 : 5 << (round % 7);
    const std::vector<std::string> rows = CalmRows(seed, 300, every);
    TableReaderOptions options{.prefix_bytes = round % 3 == 0 ? 1 << 20 : 10'000 + static_cast<int64_t>(seed % 20'000)};
    if (round % 5 == 1) options.hints = {{.path = "declared", .type = schema::Long()}, {.path = "inner.x"}};
    if (round % 5 == 2) options.masks = {{.path = "secret", .method = MaskMethod::kNull}};
    if (round % 5 == 3) options.max_leaves = 12;
    const Result<Outcome> expected = ReadRows(rows, options, {});
    ASSERT_TRUE(expected.ok()) << expected.status().ToString();
    options.may_restart = true;
    for (uint64_t chunking = 1; chunking <= 6; ++chunking) {
      options.guess_bytes = static_cast<int64_t>(1 + random() % 6'000);
      const Way way{.seed = seed % 1'000'000 * 3 + chunking,
                    .num_threads = static_cast<int>(1 + chunking % 4),
                    .pop_late = chunking == 5};
      const Result<Outcome> outcome = ReadRows(rows, options, way);
      ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
      const std::string place = "seed " + std::to_string(seed) + " round " + std::to_string(round) + " chunking " +
                                std::to_string(chunking) + " guess " + std::to_string(options.guess_bytes);
      ASSERT_EQ(outcome->schema, expected->schema) << place;
      ASSERT_EQ(outcome->rows, expected->rows) << place;
      ASSERT_EQ(outcome->quarantined, expected->quarantined) << place;
      ASSERT_EQ(outcome->notes, expected->notes) << place;
      restarts += outcome->restarts;
      rows_early += outcome->rows_early;
      kept += outcome->restarts == 0 && outcome->rows_early > 0;
    }
  }
  EXPECT_GT(restarts, 25);
  EXPECT_GT(rows_early, 5'000U);
  EXPECT_GT(kept, 50U);
}

}  // namespace
}  // namespace firn::format::json
