#include "format/csv/separators.h"

#include <immintrin.h>

#include <cstring>

namespace firn::format::csv {
namespace {

constexpr size_t kBlock = 64;

// Reads record after record, byte by byte: what the rules of quotes are.
class Scanner {
 public:
  Scanner(std::string_view text, const Dialect& dialect, bool at_end, Separators& out)
      : text_(text), dialect_(dialect), at_end_(at_end), out_(out) {}

  // Scans the record that begins at `begin`. Returns where the next begins; text.size() + 1 if this one does not end.
  size_t Record(size_t begin) {
    const size_t num_ends = out_.ends.size();
    broken_ = false;
    size_t at = begin;
    if (dialect_.comment != 0 && at < text_.size() && text_[at] == dialect_.comment) {
      while (at < text_.size() && !IsLineEnd(at)) ++at;
    } else {
      at = Fields(at);
    }
    if (at >= text_.size() && (!at_end_ || out_.is_open)) {
      out_.ends.set_size(num_ends);
      return text_.size() + 1;
    }
    if (broken_) out_.broken.push_back(static_cast<uint32_t>(begin));
    out_.records.push_back(static_cast<uint32_t>(out_.ends.size()));
    out_.ends.push_back(static_cast<uint32_t>(at));
    return at + 1;
  }

 private:
  bool IsLineEnd(size_t at) const { return text_[at] == '\n' || (dialect_.cr_lines && text_[at] == '\r'); }
  bool IsReturn(size_t at) const {
    return text_[at] == '\r' && (at + 1 < text_.size() ? text_[at + 1] == '\n' : at_end_);
  }

  // Returns the offset of the line end, or the text's size.
  size_t Fields(size_t at) {
    while (true) {
      if (dialect_.quote != 0 && at < text_.size() && text_[at] == dialect_.quote) at = Quoted(at);
      while (at < text_.size() && text_[at] != dialect_.delimiter && !IsLineEnd(at)) ++at;
      if (at >= text_.size() || IsLineEnd(at)) return at;
      out_.ends.push_back(static_cast<uint32_t>(at++));
    }
  }

  // Returns the offset behind the closing quote.
  size_t Quoted(const size_t begin) {
    out_.has_quotes = true;
    size_t at = begin + 1;
    for (; at < text_.size(); ++at) {
      if (text_[at] == dialect_.escape && dialect_.escape != dialect_.quote && at + 1 < text_.size()) {
        at += text_[at + 1] == dialect_.quote || text_[at + 1] == dialect_.escape;
      } else if (text_[at] == dialect_.quote) {
        if (at + 1 >= text_.size() || text_[at + 1] != dialect_.quote) break;
        ++at;
      }
    }
    if (at >= text_.size()) {
      out_.is_open = true;
      out_.open_quote = static_cast<uint32_t>(begin);
      return at;
    }
    ++at;
    broken_ = broken_ || !(at >= text_.size() || text_[at] == dialect_.delimiter || IsLineEnd(at) || IsReturn(at));
    return at;
  }

  const std::string_view text_;
  const Dialect& dialect_;
  const bool at_end_;
  Separators& out_;
  bool broken_ = false;
};

// One bit per byte of a block.
struct Masks {
  uint64_t quotes, delimiters, lines, returns;
};

__attribute__((target("avx2"))) inline uint64_t Equal(__m256i low, __m256i high, char c) {
  const __m256i wanted = _mm256_set1_epi8(c);
  const auto a = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)));
  const auto b = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)));
  return a | static_cast<uint64_t>(b) << 32;
}

__attribute__((target("avx2"))) inline Masks MasksOf(const char* block, const Dialect& dialect) {
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 32));
  Masks masks{.quotes = dialect.quote != 0 ? Equal(low, high, dialect.quote) : 0,
              .delimiters = Equal(low, high, dialect.delimiter),
              .lines = Equal(low, high, '\n'),
              .returns = 0};
  if (dialect.cr_lines) {
    masks.lines |= Equal(low, high, '\r');
  } else if (masks.quotes != 0) {
    masks.returns = Equal(low, high, '\r');
  }
  return masks;
}

// What one block tells the next: bits at place 0.
struct Carry {
  uint64_t inside = 0;        // all ones inside quotes
  uint64_t field_begins = 1;  // a quote here may open a field, or double the one before it
  uint64_t closed = 0;        // the byte before closed quotes
  uint64_t returned = 0;      // a closing quote and a carriage return stand before
};

// Bit i is the parity of bits 0 to i.
__attribute__((target("pclmul,sse2"))) inline uint64_t ParityPrefix(uint64_t bits) {
  const __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<int64_t>(bits)), _mm_set1_epi8(-1), 0);
  return static_cast<uint64_t>(_mm_cvtsi128_si64(product));
}

// Leaves the separators outside quotes in `masks`. False if a quote is not at the edge of a field. `text`: the bytes
// that are of the text.
__attribute__((target("avx2,pclmul"))) inline bool Unquote(uint64_t text, Masks& masks, Carry& carry) {
  const uint64_t inside = ParityPrefix(masks.quotes) ^ carry.inside;
  masks.delimiters &= ~inside;
  masks.lines &= ~inside;
  const uint64_t separators = masks.delimiters | masks.lines;
  const uint64_t opening = masks.quotes & inside, closing = masks.quotes & ~inside;
  const uint64_t may_open = (separators | closing) << 1 | carry.field_begins;
  const uint64_t behind = closing << 1 | carry.closed;
  const uint64_t returned = (behind & masks.returns) << 1 | carry.returned;
  const uint64_t wrong =
      (opening & ~may_open) | (behind & ~(separators | masks.quotes | masks.returns)) | (returned & ~masks.lines);
  carry = {.inside = static_cast<uint64_t>(static_cast<int64_t>(inside) >> 63),
           .field_begins = (separators | closing) >> 63,
           .closed = closing >> 63,
           .returned = (behind & masks.returns) >> 63};
  return (wrong & text) == 0;
}

// Appends the offsets of set bits, eight at a time whether there are so many or not: `to` has room for 64.
__attribute__((target("bmi,popcnt"))) inline size_t PutOffsets(uint64_t bits, uint32_t base, uint32_t* to) {
  const auto count = static_cast<size_t>(__builtin_popcountll(bits));
  for (size_t done = 0; done < count; done += 8) {
    for (size_t i = 0; i < 8; ++i) {
      to[done + i] = base + static_cast<uint32_t>(_tzcnt_u64(bits));
      bits = _blsr_u64(bits);
    }
  }
  return count;
}

class BlockScanner {
 public:
  BlockScanner(std::string_view text, const Dialect& dialect, Separators& out)
      : text_(text), dialect_(dialect), out_(out) {}

  // Scans from the begin of a record to the end of the text or of the last block that has its quotes where they
  // belong. Returns where it ended; the separators are those of all before.
  __attribute__((target("avx2,pclmul,bmi,popcnt"))) size_t Run(size_t begin) {
    Carry carry;
    size_t num_ends = out_.ends.size(), num_records = out_.records.size();
    size_t at = begin;
    bool fits = true;
    for (; at < text_.size(); at += kBlock) {
      out_.ends.Reserve(num_ends, kBlock);
      out_.records.Reserve(num_records, kBlock);
      Masks masks = MasksOf(text_.data() + at, dialect_);
      const size_t left = text_.size() - at;
      const uint64_t text = left < kBlock ? (uint64_t{1} << left) - 1 : ~uint64_t{0};
      masks = {masks.quotes & text, masks.delimiters & text, masks.lines & text, masks.returns & text};
      out_.has_quotes = out_.has_quotes || masks.quotes != 0;
      if ((masks.quotes | carry.inside | carry.closed | carry.returned) != 0) {
        fits = Unquote(text, masks, carry);
        if (!fits) break;
      } else {
        carry.field_begins = (masks.delimiters | masks.lines) >> 63;
      }
      const uint64_t separators = masks.delimiters | masks.lines;
      for (uint64_t lines = masks.lines; lines != 0; lines = _blsr_u64(lines)) {
        const uint64_t before = separators & (_blsmsk_u64(lines) >> 1);
        out_.records.data()[num_records++] =
            static_cast<uint32_t>(num_ends + static_cast<size_t>(__builtin_popcountll(before)));
      }
      num_ends += PutOffsets(separators, static_cast<uint32_t>(at), out_.ends.data() + num_ends);
    }
    out_.ends.set_size(num_ends);
    out_.records.set_size(num_records);
    return fits ? text_.size() : at;
  }

 private:
  const std::string_view text_;
  const Dialect dialect_;
  Separators& out_;
};

bool HasBlocks() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("popcnt");
}

// Drops the separators of the record that has not ended. Returns where it begins.
size_t DropLast(Separators& out) {
  out.ends.set_size(out.records.empty() ? 0 : out.records.back() + 1);
  return out.ends.empty() ? 0 : out.ends.back() + 1;
}

}  // namespace

void FindSeparators(std::string_view text, const Dialect& dialect, bool at_end, Separators& out, bool portable) {
  out.ends.clear();
  out.records.clear();
  out.broken.clear();
  out.has_quotes = out.is_open = false;
  static const bool has_blocks = HasBlocks();
  const bool by_blocks =
      has_blocks && !portable && dialect.comment == 0 && (dialect.quote == 0 || dialect.escape == dialect.quote);
  Scanner scanner(text, dialect, at_end, out);
  BlockScanner blocks(text, dialect, out);
  for (size_t at = 0; at < text.size();) {
    if (!by_blocks) {
      at = scanner.Record(at);
      continue;
    }
    const size_t reached = blocks.Run(at);
    // What is left is a record that does not end here, or the block has quotes that only the scanner can tell.
    for (at = DropLast(out); at <= reached && at < text.size();) at = scanner.Record(at);
  }
}

}  // namespace firn::format::csv
