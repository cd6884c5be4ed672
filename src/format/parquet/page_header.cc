#include "format/parquet/page_header.h"

namespace firn::format::parquet {

namespace {

// Thrift compact protocol: a field is (id - previous id) << 4 | type, an i32 a zigzag varint, a struct ends with 0.
constexpr uint8_t kI32 = 5;
constexpr uint8_t kStruct = 12;
constexpr int32_t kDataPage = 0;        // enum PageType
constexpr int32_t kDictionaryPage = 2;  // enum PageType
constexpr int32_t kRle = 3;             // enum Encoding

class CompactStruct {
 public:
  explicit CompactStruct(std::string* out) : out_(out) {}
  void I32(int id, int32_t value) {
    Begin(id, kI32);
    auto zigzag = static_cast<uint32_t>((value << 1) ^ (value >> 31));
    for (; zigzag >= 0x80; zigzag >>= 7) out_->push_back(static_cast<char>(zigzag | 0x80));
    out_->push_back(static_cast<char>(zigzag));
  }
  void Begin(int id, uint8_t type) {
    out_->push_back(static_cast<char>(((id - last_) << 4) | type));
    last_ = id;
  }
  void End() { out_->push_back('\0'); }

 private:
  std::string* out_;
  int last_ = 0;
};

}  // namespace

std::string PageHeader::Encode() const {
  std::string out;
  CompactStruct page(&out);
  page.I32(1, is_dictionary ? kDictionaryPage : kDataPage);
  page.I32(2, uncompressed_bytes);
  page.I32(3, compressed_bytes);
  if (crc32) page.I32(4, static_cast<int32_t>(*crc32));
  page.Begin(is_dictionary ? 7 : 5, kStruct);
  CompactStruct detail(&out);
  detail.I32(1, num_values);
  detail.I32(2, static_cast<int32_t>(encoding));
  if (!is_dictionary) {
    detail.I32(3, kRle);
    detail.I32(4, kRle);
  }
  detail.End();
  page.End();
  return out;
}

}  // namespace firn::format::parquet
