#include "format/parquet/file_encoder.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/extension_type.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/parallel.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/file_writer.h>
#include <parquet/index_location.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>
#include <parquet/schema.h>
#include <parquet/statistics.h>

#include <algorithm>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

#include "base/thread_annotations.h"
#include "format/parquet/shredder.h"

namespace firn::format::parquet {

namespace {

constexpr std::string_view kMagic = "PAR1";
/// A batch is encoded in pieces of about this size: pages end between pieces, and what a piece touches stays in cache.
constexpr int64_t kPieceBytes = int64_t{1} << 20;
constexpr int64_t kPieceBytesOfLeaf = 8 << 10;  // so that leaves are not called for a handful of values
constexpr int64_t kPieceRowsMax = int64_t{1} << 16;
constexpr int64_t kPageBytesMin = 8 << 10;
constexpr int64_t kPagesOfBuffer = 32;        // open pages that may be full at the same time
constexpr int64_t kShrunkBytesMin = 2 << 10;  // smaller pages would not compress
constexpr int64_t kStagingBytes = int64_t{1} << 20;
/// Work for one task of the pool.
constexpr int64_t kTaskBytes = 128 << 10;
constexpr int64_t kLeafBytes = 64;  // what a leaf costs without values, as bytes
constexpr int64_t kRowGroupsMax = std::numeric_limits<int16_t>::max();

/// libparquet reports by exceptions.
template <typename Call>
Status Guarded(Call&& call) {
  try {
    return call();
  } catch (const ::parquet::ParquetStatusException& error) {
    return error.status();
  } catch (const std::exception& error) {
    return MakeError(Fault::kBug, std::string("parquet: ") + error.what());
  }
}

void CollectTypes(const arrow::Field& field, std::vector<const arrow::DataType*>* leaves) {
  const arrow::DataType& type = *field.type();
  if (type.num_fields() == 0) {
    leaves->push_back(&type);
    return;
  }
  for (const auto& child : type.fields()) CollectTypes(*child, leaves);
}

Result<LeafKind> KindOf(const arrow::DataType& type, const ::parquet::ColumnDescriptor& column) {
  using Physical = ::parquet::Type;
  const bool is_decimal = type.id() == arrow::Type::DECIMAL128;
  switch (column.physical_type()) {
    case Physical::BOOLEAN:
      return LeafKind::kBoolean;
    case Physical::INT32:
      if (is_decimal) return LeafKind::kDecimal32;
      if (type.id() == arrow::Type::INT32 || type.id() == arrow::Type::DATE32) return LeafKind::kInt32;
      break;
    case Physical::INT64:
      if (is_decimal) return LeafKind::kDecimal64;
      if (type.id() == arrow::Type::INT64 || type.id() == arrow::Type::TIME64) return LeafKind::kInt64;
      if (type.id() == arrow::Type::TIMESTAMP) return LeafKind::kInt64;
      break;
    case Physical::FLOAT:
      return LeafKind::kFloat;
    case Physical::DOUBLE:
      return LeafKind::kDouble;
    case Physical::BYTE_ARRAY:
      if (type.id() == arrow::Type::STRING || type.id() == arrow::Type::BINARY) return LeafKind::kBytes;
      break;
    case Physical::FIXED_LEN_BYTE_ARRAY:
      if (is_decimal) return LeafKind::kDecimalBytes;
      if (type.id() == arrow::Type::FIXED_SIZE_BINARY || type.id() == arrow::Type::EXTENSION) return LeafKind::kFixed;
      break;
    default:
      break;
  }
  return MakeError(Fault::kBug, "parquet: no encoder for " + type.ToString() + " of " + column.path()->ToDotString());
}

/// About the bytes of `count` slots from `start` on, counted from the begin of the buffers. A batch of thousands of
/// leaves is measured in microseconds, unlike by arrow::util::ReferencedBufferSize.
int64_t RoughBytes(const arrow::ArrayData& array, int64_t start, int64_t count) {
  if (count == 0 || array.null_count == array.length) return 0;
  switch (array.type->id()) {
    case arrow::Type::STRUCT: {
      int64_t bytes = 0;
      for (const auto& child : array.child_data) bytes += RoughBytes(*child, child->offset + start, count);
      return bytes;
    }
    case arrow::Type::LIST:
    case arrow::Type::MAP: {
      const auto* offsets = reinterpret_cast<const int32_t*>(array.buffers[1]->data()) + start;
      const arrow::ArrayData& child = *array.child_data[0];
      return 4 * count + RoughBytes(child, child.offset + offsets[0], offsets[count] - offsets[0]);
    }
    case arrow::Type::STRING:
    case arrow::Type::BINARY: {
      const auto* offsets = reinterpret_cast<const int32_t*>(array.buffers[1]->data()) + start;
      return 4 * count + offsets[count] - offsets[0];
    }
    default:
      return count * std::max(1, array.type->byte_width());
  }
}

class ParquetFileEncoder final : public FileEncoder {
 public:
  ParquetFileEncoder(arrow::io::OutputStream& sink, FileEncoderOptions options, Shredder shredder)
      : sink_(sink), options_(std::move(options)), shredder_(std::move(shredder)), staging_(options_.pool) {}

  Status Begin();
  int64_t PieceRows(const arrow::RecordBatch& batch) const override;
  Status Write(const arrow::RecordBatch& batch, int64_t begin, int64_t count) override;
  Status ShrinkPages() override;
  Status EndRowGroup() override;
  Status Close() override;
  int64_t row_group_rows() const override { return row_group_rows_; }
  int64_t row_group_value_bytes() const override;
  int64_t context_bytes() const override;
  const ColumnStatistics& statistics(size_t leaf) const override { return encoders_[leaf]->file_statistics(); }

 private:
  Status MakeEncoders();
  template <typename Task>
  Status ForLeaves(const std::vector<int64_t>& bytes, Task&& task);
  Result<std::unique_ptr<Workspace>> TakeWorkspace();
  void GiveWorkspace(std::unique_ptr<Workspace> workspace);
  Status WriteChunk(ColumnChunk chunk, ::parquet::RowGroupMetaDataBuilder* row_group);
  Status WriteBloomFilters();
  Status Put(const uint8_t* bytes, int64_t size);
  Status FlushStaging();

  arrow::io::OutputStream& sink_;
  const FileEncoderOptions options_;
  Shredder shredder_;
  std::shared_ptr<::parquet::WriterProperties> properties_;
  std::shared_ptr<::parquet::SchemaDescriptor> descriptor_;
  std::unique_ptr<::parquet::FileMetaDataBuilder> metadata_;
  std::vector<std::unique_ptr<ColumnEncoder>> encoders_;
  std::vector<std::unique_ptr<LeafBloomFilter>> bloom_filters_;  // by leaf; null: none
  ::parquet::IndexLocations bloom_locations_;
  std::vector<int64_t> leaf_bytes_;  // scratch: what each leaf has to do
  Bytes staging_;                    // chunks are often small, writes should not be
  int64_t position_ = 0;             // in the file, staged bytes included
  int64_t row_group_rows_ = 0;
  int64_t num_row_groups_ = 0;

  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> workspaces_ FIRN_GUARDED_BY(mutex_);  // free ones
};

Status ParquetFileEncoder::Begin() {
  ::parquet::WriterProperties::Builder builder;
  builder.memory_pool(options_.pool)
      ->compression(::parquet::Compression::ZSTD)
      ->compression_level(options_.zstd_level)
      ->encoding(::parquet::Encoding::PLAIN)
      ->enable_store_decimal_as_integer()
      ->created_by(options_.created_by);
  properties_ = builder.build();
  ARROW_RETURN_NOT_OK(::parquet::arrow::ToParquetSchema(options_.schema.get(), *properties_, &descriptor_));
  metadata_ = ::parquet::FileMetaDataBuilder::Make(descriptor_.get(), properties_);
  ARROW_RETURN_NOT_OK(MakeEncoders());
  return Put(reinterpret_cast<const uint8_t*>(kMagic.data()), static_cast<int64_t>(kMagic.size()));
}

Status ParquetFileEncoder::MakeEncoders() {
  std::vector<const arrow::DataType*> types;
  for (const auto& field : options_.schema->fields()) CollectTypes(*field, &types);
  if (types.size() != shredder_.num_leaves() || static_cast<int>(types.size()) != descriptor_->num_columns()) {
    return MakeError(Fault::kBug, "parquet: the schema has " + std::to_string(types.size()) + " leaves, Parquet's " +
                                      std::to_string(descriptor_->num_columns()));
  }
  PageLimits limits;
  limits.page_bytes = std::clamp(options_.buffer_bytes / kPagesOfBuffer, kPageBytesMin, limits.page_bytes);
  limits.dictionary_bytes = limits.page_bytes;
  for (size_t i = 0; i < types.size(); ++i) {
    const ::parquet::ColumnDescriptor& column = *descriptor_->Column(static_cast<int>(i));
    ARROW_ASSIGN_OR_RAISE(const LeafKind kind, KindOf(*types[i], column));
    const LeafShape shape{
        .kind = kind,
        .width = kind == LeafKind::kFixed || kind == LeafKind::kDecimalBytes ? column.type_length() : 0,
        .nullable = shredder_.leaf_nullable(i),
        .max_definition = column.max_definition_level(),
        .max_repetition = column.max_repetition_level()};
    if (shape.max_definition != shredder_.max_definition(i) || shape.max_repetition != shredder_.max_repetition(i)) {
      return MakeError(Fault::kBug, "parquet: levels of " + column.path()->ToDotString() + " disagree");
    }
    encoders_.push_back(ColumnEncoder::Make(shape, limits, options_.pool));
    const auto bloom = options_.bloom_filters.find(column.schema_node()->field_id());
    const bool has_bloom = bloom != options_.bloom_filters.end() && HasBloomFilter(shape);
    bloom_filters_.push_back(has_bloom ? std::make_unique<LeafBloomFilter>(shape, bloom->second, options_.pool)
                                       : nullptr);
  }
  leaf_bytes_.resize(types.size());
  return Status::OK();
}

int64_t ParquetFileEncoder::PieceRows(const arrow::RecordBatch& batch) const {
  int64_t bytes = 0;
  for (const auto& column : batch.column_data()) bytes += RoughBytes(*column, column->offset, column->length);
  const int64_t piece_bytes = std::max(kPieceBytes, kPieceBytesOfLeaf * static_cast<int64_t>(encoders_.size())) *
                              (options_.use_threads ? 4 : 1);
  const int64_t num_pieces = std::max<int64_t>(1, bytes / piece_bytes);
  return std::clamp<int64_t>((batch.num_rows() + num_pieces - 1) / num_pieces, 1, kPieceRowsMax);
}

/// About the bytes of the values in the entries: of strings not known without their offsets, so a guess.
int64_t WorkOf(const LeafEntries& leaf) {
  constexpr int64_t kValueBytes = 16;
  int64_t values = 0;
  for (const Segment& segment : leaf.entries->segments) values += segment.level < 0 ? segment.count : 0;
  return kLeafBytes + values * kValueBytes;
}

Status ParquetFileEncoder::Write(const arrow::RecordBatch& batch, int64_t begin, int64_t count) {
  if (count == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto* leaves, shredder_.Shred(batch, begin, count));
  for (size_t i = 0; options_.use_threads && i < leaves->size(); ++i) leaf_bytes_[i] = WorkOf((*leaves)[i]);
  row_group_rows_ += count;
  return ForLeaves(leaf_bytes_, [&](size_t leaf, Workspace* workspace) -> Status {
    if (bloom_filters_[leaf] != nullptr) ARROW_RETURN_NOT_OK(bloom_filters_[leaf]->Append((*leaves)[leaf]));
    return encoders_[leaf]->Append((*leaves)[leaf], workspace);
  });
}

/// Calls `task` for every leaf: here, or, in groups of consecutive leaves of enough bytes, on Arrow's pool.
template <typename Task>
Status ParquetFileEncoder::ForLeaves(const std::vector<int64_t>& bytes, Task&& task) {
  std::vector<size_t> ends;  // of the groups
  int64_t group_bytes = 0;
  for (size_t i = 0; options_.use_threads && i + 1 < bytes.size(); ++i) {
    group_bytes += bytes[i];
    if (group_bytes < kTaskBytes) continue;
    ends.push_back(i + 1);
    group_bytes = 0;
  }
  ends.push_back(bytes.size());
  const auto run_group = [&](int group) -> Status {
    ARROW_ASSIGN_OR_RAISE(auto workspace, TakeWorkspace());
    const size_t begin = group == 0 ? 0 : ends[static_cast<size_t>(group) - 1];
    for (size_t leaf = begin; leaf < ends[static_cast<size_t>(group)]; ++leaf) {
      ARROW_RETURN_NOT_OK(task(leaf, workspace.get()));
    }
    GiveWorkspace(std::move(workspace));
    return Status::OK();
  };
  return arrow::internal::OptionalParallelFor(ends.size() > 1, static_cast<int>(ends.size()), run_group);
}

Result<std::unique_ptr<Workspace>> ParquetFileEncoder::TakeWorkspace() {
  {
    MutexLock lock(mutex_);
    if (!workspaces_.empty()) {
      auto workspace = std::move(workspaces_.back());
      workspaces_.pop_back();
      return workspace;
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto compressor, PageCompressor::Make(options_.zstd_level, options_.pool));
  auto workspace = std::make_unique<Workspace>(std::move(compressor), options_.pool);
  workspace->page_checksums = options_.page_checksums;
  return workspace;
}

void ParquetFileEncoder::GiveWorkspace(std::unique_ptr<Workspace> workspace) {
  MutexLock lock(mutex_);
  workspaces_.push_back(std::move(workspace));
}

Status ParquetFileEncoder::ShrinkPages() {
  for (size_t i = 0; i < encoders_.size(); ++i) leaf_bytes_[i] = kLeafBytes + encoders_[i]->value_bytes() / 8;
  return ForLeaves(leaf_bytes_, [&](size_t leaf, Workspace* workspace) {
    return encoders_[leaf]->ShrinkPage(kShrunkBytesMin, workspace);
  });
}

Status ParquetFileEncoder::EndRowGroup() {
  if (row_group_rows_ == 0) return Status::OK();
  if (num_row_groups_ == kRowGroupsMax) {
    return MakeError(Fault::kBug, "parquet: more than 32,767 row groups in a file");
  }
  std::vector<ColumnChunk> chunks(encoders_.size());
  for (size_t i = 0; i < encoders_.size(); ++i) leaf_bytes_[i] = kLeafBytes * 8 + encoders_[i]->value_bytes() / 8;
  ARROW_RETURN_NOT_OK(ForLeaves(leaf_bytes_, [&](size_t leaf, Workspace* workspace) -> Status {
    ARROW_ASSIGN_OR_RAISE(chunks[leaf], encoders_[leaf]->EndChunk(workspace));
    return Status::OK();
  }));
  int64_t uncompressed_bytes = 0;
  for (const ColumnChunk& chunk : chunks) uncompressed_bytes += chunk.uncompressed_bytes;
  return Guarded([&]() -> Status {
    ::parquet::RowGroupMetaDataBuilder* row_group = metadata_->AppendRowGroup();
    row_group->set_num_rows(std::exchange(row_group_rows_, 0));
    for (ColumnChunk& chunk : chunks) ARROW_RETURN_NOT_OK(WriteChunk(std::exchange(chunk, {}), row_group));
    row_group->Finish(uncompressed_bytes, static_cast<int16_t>(num_row_groups_));
    ARROW_RETURN_NOT_OK(WriteBloomFilters());
    ++num_row_groups_;
    return FlushStaging();
  });
}

/// Those of the row group that ends, behind its chunks: so they need not wait for the end of the file.
Status ParquetFileEncoder::WriteBloomFilters() {
  for (size_t leaf = 0; leaf < bloom_filters_.size(); ++leaf) {
    if (bloom_filters_[leaf] == nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(const auto bytes, bloom_filters_[leaf]->End());
    if (bytes == nullptr) continue;
    bloom_locations_.push_back(
        {{.row_group_index = static_cast<int32_t>(num_row_groups_), .column_index = static_cast<int32_t>(leaf)},
         {.offset = position_, .length = static_cast<int32_t>(bytes->size())}});
    ARROW_RETURN_NOT_OK(Put(bytes->data(), bytes->size()));
  }
  return Status::OK();
}

Status ParquetFileEncoder::WriteChunk(ColumnChunk chunk, ::parquet::RowGroupMetaDataBuilder* row_group) {
  using ::parquet::Encoding;
  const int64_t begin = position_;
  for (auto* buffers : {&chunk.dictionary, &chunk.pages}) {
    for (const auto& buffer : *buffers) ARROW_RETURN_NOT_OK(Put(buffer->data(), buffer->size()));
  }
  ::parquet::ColumnChunkMetaDataBuilder* metadata = row_group->NextColumnChunk();
  ::parquet::EncodedStatistics statistics;
  statistics.set_null_count(chunk.statistics.num_nulls);
  if (chunk.statistics.has_range) {
    statistics.set_min(std::move(chunk.statistics.low)).set_max(std::move(chunk.statistics.high));
    statistics.is_min_value_exact = statistics.is_max_value_exact = true;
  }
  metadata->SetStatistics(statistics);
  const bool has_dictionary = !chunk.dictionary.empty();
  std::map<Encoding::type, int32_t> dictionary_pages, data_pages;
  if (has_dictionary) dictionary_pages[Encoding::PLAIN] = 1;
  if (chunk.num_plain_pages > 0) data_pages[Encoding::PLAIN] = chunk.num_plain_pages;
  if (chunk.num_dictionary_pages > 0) data_pages[Encoding::RLE_DICTIONARY] = chunk.num_dictionary_pages;
  metadata->Finish(chunk.statistics.num_entries, has_dictionary ? begin : 0, /*index_page_offset=*/-1,
                   begin + chunk.dictionary_bytes, chunk.compressed_bytes, chunk.uncompressed_bytes, has_dictionary,
                   has_dictionary && chunk.num_plain_pages > 0, dictionary_pages, data_pages);
  return Status::OK();
}

Status ParquetFileEncoder::Put(const uint8_t* bytes, int64_t size) {
  position_ += size;
  if (staging_.size() + size > kStagingBytes) ARROW_RETURN_NOT_OK(FlushStaging());
  if (size >= kStagingBytes) return sink_.Write(bytes, size);
  ARROW_RETURN_NOT_OK(staging_.Reserve(size));
  staging_.Add(bytes, size);
  return Status::OK();
}

Status ParquetFileEncoder::FlushStaging() {
  if (staging_.empty()) return Status::OK();
  ARROW_RETURN_NOT_OK(sink_.Write(staging_.data(), staging_.size()));
  staging_.Release();
  return Status::OK();
}

Status ParquetFileEncoder::Close() {
  ARROW_RETURN_NOT_OK(EndRowGroup());
  ARROW_RETURN_NOT_OK(FlushStaging());
  return Guarded([&]() -> Status {
    if (!bloom_locations_.empty()) {
      metadata_->SetIndexLocations(::parquet::IndexKind::kBloomFilter, bloom_locations_);
    }
    ::parquet::WriteFileMetaData(*metadata_->Finish(), &sink_);
    return Status::OK();
  });
}

int64_t ParquetFileEncoder::row_group_value_bytes() const {
  int64_t bytes = 0;
  for (const auto& encoder : encoders_) bytes += encoder->value_bytes();
  return bytes;
}

int64_t ParquetFileEncoder::context_bytes() const {
  MutexLock lock(mutex_);
  int64_t bytes = 0;
  for (const auto& workspace : workspaces_) bytes += workspace->compressor->context_bytes();
  return bytes;
}

}  // namespace

Result<std::unique_ptr<FileEncoder>> FileEncoder::Open(arrow::io::OutputStream& sink, FileEncoderOptions options) {
  ARROW_ASSIGN_OR_RAISE(Shredder shredder, Shredder::Make(*options.schema));
  auto encoder = std::make_unique<ParquetFileEncoder>(sink, std::move(options), std::move(shredder));
  ARROW_RETURN_NOT_OK(Guarded([&] { return encoder->Begin(); }));
  return encoder;
}

}  // namespace firn::format::parquet
