#include "table/write/row_sorter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <random>
#include <tuple>

#include "table/write/write_test_support.h"

namespace firn::table {
namespace {

using testing::BatchOf;
using testing::Must;

schema::Schema TextSchema() {
  return {.fields = {{.id = 1, .name = "n", .type = schema::Long()},
                     {.id = 2, .name = "t", .type = schema::String()},
                     {.id = 3, .name = "at", .type = schema::Long()}}};
}

using Row = std::tuple<std::optional<int64_t>, std::optional<std::string>, int64_t>;

std::vector<Row> Sorted(const SortOrder& order, const std::vector<Row>& rows, int64_t memory_bytes, int64_t* num_runs) {
  RowSorter sorter({.order = order}, TextSchema(), {.memory_bytes = memory_bytes});
  for (size_t begin = 0; begin < rows.size(); begin += 100) {
    arrow::Int64Builder n, at;
    arrow::StringBuilder t;
    const size_t end = std::min(rows.size(), begin + 100);
    for (size_t i = begin; i < end; ++i) {
      const auto& [number, text, place] = rows[i];
      EXPECT_TRUE((number ? n.Append(*number) : n.AppendNull()).ok());
      EXPECT_TRUE((text ? t.Append(*text) : t.AppendNull()).ok());
      EXPECT_TRUE(at.Append(place).ok());
    }
    EXPECT_TRUE(
        sorter
            .Append(arrow::RecordBatch::Make(schema::ToArrowSchema(TextSchema()), static_cast<int64_t>(end - begin),
                                             {Must(n.Finish()), Must(t.Finish()), Must(at.Finish())}))
            .ok());
  }
  std::vector<Row> out;
  const Status drained = sorter.Drain([&](const std::shared_ptr<arrow::RecordBatch>& batch) {
    const auto& n = static_cast<const arrow::Int64Array&>(*batch->column(0));
    const auto& t = static_cast<const arrow::StringArray&>(*batch->column(1));
    const auto& at = static_cast<const arrow::Int64Array&>(*batch->column(2));
    for (int64_t i = 0; i < batch->num_rows(); ++i) {
      out.emplace_back(n.IsNull(i) ? std::nullopt : std::optional(n.Value(i)),
                       t.IsNull(i) ? std::nullopt : std::optional(t.GetString(i)), at.Value(i));
    }
    return Status::OK();
  });
  EXPECT_TRUE(drained.ok()) << drained.ToString();
  *num_runs = sorter.num_runs();
  return out;
}

template <typename T>
int CompareOptional(const std::optional<T>& a, const std::optional<T>& b, const SortField& field) {
  if (a.has_value() != b.has_value()) return a.has_value() == field.nulls_first ? 1 : -1;
  if (!a || *a == *b) return 0;
  return (*a < *b) == field.ascending ? -1 : 1;
}

// Against std::stable_sort, with and without runs on disk, in both directions, nulls at both ends.
TEST(RowSorter, IsStableWhateverTheMemory) {
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 24; ++round) {
    const SortOrder order{.order_id = 1,
                          .fields = {{.source_id = 2, .ascending = round % 2 == 0, .nulls_first = round % 4 < 2},
                                     {.source_id = 1, .ascending = round % 3 == 0, .nulls_first = round % 5 < 2}}};
    std::vector<Row> rows;
    const size_t num_rows = random() % 3000;
    for (size_t i = 0; i < num_rows; ++i) {
      std::optional<std::string> text;
      if (random() % 10 != 0) {
        text.emplace();
        for (size_t length = random() % 4; length > 0; --length) text->push_back("\0a\xFF"[random() % 3]);
      }
      std::optional<int64_t> number;
      if (random() % 10 != 0) number = static_cast<int64_t>(random() % 7) - 3;
      rows.emplace_back(number, text, static_cast<int64_t>(i));
    }
    std::vector<Row> expected = rows;
    std::ranges::stable_sort(expected, [&](const Row& a, const Row& b) {
      const auto as_bytes = [](std::optional<std::string> text) {
        std::optional<std::basic_string<unsigned char>> bytes;
        if (text) bytes.emplace(text->begin(), text->end());
        return bytes;
      };
      const int first = CompareOptional(as_bytes(std::get<1>(a)), as_bytes(std::get<1>(b)), order.fields[0]);
      return first != 0 ? first < 0 : CompareOptional(std::get<0>(a), std::get<0>(b), order.fields[1]) < 0;
    });
    for (const int64_t memory : {int64_t{1} << 30, int64_t{20'000}}) {
      int64_t num_runs = 0;
      EXPECT_EQ(Sorted(order, rows, memory, &num_runs), expected) << "round " << round;
      EXPECT_EQ(num_runs > 1, memory < 100'000 && num_rows > 1500 ? true : num_runs > 1);
    }
  }
}

TEST(RowSorter, RefusesOrdersThatEnginesDoNotShare) {
  const schema::Schema columns{.fields = {{.id = 1, .name = "u", .type = schema::Uuid()},
                                          {.id = 2, .name = "l", .type = schema::Long()},
                                          {.id = 3, .name = "s", .type = schema::Struct({})}}};
  const auto can_sort = [&](int32_t id, Transform transform = {}) {
    return CanSort({.order = {.order_id = 1, .fields = {{.source_id = id, .transform = transform}}}}, columns);
  };
  const Transform bucket{.kind = Transform::Kind::kBucket, .parameter = 4};
  EXPECT_FALSE(can_sort(1));
  EXPECT_TRUE(can_sort(1, bucket));
  EXPECT_TRUE(can_sort(2));
  EXPECT_TRUE(can_sort(2, bucket));
  EXPECT_FALSE(can_sort(2, {.kind = Transform::Kind::kUnknown, .unknown_name = "new"}));
  EXPECT_FALSE(can_sort(3));
  EXPECT_FALSE(can_sort(9));
  EXPECT_FALSE(CanSort({}, columns));
  EXPECT_TRUE(CanSort({.zorder = {2}}, columns));
  EXPECT_FALSE(CanSort({.zorder = {1, 2}}, columns));
}

// Rows of a square in z-order: a quarter of the rows lies in a quarter of the square, whatever the scale of a column.
TEST(RowSorter, ZOrderKeepsBothColumnsTogether) {
  const schema::Schema columns{
      .fields = {{.id = 1, .name = "a", .type = schema::Long()}, {.id = 2, .name = "b", .type = schema::Double()}}};
  constexpr int64_t kSide = 64;
  std::mt19937_64 random(7);
  std::vector<int64_t> cells(kSide * kSide);
  for (size_t i = 0; i < cells.size(); ++i) cells[i] = static_cast<int64_t>(i);
  std::ranges::shuffle(cells, random);
  arrow::Int64Builder a;
  arrow::DoubleBuilder b;
  for (const int64_t cell : cells) {
    ASSERT_TRUE(a.Append(cell % kSide).ok() && b.Append(static_cast<double>(cell / kSide) * 1e15 - 3e16).ok());
  }
  RowSorter sorter({.zorder = {1, 2}}, columns, {});
  ASSERT_TRUE(sorter
                  .Append(arrow::RecordBatch::Make(schema::ToArrowSchema(columns), kSide * kSide,
                                                   {Must(a.Finish()), Must(b.Finish())}))
                  .ok());
  std::shared_ptr<arrow::RecordBatch> sorted;
  ASSERT_TRUE(sorter
                  .Drain([&](const auto& batch) {
                    sorted = batch;
                    return Status::OK();
                  })
                  .ok());
  const auto& as = static_cast<const arrow::Int64Array&>(*sorted->column(0));
  const auto& bs = static_cast<const arrow::DoubleArray&>(*sorted->column(1));
  constexpr int64_t kPart = kSide * kSide / 16;
  double a_sum = 0, b_sum = 0;
  for (int64_t begin = 0; begin < sorted->num_rows(); begin += kPart) {
    int64_t a_low = as.Value(begin), a_high = a_low;
    double b_low = bs.Value(begin), b_high = b_low;
    for (int64_t row = begin; row < begin + kPart; ++row) {
      a_low = std::min(a_low, as.Value(row));
      a_high = std::max(a_high, as.Value(row));
      b_low = std::min(b_low, bs.Value(row));
      b_high = std::max(b_high, bs.Value(row));
    }
    a_sum += static_cast<double>(a_high - a_low);
    b_sum += (b_high - b_low) / 1e15;
  }
  EXPECT_LE(a_sum / 16, kSide * 0.5);  // 4 and 63 if sorted by `a` alone, 63 and 63 if not at all
  EXPECT_LE(b_sum / 16, kSide * 0.5);
}

}  // namespace
}  // namespace firn::table
