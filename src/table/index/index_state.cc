#include "table/index/index_state.h"

#include <algorithm>

#include "table/index/byte_codec.h"

namespace firn::table::index {

namespace {

constexpr std::string_view kStateMagic = "FIRNKIDX";
constexpr std::string_view kFilesMagic = "FIRNKFIL";
constexpr uint32_t kStateVersion = 1;
constexpr uint32_t kFilesVersion = 1;
constexpr std::string_view kStateName = "the state of the key index";
constexpr std::string_view kFilesName = "the file table of the key index";

void PutFiles(const std::vector<FileRecord>& files, ByteWriter* writer) {
  writer->Put(static_cast<uint64_t>(files.size()));
  for (const FileRecord& file : files) {
    writer->Put(file.ordinal);
    writer->Put(file.num_rows);
    writer->PutText(file.path);
  }
}

std::vector<FileRecord> TakeFiles(ByteReader* reader) {
  std::vector<FileRecord> files(reader->TakeCount(16));
  for (FileRecord& file : files) {
    file.ordinal = reader->Take<uint32_t>();
    file.num_rows = reader->Take<int64_t>();
    file.path = reader->TakeText();
  }
  return files;
}

bool OrdinalsAscend(const std::vector<FileRecord>& files) {
  return std::adjacent_find(files.begin(), files.end(), [](const FileRecord& a, const FileRecord& b) {
           return a.ordinal >= b.ordinal;
         }) == files.end();
}

}  // namespace

std::string EncodeState(const IndexState& state) {
  ByteWriter writer;
  writer.PutBytes({reinterpret_cast<const char*>(state.table_uuid.bytes.data()), state.table_uuid.bytes.size()});
  writer.Put(state.snapshot.snapshot_id.value);
  writer.Put(state.snapshot.sequence_number);
  writer.PutBytes({reinterpret_cast<const char*>(state.secret.data()), state.secret.size()});
  writer.Put(state.hash_bits);
  writer.Put(state.next_ordinal);
  writer.Put(state.dead_rows);
  writer.Put(static_cast<uint64_t>(state.runs.size()));
  for (const RunRecord& run : state.runs) {
    writer.Put(run.run);
    writer.Put(run.num_entries);
    writer.Put(run.num_blocks);
  }
  writer.Put(state.base);
  writer.Put(state.base_checksum);
  writer.Put(static_cast<uint64_t>(state.removed.size()));
  for (const uint32_t ordinal : state.removed) writer.Put(ordinal);
  PutFiles(state.added, &writer);
  return Frame(kStateMagic, kStateVersion, writer.bytes());
}

Result<IndexState> DecodeState(std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view payload, Unframe(bytes, kStateMagic, kStateVersion, kStateName));
  ByteReader reader(payload);
  IndexState state;
  std::ranges::copy(reader.TakeBytes(state.table_uuid.bytes.size()), state.table_uuid.bytes.begin());
  state.snapshot.snapshot_id.value = reader.Take<int64_t>();
  state.snapshot.sequence_number = reader.Take<int64_t>();
  std::ranges::copy(reader.TakeBytes(state.secret.size()), state.secret.begin());
  state.hash_bits = reader.Take<uint32_t>();
  state.next_ordinal = reader.Take<uint32_t>();
  state.dead_rows = reader.Take<int64_t>();
  state.runs.resize(reader.TakeCount(24));
  for (RunRecord& run : state.runs) {
    run.run = reader.Take<uint64_t>();
    run.num_entries = reader.Take<uint64_t>();
    run.num_blocks = reader.Take<uint64_t>();
  }
  state.base = reader.Take<uint64_t>();
  state.base_checksum = reader.Take<uint64_t>();
  state.removed.resize(reader.TakeCount(4));
  for (uint32_t& ordinal : state.removed) ordinal = reader.Take<uint32_t>();
  state.added = TakeFiles(&reader);
  if (!reader.at_end() || !OrdinalsAscend(state.added)) {
    return MakeError(Fault::kBadData, std::string(kStateName) + " is damaged: its fields do not fit");
  }
  return state;
}

std::string EncodeFiles(const std::vector<FileRecord>& files) {
  ByteWriter writer;
  PutFiles(files, &writer);
  return Frame(kFilesMagic, kFilesVersion, writer.bytes());
}

Result<std::vector<FileRecord>> DecodeFiles(std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view payload, Unframe(bytes, kFilesMagic, kFilesVersion, kFilesName));
  ByteReader reader(payload);
  std::vector<FileRecord> files = TakeFiles(&reader);
  if (!reader.at_end() || !OrdinalsAscend(files)) {
    return MakeError(Fault::kBadData, std::string(kFilesName) + " is damaged: its fields do not fit");
  }
  return files;
}

std::string StateLocation(const std::string& folder) {
  return folder + "/index.state";
}

std::string FilesLocation(const std::string& folder, uint64_t base) {
  return folder + "/files-" + Hash128{.high = base}.Hex().substr(0, 16);
}

}  // namespace firn::table::index
